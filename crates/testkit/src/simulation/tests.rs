use super::*;
use castcall_broker::CallError;
use castcall_broker::{Context, Message};
use castcall_core::{ComponentError, RequestError};

type Answer = Result<Bytes, ComponentError>;

fn echo(_: &mut Context, message: Message) -> Answer {
    Ok(message.payload)
}

/// Takes calls over and never answers.
fn silent(context: &mut Context, _: Message) -> Answer {
    let _ = context.defer();
    Ok(Bytes::new())
}

fn with_echo(seed: u64) -> Simulation {
    let sim = Simulation::new(seed);
    sim.add("echo", || echo).unwrap();
    sim.add("silent", || silent).unwrap();
    sim
}

#[test]
fn ids_are_checked() {
    let sim = with_echo(1);
    assert!(matches!(sim.add("//", || echo), Err(AddPeerError::Id(_))));
    let twice = sim.add("echo", || echo);
    assert!(matches!(twice, Err(AddPeerError::Refused(AddError::Duplicate(_)))));
}

#[test]
fn time_passes_where_it_is_told_to() {
    let mut sim = with_echo(2);
    let call = sim.call("silent", "", Duration::from_secs(5));
    sim.run_until_idle();
    assert_eq!((call.is_done(), sim.elapsed()), (false, Duration::ZERO));
    sim.advance(Duration::from_millis(4_999));
    assert!(!call.is_done());
    sim.advance(Duration::from_millis(1));
    assert!(call.is_done());
    assert_eq!(sim.elapsed(), Duration::from_secs(5));
}

#[test]
fn waiting_goes_to_when_it_happens() {
    let mut sim = with_echo(3);
    let call = sim.call("silent", "", Duration::from_secs(5));
    assert!(sim.wait(&call).is_err());
    assert!(sim.elapsed() >= Duration::from_secs(5));
    assert!(!sim.step(), "nothing is left to do");
}

#[test]
#[should_panic(expected = "nothing is left")]
fn waiting_for_what_never_comes_is_told() {
    let mut sim = with_echo(4);
    let never = sim.spawn(std::future::pending::<()>());
    sim.wait(&never);
}

#[test]
fn a_dropped_call_is_cancelled() {
    let mut sim = with_echo(5);
    drop(sim.call("echo", "", Duration::from_secs(5)));
    sim.run_until_idle();
    assert_eq!(sim.broker().calls().cancelled, 1);
    let echo = sim.broker().component("echo").unwrap();
    assert_eq!(echo.stats().ended_in_mailbox, 1);
}

#[test]
fn stops_and_shutdowns_end() {
    let mut sim = with_echo(6);
    sim.cast("echo", "x").unwrap();
    assert_eq!(sim.publish("a.topic", "x").unwrap(), 0);
    let echo = sim.broker().component("echo").unwrap();
    let stop = sim.stop(&echo, Duration::from_secs(1));
    assert!(sim.wait(&stop));
    let shutdown = sim.shutdown(Duration::from_secs(1));
    assert!(sim.wait(&shutdown).is_empty());
    assert!(sim.broker().components().is_empty());
}

#[test]
fn nothing_outlives_it() {
    let mut sim = with_echo(7);
    let _call = sim.call("silent", "", Duration::from_secs(5));
    sim.run_until_idle();
    sim.cast("echo", "never handled").unwrap();
    let broker = sim.broker().downgrade();
    drop((_call, sim));
    assert!(broker.upgrade().is_none());
}

#[test]
fn turns_come_in_an_order_of_the_seeds() {
    let order = |seed| {
        let mut sim = Simulation::new(seed);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for id in ["a", "b", "c", "d", "e"] {
            let seen = Arc::clone(&seen);
            let make = move || {
                let seen = Arc::clone(&seen);
                move |context: &mut Context, _: Message| -> Answer {
                    seen.lock().push(context.self_id().to_string());
                    Ok(Bytes::new())
                }
            };
            sim.add(id, make).unwrap();
            sim.cast(id, "").unwrap();
        }
        sim.run_until_idle();
        seen.lock().clone()
    };
    assert_eq!(order(1), order(1));
    assert!((2..12).any(|seed| order(seed) != order(1)));
}

#[test]
#[should_panic(expected = "was taken before")]
fn waiting_for_a_value_that_was_taken_is_told() {
    let mut sim = with_echo(8);
    let call = sim.call("echo", "x", Duration::from_secs(5));
    assert_eq!(sim.wait(&call).unwrap(), "x");
    let _ = sim.wait(&call);
}

#[test]
fn debug_tells_how_to_make_it_again_and_how_late_it_is() {
    let mut sim = with_echo(9);
    sim.advance(Duration::from_secs(3));
    let text = format!("{sim:?}");
    assert!(text.starts_with("Simulation { seed: 9, elapsed: 3s, broker: Broker {"), "{text}");
}

#[test]
fn dead_letters_are_seen() {
    let mut sim = with_echo(10);
    let mut config = PeerConfig::default();
    config.mailbox.messages = 1;
    let id = ComponentId::new("narrow").unwrap();
    let handlers = Handlers { receives: true, calls_back: true };
    let narrow = sim.add_component(id, config, handlers, native_factory(|| echo)).unwrap();
    narrow.subscribe("a.*").unwrap();
    for payload in ["taken", "lost"] {
        assert_eq!(sim.publish("a.topic", payload).unwrap(), 1);
    }
    sim.run_until_idle();
    let letters = sim.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].payload[..], letters[0].attempts), (&b"lost"[..], 0));
    assert_eq!((letters[0].from.as_str(), letters[0].to.as_str()), ("host", "narrow"));
    assert_eq!(letters[0].topic.as_ref().unwrap().as_str(), "a.topic");
}

#[test]
fn a_ledger_of_ones_own_has_the_dead_letters() {
    let letters = Arc::new(Letters::default());
    let mut sim = Simulation::with_ledger(11, BrokerConfig::default(), Arc::clone(&letters) as _);
    let gone = sim.add("gone", || echo).unwrap();
    sim.cast("gone", "x").unwrap();
    let stop = sim.stop(&gone, Duration::from_secs(1));
    assert!(sim.wait(&stop) && sim.dead_letters().is_empty());
    assert_eq!(letters.0.lock().len(), 1);
}

/// Nobody waits for a timeout to learn what the host knows.
#[test]
fn what_ends_before_the_restart_is_unavailable_at_once() {
    let mut sim = Simulation::new(10);
    let fragile = |_: &mut Context, message: Message| -> Answer {
        assert_ne!(message.payload, "crash", "as a test");
        Ok(message.payload)
    };
    sim.add("fragile", move || fragile).unwrap();
    sim.run_until_idle();
    // The first restart is due after 10 ms, give or take a quarter.
    sim.cast("fragile", "crash").unwrap();
    let [soon, later] = [5, 50].map(Duration::from_millis);
    let (soon, later) = (sim.call("fragile", "x", soon), sim.call("fragile", "y", later));
    sim.run_until_idle();
    assert_eq!(sim.elapsed(), Duration::ZERO);
    assert_eq!(soon.take(), Some(Err(CallError::Failed(RequestError::Unavailable))));
    assert_eq!(sim.wait(&later).unwrap(), "y");
    assert!(sim.elapsed() < Duration::from_millis(20));
}
