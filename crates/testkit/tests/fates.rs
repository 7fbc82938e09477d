//! What becomes of messages that are let go of in a corner: bugs that the chaos found, or that
//! reading it did, each made again by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Poll, Waker};
use std::time::Duration;

use castcall_broker::{
    Broker, BrokerConfig, ComponentHandle, Context, Handlers, Ledger, ManualClock, Message,
    Overflow, PeerConfig, Policy, native_factory,
};
use castcall_core::{ComponentError, ComponentId, DeadLetterReason};
use castcall_testkit::Simulation;
use parking_lot::Mutex;

/// Settings in which everybody may do everything.
fn open() -> BrokerConfig {
    let mut config = BrokerConfig::default();
    config.policy = Arc::new(Policy::open());
    config
}

type Answer = Result<&'static str, ComponentError>;

const BOTH: Handlers = Handlers { receives: true, calls_back: true };

fn idle(_: &mut Context, _: Message) -> Answer {
    Ok("")
}

fn crash() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

fn add(sim: &Simulation, id: &str, config: PeerConfig) -> ComponentHandle {
    let id = ComponentId::new(id).unwrap();
    sim.add_component(id, config, BOTH, native_factory(|| idle)).unwrap()
}

fn small(messages: usize, overflow: Overflow) -> PeerConfig {
    let mut config = PeerConfig::default();
    (config.mailbox.messages, config.mailbox.overflow) = (messages, overflow);
    config
}

/// The dead letters, as reason, target and payload.
fn letters(sim: &Simulation) -> Vec<(DeadLetterReason, String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let letters = sim.dead_letters().into_iter();
    letters.map(|letter| (letter.reason, letter.to.to_string(), text(&letter.payload))).collect()
}

/// Stops a component that has its turn, and gives it up before that is over.
fn give_up(broker: &Broker, clock: &ManualClock, handle: &ComponentHandle) {
    let mut stop = pin!(handle.stop(Duration::ZERO));
    assert!(stop.as_mut().poll(&mut Poll::from_waker(Waker::noop())).is_pending());
    clock.advance(Duration::from_secs(2));
    broker.expire();
}

#[test]
fn a_full_member_of_a_group_that_drops_lets_the_next_one_have_it() {
    let mut sim = Simulation::new(1);
    for id in ["a", "b"] {
        add(&sim, id, small(1, Overflow::DropNewest)).subscribe_group("t", "g").unwrap();
    }
    let counts = ["1", "2", "3"].map(|payload| sim.publish("t", payload).unwrap());
    assert_eq!(counts, [1, 1, 1]);
    // The third finds both full.
    let [(reason, _, payload)] = &letters(&sim)[..] else { panic!("{:?}", letters(&sim)) };
    assert_eq!((*reason, payload.as_str()), (DeadLetterReason::Dropped, "3"));
    assert_eq!(sim.broker().stats().overflowed, 1);
    sim.run_until_idle();
    assert_eq!(sim.broker().stats().casts_handled, 2);

    // Neither does one that is a plain subscriber too stand in for it.
    let c = add(&sim, "c", small(1, Overflow::DropNewest));
    c.subscribe("u").unwrap();
    c.subscribe_group("u", "h").unwrap();
    sim.cast("c", "fills it").unwrap();
    add(&sim, "d", small(1, Overflow::DropNewest)).subscribe_group("u", "h").unwrap();
    assert_eq!(sim.publish("u", "x").unwrap(), 2);
    assert_eq!(sim.broker().component("d").unwrap().depth().messages, 1);
}

#[test]
fn what_must_go_for_a_message_that_finds_no_room_is_not_lost() {
    let mut config = BrokerConfig::default();
    config.max_waiting = 20_000;
    let mut sim = Simulation::with_config(1, config);
    add(&sim, "greedy", PeerConfig::default());
    add(&sim, "modest", small(8, Overflow::DropOldest));
    sim.cast("modest", "first").unwrap();
    sim.cast("greedy", vec![0; 2_000]).unwrap();
    // More than all that is left, and would be if the first went.
    let large = vec![0; 19_000];
    let call = sim.call("modest", "second", Duration::from_secs(60));
    sim.cast("modest", large).unwrap();
    let lost: Vec<_> = sim.dead_letters().iter().map(|letter| letter.payload.len()).collect();
    assert_eq!(lost, [19_000], "nothing else goes, since that would not help");
    sim.run_until_idle();
    assert!(call.take().unwrap().is_ok());
    assert_eq!(sim.broker().stats().casts_handled, 2);
}

#[test]
fn what_was_to_be_given_again_is_a_dead_letter_if_its_component_is_given_up() {
    let mut sim = Simulation::new(1);
    let mut config = PeerConfig::default();
    config.redeliver = 1;
    let make = || |_: &mut Context, _: Message| -> Answer { crash() };
    let id = ComponentId::new("a").unwrap();
    let a = sim.add_component(id, config, BOTH, native_factory(make)).unwrap();
    sim.cast("a", "x").unwrap();
    sim.run_until_idle();
    assert!(letters(&sim).is_empty(), "it waits for the restart");
    let stop = sim.stop(&a, Duration::ZERO);
    sim.clock().advance(Duration::from_secs(2));
    sim.expire();
    assert!(sim.poll() && !stop.take().unwrap(), "given up before it has had a turn");
    sim.run_until_idle();
    assert_eq!(letters(&sim), [(DeadLetterReason::Unavailable, "a".into(), "x".into())]);
}

#[test]
fn what_waits_for_a_component_that_crashes_after_it_was_given_up_is_a_dead_letter() {
    let mut sim = Simulation::new(1);
    let mut config = PeerConfig::default();
    config.redeliver = 1;
    let (weak, clock) = (sim.broker().downgrade(), sim.clock().clone());
    let make = move || {
        let (weak, clock) = (weak.clone(), clock.clone());
        move |_: &mut Context, _: Message| -> Answer {
            let broker = weak.upgrade().unwrap();
            give_up(&broker, &clock, &broker.component("a").unwrap());
            crash()
        }
    };
    let id = ComponentId::new("a").unwrap();
    let a = sim.add_component(id, config, BOTH, native_factory(make)).unwrap();
    sim.run_until_idle();
    for payload in ["crashes", "waits"] {
        sim.cast("a", payload).unwrap();
    }
    sim.run_until_idle();
    let mut letters = letters(&sim);
    letters.sort_by(|one, other| one.2.cmp(&other.2));
    let letter = |payload: &str| (DeadLetterReason::Unavailable, "a".into(), payload.into());
    assert_eq!(letters, [letter("crashes"), letter("waits")]);
    assert_eq!(a.depth().messages, 0);
}

#[test]
fn a_component_that_is_gone_keeps_no_room() {
    let mut sim = Simulation::new(1);
    let a = add(&sim, "a", PeerConfig::default());
    sim.cast("a", "x").unwrap();
    sim.run_until_idle();
    let (kept, all) = sim.broker().waiting_room();
    assert!(0 < kept && kept < all);
    let stop = sim.stop(&a, Duration::from_secs(1));
    assert!(sim.wait(&stop));
    // The handle is still there.
    assert_eq!((a.depth().messages, sim.broker().waiting_room()), (0, (0, all)));
}

/// What a ledger was told, in words.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Ledger for Told {
    fn subscribed(
        &self,
        component: &ComponentId,
        pattern: &castcall_core::Pattern,
        _: Option<&castcall_broker::Group>,
    ) {
        self.0.lock().push(format!("{component} to {pattern}"));
    }

    fn unloaded(&self, component: &ComponentId) {
        self.0.lock().push(format!("{component} unloaded"));
    }
}

#[test]
fn a_component_that_returns_after_it_was_given_up_takes_nothing_from_its_successor() {
    let told = Arc::new(Told::default());
    let mut sim = Simulation::with_ledger(1, open(), Arc::clone(&told) as _);
    let (weak, clock) = (sim.broker().downgrade(), sim.clock().clone());
    let make = move || {
        let (weak, clock) = (weak.clone(), clock.clone());
        move |_: &mut Context, _: Message| -> Answer {
            let broker = weak.upgrade().unwrap();
            let a = broker.component("a").unwrap();
            give_up(&broker, &clock, &a);
            let config = PeerConfig::default();
            let next = broker.add(a.id().clone(), config, BOTH, native_factory(|| idle));
            next.unwrap().0.subscribe("t").unwrap();
            // Stopping it again is nothing new.
            give_up_again(&a);
            Ok("")
        }
    };
    sim.add("a", make).unwrap();
    sim.cast("a", "").unwrap();
    sim.run_until_idle();
    assert_eq!(*told.0.lock(), ["a unloaded", "a to t"]);
    assert_eq!(sim.publish("t", "").unwrap(), 1);
    assert!(sim.dead_letters().is_empty(), "the ledger has them");
}

fn give_up_again(handle: &ComponentHandle) {
    let mut stop = pin!(handle.stop(Duration::ZERO));
    assert!(stop.as_mut().poll(&mut Poll::from_waker(Waker::noop())).is_ready());
}
