//! What a manager lets pass, and what a command asks of it.

use std::time::Duration;

use crate::response::ReplyPath;

/// What a [`ResponseManager`](crate::ResponseManager) lets pass, and what it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseConfig {
    /// The longest timeout, and the one of commands that name none. 5 minutes by default. Nothing
    /// waits for ever: timeouts over 146 years count as that.
    pub max_timeout: Duration,
    /// How many responses one owner may wait for at once. 10,000 by default.
    pub max_pending_per_owner: usize,
    /// How many ended commands are remembered, so that a second response is told from one that
    /// nobody ever asked for. 10,000 by default, some 70 bytes each; zero remembers none.
    pub max_remembered: usize,
}

impl Default for ResponseConfig {
    fn default() -> Self {
        Self {
            max_timeout: Duration::from_secs(5 * 60),
            max_pending_per_owner: 10_000,
            max_remembered: 10_000,
        }
    }
}

/// What a command asks for: where its response goes, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRequired {
    /// Where the response goes, or the synthetic one if none comes.
    pub reply_to: ReplyPath,
    /// How long to wait for it; `None` means [`ResponseConfig::max_timeout`].
    pub timeout: Option<Duration>,
}

impl ResponseRequired {
    /// A response to that path, within the longest timeout.
    #[must_use]
    pub fn new(reply_to: ReplyPath) -> Self {
        Self { reply_to, timeout: None }
    }

    /// Sets how long to wait for it.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }
}
