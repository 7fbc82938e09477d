//! What is told when a promise was not kept.

use std::time::Duration;

use bytes::Bytes;
use castcall_core::{DeadLetterReason, RequestError};

use super::peers::{PeerRecord, Uid};

/// One thing that happened. Numbers are those of messages.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names say it")]
pub enum What {
    Added,
    Made { instance: u32 },
    Runs { instance: u32 },
    Refused,
    Ended { instance: u32 },
    Crashes(&'static str),
    Stops,
    Kills,
    Revived,
    ShutdownBegan,
    ShutdownHook,
    Casts { number: u64, to: Uid },
    Publishes { number: u64, matched: u32 },
    Calls { number: u64, to: Uid, timeout_ms: u64 },
    SendRefused(&'static str),
    Cancels { number: u64, outcome: &'static str },
    Takes { number: u64 },
    Answers { number: u64, with: &'static str },
    Defers { number: u64 },
    Replies { number: u64, with: &'static str },
    CalledBack { number: u64, with: &'static str },
    NativeEnd { number: u64, with: &'static str },
    NativeDropped { number: u64 },
    TimePasses { nanos: u64 },
    Expiry,
    Dies { number: u64, reason: DeadLetterReason },
    CutsOff,
    Readmits,
    Subscribes { ok: bool },
    Unsubscribes { ok: bool },
}

/// A result in a word.
#[must_use]
pub fn brief(result: &Result<Bytes, RequestError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(RequestError::Timeout) => "timeout",
        Err(RequestError::Cancelled) => "cancelled",
        Err(RequestError::ComponentNotFound(_)) => "component-not-found",
        Err(RequestError::Unavailable) => "unavailable",
        Err(RequestError::Crashed(_)) => "crashed",
        Err(RequestError::Dropped) => "dropped",
        Err(RequestError::InvalidPayload(_)) => "invalid-payload",
        Err(RequestError::ProcessingFailed { .. }) => "processing-failed",
        Err(_) => "another error",
    }
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) step: u64,
    pub(super) elapsed: Duration,
    pub(super) who: Uid,
    pub(super) what: What,
}

impl Event {
    pub(super) fn describe(&self, peers: &[PeerRecord]) -> String {
        let name = peers.get(self.who as usize).map_or("?", |peer| peer.rules.name.as_str());
        let Self { step, elapsed, who, what } = self;
        format!("{step:>7} {elapsed:>14.6?} {name}({who}) {what:?}")
    }
}
