//! Who is subscribed to what, and who gets what is published.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use castcall_adapter::Adapter;
use castcall_audit::Kind;
use castcall_core::{DeadLetterReason, MessagingError, Pattern, Topic};
use castcall_topics::{Group, Matches};

use super::Inner;
use crate::message::Message;
use crate::peer::Peer;

/// A component as a subscriber.
#[derive(Clone)]
pub(super) struct Subscriber(pub(super) Arc<Peer>);

impl PartialEq for Subscriber {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Subscriber {}

impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

/// Who asked for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The component itself, or the program for it: to be kept.
    AtRunTime,
    /// Its configuration, or the ledger: known already.
    Before,
}

impl Inner {
    pub(crate) fn subscribe(
        &self,
        peer: &Arc<Peer>,
        pattern: &Pattern,
        group: Option<&Group>,
        asked: Asked,
    ) -> Result<(), MessagingError> {
        let subscriber = Subscriber(Arc::clone(peer));
        if self.topics.count_of(&subscriber) >= peer.config.max_subscriptions as usize {
            let known = self.topics.subscriptions_of(&subscriber);
            let same =
                |(other, its): &(Pattern, Option<Group>)| other == pattern && its.as_ref() == group;
            if !known.iter().any(same) {
                // Time alone does not help: something must be unsubscribed.
                return Err(MessagingError::QuotaExceeded { retry_after_ms: u64::MAX });
            }
            return Ok(());
        }
        let new = match group {
            None => self.topics.subscribe(pattern, subscriber.clone()),
            Some(group) => self.topics.subscribe_group(pattern, group, subscriber.clone()),
        };
        if new {
            self.subscription(Kind::Subscribe, peer, pattern, group);
        }
        if new && asked == Asked::AtRunTime {
            self.ledger.subscribed(&peer.id, pattern, group);
        }
        if new && let Some(adapter) = self.adapter() {
            adapter.subscribed(pattern, group.map(Group::as_str));
        }
        if !peer.guard.may_subscribe(self.policy(), pattern) {
            // Revoked meanwhile, and nobody would look at this subscription again.
            peer.restricted.store(true, Ordering::Release);
        }
        if peer.is_released() {
            // It went meanwhile, and nobody would take this out again.
            self.topics.remove(&subscriber);
            if new && asked == Asked::AtRunTime {
                self.ledger.unsubscribed(&peer.id, pattern);
            }
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(&self, peer: &Arc<Peer>, pattern: &Pattern) -> bool {
        let subscriber = Subscriber(Arc::clone(peer));
        let ended = self.told_of_ends().then(|| self.topics.subscriptions_of(&subscriber));
        let found = self.topics.unsubscribe(pattern, &subscriber);
        if found {
            self.ledger.unsubscribed(&peer.id, pattern);
            let ended = ended.unwrap_or_default().into_iter().filter(|(its, _)| its == pattern);
            self.tell_unsubscribed(peer, ended);
        }
        found
    }

    /// Ends all subscriptions of a component that is gone.
    pub(super) fn unsubscribe_all(&self, peer: &Arc<Peer>) {
        let subscriber = Subscriber(Arc::clone(peer));
        let ended = self.told_of_ends().then(|| self.topics.subscriptions_of(&subscriber));
        self.topics.remove(&subscriber);
        self.tell_unsubscribed(peer, ended.unwrap_or_default());
    }

    /// Whether somebody wants to know which subscriptions end.
    fn told_of_ends(&self) -> bool {
        self.adapter().is_some() || self.auditor.audit.is_on()
    }

    fn tell_unsubscribed(
        &self,
        peer: &Peer,
        ended: impl IntoIterator<Item = (Pattern, Option<Group>)>,
    ) {
        for (pattern, group) in ended {
            self.subscription(Kind::Unsubscribe, peer, &pattern, group.as_ref());
            if let Some(adapter) = self.adapter() {
                adapter.unsubscribed(&pattern, group.as_ref().map(Group::as_str));
            }
        }
    }

    /// Tells an adapter that was just attached who is here, and what they are subscribed to.
    pub(crate) fn tell_of_everybody(&self, adapter: &dyn Adapter) {
        for peer in self.everybody() {
            if !peer.receives {
                continue;
            }
            adapter.loaded(&peer.id);
            for (pattern, group) in self.topics.subscriptions_of(&Subscriber(peer)) {
                adapter.subscribed(&pattern, group.as_ref().map(Group::as_str));
            }
        }
    }

    pub(crate) fn subscriptions_of(self: &Arc<Self>, peer: &Arc<Peer>) -> usize {
        self.topics.count_of(&Subscriber(Arc::clone(peer)))
    }

    pub(crate) fn all_subscriptions_of(&self, peer: &Arc<Peer>) -> Vec<(Pattern, Option<Group>)> {
        self.topics.subscriptions_of(&Subscriber(Arc::clone(peer)))
    }

    /// Leaves out who may not receive this any more.
    fn drop_revoked(&self, topic: &Topic, matches: &mut Matches<Subscriber>) {
        let generation = self.policy().generation();
        if self.policy_seen.load(Ordering::Acquire) != generation {
            self.look_for_revoked();
        }
        matches.retain(|subscriber| {
            let peer = &subscriber.0;
            !peer.restricted.load(Ordering::Acquire) || peer.guard.may_receive(self.policy(), topic)
        });
    }

    /// The policy has changed: notes who is subscribed to more than it may be. For everybody else,
    /// a delivery need not ask.
    #[cold]
    fn look_for_revoked(&self) {
        // One at a time: what was found by an older policy must not overwrite what a newer says.
        let _one = self.policy_lock.lock();
        let generation = self.policy().generation();
        if self.policy_seen.load(Ordering::Acquire) == generation {
            return;
        }
        for peer in self.everybody() {
            let subscriptions = self.topics.subscriptions_of(&Subscriber(Arc::clone(&peer)));
            let may = |pattern: &Pattern| peer.guard.may_subscribe(self.policy(), pattern);
            let restricted = !subscriptions.iter().all(|(pattern, _)| may(pattern));
            peer.restricted.store(restricted, Ordering::Release);
        }
        self.policy_seen.store(generation, Ordering::Release);
    }

    /// Gives everybody who is subscribed to `topic` a copy and returns how many matched, but for
    /// groups that are served in another system; adds those that are served here. `give` returns
    /// what was not taken.
    pub(crate) fn fan_out(
        &self,
        topic: &Topic,
        served: &mut Vec<Box<str>>,
        mut give: impl FnMut(&Arc<Peer>) -> Option<(Message, DeadLetterReason)>,
    ) -> u32 {
        let mut matches = Matches::new();
        self.topics.matching(topic, &mut matches);
        self.drop_revoked(topic, &mut matches);
        if self.adapter().is_some() {
            matches.skip_groups(|group| served.iter().any(|served| **served == *group.as_str()));
            served.extend(matches.groups().map(|(group, _)| Box::from(group.as_str())));
        }
        let handed = matches.hand_out(|offer| match give(&offer.subscriber.0) {
            None => true,
            Some((message, reason)) => {
                let subscriber = &offer.subscriber.0;
                match reason {
                    _ if !offer.last => {}
                    DeadLetterReason::Dropped => subscriber.overflowed(message),
                    reason => subscriber.dead_letter(message, reason, 0),
                }
                false
            }
        });
        u32::try_from(handed.copies()).unwrap_or(u32::MAX)
    }
}
