//! What can be set, and its defaults.

use std::time::Duration;

use crate::letters::DeadLetterLimits;

/// Settings of a state directory.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StateConfig {
    /// How long the first of some changes waits for others, to be written with them. A change is
    /// durable after this long, or after a commit that runs already, and then one commit: keep it
    /// well below the 50 ms that are promised. Default: 10 ms.
    pub commit_interval: Duration,
    /// How many subscriptions may be held, of all components together. Default: 1,000,000.
    pub max_subscriptions: usize,
    /// Bounds of the dead letters, in memory and on disk.
    pub dead_letters: DeadLetterLimits,
    /// How long the first try after a failed commit waits; each further one waits twice as long,
    /// up to [`StateConfig::max_backoff`]. A flush tries at once. Default: 100 ms.
    pub backoff: Duration,
    /// The longest wait between two tries. Default: 5 s.
    pub max_backoff: Duration,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(10),
            max_subscriptions: 1_000_000,
            dead_letters: DeadLetterLimits::default(),
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
        }
    }
}
