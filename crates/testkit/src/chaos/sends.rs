//! Casts and publishes, whoever makes them, and what the oracle is told of them.

use bytes::Bytes;
use castcall_core::{ComponentId, MessagingError, Topic};

use super::deeds::word;
use super::stage::{MAX_PAYLOAD, Stage, State};
use crate::oracle::{Life, NewCast, Uid, What};

/// Who sends.
pub(super) struct Sender {
    pub(super) name: ComponentId,
    /// For the report.
    pub(super) uid: Uid,
    /// Whether it is the program, if only in a component's name.
    pub(super) outside: bool,
}

impl Stage {
    /// Has something cast, and compares what comes of it with what must.
    pub(super) fn cast(
        &self,
        who: &Sender,
        target: &str,
        (number, payload): (u64, Bytes),
        send: impl FnOnce(Bytes) -> Result<(), MessagingError>,
    ) {
        let to = self.state.lock().uid(target);
        let expected = self.refusal(who, target, to, payload.len());
        let roomy = self.begin(who, number, None, &payload, to.into_iter().collect());
        let result = send(payload);
        let mut state = self.state.lock();
        let full = to.is_some_and(|to| state.may_be_full(to, &roomy));
        match (&result, &expected) {
            (Err(MessagingError::MailboxFull), None) if full => {}
            _ if result.as_ref().err() == expected.as_ref() => {}
            _ => state.wrong_refusal(number, result.as_ref().err(), expected.as_ref()),
        }
        match (result, to) {
            (Ok(()), Some(to)) => {
                state.oracle.note(who.uid, What::Casts { number, to });
                state.oracle.cast_accepted(number, to, &|uid| self.life(uid));
            }
            (Ok(()), None) => state.oracle.broken(11, "a cast to nobody was accepted"),
            (Err(error), _) => {
                state.oracle.note(who.uid, What::SendRefused(word(&error)));
                state.oracle.cast_refused(number);
            }
        }
    }

    /// The same with something published.
    pub(super) fn publish(
        &self,
        who: &Sender,
        topic: &str,
        (number, payload): (u64, Bytes),
        send: impl FnOnce(Bytes) -> Result<u32, MessagingError>,
    ) {
        let parsed = Topic::new(topic).ok();
        // Whether it may publish to it is asked first of all, and that takes a topic.
        let expected = parsed.is_none().then_some(MessagingError::InvalidTopic);
        let expected = expected.or_else(|| self.bad_send(payload.len()));
        // One that has a copy and is none of these is found when it is given it.
        let subscribers =
            parsed.as_ref().map(|topic| self.state.lock().oracle.subscribed_to(topic));
        let subscribers = subscribers.unwrap_or_default();
        self.begin(who, number, parsed, &payload, subscribers.clone());
        let before: Vec<_> = subscribers.iter().map(|uid| self.level(*uid)).collect();
        let result = send(payload);
        let took = |(uid, before): (&Uid, &u64)| {
            let dropped = self.state.lock().oracle.was_dropped(number, *uid);
            (self.level(*uid) - u64::from(dropped) > *before).then_some(*uid)
        };
        let taken: Vec<_> = subscribers.iter().zip(&before).filter_map(took).collect();
        let mut state = self.state.lock();
        if result.as_ref().err() != expected.as_ref() {
            state.wrong_refusal(number, result.as_ref().err(), expected.as_ref());
        }
        match result {
            Ok(matched) => {
                state.oracle.note(who.uid, What::Publishes { number, matched });
                state.oracle.published(number, matched, &taken, &|uid| self.life(uid));
            }
            Err(error) => {
                state.oracle.note(who.uid, What::SendRefused(word(&error)));
                state.oracle.cast_refused(number);
                if !taken.is_empty() {
                    state.oracle.broken(12, format!("#{number} was refused and is in a mailbox"));
                }
            }
        }
    }

    /// Tells the oracle what is about to be sent, and returns who has room for it of `to`.
    fn begin(
        &self,
        who: &Sender,
        number: u64,
        topic: Option<Topic>,
        payload: &Bytes,
        mut to: Vec<Uid>,
    ) -> Vec<Uid> {
        let others = to.len().saturating_sub(1);
        to.retain(|uid| self.has_room(*uid, payload.len(), others));
        let (from, payload, now) = (who.name.clone(), payload.clone(), self.wall());
        let new = NewCast { number, from, topic, payload, now, exact: who.outside };
        self.state.lock().oracle.sends(new, to.clone());
        to
    }

    /// Whether a message of that size certainly finds room, whatever so many others take for it.
    fn has_room(&self, uid: Uid, size: usize, others: usize) -> bool {
        /// More than a message costs beside its payload.
        const OVERHEAD: usize = 512;
        /// More than a mailbox takes at once beside that.
        const PIECE: usize = 16 << 10;
        let depth = self.handle(uid).depth();
        let state = self.state.lock();
        let rules = state.oracle.rules(uid);
        let (used, limit) = self.waiting_room();
        // The rest is for mailboxes that have next to nothing waiting.
        let limit = limit - limit / 16;
        depth.messages < rules.messages
            && depth.bytes + size <= rules.bytes
            && used + others * (PIECE + size + OVERHEAD) + size + OVERHEAD <= limit
    }

    /// Goes up by one for each message that a mailbox takes, and each that it drops at once: those
    /// that wait, and those that had to go.
    fn level(&self, uid: Uid) -> u64 {
        let stats = self.handle(uid).stats();
        stats.mailbox_messages + stats.overflowed
    }

    /// Why nothing can be sent, or not this.
    fn bad_send(&self, size: usize) -> Option<MessagingError> {
        if self.state.lock().shutting_down {
            return Some(MessagingError::ShuttingDown);
        }
        let limit = MAX_PAYLOAD as u64;
        (size > MAX_PAYLOAD).then_some(MessagingError::PayloadTooLarge { limit })
    }

    /// Why a cast must be refused, unless it is for lack of room.
    fn refusal(
        &self,
        who: &Sender,
        target: &str,
        to: Option<Uid>,
        size: usize,
    ) -> Option<MessagingError> {
        if let Some(error) = self.bad_send(size) {
            return Some(error);
        }
        let Some(to) = to else {
            return match target {
                "//" => Some(MessagingError::InvalidMessage),
                "host" if self.is_here("host") => Some(MessagingError::CannotReceive),
                _ => Some(MessagingError::ComponentNotFound),
            };
        };
        let state = self.state.lock();
        if state.oracle.is_cut_off(to, &who.name) {
            return Some(MessagingError::CapabilityDenied);
        }
        if !state.oracle.rules(to).receives {
            return Some(MessagingError::CannotReceive);
        }
        let gone = matches!(self.life(to), Life::Ends | Life::Gone);
        gone.then_some(MessagingError::ComponentNotFound)
    }

    /// A call was refused, or not: so it must be if its sender is cut off, and only then for that
    /// reason.
    pub(super) fn judge_call(
        &self,
        from: &ComponentId,
        to: Option<Uid>,
        refused: Option<&MessagingError>,
    ) {
        let mut state = self.state.lock();
        let cut_off = to.is_some_and(|to| state.oracle.is_cut_off(to, from));
        // What is looked at before.
        let other = matches!(
            refused,
            Some(
                MessagingError::PayloadTooLarge { .. }
                    | MessagingError::NoCallbackHandler
                    | MessagingError::ShuttingDown
            )
        );
        let denied = refused == Some(&MessagingError::CapabilityDenied);
        if (cut_off && !denied && !other) || (denied && !cut_off) {
            let how = format!("a call: {refused:?}, and its sender is cut off: {cut_off}");
            state.oracle.broken(14, how);
        }
        if refused.is_some() {
            state.oracle.call_refused();
        }
    }
}

impl State {
    fn may_be_full(&self, to: Uid, roomy: &[Uid]) -> bool {
        !self.oracle.rules(to).drops && !roomy.contains(&to)
    }

    fn wrong_refusal(
        &mut self,
        number: u64,
        error: Option<&MessagingError>,
        expected: Option<&MessagingError>,
    ) {
        let denied = Some(&MessagingError::CapabilityDenied);
        let promise = if error == denied || expected == denied { 14 } else { 12 };
        self.oracle.broken(promise, format!("#{number}: {error:?}, and not {expected:?}"));
    }
}
