//! Casts and published messages: every one, and every subscriber's copy, ends exactly once.

use bytes::Bytes;
use castcall_core::{ComponentId, DeadLetterReason, Timestamp, Topic};

use super::Oracle;
use super::events::What;
use super::peers::{Inst, Uid};
use super::sweep::Life;

/// A cast or publish that is about to be sent.
#[derive(Debug, Clone)]
pub struct NewCast {
    /// From [`Oracle::next_number`].
    pub number: u64,
    /// In whose name.
    pub from: ComponentId,
    /// The topic; `None` for a cast.
    pub topic: Option<Topic>,
    /// What it says.
    pub payload: Bytes,
    /// What time it is.
    pub now: Timestamp,
    /// Whether its stamp must be that very time: components have theirs from a coarse clock.
    pub exact: bool,
}

/// What a handler is given that is no call.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The number that the payload carries.
    pub number: u64,
    /// Who sent it.
    pub sender: &'a ComponentId,
    /// The topic it was published to.
    pub topic: Option<&'a Topic>,
    /// What it says.
    pub payload: &'a Bytes,
}

#[derive(Debug)]
pub(super) struct Cast {
    pub(super) about: NewCast,
    pub(super) seq: u64,
    /// Whether its send has returned `ok`.
    pub(super) accepted: bool,
    /// Whose copies became dead letters before the send returned.
    pub(super) early: Vec<(ComponentId, DeadLetterReason)>,
    pub(super) shares: Vec<Share>,
}

/// One component's copy.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) uid: Uid,
    /// How often it was given to a handler.
    pub(super) attempts: u32,
    pub(super) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the mailbox.
    Waits,
    /// A handler has it.
    InHand,
    /// The component crashed with it, and is to be given it again before all else.
    Again,
    /// It must become a dead letter now, for this reason.
    Owed(DeadLetterReason),
    /// The handler has returned.
    Handled,
    /// It is a dead letter.
    Dead,
}

impl Cast {
    pub(super) fn share(&mut self, uid: Uid) -> Option<&mut Share> {
        self.shares.iter_mut().find(|share| share.uid == uid)
    }

    fn is(&self, given: &Given<'_>) -> bool {
        let about = &self.about;
        about.from == *given.sender
            && about.topic.as_ref() == given.topic
            && about.payload == *given.payload
    }
}

impl Oracle {
    /// A cast or publish is about to be sent. `roomy`: whose mailboxes have room for it.
    pub fn sends(&mut self, new: NewCast, roomy: Vec<Uid>) {
        self.roomy = roomy;
        let (number, early, shares) = (new.number, Vec::new(), Vec::new());
        self.casts.insert(number, Cast { about: new, seq: 0, accepted: false, early, shares });
    }

    /// It was refused.
    pub fn cast_refused(&mut self, number: u64) {
        self.tally.refused += 1;
        self.roomy.clear();
        if self.casts.remove(&number).is_some_and(|cast| !cast.early.is_empty()) {
            self.broken(12, format!("#{number} was refused and is a dead letter"));
        }
    }

    /// The send of a cast returned `ok`.
    pub fn cast_accepted(&mut self, number: u64, to: Uid, life: &dyn Fn(Uid) -> Life) {
        self.tally.casts += 1;
        let Some(cast) = self.casts.get(&number) else { return };
        let strange = cast.early.iter().any(|(name, _)| !self.peers[to as usize].is(name));
        let lost: Vec<_> = cast.early.iter().map(|(_, reason)| (to, *reason)).collect();
        if strange || lost.len() > 1 {
            return self.broken(12, format!("#{number} is a dead letter twice, or another's"));
        }
        let taken = if lost.is_empty() { vec![to] } else { Vec::new() };
        self.shared_out(number, &taken, &lost, life);
    }

    /// Whether the mailbox has dropped the copy of what is being sent.
    #[must_use]
    pub fn was_dropped(&self, number: u64, uid: Uid) -> bool {
        let peer = &self.peers[uid as usize];
        self.casts.get(&number).is_some_and(|cast| {
            let mut early = cast.early.iter();
            early.any(|(to, reason)| peer.is(to) && *reason == DeadLetterReason::Dropped)
        })
    }

    /// Who has a copy, and who lost one at the send.
    pub(super) fn shared_out(
        &mut self,
        number: u64,
        taken: &[Uid],
        lost: &[(Uid, DeadLetterReason)],
        life: &dyn Fn(Uid) -> Life,
    ) {
        let seq = self.tick();
        for &(uid, reason) in lost {
            if !self.may_be_lost(number, uid, reason, life(uid)) {
                let name = &self.peers[uid as usize].rules.name;
                let how = format!("#{number} to {name} was lost at the send: {reason}");
                self.broken(promise_of(reason), how);
            }
        }
        for &uid in taken {
            self.unsettled.insert((uid, number));
            let name = &self.peers[uid as usize].rules.name;
            if !life(uid).takes() {
                self.broken(12, format!("#{number} waits for {name}, which takes nothing"));
            } else if self.cuts_off(uid, number) {
                self.broken(14, format!("#{number} waits for {name}, and its sender is cut off"));
            }
        }
        self.roomy.clear();
        if let Some(cast) = self.casts.get_mut(&number) {
            cast.seq = seq;
            cast.accepted = true;
            let waits = taken.iter().map(|uid| (*uid, Place::Waits));
            let dead = lost.iter().map(|(uid, _)| (*uid, Place::Dead));
            let shares = waits.chain(dead);
            cast.shares = shares.map(|(uid, place)| Share { uid, attempts: 0, place }).collect();
        }
    }

    /// Whether a copy may have become a dead letter at its send.
    fn may_be_lost(&self, number: u64, uid: Uid, reason: DeadLetterReason, life: Life) -> bool {
        use DeadLetterReason as Reason;
        let published = self.casts[&number].about.topic.is_some();
        let no_room = life.takes() && !self.roomy.contains(&uid);
        let drops = self.peers[uid as usize].rules.drops;
        if self.cuts_off(uid, number) || reason == Reason::Poison {
            return published && reason == Reason::Poison && self.cuts_off(uid, number);
        }
        match reason {
            Reason::Unavailable => life == Life::Failed,
            Reason::NotFound => published && matches!(life, Life::Ends | Life::Gone),
            Reason::MailboxFull => published && !drops && no_room,
            Reason::Dropped => drops && no_room,
            _ => false,
        }
    }

    /// A handler is given a message that is no call.
    pub fn cast_delivered(&mut self, to: Inst, given: Given<'_>) {
        self.tick();
        let (uid, number) = (self.uid_of(to), given.number);
        self.note(uid, What::Takes { number });
        let again = self.peers[uid as usize].again.take();
        if let Some(again) = again.filter(|again| *again != number) {
            self.broken(13, format!("#{number} came before #{again}, which is to be given again"));
        }
        let most = 1 + self.peers[uid as usize].rules.redeliver;
        let Some(cast) = self.casts.get_mut(&number).filter(|cast| cast.accepted) else {
            return self.broken(12, format!("#{number} was delivered and had been refused"));
        };
        let (seq, altered) = (cast.seq, !cast.is(&given));
        let Some(share) = cast.share(uid) else {
            return self.broken(12, format!("#{number} was delivered to somebody else"));
        };
        let before = std::mem::replace(&mut share.place, Place::InHand);
        share.attempts += 1;
        let broken = match before {
            Place::Waits | Place::Again if share.attempts > most => {
                Some((13, "was given again too often"))
            }
            Place::Again if again.is_none() => Some((13, "was given again, and not at once")),
            Place::Waits | Place::Again if altered => Some((12, "was altered on its way")),
            Place::Waits | Place::Again => None,
            Place::InHand | Place::Handled => Some((12, "was delivered twice")),
            Place::Owed(_) => Some((13, "was given again, and was to be a dead letter")),
            Place::Dead => Some((12, "is a dead letter and was delivered")),
        };
        match before {
            Place::Again => self.tally.redelivered += 1,
            _ => self.tally.casts_handled += 1,
        }
        if let Some((promise, how)) = broken {
            self.broken(promise, format!("#{number} {how}"));
        }
        self.taken(uid, seq, seq, number);
    }

    /// The handler has returned.
    pub fn cast_handled(&mut self, by: Inst, number: u64) {
        let uid = self.uid_of(by);
        self.unsettled.remove(&(uid, number));
        let cast = self.casts.get_mut(&number);
        if let Some(share) = cast.and_then(|cast| cast.share(uid)) {
            share.place = Place::Handled;
        }
    }

    /// The component crashes with it; `poison`: its sender is cut off by that.
    pub(super) fn cast_crashed(&mut self, uid: Uid, number: u64, poison: bool) {
        let redeliver = self.peers[uid as usize].rules.redeliver;
        let cast = self.casts.get_mut(&number);
        let Some(share) = cast.and_then(|cast| cast.share(uid)) else { return };
        if !poison && share.attempts <= redeliver {
            share.place = Place::Again;
            self.peers[uid as usize].again = Some(number);
            return;
        }
        let reason = if poison { DeadLetterReason::Poison } else { DeadLetterReason::Crashed };
        share.place = Place::Owed(reason);
        self.owed.push((uid, number));
    }

    /// What waits for a component comes after what it is to be given again.
    pub(super) fn comes_after_again(&mut self, uid: Uid, number: u64) {
        if let Some(again) = self.peers[uid as usize].again {
            self.broken(13, format!("#{number} came before #{again}, which is to be given again"));
        }
    }
}

/// The promise that a wrong dead letter breaks.
pub(super) fn promise_of(reason: DeadLetterReason) -> u8 {
    match reason {
        DeadLetterReason::Poison => 14,
        _ => 12,
    }
}
