//! A message into a mailbox and out of it, without threads and without WebAssembly.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castcall::broker::{Broker, BrokerConfig, Handlers, PeerConfig, Ready, Scheduler};
use castcall::{Bytes, ComponentHandle, ComponentId, Context, Message, Policy, Quotas, Rate};
use parking_lot::Mutex;

use crate::reference::bare_tokio;
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("routing");
    from_outside(&mut group, 1);
    from_outside(&mut group, 64);
    from_inside(&mut group, 64);
    bare_tokio::queue(&mut group, 1);
    bare_tokio::queue(&mut group, 64);
}

/// Runs whoever is ready when it is told to.
#[derive(Default)]
struct ByHand(Mutex<VecDeque<Ready>>);

impl Scheduler for ByHand {
    fn schedule(&self, ready: Ready) {
        self.0.lock().push_back(ready);
    }

    fn alarm(&self) {}
}

impl ByHand {
    fn run_all(&self) {
        loop {
            let Some(ready) = self.0.lock().pop_front() else { return };
            let again = ready.run();
            assert!(again.is_none());
        }
    }
}

/// Everybody may do everything.
fn trusting() -> BrokerConfig {
    let mut config = BrokerConfig::default();
    config.policy = Arc::new(Policy::open());
    config
}

/// Counted, but never used up.
fn plenty() -> PeerConfig {
    let mut config = PeerConfig::default();
    config.rate = Rate::PerSecond(Rate::MAX_PER_SECOND);
    config.burst = Quotas::MAX_BURST;
    config
}

struct Peers {
    by_hand: Arc<ByHand>,
    /// Keeps the peers.
    _broker: Broker,
    sender: ComponentHandle,
}

impl Peers {
    fn new(burst: usize) -> Self {
        let by_hand = Arc::new(ByHand::default());
        let broker = Broker::new(trusting(), by_hand.clone());
        let add = |id: &str, factory| {
            let id: ComponentId = id.parse().unwrap();
            let handlers = Handlers { receives: true, calls_back: true };
            let (handle, _) = broker.add(id, plenty(), handlers, factory).unwrap();
            by_hand.run_all();
            handle
        };
        let take = || |_: &mut Context, message: Message| Ok(message.payload);
        add("bench/receiver", castcall::broker::native_factory(take));
        let send = move || {
            move |context: &mut Context, message: Message| {
                for _ in 0..burst {
                    context.send_message("bench/receiver", message.payload.clone()).unwrap();
                }
                Ok(Bytes::new())
            }
        };
        let sender = add("bench/sender", castcall::broker::native_factory(send));
        Self { by_hand, _broker: broker, sender }
    }
}

fn from_outside(group: &mut Group<'_>, burst: usize) {
    let setup = || Peers::new(burst);
    group.bench(&format!("cast-by-handle/{burst}-queued"), setup, |peers, iterations| {
        bursts(iterations, burst, || {
            for _ in 0..burst {
                peers.sender.cast("bench/receiver", Bytes::from_static(&[7; 64])).unwrap();
            }
            peers.by_hand.run_all();
        })
    });
}

/// As a guest sends: through its context, which remembers the way.
fn from_inside(group: &mut Group<'_>, burst: usize) {
    let setup = || Peers::new(burst);
    group.bench(&format!("cast-by-context/{burst}-queued"), setup, |peers, iterations| {
        bursts(iterations, burst, || {
            peers.sender.cast("bench/sender", Bytes::from_static(&[7; 64])).unwrap();
            peers.by_hand.run_all();
        })
    });
}

pub(crate) fn bursts(iterations: u64, burst: usize, mut run: impl FnMut()) -> Duration {
    let count = iterations.div_ceil(burst as u64);
    let start = Instant::now();
    for _ in 0..count {
        run();
    }
    start.elapsed().mul_f64(iterations as f64 / (count * burst as u64) as f64)
}
