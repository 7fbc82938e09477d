//! Tests of the whole, on disks that fail.

mod crash;
mod damage;
mod disk;
mod faults;
mod ledger;

use bytes::Bytes;
use castcall_core::{ComponentId, DeadLetter, DeadLetterReason, Pattern, Timestamp};

pub(crate) fn id(text: &str) -> ComponentId {
    ComponentId::new(text).unwrap()
}

pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

/// A letter to `to` with so many bytes.
pub(crate) fn letter(to: &str, bytes: usize) -> DeadLetter {
    DeadLetter {
        from: id("sender"),
        to: id(to),
        topic: None,
        payload: Bytes::from(vec![7; bytes]),
        sent: Timestamp::from_unix_nanos(1),
        died: Timestamp::from_unix_nanos(2),
        reason: DeadLetterReason::Crashed,
        attempts: 1,
        trace: None,
        mismatch: None,
    }
}
