//! Messages that are let go of: what becomes of each, and who is told.

use std::sync::Arc;

use castcall_core::{ComponentId, DeadLetter, DeadLetterReason, RequestError};

use crate::message::Message;
use crate::peer::Peer;

/// A cast that a component crashed with and is to be given again.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) message: Message,
    /// How often it was given.
    pub(crate) attempts: u32,
}

impl Peer {
    /// A message had to go for lack of room.
    pub(crate) fn overflowed(&self, message: Message) {
        self.counters.overflowed.add(1);
        self.let_go(message, DeadLetterReason::Dropped, &RequestError::Dropped);
    }

    /// A call ends with `error`, everything else becomes a dead letter.
    fn let_go(&self, message: Message, reason: DeadLetterReason, error: &RequestError) {
        match message.call {
            Some(call) => self.broker.fail(call, error.clone()),
            None => self.dead_letter(message, reason, 0),
        }
    }

    /// A message that is no call, given to a handler `attempts` times, will not be handled.
    #[cold]
    pub(crate) fn dead_letter(&self, message: Message, reason: DeadLetterReason, attempts: u32) {
        self.counters.dead_letters.add(1);
        tracing::debug!(to = %self.id, from = %message.sender, %reason, "dead letter");
        let Message { sender, payload, topic, timestamp, trace, .. } = message;
        self.broker.ledger.dead_letter(DeadLetter {
            from: sender,
            to: self.id.clone(),
            topic,
            payload,
            sent: timestamp,
            died: self.broker.config.clock.wall(),
            reason,
            attempts,
            trace: trace.map(Arc::unwrap_or_clone),
        });
    }

    /// Empties the mailbox of messages that will not be handled.
    pub(crate) fn reject_queued(&self) {
        for message in self.mailbox.extract(|_| true) {
            self.let_go(message, DeadLetterReason::Unavailable, &RequestError::Unavailable);
        }
    }

    /// What was to be given again is not.
    pub(crate) fn reject_retry(&self, retry: &mut Option<Box<Retry>>) {
        if let Some(retry) = retry.take() {
            let Retry { message, attempts } = *retry;
            self.dead_letter(message, DeadLetterReason::Unavailable, attempts);
        }
    }

    /// The component crashed with a message of `sender`. Returns whether that was one too many.
    pub(crate) fn blame(&self, sender: &ComponentId) -> bool {
        let (limit, window) = (self.config.poison_limit, self.config.restart.window);
        let cut_off = self.poison.crashed_by(sender, limit, window, self.broker.now());
        if cut_off {
            self.counters.cut_off.add(1);
            tracing::error!(component = %self.id, %sender, "a sender is cut off: its messages crash");
            for message in self.mailbox.extract(|message| message.sender == *sender) {
                self.let_go(message, DeadLetterReason::Poison, &RequestError::Unavailable);
            }
        }
        cut_off
    }

    /// Settles a message that the component crashed with, for the `attempts`th time.
    pub(crate) fn settle_cast(
        &self,
        message: Message,
        attempts: u32,
        poison: bool,
    ) -> Option<Box<Retry>> {
        if !poison && attempts <= self.config.redeliver {
            return Some(Box::new(Retry { message, attempts }));
        }
        let reason = if poison { DeadLetterReason::Poison } else { DeadLetterReason::Crashed };
        self.dead_letter(message, reason, attempts);
        None
    }
}
