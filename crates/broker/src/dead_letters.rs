//! Messages that are let go of: what becomes of each, and who is told.

use std::sync::Arc;

use castcall_core::{ComponentId, DeadLetter, DeadLetterReason, RequestError};
use thiserror::Error;

use crate::broker::Broker;
use crate::mailbox::Pushed;
use crate::message::Message;
use crate::peer::Peer;

/// A cast that a component crashed with and is to be given again.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) message: Message,
    /// How often it was given.
    pub(crate) attempts: u32,
}

/// Why a dead letter was not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResendRefusal {
    /// There is no such component: load it.
    #[error("its target is not there")]
    NotFound,
    /// The target has failed for good: start it again.
    #[error("its target is not available")]
    Unavailable,
    /// The target does not accept its codec: it has been replaced by another that reads less.
    #[error("its target does not accept its codec")]
    CodecNotAccepted,
    /// No room: send it again later.
    #[error("its target's mailbox is full")]
    Full,
    /// The sender is cut off: readmit it.
    #[error("its sender is cut off from the target")]
    CutOff,
    /// Too late.
    #[error("shutting down")]
    ShuttingDown,
}

/// A dead letter that was not sent again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct ResendError {
    /// Why.
    #[source]
    pub reason: ResendRefusal,
    /// What was to be sent.
    pub letter: Box<DeadLetter>,
}

impl Broker {
    /// Sends a dead letter again, to the same target and in the same sender's name, as a new
    /// message. Asks neither for that sender's rights nor for its quotas: the operator sends.
    ///
    /// # Errors
    ///
    /// It was refused, and comes back.
    pub fn resend(&self, letter: DeadLetter) -> Result<(), ResendError> {
        match self.try_resend(&letter) {
            Ok(()) => Ok(()),
            Err(reason) => Err(ResendError { reason, letter: Box::new(letter) }),
        }
    }

    fn try_resend(&self, letter: &DeadLetter) -> Result<(), ResendRefusal> {
        let inner = &self.inner;
        if inner.is_shutting_down() {
            return Err(ResendRefusal::ShuttingDown);
        }
        let target = inner.route(letter.to.as_str()).map_err(|_| ResendRefusal::NotFound)?;
        if target.poison.is_cut_off(&letter.from) {
            return Err(ResendRefusal::CutOff);
        }
        if !target.receives {
            return Err(ResendRefusal::NotFound);
        }
        if target.unreadable(&letter.from, &letter.payload).is_some() {
            return Err(ResendRefusal::CodecNotAccepted);
        }
        let message = Message {
            sender: letter.from.clone(),
            payload: letter.payload.clone(),
            topic: letter.topic.clone(),
            timestamp: inner.config.clock.wall(),
            trace: letter.trace.clone().map(Arc::new),
            call: None,
            measured: false,
            untraced: false,
        };
        match target.mailbox.push(message) {
            Pushed::Queued { wake, dropped } => {
                target.after_push(wake, dropped);
                Ok(())
            }
            Pushed::Dropped(_) | Pushed::Full(_) => Err(ResendRefusal::Full),
            Pushed::Unavailable(_) => Err(ResendRefusal::Unavailable),
            Pushed::Gone(_) => Err(ResendRefusal::NotFound),
        }
    }
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
        self.died(&message, reason);
        let Message { sender, payload, topic, timestamp, trace, .. } = message;
        let mismatch = match reason {
            DeadLetterReason::CodecNotAccepted => self.config.codecs.check(&payload).err(),
            _ => None,
        };
        let mismatch = mismatch.map(|why| self.mismatch(&sender, why));
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
            mismatch,
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
