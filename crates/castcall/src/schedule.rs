//! Puts the broker on the worker pool.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use castcall_broker::{Ready, Scheduler, WeakBroker};
use castcall_runtime::{Pool, Runnable, Timekeeper, Turn};
use castcall_wasm::Engine;

/// The shortest sleep between two looks at what has timed out.
const COALESCE: Duration = Duration::from_micros(200);

pub(crate) struct Task(Ready);

impl Runnable for Task {
    fn run(self, _: &Turn<'_>) -> Option<Self> {
        // The broker asks for the ticks itself.
        self.0.run().map(Task)
    }

    fn is_slow(&self) -> bool {
        self.0.is_slow()
    }
}

/// The broker's way to the pool, which is built after it.
#[derive(Default)]
pub(crate) struct PoolScheduler(pub(crate) OnceLock<Pool<Task>>);

impl Scheduler for PoolScheduler {
    fn schedule(&self, ready: Ready) {
        if let Some(pool) = self.0.get() {
            pool.schedule(Task(ready));
        }
    }

    fn alarm(&self) {
        if let Some(pool) = self.0.get() {
            pool.alarm();
        }
    }

    fn ticks(&self) -> u64 {
        self.0.get().map_or(0, Pool::ticks)
    }

    fn is_shed(&self) -> bool {
        self.0.get().is_some_and(Pool::is_shed)
    }
}

/// The pool's way to the broker. Weak, since the broker holds the pool.
pub(crate) struct Beat {
    pub(crate) broker: WeakBroker,
    pub(crate) engine: Engine,
}

impl Timekeeper for Beat {
    fn tick(&self, _now: Instant) {
        self.engine.tick();
        self.wake();
    }

    fn expire(&self, now: Instant) -> Option<Instant> {
        let next = self.broker.upgrade()?.expire()?;
        // Calls rarely time out, and when they do, often many at once: better a little late than
        // one wake-up each.
        Some(next.max(now + COALESCE))
    }

    fn wake(&self) {
        if let Some(broker) = self.broker.upgrade() {
            broker.tick();
        }
    }
}
