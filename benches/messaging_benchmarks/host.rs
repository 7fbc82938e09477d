//! A castcall system with guests in it, and a native peer that tells when they are done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use castcall::{
    Bytes, Component, ComponentHandle, Context, Message, Policy, Quotas, Rate, System,
    SystemBuilder,
};
use tokio::runtime::{Builder, Runtime};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A sample covers at least so many messages, so that its beginning and end don't show.
const AT_LEAST: u64 = 8192;

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../fixtures/components/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// 64 bytes that begin with a number.
pub(crate) fn payload(count: u64) -> [u8; 64] {
    let mut payload = [0; 64];
    payload[..8].copy_from_slice(&count.to_le_bytes());
    payload
}

pub(crate) fn message(count: u64) -> Bytes {
    Bytes::copy_from_slice(&payload(count))
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) system: System,
    done: Arc<Done>,
}

/// How many messages have not come to `bench/done`.
struct Done {
    left: AtomicUsize,
    waits: Thread,
}

impl Host {
    /// To be made on the thread that waits.
    pub(crate) fn new(workers: usize) -> Self {
        Self::of(System::builder().workers(workers))
    }

    /// The same, with settings of one's own.
    pub(crate) fn of(builder: SystemBuilder) -> Self {
        let system = builder.policy(Policy::open()).build().unwrap();
        let done = Arc::new(Done { left: AtomicUsize::new(0), waits: thread::current() });
        let host = Self { runtime: current_thread(), system, done };
        let done = Arc::clone(&host.done);
        let arrived = move |_: &mut Context, message: Message| {
            assert_eq!(message.payload[..8], [0; 8], "a guest could not go on");
            if done.left.fetch_sub(1, Ordering::Release) == 1 {
                done.waits.unpark();
            }
            Ok(Bytes::new())
        };
        host.runtime.block_on(host.system.register_fn("bench/done", arrived)).unwrap();
        host
    }

    pub(crate) fn load(&self, id: &str, guest: &str) -> ComponentHandle {
        // Counted, but never used up.
        let mut quotas = Quotas::default();
        quotas.messages_per_second = Rate::PerSecond(Rate::MAX_PER_SECOND);
        quotas.burst = Quotas::MAX_BURST;
        let component = Component::bytes(fixture(guest)).quotas(quotas);
        self.runtime.block_on(self.system.load(id, component)).unwrap()
    }

    /// Has `in_flight` messages sent by `send`, each of which says how often it is to go on until
    /// it comes to `bench/done`. Returns how long `iterations` of that take.
    pub(crate) fn time(
        &self,
        iterations: u64,
        in_flight: usize,
        mut send: impl FnMut(usize, Bytes),
    ) -> Duration {
        let each = iterations.max(AT_LEAST).div_ceil(in_flight as u64);
        self.done.left.store(in_flight, Ordering::Release);
        let start = Instant::now();
        for number in 0..in_flight {
            send(number, message(each));
        }
        while self.done.left.load(Ordering::Acquire) > 0 {
            thread::park_timeout(TIMEOUT);
            assert!(start.elapsed() < TIMEOUT, "stuck: {:?}", self.system.stats());
        }
        let time = start.elapsed();
        time.mul_f64(iterations as f64 / (each * in_flight as u64) as f64)
    }
}
