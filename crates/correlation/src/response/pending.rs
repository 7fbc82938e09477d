//! A command that waits for its response: as it is kept, as it comes out, as it is listed.

use std::time::{Duration, Instant};

use castcall_core::{ComponentId, CorrelationId};

use crate::entry::{Entry, PendingCall};
use crate::response::{ReplyPath, TimeoutResponse};

/// A command that waits no longer, as it was registered. Who holds this sends its response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingResponse {
    /// Ties the response to it.
    pub correlation_id: CorrelationId,
    /// Who sent the command.
    pub owner: ComponentId,
    /// Whom the command was for.
    pub target: ComponentId,
    /// Where the response goes.
    pub reply_to: ReplyPath,
    /// The timeout that it had, an omitted one filled in.
    pub timeout: Duration,
    /// When it was registered.
    pub registered_at: Instant,
}

impl PendingResponse {
    /// What its reply path is sent if it has timed out.
    #[must_use]
    pub fn timeout_response(&self) -> TimeoutResponse {
        TimeoutResponse::new(self.correlation_id, self.timeout)
    }
}

/// A command that waits, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingResponseSnapshot {
    /// Ties the response to it.
    pub correlation_id: CorrelationId,
    /// Who sent the command.
    pub owner: ComponentId,
    /// Whom the command was for.
    pub target: ComponentId,
    /// Where the response will go.
    pub reply_to: ReplyPath,
    /// The timeout that it has, an omitted one filled in.
    pub timeout: Duration,
    /// How long it has waited.
    pub age: Duration,
    /// How long until its deadline; zero if that has passed and the timer has not fired yet.
    pub remaining: Duration,
}

/// How much a manager holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ResponseStatus {
    /// How many commands wait.
    pub count: usize,
    /// Of how many owners.
    pub owners: usize,
}

/// What the table keeps of a command.
pub(super) struct Waiting {
    pub(super) reply_to: ReplyPath,
    pub(super) timeout: Duration,
    pub(super) since: Instant,
}

impl From<Entry<ComponentId, Waiting>> for PendingResponse {
    fn from(entry: Entry<ComponentId, Waiting>) -> Self {
        let Waiting { reply_to, timeout, since } = entry.sink;
        Self {
            correlation_id: entry.id,
            owner: entry.owner,
            target: entry.target,
            reply_to,
            timeout,
            registered_at: since,
        }
    }
}

pub(super) fn snapshot(
    call: &PendingCall<'_, ComponentId, Waiting>,
    now: Instant,
) -> PendingResponseSnapshot {
    let Waiting { reply_to, timeout, since } = call.sink;
    PendingResponseSnapshot {
        correlation_id: call.id,
        owner: call.owner.clone(),
        target: call.target.clone(),
        reply_to: reply_to.clone(),
        timeout: *timeout,
        age: now.saturating_duration_since(*since),
        remaining: call.deadline.saturating_duration_since(now),
    }
}
