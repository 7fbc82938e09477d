use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use castcall_core::{RequestError, RequestId};
use castcall_policy::{Policy, Rate};
use parking_lot::Mutex;

use super::*;
use crate::broker::{Broker, Handlers, Scheduler};
use crate::clock::{Clock, ManualClock};
use crate::config::{BrokerConfig, PeerConfig};
use crate::context::Context;
use crate::native::{NativePeer, native_factory};
use crate::turn::Ready;

#[derive(Default)]
struct Waiting(Mutex<Vec<Ready>>);

impl Scheduler for Waiting {
    fn schedule(&self, ready: Ready) {
        self.0.lock().push(ready);
    }

    fn alarm(&self) {}
}

impl Waiting {
    fn run(&self) {
        while let Some(ready) = { self.0.lock().pop() } {
            assert!(ready.run().is_none());
        }
    }
}

/// Counts its callbacks.
struct Requester(Arc<AtomicUsize>);

impl NativePeer for Requester {
    fn handle_message(&mut self, _: &mut Context, _: Message) -> Result<Bytes, ComponentError> {
        Ok(Bytes::new())
    }

    fn handle_callback(
        &mut self,
        _: &mut Context,
        _: RequestId,
        _: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// An answer may come into the mailbox when the instance that asked is gone, its calls are ended
/// and its callbacks purged, if it was under way then.
#[test]
fn a_callback_for_another_instance_is_not_made() {
    let (waiting, count) = (Arc::new(Waiting::default()), Arc::new(AtomicUsize::new(0)));
    let broker = Broker::new(BrokerConfig::default(), waiting.clone());
    let id = "requester".parse().unwrap();
    let handlers = Handlers { receives: true, calls_back: true };
    let made = Arc::clone(&count);
    let factory = native_factory(move || Requester(Arc::clone(&made)));
    let (handle, _started) = broker.add(id, PeerConfig::default(), handlers, factory).unwrap();
    waiting.run();
    let peer = &handle.peer;
    for (owner, callbacks) in [(Key(u64::MAX), 0), (peer.incarnation(), 1)] {
        assert!(peer.call_began(false));
        let request_id = RequestId::new();
        let callback =
            Callback { request_id, result: Ok(Bytes::new()), trace: None, untraced: false, owner };
        assert_eq!(peer.mailbox.push_callback(callback, |_| ()), Some(true));
        broker.inner.schedule(peer);
        waiting.run();
        assert_eq!(count.load(Relaxed), callbacks);
    }
}

/// Sends once, and then publishes, or subscribes, until it is refused.
struct Spender {
    subscribes: bool,
    spent: Arc<AtomicUsize>,
}

impl NativePeer for Spender {
    fn init(&mut self, it: &mut Context) -> Result<(), ComponentError> {
        it.send_message("spender", Bytes::new()).unwrap();
        let spend = |it: &mut Context| match self.subscribes {
            true => it.subscribe("some.topic").is_ok(),
            false => it.publish("some.topic", Bytes::new()).is_ok(),
        };
        let spent = (0..1_000).take_while(|_| spend(it)).count();
        self.spent.store(spent, Relaxed);
        Ok(())
    }

    fn handle_message(&mut self, _: &mut Context, _: Message) -> Result<Bytes, ComponentError> {
        Ok(Bytes::new())
    }
}

/// What was taken ahead for casts pays for all else, too.
#[test]
fn what_is_left_is_left_for_whatever_is_sent() {
    const BURST: u32 = 100;
    for subscribes in [false, true] {
        let (waiting, spent) = (Arc::new(Waiting::default()), Arc::new(AtomicUsize::new(0)));
        let clock = Clock::Manual(ManualClock::new());
        let policy = Arc::new(Policy::open());
        let config = BrokerConfig { clock, policy, ..BrokerConfig::default() };
        let broker = Broker::new(config, waiting.clone());
        let rate = Rate::PerSecond(1);
        let config = PeerConfig { rate, burst: BURST, ..PeerConfig::default() };
        let told = Arc::clone(&spent);
        let factory = native_factory(move || Spender { subscribes, spent: Arc::clone(&told) });
        let handlers = Handlers { receives: true, calls_back: false };
        let _added = broker.add("spender".parse().unwrap(), config, handlers, factory).unwrap();
        waiting.run();
        assert_eq!(spent.load(Relaxed), BURST as usize - 1, "subscribes: {subscribes}");
    }
}
