//! Worker threads for tasks that run synchronously and may run for ever.
//!
//! A fixed number of workers take tasks from run queues, each a turn at a time. A task is asked to
//! end its turn after a tick (1 ms); one that does not, because it is inside a guest or a host
//! function that won't return, is noticed by the timer thread at the next tick: its worker is
//! *detached*, that is, its thread keeps running the task at a lower priority and then ends, and a
//! new thread takes the worker's place. This is what Go's and Erlang's schedulers do, and it needs
//! no cooperation from what runs. `ARCHITECTURE.md` has the alternatives and their figures.
//!
//! The one timer thread ticks while there is work, and sleeps until the next timer is due while
//! there is none. What a tick and a timer mean is the [`Timekeeper`]'s to say.
//!
//! This crate knows nothing of messages, components or WebAssembly.
//!
//! ```
//! use std::sync::mpsc;
//! use castcall_runtime::{Pool, Runnable, Turn};
//!
//! struct Hello(mpsc::Sender<&'static str>);
//!
//! impl Runnable for Hello {
//!     fn run(self, _turn: &Turn<'_>) -> Option<Self> {
//!         self.0.send("hello from a worker").unwrap();
//!         None
//!     }
//! }
//!
//! let pool = Pool::builder().workers(2).build()?;
//! let (sender, receiver) = mpsc::channel();
//! pool.schedule(Hello(sender));
//! assert_eq!(receiver.recv(), Ok("hello from a worker"));
//! pool.shutdown();
//! # Ok::<(), castcall_runtime::BuildError>(())
//! ```

mod idle;
mod linger;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;
mod monitor;
mod pool;
mod priority;
#[cfg(all(test, not(loom)))]
mod slow_tests;
mod sync;
#[cfg(all(test, not(loom)))]
mod tests;
mod timer;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use pool::{BuildError, Builder, Pool, PoolStats};

/// How often the timer thread ticks while there is work, and so how long a turn may last.
pub const TICK: Duration = Duration::from_millis(1);

/// How long a worker waits awake for its next task, at most, before it sleeps: [`Builder::linger`].
/// To sleep and be woken takes some 5 to 50 µs.
pub const LINGER: Duration = Duration::from_micros(20);

/// Something that workers run.
pub trait Runnable: Send + Sized + 'static {
    /// Runs until there is nothing left to do, or the turn is over. What is returned is run again
    /// after everything else that waits. Must not panic: a panic ends the process.
    fn run(self, turn: &Turn<'_>) -> Option<Self>;

    /// Whether its last turn was a long one: then those whose was not go first, for the most part.
    fn is_slow(&self) -> bool {
        false
    }
}

/// One go of one task on a worker.
#[derive(Debug)]
pub struct Turn<'a> {
    ticks: &'a AtomicU64,
    began: u64,
}

impl Turn<'_> {
    /// Whether it is time to let others run. One relaxed load.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ticks.load(Ordering::Relaxed) != self.began
    }

    /// Whether it has lasted for a whole tick, however it lies between them.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.ticks.load(Ordering::Relaxed).wrapping_sub(self.began) > 1
    }
}

/// What the timer thread calls.
pub trait Timekeeper: Send + Sync + 'static {
    /// A tick has passed. Called only while there is work, about once per [`TICK`].
    fn tick(&self, now: Instant);

    /// Does what is due and says when it wants to be called next. [`Pool::alarm`] makes it be
    /// called earlier.
    fn expire(&self, now: Instant) -> Option<Instant>;

    /// A worker goes from idle to busy, after a pause in which no tick may have come.
    fn wake(&self) {}
}

/// Keeps no time.
impl Timekeeper for () {
    fn tick(&self, _now: Instant) {}

    fn expire(&self, _now: Instant) -> Option<Instant> {
        None
    }
}
