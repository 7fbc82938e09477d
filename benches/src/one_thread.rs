//! The broker and guests without threads, and with ticks by count: the same instructions each time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Waker};
use std::time::Duration;

use castcall::broker::{
    Broker, BrokerConfig, Factory, Handlers, PeerConfig, Ready, Scheduler, native_factory,
};
use castcall::wasm::{Engine, WasmComponent};
use castcall::{Bytes, ComponentError, ComponentHandle, Context, Message};
use parking_lot::Mutex;

use crate::lane::Lane;
use crate::settings;

/// So many messages go by between two ticks, as in a millisecond or so.
const TICK: usize = 2_048;

/// Whoever is ready, until it is run.
#[derive(Default)]
struct ByHand {
    ready: Mutex<VecDeque<Ready>>,
    /// Messages since the last tick: it is asked for the time before each.
    since_tick: AtomicUsize,
}

impl Scheduler for ByHand {
    fn schedule(&self, ready: Ready) {
        self.ready.lock().push_back(ready);
    }

    fn alarm(&self) {}

    /// No turn is over for having been long.
    fn ticks(&self) -> u64 {
        let since = self.since_tick.load(Ordering::Relaxed);
        self.since_tick.store(since + 1, Ordering::Relaxed);
        0
    }
}

/// A broker that runs when it is told to, on the thread that tells it.
pub struct OneThread {
    /// The broker.
    pub broker: Broker,
    engine: Engine,
    by_hand: Arc<ByHand>,
}

impl OneThread {
    /// A broker with the settings that users have.
    ///
    /// # Panics
    ///
    /// The machine has no engine.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self::of(lane, BrokerConfig::default())
    }

    /// The same with settings of one's own, but for the policy.
    ///
    /// # Panics
    ///
    /// As [`OneThread::new`].
    #[must_use]
    pub fn of(lane: Lane, mut config: BrokerConfig) -> Self {
        config.policy = Arc::new(settings::policy());
        let by_hand = Arc::new(ByHand::default());
        let broker = Broker::new(config, by_hand.clone());
        let engine = Engine::new(lane.engine()).expect("an engine");
        Self { broker, engine, by_hand }
    }

    /// Compiles a guest of `fixtures/`.
    ///
    /// # Panics
    ///
    /// It was refused.
    #[must_use]
    pub fn compile(&self, guest: &str) -> WasmComponent {
        self.engine.compile_file(settings::fixture_path(guest)).expect("a component")
    }

    /// Starts an instance of what was compiled.
    ///
    /// # Panics
    ///
    /// It was refused, or does not start.
    #[must_use]
    pub fn start(&self, id: &str, component: &WasmComponent) -> ComponentHandle {
        let factory = Box::new(component.clone());
        self.add(id, settings::peer(), component.handlers(), factory)
    }

    /// Compiles and starts.
    ///
    /// # Panics
    ///
    /// As [`OneThread::start`].
    #[must_use]
    pub fn load(&self, id: &str, guest: &str) -> ComponentHandle {
        self.start(id, &self.compile(guest))
    }

    /// Registers a native peer.
    ///
    /// # Panics
    ///
    /// It was refused.
    pub fn register(
        &self,
        id: &str,
        handle: impl FnMut(&mut Context, Message) -> Result<Bytes, ComponentError>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> ComponentHandle {
        let handlers = Handlers { receives: true, calls_back: true };
        let factory = native_factory(move || handle.clone());
        self.add(id, settings::peer(), handlers, factory)
    }

    fn add(
        &self,
        id: &str,
        config: PeerConfig,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> ComponentHandle {
        let id = id.parse().expect("an id");
        let (handle, mut started) =
            self.broker.add(id, config, handlers, factory).expect("a place for it");
        self.run_all();
        started.try_recv().expect("it was run").expect("it starts");
        handle
    }

    /// Stops components, at once and without a clock: a timer would sleep for a millisecond, and leave
    /// whatever is measured next to cold caches.
    ///
    /// # Panics
    ///
    /// One of them does not stop.
    pub fn stop(&self, handles: &[ComponentHandle]) {
        let mut waker = task::Context::from_waker(Waker::noop());
        let mut stops: Vec<_> =
            handles.iter().map(|handle| Box::pin(handle.stop(Duration::ZERO))).collect();
        // One that is asked again after it was ready would panic.
        stops.retain_mut(|stop| stop.as_mut().poll(&mut waker).is_pending());
        self.run_all();
        let all = stops.iter_mut().all(|stop| stop.as_mut().poll(&mut waker).is_ready());
        assert!(all, "a component does not stop");
    }

    /// Runs whoever is ready, and whom that makes ready, until nobody is.
    pub fn run_all(&self) {
        loop {
            let Some(ready) = self.by_hand.ready.lock().pop_front() else { return };
            let again = ready.run();
            if self.by_hand.since_tick.load(Ordering::Relaxed) >= TICK {
                self.by_hand.since_tick.store(0, Ordering::Relaxed);
                self.engine.tick();
                self.broker.tick();
            }
            if let Some(again) = again {
                self.by_hand.ready.lock().push_back(again);
            }
        }
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        // Components hold the broker, and the broker holds them.
        self.broker.abort();
        while let Some(ready) = { self.by_hand.ready.lock().pop_front() } {
            let _ = ready.run();
        }
    }
}
