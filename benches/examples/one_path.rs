//! One path and nothing else, on one thread, without ticks, to be looked at with a profiler; the
//! same instructions each time:
//! `valgrind --tool=callgrind one_path cast|call [MESSAGES [IN_FLIGHT]]`.

use std::collections::VecDeque;
use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use castcall::broker::{
    Broker, BrokerConfig, Factory, Handlers, PeerConfig, Ready, Scheduler, native_factory,
};
use castcall::wasm::{Engine, EngineConfig};
use castcall::{Bytes, ComponentHandle, Context, Message, Policy, Quotas, Rate};
use parking_lot::Mutex;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "cast".into());
    let messages: usize = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let in_flight: usize = args.next().map_or(Ok(64), |text| text.parse())?;

    let host = Host::new()?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    let done = move || {
        let count = Arc::clone(&count);
        move |_: &mut Context, _: Message| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Bytes::new())
        }
    };
    let handlers = Handlers { receives: true, calls_back: true };
    host.add("bench/done", handlers, native_factory(done))?;
    let (sender, target) = match path.as_str() {
        "cast" => {
            host.load("bench/other", "bouncer")?;
            (host.load("bench/one", "bouncer")?, "bench/other")
        }
        "call" => {
            host.load("bench/echo", "echo-handler")?;
            (host.load("bench/caller", "call-bouncer")?, "bench/caller")
        }
        other => return Err(format!("no path {other}").into()),
    };

    let each = messages / in_flight;
    let mut message = [0; 64];
    message[..8].copy_from_slice(&(each as u64).to_le_bytes());
    let start = Instant::now();
    for _ in 0..in_flight {
        sender.cast(target, Bytes::copy_from_slice(&message))?;
    }
    host.by_hand.run_all(|| host.broker.tick());
    let time = start.elapsed();
    assert_eq!(arrived.load(Ordering::Relaxed), in_flight);
    println!("{} {path}s, {} ns each", each * in_flight, time.as_nanos() / messages as u128);
    Ok(())
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

struct Host {
    by_hand: Arc<ByHand>,
    broker: Broker,
    engine: Engine,
}

impl Host {
    fn new() -> Result<Self, Box<dyn Error>> {
        let by_hand = Arc::new(ByHand::default());
        let broker = Broker::new(trusting(), by_hand.clone());
        let mut config = EngineConfig::default();
        config.core_lane = env::var_os("COMPONENT_LANE").is_none();
        Ok(Self { by_hand, broker, engine: Engine::new(config)? })
    }

    fn add(
        &self,
        id: &str,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> Result<ComponentHandle, Box<dyn Error>> {
        let (handle, mut started) = self.broker.add(id.parse()?, plenty(), handlers, factory)?;
        self.by_hand.run_all(|| ());
        started.try_recv()??;
        Ok(handle)
    }

    fn load(&self, id: &str, guest: &str) -> Result<ComponentHandle, Box<dyn Error>> {
        let path = format!("{}/../fixtures/components/{guest}.wasm", env!("CARGO_MANIFEST_DIR"));
        let component = self.engine.compile_file(path)?;
        self.add(id, component.handlers(), Box::new(component))
    }
}

/// Runs whoever is ready, in turns as a worker gives them.
#[derive(Default)]
struct ByHand(Mutex<VecDeque<Ready>>);

impl Scheduler for ByHand {
    fn schedule(&self, ready: Ready) {
        self.0.lock().push_back(ready);
    }

    fn alarm(&self) {}
}

/// How many turns a millisecond has, about. Without ticks every message would be measured.
const TURNS: usize = 32;

impl ByHand {
    fn run_all(&self, tick: impl Fn()) {
        for turn in 0.. {
            let Some(ready) = self.0.lock().pop_front() else { return };
            if turn % TURNS == 0 {
                tick();
            }
            if let Some(again) = ready.run() {
                self.0.lock().push_back(again);
            }
        }
    }
}
