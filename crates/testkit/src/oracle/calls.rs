//! Calls: their making, their delivery and their callback.

use std::time::Instant;

use bytes::Bytes;
use castcall_core::{RequestError, RequestId};

use super::Oracle;
use super::events::{What, brief};
use super::peers::{Inst, Uid};

/// A call whose send returned `ok`.
#[derive(Debug, Clone, Copy)]
pub struct NewCall {
    /// From [`Oracle::next_number`], before the send.
    pub number: u64,
    /// What the send returned; unknown for a native call until it is delivered.
    pub id: Option<RequestId>,
    /// Who made it; `None` for a native call.
    pub owner: Option<Inst>,
    /// In whose name; `None` for the program's.
    pub from: Option<Uid>,
    /// To whom.
    pub to: Uid,
    /// When, and for how long.
    pub deadline: Instant,
    /// The deadline of the call that was being served.
    pub outer: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Option<RequestId>,
    pub(super) owner: Option<Inst>,
    pub(super) from: Option<Uid>,
    pub(super) to: Uid,
    pub(super) deadline: Instant,
    sent: u64,
    /// How it must have ended.
    pub(super) fate: Option<Result<Bytes, RequestError>>,
    /// It ended no earlier than this.
    pub(super) first: u64,
    /// It is known to have ended, no later than this.
    pub(super) last: Option<u64>,
    pub(super) delivered: bool,
    pub(super) called_back: bool,
    pub(super) owner_gone: bool,
}

impl Call {
    /// Whether nothing is known to have ended it.
    pub(super) fn is_open(&self) -> bool {
        self.fate.is_none() && self.last.is_none() && !self.owner_gone
    }
}

impl Oracle {
    /// A send of a call returned `ok`.
    pub fn called(&mut self, new: NewCall) {
        let NewCall { number, id, owner, from, to, deadline, outer } = new;
        let seq = self.tick();
        self.tally.calls += 1;
        let deadline = outer.map_or(deadline, |outer| deadline.min(outer));
        let call = Call {
            id,
            owner,
            from,
            to,
            deadline,
            sent: seq,
            fate: None,
            first: seq,
            last: None,
            delivered: false,
            called_back: false,
            owner_gone: false,
        };
        if let Some(id) = id
            && self.ids.insert(id, number).is_some()
        {
            self.broken(1, "two calls have one id");
        }
        self.calls.insert(number, call);
        self.live.insert(number);
        self.due.insert((deadline, number));
    }

    /// A handler is given a call.
    pub fn delivered(&mut self, to: Inst, number: u64, id: RequestId, deadline: Option<Instant>) {
        self.tick();
        self.tally.calls_handled += 1;
        let uid = self.uid_of(to);
        self.note(uid, What::Takes { number });
        self.comes_after_again(uid, number);
        let Some(call) = self.calls.get_mut(&number) else {
            return self.broken(3, format!("#{number} was delivered and is no call that was made"));
        };
        let known = *call.id.get_or_insert(id);
        let sent = call.sent;
        let broken = if known != id || call.to != uid {
            Some((6, "went to somebody else"))
        } else if std::mem::replace(&mut call.delivered, true) {
            Some((8, "was delivered twice"))
        } else if call.owner_gone {
            Some((9, "was delivered after its requester's end"))
        } else if !call.is_open() {
            Some((7, "was delivered after its end"))
        } else if deadline.is_none_or(|deadline| deadline > call.deadline) {
            Some((10, "has a later deadline than the call it was made for, or than asked"))
        } else if deadline != Some(call.deadline) {
            Some((4, "has an earlier deadline than asked"))
        } else {
            None
        };
        self.ids.insert(id, number);
        if let Some((promise, how)) = broken {
            self.broken(promise, format!("#{number} {how}"));
        }
        self.taken(uid, sent, sent, number);
    }

    /// `handle-callback` is entered.
    pub fn called_back(
        &mut self,
        by: Inst,
        id: RequestId,
        result: &Result<Bytes, RequestError>,
        now: Instant,
    ) {
        let seq = self.tick();
        self.tally.callbacks += 1;
        let uid = self.uid_of(by);
        let Some(&number) = self.ids.get(&id) else {
            return self.broken(3, format!("a callback for {id}, which no send returned"));
        };
        self.note(uid, What::CalledBack { number, with: brief(result) });
        self.comes_after_again(uid, number);
        let Some(call) = self.calls.get_mut(&number) else { return };
        if std::mem::replace(&mut call.called_back, true) {
            return self.broken(1, format!("#{number} was called back twice"));
        }
        if call.owner != Some(by) || call.owner_gone {
            return self.broken(9, format!("the callback of #{number} came to another instance"));
        }
        let (first, last) = (call.first, call.last.unwrap_or(seq));
        self.judge(number, result, now);
        self.taken(uid, first, last, number);
        self.retire(number);
    }

    /// The future of a native call has ended.
    pub fn native_ended(
        &mut self,
        number: u64,
        result: &Result<Bytes, RequestError>,
        now: Instant,
    ) {
        self.tick();
        let Some(call) = self.calls.get_mut(&number) else { return };
        let to = call.to;
        if std::mem::replace(&mut call.called_back, true) {
            return self.broken(1, format!("#{number} ended twice"));
        }
        self.note(to, What::NativeEnd { number, with: brief(result) });
        self.judge(number, result, now);
        self.retire(number);
    }

    /// The future of a native call was dropped.
    pub fn native_dropped(&mut self, number: u64) {
        self.tick();
        self.retire(number);
        self.gone.push(number);
        if let Some(call) = self.calls.get_mut(&number) {
            call.owner_gone = true;
            let to = call.to;
            self.note(to, What::NativeDropped { number });
        }
    }

    /// Whether a call may have ended with `result`.
    fn judge(&mut self, number: u64, result: &Result<Bytes, RequestError>, now: Instant) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.last.get_or_insert(self.seq);
        self.tally.calls_dropped += u64::from(matches!(result, Err(RequestError::Dropped)));
        let peer = &self.peers[call.to as usize];
        // A call in a component's name ends with the component.
        let native = call.from.filter(|_| call.owner.is_none());
        let down = [Some(call.to), native]
            .into_iter()
            .flatten()
            .any(|uid| self.peers[uid as usize].was_down_within(call.sent, self.seq));
        let timed_out = matches!(result, Err(RequestError::Timeout));
        let broken = if timed_out && now < call.deadline {
            Some((4, "timed out before its deadline".to_owned()))
        } else if let Some(fate) = &call.fate {
            let expected = matches!(fate, Err(RequestError::Timeout));
            (!same(fate, result)).then(|| {
                let promise = if timed_out || expected { 4 } else { 1 };
                (promise, format!("ended as {}, and not as {}", brief(result), brief(fate)))
            })
        } else {
            let how = match result {
                Err(RequestError::Timeout) => None,
                Err(RequestError::Unavailable) if down => None,
                Err(RequestError::Dropped) if peer.rules.drops => None,
                Err(RequestError::Unavailable) => Some((8, "although its target was there")),
                Err(RequestError::Dropped) => Some((2, "although its target rejects")),
                Err(RequestError::Crashed(_)) => Some((8, "and was in nobody's hands")),
                Err(RequestError::Cancelled) => Some((5, "and nobody did that")),
                _ => Some((6, "and nobody said that")),
            };
            how.map(|(promise, how)| (promise, format!("ended as {}, {how}", brief(result))))
        };
        if let Some((promise, how)) = broken {
            self.broken(promise, format!("#{number} {how}"));
        }
    }

    /// No callback may come any more.
    pub(super) fn retire(&mut self, number: u64) {
        self.live.remove(&number);
        if let Some(call) = self.calls.get(&number) {
            self.due.remove(&(call.deadline, number));
        }
    }
}

fn same(one: &Result<Bytes, RequestError>, other: &Result<Bytes, RequestError>) -> bool {
    match (one, other) {
        // The text is the broker's.
        (Err(RequestError::InvalidPayload(_)), Err(RequestError::InvalidPayload(_))) => true,
        _ => one == other,
    }
}
