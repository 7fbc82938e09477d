//! Waiting for what must come to be.

use std::time::{Duration, Instant};

/// How long to wait for what should take milliseconds: only a failing test waits as long.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(1);

/// Waits until `condition` holds.
///
/// # Panics
///
/// It does not hold within [`PATIENCE`]; the message says `what` was waited for.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    eventually_async(what, async || condition()).await;
}

/// The same for a condition that must itself wait.
///
/// # Panics
///
/// It does not hold within [`PATIENCE`]; the message says `what` was waited for.
pub async fn eventually_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
