//! Settings that differ from the default in one thing.

use std::time::Duration;

use castcall::{Limits, MailboxConfig, Overflow, RestartConfig};

/// A mailbox with room for so many messages.
#[must_use]
pub fn mailbox(messages: usize, overflow: Overflow) -> MailboxConfig {
    let mut config = MailboxConfig::default();
    config.messages = messages;
    config.overflow = overflow;
    config
}

/// Restarts that wait for `backoff` at first, and fail for good after `max_restarts`.
#[must_use]
pub fn restart(max_restarts: u32, backoff: Duration) -> RestartConfig {
    let mut config = RestartConfig::default();
    config.max_restarts = max_restarts;
    config.backoff = backoff;
    config.max_backoff = config.max_backoff.max(backoff);
    config
}

/// An execution limit.
#[must_use]
pub fn execution(limit: Duration) -> Limits {
    let mut limits = Limits::default();
    limits.execution = limit;
    limits
}

/// A memory limit, in bytes.
#[must_use]
pub fn memory(limit: usize) -> Limits {
    let mut limits = Limits::default();
    limits.memory = limit;
    limits
}
