//! Senders whose messages crash a component.

use std::time::{Duration, Instant};

use castcall_core::{ComponentId, DeadLetterReason, RequestError, RequestId};

use super::Oracle;
use super::casts::Place;
use super::events::What;
use super::peers::Uid;

/// What a component crashes with in its hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InHand {
    /// No message: a callback, or nothing.
    Nothing,
    /// A cast or a published message.
    Cast(u64),
    /// A call, whether it was taken over or not.
    Call(u64),
}

#[derive(Debug)]
pub(super) struct Blame {
    crashes: u32,
    last: Instant,
    cut_off: bool,
}

impl Blame {
    /// One more crash. Returns whether that is one too many.
    fn add(&mut self, limit: u32, window: Duration, now: Instant) -> bool {
        let soon = now.saturating_duration_since(self.last) < window;
        self.crashes = if soon { self.crashes + 1 } else { 1 };
        self.last = now;
        self.cut_off |= self.crashes >= limit;
        self.crashes >= limit
    }
}

impl Oracle {
    /// The component crashed with a message. Settles what must become of it, and of what else its
    /// sender has sent.
    pub(super) fn crashes_in_hand(
        &mut self,
        uid: Uid,
        with: InHand,
        now: Instant,
        pending: &dyn Fn(RequestId) -> bool,
    ) {
        let sender = match with {
            InHand::Nothing => None,
            InHand::Cast(number) => self.casts.get(&number).map(|cast| cast.about.from.clone()),
            InHand::Call(number) => self.caller(number),
        };
        let Some(sender) = sender else { return };
        let poison = self.blames(uid, &sender, now);
        if let InHand::Cast(number) = with {
            self.cast_crashed(uid, number, poison);
        }
        if poison {
            self.tally.cut_off += 1;
            self.note(uid, What::CutsOff);
            self.cut_queued(uid, &sender, now, pending);
        }
    }

    fn blames(&mut self, uid: Uid, sender: &ComponentId, now: Instant) -> bool {
        let peer = &mut self.peers[uid as usize];
        let (limit, window) = (peer.rules.poison_limit, peer.rules.window);
        if limit == 0 {
            return false;
        }
        let fresh = || Blame { crashes: 0, last: now, cut_off: false };
        peer.blamed.entry(sender.clone()).or_insert_with(fresh).add(limit, window, now)
    }

    /// What waits of a sender that was cut off must end.
    fn cut_queued(
        &mut self,
        uid: Uid,
        sender: &ComponentId,
        now: Instant,
        pending: &dyn Fn(RequestId) -> bool,
    ) {
        let waiting: Vec<_> = self.unsettled.range((uid, 0)..=(uid, u64::MAX)).copied().collect();
        for (uid, number) in waiting {
            let Some(cast) = self.casts.get_mut(&number) else { continue };
            if cast.about.from != *sender {
                continue;
            }
            if let Some(share) = cast.share(uid).filter(|share| share.place == Place::Waits) {
                share.place = Place::Owed(DeadLetterReason::Poison);
                self.owed.push((uid, number));
            }
        }
        let queued = |number: &u64| {
            let call = &self.calls[number];
            call.to == uid && !call.delivered && self.caller(*number).as_ref() == Some(sender)
        };
        let calls: Vec<_> = self.live.iter().copied().filter(queued).collect();
        for number in calls {
            self.cut.push(number);
            let call = &self.calls[&number];
            let in_time = now < call.deadline;
            if let Some(id) = call.id
                && self.holds(number, pending(id))
            {
                let error = if in_time { RequestError::Unavailable } else { RequestError::Timeout };
                self.ends(number, Err(error));
            }
        }
    }

    /// In whose name a call was made.
    fn caller(&self, number: u64) -> Option<ComponentId> {
        let Some(from) = self.calls.get(&number)?.from else { return Some(ComponentId::host()) };
        ComponentId::new(&self.peers[from as usize].rules.name).ok()
    }

    /// Whether what `sender` sends to the component is not taken.
    #[must_use]
    pub fn is_cut_off(&self, uid: Uid, sender: &ComponentId) -> bool {
        self.peers[uid as usize].blamed.get(sender).is_some_and(|blame| blame.cut_off)
    }

    pub(super) fn cuts_off(&self, uid: Uid, number: u64) -> bool {
        self.casts.get(&number).is_some_and(|cast| self.is_cut_off(uid, &cast.about.from))
    }

    /// Who is said to be cut off.
    pub fn cut_off_are(&mut self, uid: Uid, said: &[ComponentId]) {
        let blamed = self.peers[uid as usize].blamed.iter();
        let mut known: Vec<_> =
            blamed.filter(|(_, blame)| blame.cut_off).map(|(id, _)| id.clone()).collect();
        known.sort_unstable();
        if known != said {
            self.broken(14, format!("cut off are {said:?}, and should be {known:?}"));
        }
    }

    /// An operator readmits a sender; `said` is whether it was cut off.
    pub fn readmits(&mut self, uid: Uid, sender: &ComponentId, said: bool) {
        self.note(uid, What::Readmits);
        let was = self.peers[uid as usize].blamed.remove(sender);
        if was.is_some_and(|blame| blame.cut_off) != said {
            self.broken(14, format!("readmitting {sender}: it was cut off: {said}"));
        }
    }
}
