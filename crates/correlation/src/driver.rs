//! One tokio task for each tracker or manager, which expires what is due.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How many calls end before other tasks get their turn.
const TURN: usize = 1_024;
/// The longest sleep; tokio's timers do not reach as far as the table's deadlines.
const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);

/// Whoever has a table that a task expires.
pub(crate) trait Driven: Send + Sync + 'static {
    fn driver(&self) -> &Driver;

    /// As [`PendingTable::set_alarm`](crate::PendingTable::set_alarm), once.
    fn set_alarm(&self, alarm: Arc<dyn Fn() + Send + Sync>);

    /// Ends at most `max` calls that are due and returns how many they were.
    fn expire_up_to(&self, now: std::time::Instant, max: usize) -> usize;

    /// As [`PendingTable::arm`](crate::PendingTable::arm).
    fn arm(&self, now: std::time::Instant) -> Option<std::time::Instant>;
}

/// What a table's owner knows of its task.
#[derive(Default)]
pub(crate) struct Driver {
    running: AtomicBool,
    /// Wakes the task: for an earlier deadline, and for the owner's end.
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
pub(crate) fn ensure_running<T: Driven>(driven: &Arc<T>) {
    if !driven.driver().running.load(Relaxed)
        && let Ok(runtime) = Handle::try_current()
        && !driven.driver().running.swap(true, Relaxed)
    {
        start(driven, &runtime);
    }
}

#[cold]
fn start<T: Driven>(driven: &Arc<T>, runtime: &Handle) {
    let wake = driven.driver().wake.get_or_init(|| {
        let wake = Arc::new(Notify::new());
        let alarm = Arc::clone(&wake);
        driven.set_alarm(Arc::new(move || alarm.notify_one()));
        wake
    });
    let running = Running(Arc::downgrade(driven));
    runtime.spawn(run(running, Arc::clone(wake)));
}

/// Lets another task be started when this one ends before its table, as with its runtime.
struct Running<T: Driven>(Weak<T>);

impl<T: Driven> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(driven) = self.0.upgrade() {
            driven.driver().running.store(false, Relaxed);
        }
    }
}

async fn run<T: Driven>(running: Running<T>, wake: Arc<Notify>) {
    loop {
        // Held only while there is something to do, so that the last clone can go.
        let Some(driven) = running.0.upgrade() else { return };
        let now = Instant::now();
        let ended = driven.expire_up_to(now.into_std(), TURN);
        let next = driven.arm(now.into_std()).map(Instant::from_std);
        drop(driven);
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
