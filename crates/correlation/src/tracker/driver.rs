//! One tokio task for each tracker, which expires what is due.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Inner;

/// How many requests end before other tasks get their turn.
const TURN: usize = 1_024;
/// The longest sleep; tokio's timers do not reach as far as the table's deadlines.
const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);

/// What a tracker knows of its task.
#[derive(Default)]
pub(super) struct Driver {
    running: AtomicBool,
    /// Wakes the task: for an earlier deadline, and for the tracker's end.
    wake: OnceLock<Arc<Notify>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(wake) = self.wake.get() {
            wake.notify_one();
        }
    }
}

/// Starts the task if none runs and this is within a runtime.
#[inline]
pub(super) fn ensure_running(tracker: &Arc<Inner>) {
    if !tracker.driver.running.load(Relaxed)
        && let Ok(runtime) = Handle::try_current()
        && !tracker.driver.running.swap(true, Relaxed)
    {
        start(tracker, &runtime);
    }
}

#[cold]
fn start(tracker: &Arc<Inner>, runtime: &Handle) {
    let wake = tracker.driver.wake.get_or_init(|| {
        let wake = Arc::new(Notify::new());
        let alarm = Arc::clone(&wake);
        let _first = tracker.table.set_alarm(Arc::new(move || alarm.notify_one()));
        wake
    });
    let running = Running(Arc::downgrade(tracker));
    runtime.spawn(run(running, Arc::clone(wake)));
}

/// Lets another task be started when this one ends before its tracker, as with its runtime.
struct Running(Weak<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(tracker) = self.0.upgrade() {
            tracker.driver.running.store(false, Relaxed);
        }
    }
}

async fn run(running: Running, wake: Arc<Notify>) {
    loop {
        // Held only while there is something to do, so that the last clone can go.
        let Some(tracker) = running.0.upgrade() else { return };
        let now = Instant::now();
        let ended = tracker.expire_up_to(now.into_std(), TURN);
        let next = tracker.table.arm(now.into_std()).map(Instant::from_std);
        drop(tracker);
        if ended == TURN {
            tokio::task::yield_now().await;
            continue;
        }
        match next {
            Some(next) => {
                let _elapsed = timeout_at(next.min(now + LONGEST_SLEEP), wake.notified()).await;
            }
            None => wake.notified().await,
        }
    }
}
