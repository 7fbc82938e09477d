//! Loading, stopping, shutting down.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use castcall::broker::AddError;
use castcall::{
    Bytes, CallError, ComponentError, Context, CrashCode, LoadError, Message, MessagingError,
    NativePeer, PeerState, RequestError, StartError,
};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, execution, fixture, restart,
};

const UNAVAILABLE: CallError = CallError::Failed(RequestError::Unavailable);

/// Longer than any test: only a stop or a shutdown ends a looper that has this limit.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn the_configuration_reaches_init() {
    let stage = Stage::new();
    let component = fixture("setup-recorder").config("currency", "EUR").config("käse", "ja = 1\t");
    stage.add_with("recorder", component).await;
    assert_eq!(stage.tell("recorder", "config").await, "currency=EUR\nkäse=ja = 1\t\n");
    stage.add("plain", "setup-recorder").await;
    assert_eq!(stage.tell("plain", "config").await, "");
}

#[tokio::test]
async fn what_is_there_can_be_listed_and_looked_up() {
    let stage = Stage::new();
    let ids = |stage: &Stage| -> HashSet<String> {
        stage.components().iter().map(|one| one.id().to_string()).collect()
    };
    assert_eq!(ids(&stage), HashSet::from(["host".into()]));
    stage.add("shop/echo", "echo-handler").await;
    stage.add_native("native", &Recorder::new()).await;
    assert_eq!(ids(&stage), HashSet::from(["host", "shop/echo", "native"].map(Into::into)));
    let echo = stage.component("shop/echo").unwrap();
    assert_eq!(echo.id(), "shop/echo");
    assert_eq!(echo.state(), PeerState::Running);
    assert!(echo.incarnation() > 0);
    assert!(stage.component("shop").is_none());
    assert!(stage.component("no id at all").is_none());
    assert_eq!(stage.host().id(), "host");
}

#[tokio::test]
async fn the_systems_statistics_are_the_sum_and_keep_those_that_are_gone() {
    let stage = Stage::with_requester().await;
    let echo = stage.add("echo", "echo-handler").await;
    stage.outcome("echo", 5000, "x").await;
    stage.cast("echo", "x").unwrap();
    eventually("the cast", || echo.stats().casts_handled == 1).await;
    let before = stage.stats();
    assert_eq!((before.casts_sent, before.casts_handled), (1, 1));
    assert_eq!(before.calls_sent, stage.host().stats().calls_sent + 1);
    assert_eq!(before.calls_sent, before.calls_handled);
    assert!(echo.stop(PATIENCE).await);
    assert_eq!(stage.stats(), before);
}

// ---- stopping one component

#[tokio::test]
async fn stopping_a_component_runs_its_shutdown() {
    let stage = Stage::new();
    let observer = Recorder::new();
    stage.add_native("observer", &observer).await;
    let recorder = stage.add("shop/recorder", "setup-recorder").await;
    assert!(recorder.stop(PATIENCE).await);
    eventually("the farewell", || observer.records().len() == 1).await;
    assert_eq!(observer.payloads(), ["bye"]);
    assert_eq!(observer.records()[0].sender, "shop/recorder");
    assert_eq!(recorder.state(), PeerState::Stopped);
}

#[tokio::test]
async fn a_crash_is_followed_by_no_shutdown() {
    let stage = Stage::new();
    let component = fixture("trapping-handler").restart(restart(0, LONG));
    let fragile = stage.add_with("fragile", component).await;
    stage.ask("fragile", "please").await.unwrap_err();
    eventually("the failure", || fragile.state() == PeerState::Failed).await;
    assert!(fragile.stop(PATIENCE).await);
    assert_eq!(fragile.stats().crashes, 1, "it is not entered once more");
}

#[tokio::test]
async fn stopping_lets_what_runs_end_and_refuses_what_waits() {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let running = stage.request("gate", 20_000, "hold").await;
    gate.is_holding().await;
    let queued = stage.request("gate", 20_000, "queued").await;
    stage.cast("gate", "queued").unwrap();

    let handle = stage.handle("gate");
    let its = handle.clone();
    let stop = tokio::spawn(async move { its.stop(PATIENCE).await });
    assert_eq!(stage.results(1).await, [format!("{queued} unavailable")], "before it has ended");
    assert_eq!(handle.state(), PeerState::Stopping);
    assert_eq!(handle.stats().dead_letters, 1);
    let refused = stage.cast("gate", "too late").unwrap_err();
    assert_eq!(refused.error, MessagingError::ComponentNotFound);

    gate.open();
    assert!(stop.await.unwrap());
    assert_eq!(stage.results(2).await[1], format!("{running} ok hold"));
    assert_eq!(gate.payloads(), ["hold"]);
    assert!(stage.component("gate").is_none());
    assert!(handle.stop(PATIENCE).await, "stopping twice is stopping once");
}

#[tokio::test]
async fn the_id_of_a_component_that_was_stopped_is_free() {
    let stage = Stage::with_requester().await;
    let first = stage.add("counter", "stateful-counter").await;
    assert_eq!(stage.tell("counter", "one").await, "1");
    stage.tell("requester", "cast counter another").await;
    assert!(first.stop(PATIENCE).await);
    let second = stage.add("counter", "stateful-counter").await;
    assert_eq!(stage.tell("counter", "get").await, "0", "another component");
    // Who knew the way to the one finds the way to the other.
    stage.tell("requester", "cast counter one").await;
    assert_eq!(stage.tell("counter", "get").await, "1");
    assert_eq!((first.state(), second.state()), (PeerState::Stopped, PeerState::Running));
    assert!(second.incarnation() > first.incarnation());
}

#[tokio::test]
async fn who_does_not_end_in_time_is_ended() {
    let stage = Stage::with_requester().await;
    let component = fixture("slow-handler").limits(execution(LONG));
    let slow = stage.add_with("slow", component).await;
    let id = stage.request("slow", 60_000, "forever").await;
    eventually("the loop", || slow.stats().calls_handled == 1).await;
    let grace = Duration::from_millis(100);
    let start = Instant::now();
    assert!(slow.stop(grace).await);
    assert!(start.elapsed() >= grace, "not before its time was up");
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(stage.results(1).await, [format!("{id} crashed execution-limit")]);
    eventually("its thread's end", || stage.workers().threads == 2).await;
}

#[tokio::test]
async fn who_does_not_end_its_shutdown_in_time_is_ended() {
    let stage = Stage::new();
    let observer = Recorder::new();
    stage.add_native("observer", &observer).await;
    let component = fixture("setup-recorder").config("linger", "").limits(execution(LONG));
    let recorder = stage.add_with("recorder", component).await;
    assert!(recorder.stop(Duration::from_millis(100)).await);
    assert_eq!(recorder.state(), PeerState::Stopped);
    assert_eq!(recorder.stats().crashes, 1);
    assert_eq!(observer.payloads(), ["bye"]);
}

#[tokio::test]
async fn a_native_peer_that_does_not_return_is_given_up() {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let id = stage.request("gate", 20_000, "hold").await;
    gate.is_holding().await;
    assert!(!stage.handle("gate").stop(Duration::from_millis(50)).await);
    assert!(stage.component("gate").is_none());
    assert_eq!(stage.results(1).await, [format!("{id} unavailable")], "nobody waits for it");
    gate.open();
    // Its late answer goes nowhere.
    stage.add("echo", "echo-handler").await;
    stage.outcome("echo", 5000, "x").await;
    assert_eq!(stage.stats_of("requester").callbacks, 2);
}

#[tokio::test]
async fn a_grace_without_end_is_one() {
    let stage = Stage::new();
    let echo = stage.add("echo", "echo-handler").await;
    assert!(echo.stop(Duration::MAX).await);
    assert!(stage.shutdown(Duration::MAX).await.is_empty());
}

#[tokio::test]
async fn a_component_that_is_stopped_while_it_starts_is_gone() {
    let stage = Stage::new();
    let component = fixture("setup-recorder").config("loop", "").limits(execution(LONG));
    let loading = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.load("looper", component).await })
    };
    eventually("its beginning", || stage.component("looper").is_some()).await;
    let looper = stage.handle("looper");
    eventually("its first instance", || looper.incarnation() > 0).await;
    assert_eq!(looper.state(), PeerState::Starting);
    assert!(looper.stop(Duration::from_millis(50)).await);
    let error = loading.await.unwrap().unwrap_err();
    assert!(matches!(error, LoadError::Start { .. }), "{error:?}");
    assert!(stage.component("looper").is_none());
    stage.add("looper", "echo-handler").await;
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_leaves_the_id_usable() {
    let stage = Stage::new();
    {
        let mut load = pin!(stage.load("echo", fixture("echo-handler")));
        let pending = poll_fn(|cx| Poll::Ready(load.as_mut().poll(cx).is_pending())).await;
        assert!(pending, "compiling takes a while");
    }
    assert!(stage.component("echo").is_none());
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("echo", "hello").await, "hello");
}

// ---- shutting down

#[tokio::test]
async fn shutting_down_ends_every_call_and_delivers_the_callbacks() {
    let stage = Stage::with_requester().await;
    let (held, busy) = (Gate::new(), stage.handle("requester"));
    stage.add_native("gate", &held).await;
    stage.add("middle", "deferrer").await;
    let components = stage.components();
    stage.request("gate", 60_000, "hold").await;
    held.is_holding().await;
    for _ in 0..10 {
        stage.request("gate", 60_000, "queued").await;
    }
    stage.request("middle", 60_000, "hold").await;
    eventually("the handler", || stage.stats_of("middle").calls_handled == 1).await;
    stage.cast("gate", "queued").unwrap();
    let host = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.call("gate", "queued", PATIENCE).await })
    };
    eventually("all of it", || stage.stats_of("gate").mailbox_messages == 12).await;

    let shutdown = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.shutdown(PATIENCE).await })
    };
    assert_eq!(host.await.unwrap().unwrap_err(), UNAVAILABLE);
    eventually("what was queued", || busy.stats().callbacks >= 10).await;
    held.open();
    assert!(shutdown.await.unwrap().is_empty(), "everybody ended");

    let stats = busy.stats();
    assert_eq!(stats.callbacks, 12, "the running one, the queued ones, and the deferred one");
    assert_eq!((stats.answered, stats.failed), (1, 11));
    assert_eq!(stage.calls().pending, 0);
    assert_eq!(stage.stats().dead_letters, 1);
    for component in components {
        assert_eq!(component.state(), PeerState::Stopped, "{:?}", component.id());
    }
    assert!(stage.components().is_empty());
}

#[tokio::test]
async fn shutting_down_tells_the_requester_of_a_call_that_was_taken_over() {
    for middle in ["a", "z"] {
        // Whichever of the two is stopped first.
        let stage = Stage::build(castcall::System::builder().workers(1));
        let requester = stage.add("requester", "callback-receiver-component").await;
        let deferrer = stage.add(middle, "deferrer").await;
        for _ in 0..10 {
            stage.request(middle, 20_000, "hold").await;
        }
        eventually("the handler", || deferrer.stats().calls_handled == 10).await;
        assert!(stage.shutdown(PATIENCE).await.is_empty());
        let stats = requester.stats();
        assert_eq!((stats.callbacks, stats.failed), (10, 10), "{middle}");
    }
}

#[tokio::test]
async fn after_a_shutdown_everything_is_refused() {
    let stage = Stage::with_requester().await;
    let requester = stage.handle("requester");
    assert!(stage.shutdown(PATIENCE).await.is_empty());
    let refused = |error: MessagingError| {
        let gone = [MessagingError::ShuttingDown, MessagingError::ComponentNotFound];
        assert!(gone.contains(&error), "{error:?}");
    };
    refused(stage.cast("requester", "x").unwrap_err().error);
    refused(requester.cast("requester", "x").unwrap_err().error);
    assert_eq!(stage.publish("a", "x").unwrap_err().error, MessagingError::ShuttingDown);
    assert_eq!(requester.subscribe("a"), Err(MessagingError::ShuttingDown));
    let error = stage.call("requester", "x", PATIENCE).await.unwrap_err();
    let CallError::Refused { error, .. } = error else { panic!("{error:?}") };
    refused(error);
    let error = stage.load("late", fixture("echo-handler")).await.unwrap_err();
    assert!(matches!(error, LoadError::Refused(AddError::ShuttingDown)), "{error:?}");
    assert!(stage.shutdown(PATIENCE).await.is_empty(), "twice is once");
}

/// Counts its ends.
#[derive(Clone)]
struct Ends(Arc<AtomicUsize>);

impl NativePeer for Ends {
    fn handle_message(&mut self, _: &mut Context, _: Message) -> Result<Bytes, ComponentError> {
        Ok(Bytes::new())
    }

    fn shutdown(&mut self, _: &mut Context) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn shutting_down_runs_each_components_shutdown() {
    let stage = Stage::new();
    let ends = Ends(Arc::default());
    for id in ["a", "b", "c"] {
        stage.add_native(id, &ends).await;
    }
    let recorder = stage.add("recorder", "setup-recorder").await;
    assert!(stage.shutdown(PATIENCE).await.is_empty());
    assert_eq!(ends.0.load(Ordering::SeqCst), 3);
    let stats = recorder.stats();
    assert_eq!(stats.refused + stats.casts_sent, 1, "it tried to say `bye`");
}

#[tokio::test]
async fn shutting_down_ends_who_does_not_end() {
    let stage = Stage::new();
    let component = fixture("slow-handler").limits(execution(LONG));
    stage.add_with("slow", component).await;
    let call = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.call("slow", "forever", LONG).await })
    };
    let slow = stage.handle("slow");
    eventually("the loop", || slow.stats().calls_handled == 1).await;
    let start = Instant::now();
    assert!(stage.shutdown(Duration::from_millis(100)).await.is_empty(), "a guest can be ended");
    assert!(start.elapsed() < PATIENCE);
    let error = call.await.unwrap().unwrap_err();
    let crashed = CallError::Failed(RequestError::Crashed(CrashCode::ExecutionLimit));
    assert!([crashed, UNAVAILABLE].contains(&error), "{error:?}");
    eventually("the threads' end", || stage.workers().threads == 0).await;
}

#[tokio::test]
async fn who_does_not_end_takes_nobodys_shutdown_away() {
    let stage = Stage::with_requester().await;
    let ends = Ends(Arc::default());
    stage.add_native("native", &ends).await;
    let requester = stage.handle("requester");
    let component = fixture("slow-handler").limits(execution(LONG));
    let slow = stage.add_with("slow", component).await;
    stage.request("slow", 20_000, "forever").await;
    eventually("the loop", || slow.stats().calls_handled == 1).await;
    // A quarter of it, a second, is kept for goodbyes: enough on a machine that is busy.
    assert!(stage.shutdown(Duration::from_secs(4)).await.is_empty());
    assert_eq!(ends.0.load(Ordering::SeqCst), 1, "it was told");
    let stats = requester.stats();
    assert_eq!((stats.callbacks, stats.failed), (1, 1), "so was who waited for it");
    assert_eq!(slow.stats().crashes, 1);
}

#[tokio::test]
async fn shutting_down_names_who_could_not_be_ended() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.add("echo", "echo-handler").await;
    stage.cast("gate", "hold").unwrap();
    gate.is_holding().await;
    let abandoned = stage.shutdown(Duration::from_millis(50)).await;
    assert_eq!(abandoned.iter().map(ToString::to_string).collect::<Vec<_>>(), ["gate"]);
    gate.open();
    eventually("its thread's end", || stage.workers().threads == 0).await;
}

#[tokio::test]
async fn shutting_down_waits_for_no_restart() {
    let stage = Stage::new();
    let component = fixture("trapping-handler").restart(restart(5, LONG));
    let fragile = stage.add_with("fragile", component).await;
    stage.ask("fragile", "please").await.unwrap_err();
    eventually("the wait", || fragile.state() == PeerState::Restarting).await;
    let start = Instant::now();
    assert!(stage.shutdown(LONG).await.is_empty());
    assert!(start.elapsed() < PATIENCE);
}

// ---- dropping

#[tokio::test]
async fn dropping_the_last_handle_ends_the_calls_that_are_pending() {
    let stage = Stage::with_requester().await;
    let component = fixture("slow-handler").limits(execution(LONG));
    let slow = stage.add_with("slow", component).await;
    stage.cast("slow", "forever").unwrap();
    eventually("the loop", || slow.stats().casts_handled == 1).await;
    // A handle does not keep the system alive.
    let requester = stage.handle("requester");
    let call = {
        let requester = requester.clone();
        tokio::spawn(async move { requester.call("slow", "x", LONG).await })
    };
    eventually("the call", || requester.stats().pending == 1).await;
    drop(stage);
    let ended = tokio::time::timeout(PATIENCE, call).await.expect("an end").unwrap();
    assert_eq!(ended.unwrap_err(), UNAVAILABLE);
    assert!(requester.cast("slow", "x").is_err());
    assert_eq!(slow.state(), PeerState::Stopped);
}

/// The names of this process's threads that are castcall's.
#[cfg(target_os = "linux")]
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end while it is looked at.
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    // The compiler keeps threads for as long as the process lives, and they inherit this name.
    let is_ours = |name: &String| name.starts_with("castcall-") && !name.contains("-compil");
    names.filter(is_ours).collect()
}

/// Runs alone in a process of its own, since other tests have systems, and threads, too.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_the_last_handle_ends_the_threads() {
    const ALONE: &str = "CASTCALL_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "lifecycle::dropping_the_last_handle_ends_the_threads";
        alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
        let output = alone.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "it ran: {text}");
        return;
    }
    assert!(threads().is_empty(), "{:?}", threads());
    for _ in 0..3 {
        let stage = Stage::new();
        stage.add("echo", "echo-handler").await;
        let component = fixture("slow-handler").limits(execution(LONG));
        let slow = stage.add_with("slow", component).await;
        stage.cast("slow", "forever").unwrap();
        eventually("the loop", || slow.stats().casts_handled == 1).await;
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        assert!(threads().len() >= 3, "two workers and a timer: {:?}", threads());
        drop(stage);
        eventually("the threads' end", || threads().is_empty()).await;

        let stage = Stage::with_requester().await;
        assert!(stage.shutdown(PATIENCE).await.is_empty());
        drop(stage);
        eventually("the threads' end", || threads().is_empty()).await;
    }
}

#[tokio::test]
async fn a_system_can_be_built_and_dropped_without_an_async_runtime() {
    let built = std::thread::spawn(|| {
        let stage = Stage::new();
        stage.cast("nobody", "").unwrap_err().error
    });
    assert_eq!(built.join().unwrap(), MessagingError::ComponentNotFound);
    // Nor must a load go on where nobody is left to start it.
    let stage = Stage::new();
    let other = stage.clone();
    let load = tokio::spawn(async move { other.load("echo", fixture("echo-handler")).await });
    stage.shutdown(Duration::ZERO).await;
    match tokio::time::timeout(PATIENCE, load).await.expect("an end").unwrap() {
        Ok(handle) => assert_eq!(handle.state(), PeerState::Stopped),
        Err(LoadError::Refused(AddError::ShuttingDown)) => {}
        Err(LoadError::Start { source: StartError::Stopped, .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}
