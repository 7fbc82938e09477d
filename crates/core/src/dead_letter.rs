//! Messages that nobody took.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec_mismatch::CodecMismatch;
use crate::id::ComponentId;
use crate::timestamp::Timestamp;
use crate::topic::Topic;
use crate::trace::TraceContext;

/// Names a dead letter in the store that holds it. A number never comes again there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(pub u64);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cast, or one subscriber's share of a published message, that was accepted and not handled.
/// Calls never become one: their requester is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Who sent it.
    pub from: ComponentId,
    /// Who was to get it.
    pub to: ComponentId,
    /// The topic it was published to; absent if it was cast.
    pub topic: Option<Topic>,
    /// What it says.
    pub payload: Bytes,
    /// When it was sent.
    pub sent: Timestamp,
    /// When it became a dead letter.
    pub died: Timestamp,
    /// Why.
    pub reason: DeadLetterReason,
    /// How often a handler was entered with it.
    pub attempts: u32,
    /// The trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// What it was written in and what would have been accepted, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Box<CodecMismatch>>,
}

/// Why a message became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The subscriber's mailbox was full, and rejects what it has no room for.
    MailboxFull,
    /// The mailbox's overflow policy dropped it.
    Dropped,
    /// The target was stopped, failed for good, or the system shut down.
    Unavailable,
    /// The target is not there, or was unloaded.
    NotFound,
    /// The target crashed while it handled it, for the last time that it was tried.
    Crashed,
    /// The sender's messages crashed the target so often that it was cut off from it.
    Poison,
    /// The subscriber does not accept the payload's codec.
    CodecNotAccepted,
}

impl DeadLetterReason {
    /// Its name, as it is stored and shown: `mailbox-full`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MailboxFull => "mailbox-full",
            Self::Dropped => "dropped",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not-found",
            Self::Crashed => "crashed",
            Self::Poison => "poison",
            Self::CodecNotAccepted => "codec-not-accepted",
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_shown_as_it_is_stored() {
        use DeadLetterReason as Reason;
        for reason in [
            Reason::MailboxFull,
            Reason::Dropped,
            Reason::Unavailable,
            Reason::NotFound,
            Reason::Crashed,
            Reason::Poison,
            Reason::CodecNotAccepted,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
    }

    #[test]
    fn round_trips() {
        let letter = DeadLetter {
            from: ComponentId::new("a").unwrap(),
            to: ComponentId::new("b").unwrap(),
            topic: Some(Topic::new("t.u").unwrap()),
            payload: Bytes::from_static(b"p"),
            sent: Timestamp::from_unix_nanos(1),
            died: Timestamp::from_unix_nanos(2),
            reason: DeadLetterReason::Poison,
            attempts: 3,
            trace: None,
            mismatch: None,
        };
        let json = serde_json::to_string(&letter).unwrap();
        assert_eq!(serde_json::from_str::<DeadLetter>(&json).unwrap(), letter);
        assert_eq!(serde_json::to_string(&DeadLetterId(7)).unwrap(), DeadLetterId(7).to_string());
    }
}
