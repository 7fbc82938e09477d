//! Request and response.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use castcall::{
    Bytes, CallError, Category, Component, ComponentError, Context, CrashCode, Message,
    MessagingError, RequestError, RestartConfig, RestartPolicy, System,
};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, eventually_async, execution, fixture, memory,
};

#[tokio::test]
async fn the_answer_arrives_in_handle_callback() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.outcome("echo", 5000, "how are you?").await, "ok how are you?");
    let stats = stage.stats_of("requester");
    assert_eq!((stats.calls_sent, stats.answered, stats.callbacks), (1, 1, 1));
    assert_eq!(stage.stats_of("echo").calls_handled, 1);
}

#[tokio::test]
async fn every_call_has_its_own_callback() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    let mut expected = HashSet::new();
    for number in 0..200 {
        let id = stage.request("echo", 20_000, &number.to_string()).await;
        assert!(expected.insert(format!("{id} ok {number}")), "an id came twice: {id}");
    }
    let results = stage.results(200).await;
    assert_eq!(results.len(), 200, "one callback each");
    assert_eq!(results.into_iter().collect::<HashSet<_>>(), expected);
    assert_eq!(stage.calls().pending, 0);
}

#[tokio::test]
async fn a_request_id_is_a_uuid_of_version_4() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    let id = stage.request("echo", 5000, "").await;
    let parts: Vec<_> = id.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    let is_lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert!(parts.concat().chars().all(is_lower_hex), "{id}");
    assert!(parts[2].starts_with('4'), "the version: {id}");
    assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "the variant: {id}");
}

#[tokio::test]
async fn cancelling_what_is_no_id_finds_nothing() {
    let stage = Stage::with_requester().await;
    let never = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for id in ["", "x", "not-a-uuid", &never[1..], never, &format!("{never}0"), "🦀"] {
        let answer = stage.tell("requester", format!("cancel {id}")).await;
        assert_eq!(answer, "not-found", "{id:?}");
    }
    assert_eq!(stage.stats_of("requester").denied_cancels, 0);
}

// ---- how a call can end

#[tokio::test]
async fn what_a_handler_returns_as_an_error_arrives_as_it_said_it() {
    let stage = Stage::with_requester().await;
    stage.add("rejecting", "rejecting-handler").await;
    assert_eq!(stage.outcome("rejecting", 5000, "x").await, "processing-failed 7 rejected");
    let invalid = stage.outcome("rejecting", 5000, "invalid").await;
    assert_eq!(invalid, "invalid-payload expected nothing");
    let error = stage.ask("rejecting", "x").await.unwrap_err();
    let failed = RequestError::ProcessingFailed { code: 7, message: "rejected".into() };
    assert_eq!(error, CallError::Failed(failed));
    assert_eq!(stage.stats_of("rejecting").handler_errors, 3);
    assert_eq!(stage.stats_of("requester").failed, 2);
}

/// Loads a component that crashes when it is told `what`, and tells it so.
async fn crash(component: Component, what: &str) -> String {
    let stage = Stage::with_requester().await;
    stage.add_with("fragile", component).await;
    let outcome = stage.outcome("fragile", 30_000, what).await;
    // Who asked is told first.
    eventually("the crash is counted", || stage.stats_of("fragile").crashes == 1).await;
    assert_eq!(stage.stats_of("requester").crashes, 0, "whoever asked is unharmed");
    assert_eq!(stage.calls().pending, 0);
    outcome
}

#[tokio::test]
async fn a_trap_arrives_as_crashed_trap() {
    assert_eq!(crash(fixture("trapping-handler"), "please").await, "crashed trap");
    assert_eq!(crash(fixture("trapping-handler"), "oob").await, "crashed trap");
}

#[tokio::test]
async fn a_stack_overflow_arrives_as_crashed_stack_overflow() {
    assert_eq!(crash(fixture("trapping-handler"), "stack").await, "crashed stack-overflow");
}

#[tokio::test]
async fn too_much_memory_arrives_as_crashed_memory_limit() {
    let limited = fixture("trapping-handler").limits(memory(1 << 20));
    assert_eq!(crash(limited, "memory").await, "crashed memory-limit");
}

#[tokio::test]
async fn an_endless_loop_arrives_as_crashed_execution_limit() {
    let limited = fixture("slow-handler").limits(execution(Duration::from_millis(50)));
    assert_eq!(crash(limited, "forever").await, "crashed execution-limit");
}

#[tokio::test]
async fn a_native_peers_panic_arrives_as_crashed_panic() {
    let stage = Stage::with_requester().await;
    let panicking = |_: &mut Context, message: Message| -> Result<Bytes, ComponentError> {
        panic!("asked to by {}", message.sender)
    };
    stage.register_fn("fragile", panicking).await.unwrap();
    assert_eq!(stage.outcome("fragile", 5000, "").await, "crashed panic");
    let error = stage.ask("fragile", "").await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Crashed(CrashCode::Panic)));
}

#[tokio::test]
async fn a_target_that_has_failed_for_good_is_unavailable_at_once() {
    let stage = Stage::with_requester().await;
    let mut never = RestartConfig::default();
    never.policy = RestartPolicy::Never;
    stage.add_with("fragile", fixture("trapping-handler").restart(never)).await;
    assert_eq!(stage.outcome("fragile", 60_000, "please").await, "crashed trap");
    let start = Instant::now();
    assert_eq!(stage.outcome("fragile", 60_000, "ok").await, "unavailable");
    let error = stage.ask("fragile", "ok").await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Unavailable));
    assert!(start.elapsed() < PATIENCE, "nobody waits for a timeout");
}

#[tokio::test]
async fn a_target_that_is_stopped_ends_the_calls_queued_for_it() {
    let stage = Stage::with_requester().await;
    let slow = stage.add("slow", "slow-handler").await;
    stage.cast("slow", "forever").unwrap();
    eventually("the loop", || slow.stats().casts_handled == 1).await;
    let id = stage.request("slow", 60_000, "1").await;
    slow.stop(Duration::ZERO).await;
    assert_eq!(stage.results(1).await, [format!("{id} unavailable")]);
}

#[tokio::test]
async fn an_answer_over_the_limit_arrives_as_invalid_payload() {
    let stage = Stage::build(System::builder().max_payload(100));
    stage.add("requester", "callback-receiver-component").await;
    let verbose = |_: &mut Context, _: Message| Ok::<_, ComponentError>("x".repeat(101));
    stage.register_fn("verbose", verbose).await.unwrap();
    let error = stage.call("verbose", "", PATIENCE).await.unwrap_err();
    let CallError::Failed(RequestError::InvalidPayload(why)) = &error else { panic!("{error:?}") };
    assert!(why.contains("101") && why.contains("100"), "{why}");
}

#[tokio::test]
async fn a_timeout_is_neither_early_nor_left_to_the_target() {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.cast("gate", "hold").unwrap();
    for timeout in [1, 2, 3, 20, 150] {
        let start = Instant::now();
        assert_eq!(stage.outcome("gate", timeout, "").await, "timeout");
        assert!(start.elapsed() >= Duration::from_millis(timeout), "{timeout} ms: early");
        let start = Instant::now();
        let error = stage.call("gate", "", Duration::from_millis(timeout)).await.unwrap_err();
        assert_eq!(error, CallError::Failed(RequestError::Timeout));
        assert_eq!(error.category(), Category::Timeout);
        assert!(start.elapsed() >= Duration::from_millis(timeout), "{timeout} ms: early");
    }
    gate.open();
}

// ---- who calls whom

#[tokio::test]
async fn a_component_may_call_itself() {
    let stage = Stage::new();
    stage.add("self", "self-caller").await;
    stage.tell("self", "start").await;
    let answered = async || stage.tell("self", "result").await == "pong";
    eventually_async("its own answer", answered).await;
}

#[tokio::test]
async fn two_components_may_call_each_other_at_once() {
    let stage = Stage::new();
    let (left, right) =
        (stage.add("left", "mutual-caller").await, stage.add("right", "mutual-caller").await);
    for _ in 0..100 {
        let start = |one: &'static str, other: &str| {
            let (stage, what) = (stage.clone(), format!("start {other}"));
            async move { stage.tell(one, what).await }
        };
        tokio::join!(start("left", "right"), start("right", "left"));
    }
    eventually("all callbacks", || left.stats().callbacks == 100 && right.stats().callbacks == 100)
        .await;
    for one in [&left, &right] {
        assert_eq!(one.stats().answered, 100);
        assert_eq!(stage.tell(one.id().as_str(), "result").await, "pong");
    }
}

#[tokio::test]
async fn the_embedding_program_awaits_the_answer() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let answer = stage.call("echo", "hello", PATIENCE).await.unwrap();
    assert_eq!(&answer[..], b"hello");
    let stats = stage.host().stats();
    assert_eq!((stats.calls_sent, stats.answered, stats.pending), (1, 1, 0));
}

#[tokio::test]
async fn a_native_peer_calls_a_component_and_has_its_callback() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let recorder = Recorder::new();
    let keeper = recorder.clone();
    let asks = move || Asks(keeper.clone());
    stage.register("asker", asks).await.unwrap();
    let id = stage.tell("asker", "echo").await;
    eventually("the callback", || recorder.callbacks().len() == 1).await;
    let (request_id, result) = &recorder.callbacks()[0];
    assert_eq!(request_id.to_string(), id);
    assert_eq!(result.as_deref(), Ok(&b"asked natively"[..]));
}

/// Calls whom it is told, and answers with the request id.
struct Asks(Recorder);

impl castcall::NativePeer for Asks {
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        let target = String::from_utf8_lossy(&message.payload);
        let id = context.send_request(&target, &b"asked natively"[..], 20_000).unwrap();
        Ok(id.to_string().into())
    }

    fn handle_callback(
        &mut self,
        context: &mut Context,
        id: castcall::RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        self.0.handle_callback(context, id, result)
    }
}

#[tokio::test]
async fn dropping_the_future_cancels_the_call() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.cast("gate", "hold").unwrap();
    gate.is_holding().await;
    {
        let mut call = pin!(stage.call("gate", "changed my mind", PATIENCE));
        let pending = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
        assert!(pending, "it was made, and waits");
        assert_eq!(stage.host().stats().pending, 1);
    }
    let stats = stage.host().stats();
    assert_eq!((stats.calls_sent, stats.cancelled, stats.pending), (1, 1, 0));
    assert_eq!((stage.calls().cancelled, stage.calls().pending), (1, 0));

    gate.open();
    stage.tell("gate", "after all").await;
    assert_eq!(gate.payloads(), ["hold", "after all"], "it was not delivered");
    assert_eq!(stage.stats_of("gate").ended_in_mailbox, 1);
}

#[tokio::test]
async fn a_future_that_is_never_polled_makes_no_call() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    drop(stage.call("echo", "hello", PATIENCE));
    assert_eq!(stage.host().stats().calls_sent, 0);
}

// ---- what is refused

#[tokio::test]
async fn who_cannot_be_called_back_may_not_call() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    stage.add("uncallable", "uncallable-caller").await;
    let error = stage.ask("uncallable", "echo").await.unwrap_err();
    assert!(error.to_string().ends_with("no-callback-handler"), "{error}");
    assert_eq!(stage.stats_of("echo").calls_handled, 0);
    assert_eq!(stage.stats_of("uncallable").refused, 1);
}

#[tokio::test]
async fn absurd_timeouts_are_refused() {
    let stage = Stage::build(System::builder().max_timeout(Duration::from_secs(60)));
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    for timeout in [0, 60_001, u64::MAX - 1, u64::MAX] {
        let error = stage.ask("requester", format!("call echo {timeout} x")).await.unwrap_err();
        assert!(error.to_string().ends_with("invalid-timeout"), "{timeout}: {error}");
        let error = stage.call("echo", "x", Duration::from_millis(timeout)).await.unwrap_err();
        let refused =
            CallError::Refused { error: MessagingError::InvalidTimeout, payload: "x".into() };
        assert_eq!(error, refused, "{timeout}");
    }
    let error = stage.call("echo", "x", Duration::MAX).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { error: MessagingError::InvalidTimeout, .. }));
    assert_eq!(stage.calls().registered, 4, "those of the test itself");
    assert_eq!(stage.outcome("echo", 60_000, "x").await, "ok x", "the most that is allowed");
}

#[tokio::test]
async fn a_timeout_without_end_is_one_where_the_program_allows_it() {
    let stage = Stage::build(System::builder().max_timeout(Duration::MAX));
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(&stage.call("echo", "x", Duration::MAX).await.unwrap()[..], b"x");
    assert_eq!(stage.outcome("echo", u64::MAX, "x").await, "ok x");
}

#[tokio::test]
async fn pending_calls_are_capped_for_each_owner() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.add("echo", "echo-handler").await;
    for id in ["requester", "other"] {
        stage.add_with(id, fixture("callback-receiver-component").max_pending(2)).await;
    }
    let first = stage.request("gate", 20_000, "hold").await;
    stage.request("gate", 20_000, "queued").await;
    let error = stage.ask("requester", "call echo 5000 x").await.unwrap_err();
    assert!(error.to_string().ends_with("too-many-pending"), "{error}");
    assert_eq!(stage.stats_of("requester").pending, 2);
    // Another's cap is its own.
    stage.tell("other", "call echo 5000 x").await;

    stage.tell("requester", format!("cancel {first}")).await;
    eventually("its callback", || stage.stats_of("requester").callbacks == 1).await;
    stage.request("echo", 5000, "x").await;
    gate.open();
    stage.results(3).await;
    assert_eq!(stage.stats_of("requester").pending, 0);
}

#[tokio::test]
async fn a_refused_call_leaves_nothing_behind() {
    let stage = Stage::build(System::builder().max_payload(64));
    stage.add("requester", "callback-receiver-component").await;
    stage.add("mute", "callback-only").await;
    let refusals = [
        ("call nobody 5000 x", "component-not-found"),
        ("call in//box 5000 x", "invalid-message"),
        ("call mute 5000 x", "cannot-receive"),
        ("call host 5000 x", "cannot-receive"),
        ("call mute 0 x", "cannot-receive"),
    ];
    for (what, why) in refusals {
        let error = stage.ask("requester", what).await.unwrap_err();
        assert!(error.to_string().ends_with(why), "{what}: {error}");
    }
    let too_large = stage.call("requester", vec![b'x'; 65], PATIENCE).await.unwrap_err();
    let CallError::Refused { error, payload } = &too_large else { panic!("{too_large:?}") };
    assert_eq!(*error, MessagingError::PayloadTooLarge { limit: 64 });
    assert_eq!(payload.len(), 65);
    assert_eq!(too_large.category(), Category::Caller);
    assert!(!too_large.is_retryable());
    let stats = stage.stats_of("requester");
    assert_eq!((stats.refused, stats.calls_sent, stats.pending), (5, 0, 0));
    assert_eq!(stage.calls().pending, 0);
}

// ---- payloads

#[tokio::test]
async fn a_mebibyte_goes_there_and_back() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    let megabyte: Vec<u8> = (0..1_usize << 20).map(|at| (at * 31 / 7) as u8).collect();
    for _ in 0..3 {
        let answer = stage.call("echo", megabyte.clone(), PATIENCE).await.unwrap();
        assert!(answer == megabyte, "changed on the way");
    }
    // From guest to guest; the order to send it has to fit too.
    let text: String = ('a'..='z').cycle().take((1 << 20) - 64).collect();
    assert!(stage.outcome("echo", 20_000, &text).await == format!("ok {text}"));
}

#[tokio::test]
async fn an_empty_payload_is_a_payload() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.outcome("echo", 5000, "").await, "ok ");
    assert!(stage.call("echo", Bytes::new(), PATIENCE).await.unwrap().is_empty());
    stage.cast("requester", Bytes::new()).unwrap();
    assert_eq!(stage.kept("requester").await.last().unwrap(), "message host ");
}
