//! What becomes of messages that are let go of in a corner: bugs that the chaos found, or that
//! reading it did, each made again by hand.

use std::time::Duration;

use castcall_broker::{
    BrokerConfig, ComponentHandle, Context, Handlers, Message, Overflow, PeerConfig, native_factory,
};
use castcall_core::{ComponentError, ComponentId, DeadLetterReason};
use castcall_testkit::Simulation;

type Answer = Result<&'static str, ComponentError>;

const BOTH: Handlers = Handlers { receives: true, calls_back: true };

fn idle(_: &mut Context, _: Message) -> Answer {
    Ok("")
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
