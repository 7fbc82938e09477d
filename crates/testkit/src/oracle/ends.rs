//! What ends a call: answers, cancels, crashes, deadlines.

use std::time::Instant;

use bytes::Bytes;
use castcall_core::{CancelError, CrashCode, RequestError, RequestId};

use super::Oracle;
use super::events::{What, brief};
use super::peers::Inst;
use super::poison::InHand;

impl Oracle {
    /// A call is about to be answered. `pending`: whether the table still holds it. Returns
    /// whether the answer must be taken.
    pub fn answers(
        &mut self,
        number: u64,
        answer: Result<Bytes, RequestError>,
        now: Instant,
        pending: bool,
    ) -> bool {
        self.tick();
        let Some(call) = self.calls.get(&number) else { return false };
        let (to, with) = (call.to, brief(&answer));
        let in_time = now < call.deadline;
        self.note(to, What::Answers { number, with });
        if !self.holds(number, pending) {
            self.tally.orphans += 1;
            return false;
        }
        self.tally.answered += u64::from(in_time);
        self.tally.orphans += u64::from(!in_time);
        self.ends(number, if in_time { answer } else { Err(RequestError::Timeout) });
        in_time
    }

    /// An answer was given to a token; `taken` is what the broker said, `expected` what
    /// [`answers`](Self::answers) did.
    pub fn replied(&mut self, number: u64, expected: bool, taken: bool) {
        if expected != taken {
            let promise = if taken { 4 } else { 1 };
            self.broken(promise, format!("the answer to #{number}: taken {taken}"));
        }
    }

    /// An answer met a token that was forgotten since its call had ended: it counts as nothing.
    pub fn forgotten_token(&mut self) {
        self.tally.orphans -= 1;
    }

    /// An instance tried to cancel. `before`, `after`: whether the table held the call.
    pub fn cancels(
        &mut self,
        by: Inst,
        id: RequestId,
        outcome: Result<(), CancelError>,
        now: Instant,
        (before, after): (bool, bool),
    ) {
        self.tick();
        let number = self.ids.get(&id).copied().unwrap_or(0);
        let said = match outcome {
            Ok(()) => "ok",
            Err(CancelError::NotFound) => "not-found",
            Err(CancelError::NotOwner) => "not-owner",
            Err(_) => "refused",
        };
        self.note(self.uid_of(by), What::Cancels { number, outcome: said });
        let call = self.calls.get(&number);
        let known = call.is_some();
        let own = call.is_some_and(|call| call.owner == Some(by));
        let in_time = call.is_none_or(|call| now < call.deadline);
        let expected = match (before, own, in_time) {
            (false, ..) | (true, true, false) => Err(CancelError::NotFound),
            (true, false, _) => Err(CancelError::NotOwner),
            (true, true, true) => Ok(()),
        };
        self.tally.denied_cancels += u64::from(outcome == Err(CancelError::NotOwner));
        if outcome != expected {
            self.broken(5, format!("cancelling #{number}: {outcome:?}, not {expected:?}"));
        }
        if after != (before && !own) {
            self.broken(5, format!("cancelling #{number}: pending {before}, then {after}"));
        }
        if known && self.holds(number, before) && own {
            let error = if in_time { RequestError::Cancelled } else { RequestError::Timeout };
            self.ends(number, Err(error));
        }
    }

    /// The instance that crashes has this call in hand or taken over. Several end at once, in
    /// whatever order.
    pub fn crashes_with(&mut self, number: u64, code: CrashCode, now: Instant, pending: bool) {
        if self.calls.contains_key(&number) && self.holds(number, pending) {
            let in_time = now < self.calls[&number].deadline;
            let error = if in_time { RequestError::Crashed(code) } else { RequestError::Timeout };
            self.ends(number, Err(error));
        }
    }

    /// An instance crashes, `with` this message in hand. What else it has in hand is told next.
    pub fn crashes(
        &mut self,
        instance: Inst,
        with: InHand,
        how: &'static str,
        now: Instant,
        pending: &dyn Fn(RequestId) -> bool,
    ) {
        let uid = self.uid_of(instance);
        self.note(uid, What::Crashes(how));
        self.is_down(uid);
        self.tally.crashes += 1;
        self.peers[uid as usize].crashed = Some(now);
        self.crashed = true;
        self.crashes_in_hand(uid, with, now, pending);
    }

    /// What is due is about to be seen to. Returns the calls whose deadline has passed, for
    /// [`expired`](Self::expired).
    pub fn expires(&mut self, now: Instant, pending: &dyn Fn(RequestId) -> bool) -> Vec<u64> {
        self.tick();
        let mut due = Vec::new();
        while let Some(&(deadline, number)) = self.due.first()
            && deadline <= now
        {
            self.due.pop_first();
            due.push(number);
            if let Some(id) = self.calls[&number].id
                && self.holds(number, pending(id))
            {
                self.ends(number, Err(RequestError::Timeout));
            }
        }
        due
    }

    /// What was due has been seen to.
    pub fn expired(&mut self, due: &[u64], pending: &dyn Fn(RequestId) -> bool) {
        let left = due.iter().find(|number| self.calls[*number].id.is_some_and(pending));
        if let Some(number) = left {
            self.broken(4, format!("#{number} is pending after its deadline was seen to"));
        }
    }

    /// When the first deadline is, if the call may be pending then.
    #[must_use]
    pub fn first_deadline(&self, pending: &dyn Fn(RequestId) -> bool) -> Option<Instant> {
        let open = |number| self.calls[number].id.is_none_or(pending);
        self.due.iter().find(|(_, number)| open(number)).map(|(deadline, _)| *deadline)
    }

    /// Whether an open call is still in the table; if it is not, something has ended it after
    /// the last look. What has ended must not be there.
    pub(super) fn holds(&mut self, number: u64, pending: bool) -> bool {
        let (seq, swept) = (self.seq, self.swept);
        let Some(call) = self.calls.get_mut(&number) else { return false };
        if call.is_open() {
            if !pending {
                call.first = call.first.max(swept);
                call.last = Some(seq);
            }
            return pending;
        }
        let promise = if call.owner_gone { 9 } else { 1 };
        if pending {
            self.broken(promise, format!("#{number} has ended and is pending"));
        }
        false
    }

    /// The call ends here and so.
    pub(super) fn ends(&mut self, number: u64, fate: Result<Bytes, RequestError>) {
        let seq = self.seq;
        if let Some(call) = self.calls.get_mut(&number) {
            call.fate = Some(fate);
            call.first = seq;
            call.last = Some(seq);
        }
    }
}
