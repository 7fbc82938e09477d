//! Crashes, restarts, and whom they concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use castcall::broker::PeerConfig;
use castcall::{
    Bytes, CallError, ComponentError, ComponentHandle, Context, CrashCode, LoadError, Message,
    NativePeer, PeerState, RequestError, RestartPolicy, StartError,
};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, execution, fixture, restart,
};

const CRASHED: CallError = CallError::Failed(RequestError::Crashed(CrashCode::Trap));
const UNAVAILABLE: CallError = CallError::Failed(RequestError::Unavailable);
const SOON: Duration = Duration::from_millis(1);

async fn fragile(stage: &Stage, max_restarts: u32, backoff: Duration) -> ComponentHandle {
    let component = fixture("trapping-handler").restart(restart(max_restarts, backoff));
    stage.add_with("fragile", component.poison_limit(0)).await
}

#[tokio::test]
async fn a_crash_ends_only_the_call_in_hand() {
    let stage = Stage::new();
    let fragile = fragile(&stage, 10, SOON).await;
    let first = fragile.incarnation();
    // All are queued before the first has been answered.
    let (crashed, ok, count) = tokio::join!(
        stage.ask("fragile", "please"),
        stage.ask("fragile", "ok"),
        stage.ask("fragile", "count"),
    );
    assert_eq!(crashed.unwrap_err(), CRASHED);
    assert_eq!(ok.unwrap(), "ok");
    assert_eq!(count.unwrap(), "1", "of the new instance: it has seen nothing but the `ok`");
    assert!(fragile.incarnation() > first, "another instance");
    assert_eq!(fragile.state(), PeerState::Running);
    let stats = fragile.stats();
    assert_eq!((stats.crashes, stats.restarts, stats.dead_letters), (1, 1, 0));
}

#[tokio::test]
async fn an_incarnation_never_comes_again() {
    let stage = Stage::new();
    let fragile = fragile(&stage, 10, SOON).await;
    let mut seen = vec![fragile.incarnation()];
    for _ in 0..5 {
        stage.ask("fragile", "please").await.unwrap_err();
        stage.tell("fragile", "ok").await;
        seen.push(fragile.incarnation());
    }
    assert!(fragile.stop(PATIENCE).await);
    seen.push(stage.add("fragile", "trapping-handler").await.incarnation());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

#[tokio::test]
async fn queued_casts_survive_and_the_one_in_hand_is_a_dead_letter() {
    let stage = Stage::new();
    let fragile = fragile(&stage, 10, SOON).await;
    stage.cast("fragile", "please").unwrap();
    for _ in 0..3 {
        stage.cast("fragile", "ok").unwrap();
    }
    eventually("the rest", || fragile.stats().casts_handled == 4).await;
    assert_eq!(stage.tell("fragile", "count").await, "3");
    let stats = fragile.stats();
    assert_eq!((stats.crashes, stats.dead_letters), (1, 1));
}

#[tokio::test]
async fn a_crash_of_one_harms_no_other() {
    let stage = Stage::with_requester().await;
    fragile(&stage, 1000, SOON).await;
    let counter = stage.add("counter", "stateful-counter").await;
    let incarnation = counter.incarnation();
    for round in 1..=20 {
        stage.cast("fragile", "please").unwrap();
        assert_eq!(stage.tell("counter", "one more").await, round.to_string());
    }
    assert_eq!(counter.incarnation(), incarnation);
    assert_eq!(stage.stats_of("requester").crashes, 0);
}

// ---- restarts

#[tokio::test]
async fn the_next_instance_is_waited_for() {
    let stage = Stage::new();
    let backoff = Duration::from_millis(200);
    let fragile = fragile(&stage, 10, backoff).await;
    stage.ask("fragile", "please").await.unwrap_err();
    let crashed = Instant::now();
    eventually("the crash", || fragile.state() == PeerState::Restarting).await;
    assert_eq!(stage.tell("fragile", "ok").await, "ok");
    // With jitter it is three quarters at least; the call's end was noticed a little after it.
    assert!(crashed.elapsed() >= backoff / 2, "{:?}", crashed.elapsed());
}

#[tokio::test]
async fn a_call_that_ends_before_the_restart_is_unavailable_at_once() {
    let stage = Stage::with_requester().await;
    let fragile = fragile(&stage, 10, Duration::from_secs(600)).await;
    let start = Instant::now();
    // Queued when the crash comes.
    let (crashed, queued) =
        tokio::join!(stage.ask("fragile", "please"), stage.ask("fragile", "ok"));
    assert_eq!(crashed.unwrap_err(), CRASHED);
    assert_eq!(queued.unwrap_err(), UNAVAILABLE);
    eventually("the wait", || fragile.state() == PeerState::Restarting).await;
    // Sent afterwards.
    assert_eq!(stage.ask("fragile", "ok").await.unwrap_err(), UNAVAILABLE);
    assert_eq!(stage.outcome("fragile", 20_000, "ok").await, "unavailable");
    assert!(start.elapsed() < Duration::from_secs(15), "nobody waits for a timeout");

    // What can wait for the restart is let in.
    stage.cast("fragile", "ok").unwrap();
    stage.tell("requester", "clear").await;
    // Told by a cast, which has no deadline to pass on.
    stage.cast("requester", "call fragile 3000000 ok").unwrap();
    eventually("both", || fragile.stats().mailbox_messages == 2).await;
    assert!(fragile.stop(PATIENCE).await, "also while it waits");
    let results = stage.results(2).await;
    assert!(results.len() == 1 && results[0].ends_with(" unavailable"), "{results:?}");
    assert_eq!(fragile.stats().dead_letters, 1);
}

#[tokio::test]
async fn a_component_that_crashes_too_often_has_failed() {
    let stage = Stage::with_requester().await;
    let fragile = fragile(&stage, 2, SOON).await;
    for _ in 0..3 {
        assert_eq!(stage.ask("fragile", "please").await.unwrap_err(), CRASHED);
    }
    eventually("the failure", || fragile.state() == PeerState::Failed).await;
    assert_eq!((fragile.stats().crashes, fragile.stats().restarts), (3, 2));

    let start = Instant::now();
    assert_eq!(stage.ask("fragile", "ok").await.unwrap_err(), UNAVAILABLE);
    assert_eq!(stage.outcome("fragile", 60_000, "ok").await, "unavailable");
    assert!(start.elapsed() < PATIENCE);
    stage.cast("fragile", "ok").unwrap();
    assert_eq!(fragile.stats().dead_letters, 1);
    assert_eq!(stage.calls().pending, 0);

    // An operator may try again, with a clean slate.
    assert!(fragile.start_again());
    assert_eq!(stage.tell("fragile", "count").await, "0");
    assert_eq!(fragile.state(), PeerState::Running);
    assert!(!fragile.start_again(), "it has not failed");
    for _ in 0..2 {
        stage.ask("fragile", "please").await.unwrap_err();
        assert_eq!(stage.tell("fragile", "ok").await, "ok");
    }
}

#[tokio::test]
async fn the_calls_that_wait_when_it_fails_for_good_end_at_once() {
    let stage = Stage::new();
    fragile(&stage, 0, SOON).await;
    let start = Instant::now();
    let (crashed, queued) =
        tokio::join!(stage.ask("fragile", "please"), stage.ask("fragile", "ok"));
    assert_eq!(crashed.unwrap_err(), CRASHED);
    assert_eq!(queued.unwrap_err(), UNAVAILABLE);
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_component_that_has_failed_can_be_stopped_and_loaded_again() {
    let stage = Stage::new();
    let failed = fragile(&stage, 0, SOON).await;
    stage.ask("fragile", "please").await.unwrap_err();
    eventually("the failure", || failed.state() == PeerState::Failed).await;
    assert!(failed.stop(PATIENCE).await);
    assert_eq!(failed.state(), PeerState::Stopped);
    assert!(!failed.start_again(), "it is gone");
    fragile(&stage, 0, SOON).await;
    assert_eq!(stage.tell("fragile", "ok").await, "ok");
}

// ---- in a callback

#[tokio::test]
async fn a_crash_in_a_callback_restarts_the_requester_and_the_callback_counts_as_made() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let component = fixture("callback-trapper").restart(restart(10, SOON));
    let trapper = stage.add_with("trapper", component).await;
    let first = trapper.incarnation();
    stage.tell("trapper", "call echo").await;
    eventually("the restart", || trapper.stats().restarts == 1).await;
    assert_eq!(stage.tell("trapper", "anything").await, "ok");
    let stats = trapper.stats();
    assert_eq!((stats.callbacks, stats.answered, stats.crashes), (1, 1, 1));
    assert_eq!((stats.pending, stats.dead_letters), (0, 0));
    assert!(trapper.incarnation() > first);
}

#[tokio::test]
async fn an_error_from_a_callback_is_counted_and_no_crash() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let trapper = stage.add("trapper", "callback-trapper").await;
    stage.tell("trapper", "error echo").await;
    eventually("the error", || trapper.stats().callback_errors == 1).await;
    let stats = trapper.stats();
    assert_eq!((stats.callbacks, stats.crashes, stats.handler_errors), (1, 0, 0));
}

#[tokio::test]
async fn the_calls_of_an_instance_end_with_it() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.cast("gate", "hold").unwrap();
    gate.is_holding().await;
    let component = fixture("callback-trapper").restart(restart(10, SOON));
    let trapper = stage.add_with("trapper", component).await;
    for _ in 0..3 {
        stage.tell("trapper", "call gate").await;
    }
    // The answer to this one crashes it.
    stage.tell("trapper", "call echo").await;
    eventually("the restart", || trapper.stats().restarts == 1).await;
    assert_eq!((stage.calls().owner_gone, stage.calls().pending), (3, 0));
    assert_eq!(trapper.stats().pending, 0);

    gate.open();
    stage.tell("gate", "after all").await;
    assert_eq!(gate.payloads(), ["hold", "after all"], "what it had asked was not delivered");
    assert_eq!(stage.stats_of("gate").ended_in_mailbox, 3);
    assert_eq!(trapper.stats().callbacks, 1, "the new instance has none of the old one's");
}

// ---- at the start

async fn start_error(config: &str) -> (Stage, StartError, String) {
    let stage = Stage::new();
    let limits = execution(Duration::from_millis(50));
    let component = fixture("setup-recorder").config(config, "").limits(limits);
    let error = stage.load("shop/recorder", component).await.unwrap_err();
    let text = error.to_string();
    let LoadError::Start { id, source } = error else { panic!("{error:?}") };
    assert_eq!(id, "shop/recorder");
    assert!(text.contains("shop/recorder"), "{text}");
    (stage, source, text)
}

#[tokio::test]
async fn a_crash_in_init_is_told_to_who_loads() {
    let (stage, error, _) = start_error("trap").await;
    assert_eq!(error, StartError::Crashed(CrashCode::Trap));
    assert!(stage.component("shop/recorder").is_none());
    // The id is free, and the system goes on.
    stage.add("shop/recorder", "setup-recorder").await;
    assert_eq!(stage.tell("shop/recorder", "hello").await, "ok");
}

#[tokio::test]
async fn an_init_that_refuses_says_why() {
    let (stage, error, text) = start_error("fail").await;
    assert_eq!(error, StartError::Refused(ComponentError::failed(3, "asked to fail")));
    assert!(text.contains("asked to fail"), "{text}");
    assert!(stage.component("shop/recorder").is_none());
}

#[tokio::test]
async fn an_init_that_loops_is_ended() {
    let (stage, error, _) = start_error("loop").await;
    assert_eq!(error, StartError::Crashed(CrashCode::ExecutionLimit));
    assert!(stage.component("shop/recorder").is_none());
}

#[tokio::test]
async fn a_memory_that_is_too_large_from_the_start_is_told_to_who_loads() {
    let stage = Stage::new();
    let cramped = fixture("echo-handler").limits(castcall_integration_tests::memory(1));
    let error = stage.load("echo", cramped).await.unwrap_err();
    let LoadError::Start { id, source } = &error else { panic!("{error:?}") };
    assert_eq!(id, "echo");
    assert_eq!(*source, StartError::Crashed(CrashCode::MemoryLimit));
}

// ---- native peers

/// Panics wherever it is told to.
#[derive(Clone, Default)]
struct Panicking {
    instances: Arc<AtomicU64>,
    handled: u64,
}

impl NativePeer for Panicking {
    fn init(&mut self, _: &mut Context) -> Result<(), ComponentError> {
        self.instances.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        self.handled += 1;
        match &message.payload[..] {
            b"panic" => panic!("told to"),
            b"call" => {
                context.send_request("echo", &b""[..], 20_000).unwrap();
                Ok(Bytes::new())
            }
            _ => Ok(self.handled.to_string().into()),
        }
    }

    fn handle_callback(
        &mut self,
        _: &mut Context,
        _: castcall::RequestId,
        _: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        panic!("always")
    }
}

async fn panicking(stage: &Stage) -> (ComponentHandle, Panicking) {
    let peer = Panicking::default();
    let mut config = PeerConfig::default();
    config.restart = restart(10, SOON);
    stage.add_native_with("native", config, &peer).await;
    (stage.handle("native"), peer)
}

#[tokio::test]
async fn a_native_peers_panic_is_a_crash_of_that_peer() {
    let stage = Stage::with_requester().await;
    let (handle, peer) = panicking(&stage).await;
    assert_eq!(stage.tell("native", "").await, "1");
    assert_eq!(stage.tell("native", "").await, "2");
    let (crashed, queued) = tokio::join!(stage.ask("native", "panic"), stage.ask("native", ""));
    assert_eq!(crashed.unwrap_err(), CallError::Failed(RequestError::Crashed(CrashCode::Panic)));
    assert_eq!(queued.unwrap(), "1", "of another instance");
    assert_eq!(peer.instances.load(Ordering::SeqCst), 2);
    assert_eq!((handle.stats().crashes, handle.stats().restarts), (1, 1));
    assert_eq!(stage.outcome("native", 20_000, "panic").await, "crashed panic");
    assert_eq!(stage.stats_of("requester").crashes, 0);
}

#[tokio::test]
async fn a_native_peers_panic_in_a_callback_is_a_crash_too() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let (handle, peer) = panicking(&stage).await;
    stage.tell("native", "call").await;
    eventually("the restart", || handle.stats().restarts == 1).await;
    assert_eq!(handle.stats().callbacks, 1);
    assert_eq!(peer.instances.load(Ordering::SeqCst), 2);
    assert_eq!(stage.tell("native", "").await, "1");
}

#[tokio::test]
async fn a_native_peer_that_panics_while_it_is_made_is_not_taken_in() {
    let stage = Stage::new();
    let error = stage.register::<Recorder>("native", || panic!("no")).await.unwrap_err();
    let LoadError::Start { id, source } = &error else { panic!("{error:?}") };
    assert_eq!(id, "native");
    assert_eq!(*source, StartError::Crashed(CrashCode::Panic));
    assert!(stage.component("native").is_none());
}

#[tokio::test]
async fn who_may_not_be_restarted_is_not() {
    let stage = Stage::new();
    let mut never = restart(10, SOON);
    never.policy = RestartPolicy::Never;
    let component = fixture("trapping-handler").restart(never);
    let fragile = stage.add_with("fragile", component).await;
    stage.ask("fragile", "please").await.unwrap_err();
    eventually("the failure", || fragile.state() == PeerState::Failed).await;
    assert_eq!(fragile.stats().restarts, 0);
}
