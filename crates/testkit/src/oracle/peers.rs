//! Components and their instances, as far as promises hang on them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use castcall_core::ComponentId;

use super::events::What;
use super::poison::Blame;
use super::topics::Subscription;
use super::{Map, Oracle};

/// A component from its adding to its end; another one of the same id has another number.
pub type Uid = u32;

/// An instance of a component.
pub type Inst = u32;

/// What a component was added with.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Its id.
    pub name: String,
    /// How many messages may wait.
    pub messages: usize,
    /// How many bytes they may have.
    pub bytes: usize,
    /// Whether its mailbox drops rather than rejects.
    pub drops: bool,
    /// The longest wait before a restart, jitter included.
    pub longest_wait: Duration,
    /// Whether it can be sent to.
    pub receives: bool,
    /// How often a cast is given again.
    pub redeliver: u32,
    /// How many crashes a sender may cause, or 0.
    pub poison_limit: u32,
    /// Each within so much time of the last.
    pub window: Duration,
    /// How many subscriptions it may have.
    pub max_subscriptions: usize,
    /// What it is subscribed to from each start on.
    pub configured: Vec<Subscription>,
}

#[derive(Debug)]
pub(super) struct PeerRecord {
    pub(super) rules: Rules,
    /// What was put in before this has been taken out, or never will be.
    pub(super) floor: u64,
    /// Since when it has been without an instance that runs.
    pub(super) down: Option<u64>,
    /// When it was so last.
    pub(super) was_down: u64,
    entered: Option<Inst>,
    /// An instance crashed after the last sweep, at this time.
    pub(super) crashed: Option<Instant>,
    /// It was told to stop.
    pub(super) ending: bool,
    /// Also with the intention to unload it.
    unloads: bool,
    /// It has had an instance that ran.
    started: bool,
    /// The cast that it crashed with and is to be given next.
    pub(super) again: Option<u64>,
    /// Who has crashed it.
    pub(super) blamed: Map<ComponentId, Blame>,
    pub(super) subscriptions: BTreeSet<Subscription>,
}

#[derive(Debug)]
pub(super) struct InstRecord {
    pub(super) uid: Uid,
    pub(super) ended: bool,
}

impl PeerRecord {
    pub(super) fn name(&self) -> String {
        self.rules.name.clone()
    }

    pub(super) fn is(&self, id: &ComponentId) -> bool {
        self.rules.name == id.as_str()
    }

    pub(super) fn was_down_within(&self, first: u64, last: u64) -> bool {
        self.down.is_some_and(|since| since <= last) || self.was_down >= first
    }
}

impl Oracle {
    /// A component was added, with what it had subscribed to before.
    pub fn added(&mut self, rules: Rules, restored: &[Subscription]) -> Uid {
        let uid = self.peers.len() as Uid;
        self.peers.push(PeerRecord {
            rules,
            floor: 0,
            down: None,
            was_down: 0,
            entered: None,
            crashed: None,
            ending: false,
            unloads: false,
            started: false,
            again: None,
            blamed: Map::default(),
            subscriptions: BTreeSet::new(),
        });
        self.here.insert(uid);
        self.subscribe_before(uid, restored);
        self.note(uid, What::Added);
        uid
    }

    /// What a component was added with.
    #[must_use]
    pub fn rules(&self, uid: Uid) -> &Rules {
        &self.peers[uid as usize].rules
    }

    /// An operator or the system ends the component.
    pub fn stops(&mut self, uid: Uid, what: What) {
        let peer = &mut self.peers[uid as usize];
        peer.ending = true;
        peer.unloads |= matches!(what, What::Stops);
        self.note(uid, what);
        self.is_down(uid);
    }

    /// An instance has started.
    pub fn started(&mut self, instance: Inst) {
        let uid = self.uid_of(instance) as usize;
        let again = std::mem::replace(&mut self.peers[uid].started, true);
        self.tally.restarts += u64::from(again);
    }

    /// An instance did not start. The first that does not is no crash: the component was never
    /// there.
    pub fn not_started(&mut self, instance: Inst, crashed: bool) {
        let uid = self.uid_of(instance);
        self.note(uid, What::Refused);
        let again = self.peers[uid as usize].started;
        self.tally.crashes += u64::from(again && crashed);
    }

    /// An instance is being made.
    pub fn made(&mut self, uid: Uid) -> Inst {
        let instance = self.instances.len() as Inst;
        let before = self.instances.iter().rev().find(|other| other.uid == uid);
        if before.is_some_and(|before| !before.ended) {
            self.broken(9, "an instance was made while another was there");
        }
        let configured = std::mem::take(&mut self.peers[uid as usize].rules.configured);
        self.subscribe_before(uid, &configured);
        self.peers[uid as usize].rules.configured = configured;
        self.instances.push(InstRecord { uid, ended: false });
        self.note(uid, What::Made { instance });
        instance
    }

    /// It is about to run what waits.
    pub fn entered(&mut self, instance: Inst) {
        let InstRecord { uid, ended } = self.instances[instance as usize];
        let seq = self.tick();
        let peer = &mut self.peers[uid as usize];
        if peer.down.take().is_some() {
            peer.was_down = seq;
        }
        if peer.entered.replace(instance).is_some() || ended {
            self.broken(2, "entered while entered, or after its end");
        }
    }

    /// It has returned.
    pub fn left(&mut self, instance: Inst) {
        let uid = self.instances[instance as usize].uid;
        self.peers[uid as usize].entered = None;
    }

    /// The component has no instance that serves, or will not have one any more.
    pub fn is_down(&mut self, uid: Uid) {
        let seq = self.tick();
        self.peers[uid as usize].down.get_or_insert(seq);
    }

    /// Whether the instance has ended.
    #[must_use]
    pub fn has_ended(&self, instance: Inst) -> bool {
        self.instances[instance as usize].ended
    }

    /// The instance has ended: none of its calls brings a callback any more.
    pub fn instance_ended(&mut self, instance: Inst) {
        let record = &mut self.instances[instance as usize];
        if std::mem::replace(&mut record.ended, true) {
            return;
        }
        let uid = record.uid;
        self.is_down(uid);
        self.note(uid, What::Ended { instance });
        let calls: Vec<_> = self.live_of(instance).collect();
        for number in calls {
            self.retire(number);
            self.gone.push(number);
            if let Some(call) = self.calls.get_mut(&number) {
                call.owner_gone = true;
            }
        }
    }

    /// The component is gone, and its instance with it, even if nobody has dropped that yet.
    pub fn component_gone(&mut self, uid: Uid) {
        self.is_down(uid);
        self.here.remove(&uid);
        let peer = &mut self.peers[uid as usize];
        peer.subscriptions.clear();
        if peer.unloads {
            self.ledgers.unload(&peer.rules.name);
        }
        let left = (0..self.instances.len() as Inst)
            .rev()
            .find(|instance| self.uid_of(*instance) == uid && !self.has_ended(*instance));
        if let Some(instance) = left {
            self.instance_ended(instance);
        }
    }

    /// How many instances have not ended.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.instances.iter().filter(|instance| !instance.ended).count()
    }

    /// Its `shutdown` is called: all callbacks that waited have been made.
    pub fn shut_down(&mut self, instance: Inst) {
        self.note(self.uid_of(instance), What::ShutdownHook);
        let lost = self.live_of(instance).find(|number| self.calls[number].fate.is_some());
        if let Some(number) = lost {
            self.broken(1, format!("the callback of #{number} waited and was not made"));
        }
    }

    pub(super) fn uid_of(&self, instance: Inst) -> Uid {
        self.instances[instance as usize].uid
    }

    fn live_of(&self, instance: Inst) -> impl Iterator<Item = u64> {
        let owned = move |number: &&u64| self.calls[*number].owner == Some(instance);
        self.live.iter().filter(owned).copied()
    }
}
