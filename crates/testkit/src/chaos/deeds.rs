//! What a component does while it handles something.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_broker::ReplyError;
use castcall_core::{MessagingError, RequestId};

use super::actor::Actor;
use super::dice::{self, Note};
use super::sends::Sender;
use super::stage::MAX_TIMEOUT_MS;
use crate::oracle::{Life, NewCall, What};

impl Actor {
    /// Does a few things. What is sent meanwhile may cause further messages to a depth of one
    /// less than `depth`.
    pub(super) fn act(&mut self, depth: u8) {
        let (calm, deeds) = {
            let mut state = self.stage.state.lock();
            (state.calm, state.random.u8(..5))
        };
        if calm {
            return;
        }
        for _ in 0..deeds {
            let deed = self.stage.state.lock().random.u8(..24);
            match deed {
                0..8 if depth > 0 => self.call(depth - 1),
                8..12 if depth > 0 => self.cast(depth - 1),
                12 if depth > 0 => self.publish(depth - 1),
                13 => self.subscribe(),
                14 => self.unsubscribe(),
                15..18 => self.cancel(),
                18..21 => self.reply(),
                21 => self.take_time(),
                _ => {}
            }
        }
    }

    fn call(&mut self, depth: u8) {
        let (target, timeout_ms, number, payload, to) = {
            let mut state = self.stage.state.lock();
            let number = state.oracle.next_number();
            let target = dice::target(&mut state.random);
            let timeout_ms = dice::timeout_ms(&mut state.random);
            let payload = Note { number, depth }.payload(&mut state.random);
            (target, timeout_ms, number, payload, state.uid(target))
        };
        let outer = self.context.current().and_then(|message| message.deadline());
        let sent = self.stage.now();
        let result = self.context.send_request(target, &payload[..], timeout_ms);
        self.stage.judge_call(self.context.self_id(), to, result.as_ref().err());
        let mut state = self.stage.state.lock();
        let invalid = timeout_ms == 0 || timeout_ms > MAX_TIMEOUT_MS;
        match (result, to) {
            (Ok(_), _) if invalid => state.oracle.broken(4, "an invalid timeout was accepted"),
            (Ok(id), Some(to)) => {
                let deadline = sent + Duration::from_millis(timeout_ms);
                let (owner, from) = (Some(self.instance), Some(self.uid));
                let id = Some(id);
                state.oracle.note(self.uid, What::Calls { number, to, timeout_ms });
                let call = NewCall { number, id, owner, from, to, deadline, outer };
                state.oracle.called(call);
                id.into_iter().for_each(|id| state.remember(id));
            }
            (Ok(_), None) => state.oracle.broken(1, "a call to nobody was accepted"),
            (Err(MessagingError::InvalidTimeout), _) if !invalid => {
                state.oracle.broken(4, "a valid timeout was refused");
            }
            (Err(error), _) => state.oracle.note(self.uid, What::SendRefused(word(&error))),
        }
    }

    fn cast(&mut self, depth: u8) {
        let (target, number, payload) = {
            let mut state = self.stage.state.lock();
            let number = state.oracle.next_number();
            let target = dice::target(&mut state.random);
            (target, number, Note { number, depth }.payload(&mut state.random))
        };
        let (stage, who) = (Arc::clone(&self.stage), self.sender());
        let context = &mut self.context;
        let send = |payload: Bytes| context.send_message(target, payload);
        stage.cast(&who, target, (number, payload.into()), send);
    }

    fn publish(&mut self, depth: u8) {
        let (topic, number, payload) = {
            let mut state = self.stage.state.lock();
            let number = state.oracle.next_number();
            let topic = dice::topic(&mut state.random);
            (topic, number, Note { number, depth }.payload(&mut state.random))
        };
        let (stage, who) = (Arc::clone(&self.stage), self.sender());
        let context = &mut self.context;
        let send = |payload: Bytes| context.publish(topic, payload);
        stage.publish(&who, topic, (number, payload.into()), send);
    }

    fn sender(&self) -> Sender {
        Sender { name: self.context.self_id().clone(), uid: self.uid, outside: false }
    }

    fn subscribe(&mut self) {
        let (pattern, group) = {
            let random = &mut self.stage.state.lock().random;
            (dice::pattern(random), dice::group(random))
        };
        let result = match group {
            None => self.context.subscribe(pattern),
            Some(group) => self.context.subscribe_group(pattern, group),
        };
        let (stopping, has) = (self.stops(), self.context.usage().subscriptions);
        let oracle = &mut self.stage.state.lock().oracle;
        oracle.subscribes(self.uid, (pattern, group), result, stopping);
        oracle.subscriptions_are(self.uid, has);
    }

    fn unsubscribe(&mut self) {
        let pattern = dice::pattern(&mut self.stage.state.lock().random);
        let result = self.context.unsubscribe(pattern);
        self.stage.state.lock().oracle.unsubscribes(self.uid, pattern, result);
    }

    fn stops(&self) -> bool {
        matches!(self.stage.life(self.uid), Life::Ends | Life::Gone)
    }

    fn cancel(&mut self) {
        let id: RequestId = self.stage.state.lock().some_call();
        let before = self.stage.is_pending(id);
        let outcome = self.context.cancel_request(id);
        let after = self.stage.is_pending(id);
        let now = self.stage.now();
        let oracle = &mut self.stage.state.lock().oracle;
        oracle.cancels(self.instance, id, outcome, now, (before, after));
    }

    /// Answers a call that was taken over, now and then a second time, or with an unknown token.
    fn reply(&mut self) {
        if self.deferred.is_empty() || self.stage.state.lock().one_in(8) {
            return self.reply_wrongly();
        }
        let at = self.stage.state.lock().random.usize(..self.deferred.len());
        let deferred = self.deferred.swap_remove(at);
        let number = deferred.call.number;
        let answer = {
            let mut state = self.stage.state.lock();
            if state.one_in(6) {
                Err(dice::error(&mut state.random))
            } else {
                Ok(number.to_be_bytes().to_vec().into())
            }
        };
        let expected = self.tell(deferred.call, &answer);
        let result = self.context.reply(deferred.token, answer);
        self.spent.push(deferred.token);
        let oracle = &mut self.stage.state.lock().oracle;
        match result {
            // Taken-over calls that have ended are forgotten at some time.
            Err(ReplyError::UnknownToken) if expected => {
                oracle.broken(1, format!("the token of #{number} is not known"));
            }
            Err(ReplyError::UnknownToken) => oracle.forgotten_token(),
            result => oracle.replied(number, expected, result.is_ok()),
        }
    }

    fn reply_wrongly(&mut self) {
        let token = self.spent.last().copied().unwrap_or(u64::MAX);
        if self.context.reply(token, Ok("".into())) != Err(ReplyError::UnknownToken) {
            self.stage.state.lock().oracle.broken(1, "a token served twice");
        }
    }

    /// Handles for so long that deadlines pass.
    fn take_time(&mut self) {
        let random = &mut self.stage.state.lock().random;
        let nanos = match random.u8(..8) {
            0 => random.u64(..2_000_000_000),
            _ => random.u64(..10_000_000),
        };
        self.stage.clock.advance(Duration::from_nanos(nanos));
    }
}

pub(super) fn word(error: &MessagingError) -> &'static str {
    match error {
        MessagingError::ComponentNotFound => "component-not-found",
        MessagingError::CannotReceive => "cannot-receive",
        MessagingError::CapabilityDenied => "capability-denied",
        MessagingError::MailboxFull => "mailbox-full",
        MessagingError::PayloadTooLarge { .. } => "payload-too-large",
        MessagingError::InvalidMessage => "invalid-message",
        MessagingError::InvalidTimeout => "invalid-timeout",
        MessagingError::TooManyPending => "too-many-pending",
        MessagingError::InvalidTopic => "invalid-topic",
        MessagingError::ShuttingDown => "shutting-down",
        _ => "refused",
    }
}
