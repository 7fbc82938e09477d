//! A castcall system with guests in it, and a native peer that tells when they are done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use castcall::{Bytes, Component, ComponentHandle, Context, Message, System, SystemBuilder};
use tokio::runtime::Runtime;

use crate::lane::Lane;
use crate::settings::{self, current_thread, message_of, number};

/// After so long something is stuck.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A sample covers at least so many messages, so that its beginning and end don't show.
const AT_LEAST: u64 = 8192;

/// A running system, and how to await what happens in it.
pub struct Host {
    /// For what is async.
    pub runtime: Runtime,
    /// The system.
    pub system: System,
    done: Arc<Done>,
}

/// How many messages have not come to `bench/done`.
struct Done {
    left: AtomicUsize,
    waits: Thread,
}

impl Host {
    /// To be made on the thread that waits.
    ///
    /// # Panics
    ///
    /// The machine can't have a system.
    #[must_use]
    pub fn new(lane: Lane, workers: usize) -> Self {
        Self::of(lane, System::builder().workers(workers))
    }

    /// The same, with settings of one's own.
    ///
    /// # Panics
    ///
    /// As [`Host::new`].
    #[must_use]
    pub fn of(lane: Lane, builder: SystemBuilder) -> Self {
        let host = Self::without_done(lane, builder);
        let done = Arc::clone(&host.done);
        host.register("bench/done", move |_: &mut Context, message: Message| {
            assert_eq!(number(&message.payload), Some(0), "a guest could not go on");
            if done.left.fetch_sub(1, Ordering::Release) == 1 {
                done.waits.unpark();
            }
            Ok(Bytes::new())
        });
        host
    }

    /// The same for who registers a `bench/done` of their own.
    ///
    /// # Panics
    ///
    /// As [`Host::new`].
    #[must_use]
    pub fn without_done(lane: Lane, builder: SystemBuilder) -> Self {
        let system = lane.system(builder).policy(settings::policy()).build().expect("a system");
        let done = Arc::new(Done { left: AtomicUsize::new(0), waits: thread::current() });
        Self { runtime: current_thread(), system, done }
    }

    /// Registers a native peer.
    ///
    /// # Panics
    ///
    /// It was refused.
    pub fn register(
        &self,
        id: &str,
        handle: impl FnMut(&mut Context, Message) -> Result<Bytes, castcall::ComponentError>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> ComponentHandle {
        let mut config = settings::peer();
        // A guest that finds no room there could not go on.
        config.mailbox.messages = 1 << 16;
        let registered = self.system.register_with(id, config, move || handle.clone());
        self.runtime.block_on(registered).expect("a native peer")
    }

    /// Loads a guest of `fixtures/`.
    ///
    /// # Panics
    ///
    /// It was refused.
    #[must_use]
    pub fn load(&self, id: &str, guest: &str) -> ComponentHandle {
        self.load_as(id, settings::component(guest))
    }

    /// Loads a component with settings of its own.
    ///
    /// # Panics
    ///
    /// It was refused.
    #[must_use]
    pub fn load_as(&self, id: &str, component: Component) -> ComponentHandle {
        self.runtime.block_on(self.system.load(id, component)).expect("a component")
    }

    /// Has `in_flight` messages of 64 bytes sent by `send`, each of which says how often it is to
    /// go on until it comes to `bench/done`. Returns how long `iterations` of that take.
    pub fn time(
        &self,
        iterations: u64,
        in_flight: usize,
        send: impl FnMut(usize, Bytes),
    ) -> Duration {
        self.time_sized(64, iterations.max(AT_LEAST), iterations, in_flight, send)
    }

    /// The same with messages of another size, and at least so many of them.
    ///
    /// # Panics
    ///
    /// They don't come to their end.
    pub fn time_sized(
        &self,
        bytes: usize,
        at_least: u64,
        iterations: u64,
        in_flight: usize,
        mut send: impl FnMut(usize, Bytes),
    ) -> Duration {
        let each = iterations.max(at_least).div_ceil(in_flight as u64);
        self.done.left.store(in_flight, Ordering::Release);
        let start = Instant::now();
        for number in 0..in_flight {
            send(number, message_of(bytes, each));
        }
        while self.done.left.load(Ordering::Acquire) > 0 {
            thread::park_timeout(TIMEOUT);
            assert!(start.elapsed() < TIMEOUT, "stuck: {:?}", self.system.stats());
        }
        let time = start.elapsed();
        time.mul_f64(iterations as f64 / (each * in_flight as u64) as f64)
    }
}
