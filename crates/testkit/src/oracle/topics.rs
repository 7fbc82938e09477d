//! Who gets what is published: a naive model of the subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use castcall_core::{DeadLetterReason, MessagingError, Pattern, Topic};

use super::Oracle;
use super::events::What;
use super::peers::Uid;
use super::sweep::Life;

/// A pattern, and the group if it is as a member of one.
pub type Subscription = (Pattern, Option<String>);

type Kept = BTreeMap<String, BTreeSet<Subscription>>;

/// What is known of the subscriptions that are to be kept.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    /// What the ledger was told.
    told: Kept,
    /// What it should have been told.
    due: Kept,
    changed: bool,
}

impl Ledgers {
    pub(super) fn unload(&mut self, name: &str) {
        self.due.remove(name);
        self.changed = true;
    }
}

/// What became of the copies of one message, for the explanation of how groups were served.
struct Copies<'a> {
    /// Not served yet.
    groups: Vec<&'a BTreeSet<Uid>>,
    /// Whether there was but this one group: then nobody was asked on behalf of another.
    only: bool,
    /// Who could not have refused.
    able: &'a BTreeSet<Uid>,
}

impl Oracle {
    /// A component asked to be subscribed; `stopping`: it was told to stop before.
    pub fn subscribes(
        &mut self,
        uid: Uid,
        (pattern, group): (&str, Option<&str>),
        result: Result<(), MessagingError>,
        stopping: bool,
    ) {
        self.note(uid, What::Subscribes { ok: result.is_ok() });
        let peer = &self.peers[uid as usize];
        let expected = match Pattern::new(pattern) {
            Err(_) => Err(MessagingError::InvalidTopic),
            Ok(_) if !peer.rules.receives => Err(MessagingError::CannotReceive),
            Ok(_) if stopping => Err(MessagingError::ShuttingDown),
            Ok(pattern) => {
                let (subscription, name) = ((pattern, group.map(str::to_owned)), peer.name());
                match self.subscribe(uid, &subscription) {
                    Some(new) => {
                        if new {
                            self.ledgers.due.entry(name).or_default().insert(subscription);
                            self.ledgers.changed = true;
                        }
                        Ok(())
                    }
                    None => Err(MessagingError::QuotaExceeded { retry_after_ms: u64::MAX }),
                }
            }
        };
        if result != expected {
            self.broken(15, format!("subscribing to {pattern}: {result:?}, and not {expected:?}"));
        }
    }

    /// Whether it is new; `None` if there are too many.
    fn subscribe(&mut self, uid: Uid, subscription: &Subscription) -> Option<bool> {
        let peer = &mut self.peers[uid as usize];
        if peer.subscriptions.contains(subscription) {
            return Some(false);
        }
        let room = peer.rules.receives && peer.subscriptions.len() < peer.rules.max_subscriptions;
        room.then(|| peer.subscriptions.insert(subscription.clone()))
    }

    /// It is subscribed to what it was subscribed to before it ran, as far as it may.
    pub(super) fn subscribe_before(&mut self, uid: Uid, subscriptions: &[Subscription]) {
        for subscription in subscriptions {
            self.subscribe(uid, subscription);
        }
    }

    /// A component asked to be unsubscribed.
    pub fn unsubscribes(&mut self, uid: Uid, pattern: &str, result: Result<bool, MessagingError>) {
        self.note(uid, What::Unsubscribes { ok: result.is_ok() });
        let peer = &mut self.peers[uid as usize];
        let expected = match Pattern::new(pattern) {
            Err(_) => Err(MessagingError::InvalidTopic),
            Ok(pattern) => {
                let before = peer.subscriptions.len();
                peer.subscriptions.retain(|(its, _)| *its != pattern);
                let found = peer.subscriptions.len() < before;
                if found {
                    let name = peer.name();
                    let due = self.ledgers.due.entry(name).or_default();
                    due.retain(|(its, _)| *its != pattern);
                    self.ledgers.changed = true;
                }
                Ok(found)
            }
        };
        if result != expected {
            let how = format!("unsubscribing from {pattern}: {result:?}, and not {expected:?}");
            self.broken(15, how);
        }
    }

    /// How many subscriptions a component is said to have.
    pub fn subscriptions_are(&mut self, uid: Uid, said: u64) {
        let known = self.peers[uid as usize].subscriptions.len() as u64;
        if said != known {
            self.broken(15, format!("{said} subscriptions, and should be {known}"));
        }
    }

    /// The ledger is told of a new subscription.
    pub fn ledger_subscribed(&mut self, name: &str, subscription: Subscription) {
        self.ledgers.changed = true;
        if !self.ledgers.told.entry(name.to_owned()).or_default().insert(subscription) {
            self.broken(15, format!("the ledger was told twice of a subscription of {name}"));
        }
    }

    /// The ledger is told of the end of those to one pattern.
    pub fn ledger_unsubscribed(&mut self, name: &str, pattern: &Pattern) {
        self.ledgers.changed = true;
        let told = self.ledgers.told.entry(name.to_owned()).or_default();
        told.retain(|(its, _)| its != pattern);
    }

    /// The ledger is told that a component was unloaded.
    pub fn ledger_unloaded(&mut self, name: &str) {
        self.ledgers.changed = true;
        self.ledgers.told.remove(name);
    }

    /// What the ledger keeps for a component.
    #[must_use]
    pub fn kept(&self, name: &str) -> Vec<Subscription> {
        self.ledgers.told.get(name).into_iter().flatten().cloned().collect()
    }

    /// After a step: the ledger was told what it should have been told.
    pub fn ledger_is_right(&mut self) {
        if !std::mem::take(&mut self.ledgers.changed) {
            return;
        }
        let Ledgers { told, due, .. } = &mut self.ledgers;
        told.retain(|_, subscriptions| !subscriptions.is_empty());
        due.retain(|_, subscriptions| !subscriptions.is_empty());
        if told != due {
            let how = format!("the ledger keeps {told:?}, and should keep {due:?}");
            self.broken(15, how);
        }
    }

    /// A publish returned `ok(matched)`, and these have taken a copy.
    pub fn published(
        &mut self,
        number: u64,
        matched: u32,
        taken: &[Uid],
        life: &dyn Fn(Uid) -> Life,
    ) {
        self.tally.published += 1;
        self.tally.copies += u64::from(matched);
        let Some(cast) = self.casts.get(&number) else { return };
        let Some(topic) = cast.about.topic.clone() else { return };
        let (plain, groups) = self.subscribers(&topic);
        let mut lost: Vec<(Uid, DeadLetterReason)> = Vec::new();
        let everybody: BTreeSet<_> =
            plain.iter().chain(groups.values().flatten()).copied().collect();
        for (to, reason) in &cast.early {
            let uid = everybody.iter().find(|uid| self.peers[**uid as usize].is(to));
            let known = |uid| lost.iter().any(|(other, _)| *other == uid) || taken.contains(&uid);
            match uid {
                Some(&uid) if !known(uid) => lost.push((uid, *reason)),
                _ => {
                    let how = format!("#{number} died for {to}, who had no copy, or another");
                    return self.broken(15, how);
                }
            }
        }
        let able = everybody.iter().copied().filter(|uid| {
            let roomy = self.roomy.contains(uid) && life(*uid).takes();
            roomy && !self.cuts_off(*uid, number)
        });
        let able: BTreeSet<_> = able.collect();
        if let Some(how) = wrong_copies(&plain, &groups, &able, taken, &lost, matched) {
            let how = format!(
                "#{number} on {topic}: {how}; matched {matched}, taken by {taken:?}, lost {lost:?}, \
                 plain {plain:?}, groups {groups:?}, with room {able:?}"
            );
            self.broken(15, how);
        }
        self.shared_out(number, taken, &lost, life);
    }

    /// Who is subscribed to a topic, plainly or in a group.
    #[must_use]
    pub fn subscribed_to(&self, topic: &Topic) -> Vec<Uid> {
        let (plain, groups) = self.subscribers(topic);
        let everybody: BTreeSet<_> = plain.iter().chain(groups.values().flatten()).collect();
        everybody.into_iter().copied().collect()
    }

    /// The plain subscribers, and the members of each group.
    fn subscribers(&self, topic: &Topic) -> (BTreeSet<Uid>, BTreeMap<&str, BTreeSet<Uid>>) {
        let mut plain = BTreeSet::new();
        let mut groups: BTreeMap<&str, BTreeSet<Uid>> = BTreeMap::new();
        for &uid in &self.here {
            for (pattern, group) in &self.peers[uid as usize].subscriptions {
                if pattern.matches(topic) {
                    let into = match group {
                        None => &mut plain,
                        Some(group) => groups.entry(group).or_default(),
                    };
                    into.insert(uid);
                }
            }
        }
        (plain, groups)
    }
}

/// What is wrong with how the copies were given out.
fn wrong_copies(
    plain: &BTreeSet<Uid>,
    groups: &BTreeMap<&str, BTreeSet<Uid>>,
    able: &BTreeSet<Uid>,
    taken: &[Uid],
    lost: &[(Uid, DeadLetterReason)],
    matched: u32,
) -> Option<&'static str> {
    let mut had: BTreeMap<Uid, bool> = taken.iter().map(|uid| (*uid, true)).collect();
    had.extend(lost.iter().map(|(uid, _)| (*uid, false)));
    if had.len() != matched as usize || had.len() != taken.len() + lost.len() {
        return Some("the count is not that of the copies");
    }
    if plain.iter().any(|uid| !had.contains_key(uid)) {
        return Some("a subscriber had no copy");
    }
    if lost.iter().any(|(uid, _)| able.contains(uid)) {
        return Some("a copy was lost although there was room");
    }
    let (asked, extra): (BTreeMap<_, _>, BTreeMap<_, _>) =
        had.into_iter().partition(|(uid, _)| plain.contains(uid));
    let copies = Copies { groups: groups.values().collect(), only: groups.len() == 1, able };
    (!copies.are_explained(&asked, &extra)).then_some("no order of the groups explains it")
}

impl Copies<'_> {
    /// Whether the copies beyond those of plain subscribers can be those of the groups, served in
    /// some order: of each group one member that nobody asked before, unless one has a copy.
    fn are_explained(&self, asked: &BTreeMap<Uid, bool>, extra: &BTreeMap<Uid, bool>) -> bool {
        if self.groups.is_empty() {
            return extra.is_empty();
        }
        (0..self.groups.len()).any(|nth| {
            let mut groups = self.groups.clone();
            let group = groups.remove(nth);
            let rest = Copies { groups, ..*self };
            if group.iter().any(|uid| asked.get(uid) == Some(&true)) {
                return rest.are_explained(asked, extra);
            }
            let open = || group.iter().filter(|uid| !asked.contains_key(uid));
            let hopeless = !group.iter().any(|uid| self.able.contains(uid));
            // All were asked on behalf of others, and have refused.
            if hopeless
                && (!self.only || open().next().is_none())
                && rest.are_explained(asked, extra)
            {
                return true;
            }
            open().any(|uid| {
                let (mut asked, mut extra) = (asked.clone(), extra.clone());
                match extra.remove(uid) {
                    Some(true) => asked.insert(*uid, true),
                    Some(false) if hopeless => asked.insert(*uid, false),
                    _ => return false,
                };
                rest.are_explained(&asked, &extra)
            })
        })
    }
}
