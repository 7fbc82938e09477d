//! The one timer thread: ticks while there is work, timers always.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::pool::Shared;
use crate::sync::{AtomicBool, fence};
use crate::{Runnable, TICK, Timekeeper, monitor};

/// How long the thread goes on ticking when there is no work any more. Work often comes in
/// bursts, and waking this thread costs its waker a system call.
const LINGER: u32 = 50;

/// How others reach the timer thread.
pub(crate) struct Timer {
    thread: Mutex<Option<Thread>>,
    /// It does not tick, and must be woken when there is work.
    asleep: AtomicBool,
    /// Something is due earlier than it knows.
    alarm: AtomicBool,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            thread: Mutex::new(None),
            asleep: AtomicBool::new(false),
            alarm: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_thread(&self, thread: Thread) {
        *self.thread.lock() = Some(thread);
    }

    #[cfg(test)]
    pub(crate) fn asleep(&self) -> bool {
        self.asleep.load(Ordering::SeqCst)
    }

    /// Makes the thread ask its [`Timekeeper`](crate::Timekeeper) now.
    pub(crate) fn alarm(&self) {
        self.alarm.store(true, Ordering::SeqCst);
        self.unpark();
    }

    /// Makes the thread tick, if it does not.
    pub(crate) fn rouse(&self, timekeeper: &dyn Timekeeper) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            timekeeper.wake();
            if self.asleep.swap(false, Ordering::SeqCst) {
                self.unpark();
            }
        }
    }

    /// Stops ticking, unless somebody is busy: who woke before it could see that the thread is
    /// asleep is seen here.
    pub(crate) fn fall_asleep(&self, is_busy: impl FnOnce() -> bool) {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if is_busy() {
            self.asleep.store(false, Ordering::SeqCst);
        }
    }

    pub(crate) fn unpark(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }
}

/// The body of the timer thread.
pub(crate) fn main<R: Runnable>(shared: &Arc<Shared<R>>) {
    let timer = &shared.timer;
    let mut due = shared.timekeeper.expire(Instant::now());
    let mut next_tick = Instant::now() + TICK;
    let mut quiet = 0;
    while !shared.is_stopped() {
        let now = Instant::now();
        if timer.alarm.swap(false, Ordering::SeqCst) || due.is_some_and(|due| due <= now) {
            due = shared.timekeeper.expire(now);
        }
        if timer.asleep.load(Ordering::SeqCst) {
            // What `expire` does may have swallowed the wake-up that came with an alarm.
            if !timer.alarm.load(Ordering::SeqCst) && !shared.is_stopped() {
                park(due.map(|due| due.saturating_duration_since(Instant::now())));
            }
            // Roused: a whole tick from now.
            next_tick = Instant::now() + TICK;
            continue;
        }
        if now >= next_tick {
            next_tick = now + TICK;
            shared.ticks.fetch_add(1, Ordering::Relaxed);
            shared.timekeeper.tick(now);
            monitor::tick(shared);
            quiet = if shared.is_busy() { 0 } else { quiet + 1 };
            if quiet > LINGER {
                quiet = 0;
                timer.fall_asleep(|| shared.is_busy());
            }
            continue;
        }
        let until = due.map_or(next_tick, |due| due.min(next_tick));
        park(Some(until.saturating_duration_since(now)));
    }
}

fn park(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => thread::park_timeout(timeout),
        None => thread::park(),
    }
}
