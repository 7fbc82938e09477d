//! What goes into a table and what comes out of it.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Instant;

use castcall_core::CorrelationId;
use thiserror::Error;

use crate::epoch::Due;

/// A call that has ended, as it was registered.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<K, S> {
    /// Ties the answer to it.
    pub id: CorrelationId,
    /// Who asked.
    pub owner: K,
    /// Who was asked.
    pub target: K,
    pub(crate) due: Due,
    /// Where the outcome goes.
    pub sink: S,
}

impl<K, S> Entry<K, S> {
    /// Until when.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.due.instant()
    }
}

impl<K: fmt::Debug, S> fmt::Debug for Entry<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("target", &self.target)
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

/// A pending call, while it is looked at under its lock.
#[non_exhaustive]
pub struct PendingCall<'a, K, S> {
    /// Ties the answer to it.
    pub id: CorrelationId,
    /// Who asks.
    pub owner: &'a K,
    /// Who is asked.
    pub target: &'a K,
    /// Until when. May have passed, if the timer has not fired yet.
    pub deadline: Instant,
    /// Where the outcome will go.
    pub sink: &'a S,
}

impl<K: fmt::Debug, S> fmt::Debug for PendingCall<'_, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCall")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("target", &self.target)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// How a call ended, as [`PendingCounts`](crate::PendingCounts) counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallOutcome {
    /// Answered in time.
    Completed,
    /// Its deadline passed.
    TimedOut,
    /// Given up by who asked.
    Cancelled,
    /// The target will not answer.
    TargetGone,
    /// Taken back, as if never made.
    Withdrawn,
}

/// Finds a pending call without hashing: 16 bytes, good for that call of that table alone. After
/// the call's end it finds nothing, even if another call has taken the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(crate) serial: NonZeroU64,
    pub(crate) place: u32,
    pub(crate) shard: u32,
}

/// What an answer met.
#[must_use = "the entry holds the sink that waits for the outcome"]
pub enum Resolution<K, S> {
    /// The call was pending; it is removed, and the answer is its sink's.
    Live(Entry<K, S>),
    /// The deadline had passed and the timer had not fired yet: the deadline wins. The call is
    /// removed, and a timeout is its sink's.
    Expired(Entry<K, S>),
    /// No such call is pending.
    Unknown,
}

impl<K: fmt::Debug, S> fmt::Debug for Resolution<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(entry) => f.debug_tuple("Live").field(entry).finish(),
            Self::Expired(entry) => f.debug_tuple("Expired").field(entry).finish(),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// Why a call was not registered. Gives the sink back.
#[derive(Error)]
#[non_exhaustive]
pub enum RegisterError<S> {
    /// A call of that id is pending; it was left as it is.
    #[error("a call of that id is pending already")]
    AlreadyPending(S),
}

impl<S> RegisterError<S> {
    /// The sink that was passed.
    pub fn into_sink(self) -> S {
        match self {
            Self::AlreadyPending(sink) => sink,
        }
    }
}

impl<S> fmt::Debug for RegisterError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyPending(_) => f.write_str("AlreadyPending"),
        }
    }
}

/// Why a cancel did not cancel.
#[derive(Error)]
#[non_exhaustive]
pub enum CancelRefusal<K, S> {
    /// No such call is pending.
    #[error("no such call is pending")]
    NotFound,
    /// The call is another's. Nothing was changed.
    #[error("the call is another's")]
    NotOwner,
    /// The deadline had passed and the timer had not fired yet: the deadline wins. To the owner
    /// this is the same as not found; the call is removed, and a timeout is its sink's.
    #[error("the deadline has passed")]
    Expired(Entry<K, S>),
}

impl<K: fmt::Debug, S> fmt::Debug for CancelRefusal<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("NotFound"),
            Self::NotOwner => f.write_str("NotOwner"),
            Self::Expired(entry) => f.debug_tuple("Expired").field(entry).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::PendingTable;

    /// A sink is often no `Debug`, and what goes into it is nobody else's to read.
    struct Secret;

    #[test]
    fn what_comes_out_can_be_printed_without_its_sink() {
        let table = PendingTable::new();
        let now = Instant::now();
        let deadline = now + Duration::from_secs(1);
        let [first, second, third] = [(); 3].map(|()| table.new_id());
        let register = |id| table.register(id, &"owner", &"target", deadline, Secret).unwrap();
        let ticket = register(first);
        let refused = table.register(first, &"owner", &"target", deadline, Secret).unwrap_err();
        assert_eq!(format!("{refused:?}"), "AlreadyPending");
        let Secret = refused.into_sink();

        let live = format!("{:?}", table.resolve(ticket, now));
        let expected = format!("Live(Entry {{ id: {first}, owner: \"owner\", target: \"target\"");
        assert!(live.starts_with(&expected) && live.ends_with(".. })"), "{live}");
        assert_eq!(format!("{:?}", table.resolve(ticket, now)), "Unknown");
        let late = table.resolve(register(second), deadline);
        assert!(format!("{late:?}").starts_with("Expired(Entry"));

        register(third);
        let mut printed = Vec::new();
        table.visit_all(|call| printed.push(format!("{call:?}")));
        let expected = format!("PendingCall {{ id: {third}, owner: \"owner\", target: \"target\"");
        assert!(printed.len() == 1 && printed[0].starts_with(&expected), "{printed:?}");
        let cancel = |owner, now| format!("{:?}", table.cancel(third, &owner, now).unwrap_err());
        assert_eq!(cancel("stranger", now), "NotOwner");
        assert!(cancel("owner", deadline).starts_with("Expired(Entry"));
        assert_eq!(cancel("owner", now), "NotFound");
    }
}
