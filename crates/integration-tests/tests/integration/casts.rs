//! Fire and forget.

use castcall::{Category, MessagingError, System};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually};

#[tokio::test]
async fn a_cast_reaches_handle_message() {
    let stage = Stage::new();
    stage.add("inbox", "callback-receiver-component").await;
    stage.cast("inbox", "hello").unwrap();
    // The question queues behind the cast: no need to wait for it.
    assert_eq!(stage.kept("inbox").await, ["message host hello"]);
}

#[tokio::test]
async fn a_guest_casts_to_a_guest_in_its_own_name() {
    let stage = Stage::with_requester().await;
    stage.add("inbox", "callback-receiver-component").await;
    assert_eq!(stage.tell("requester", "cast inbox hello there").await, "ok");
    assert_eq!(stage.kept("inbox").await, ["message requester hello there"]);
    assert_eq!(stage.stats_of("requester").casts_sent, 1);
    assert_eq!(stage.stats_of("inbox").casts_handled, 1);
}

#[tokio::test]
async fn a_component_may_cast_to_itself() {
    let stage = Stage::with_requester().await;
    assert_eq!(stage.tell("requester", "cast requester note to self").await, "ok");
    assert_eq!(stage.kept("requester").await, ["message requester note to self"]);
}

#[tokio::test]
async fn the_sender_is_stamped_by_the_host() {
    let stage = Stage::with_requester().await;
    stage.add("shop/validator", "sender-validator").await;
    assert_eq!(stage.tell("shop/validator", "who am I?").await, "host");
    assert_eq!(stage.outcome("shop/validator", 5000, "and I?").await, "ok requester");
    let requester = stage.handle("requester");
    let answer = requester.call("shop/validator", "", PATIENCE).await.unwrap();
    assert_eq!(&answer[..], b"requester", "a handle sends as its component");
}

#[tokio::test]
async fn an_instance_keeps_its_state_between_messages() {
    let stage = Stage::new();
    stage.add("counter", "stateful-counter").await;
    for _ in 0..3 {
        stage.cast("counter", "one more").unwrap();
    }
    assert_eq!(stage.tell("counter", "one more").await, "4");
    assert_eq!(stage.tell("counter", "get").await, "4");
}

#[tokio::test]
async fn two_components_of_one_file_share_nothing() {
    let stage = Stage::new();
    stage.add("left", "stateful-counter").await;
    stage.add("right", "stateful-counter").await;
    stage.cast("left", "").unwrap();
    assert_eq!(stage.tell("left", "get").await, "1");
    assert_eq!(stage.tell("right", "get").await, "0");
}

#[tokio::test]
async fn casts_arrive_in_the_order_in_which_they_were_sent() {
    let stage = Stage::new();
    stage.add("inbox", "callback-receiver-component").await;
    for number in 0..1000 {
        stage.cast("inbox", number.to_string()).unwrap();
    }
    let expected: Vec<_> = (0..1000).map(|number| format!("message host {number}")).collect();
    assert_eq!(stage.kept("inbox").await, expected);
}

#[tokio::test]
async fn casts_and_calls_of_one_sender_keep_their_order() {
    let stage = Stage::with_requester().await;
    stage.add("inbox", "callback-receiver-component").await;
    stage.tell("requester", "cast inbox first").await;
    stage.request("inbox", 5000, "second").await;
    stage.tell("requester", "cast inbox third").await;
    let expected = ["first", "second", "third"].map(|text| format!("message requester {text}"));
    assert_eq!(stage.kept("inbox").await, expected);
}

#[tokio::test]
async fn what_the_handler_of_a_cast_returns_is_dropped() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    stage.tell("requester", "cast echo is anybody there?").await;
    eventually("the cast", || stage.stats_of("echo").casts_handled == 1).await;
    // Behind anything that the cast could have brought.
    stage.tell("echo", "").await;
    assert_eq!(stage.tell("requester", "count").await, "0");
    let stats = stage.stats_of("requester");
    assert_eq!((stats.callbacks, stats.calls_sent, stats.pending), (0, 0, 0));
    assert_eq!(stage.stats_of("echo").orphans, 0, "no answer was made that nobody wants");
}

#[tokio::test]
async fn an_error_of_a_casts_handler_is_counted_and_harms_nobody() {
    let stage = Stage::new();
    let rejecting = stage.add("rejecting", "rejecting-handler").await;
    let incarnation = rejecting.incarnation();
    stage.cast("rejecting", "no").unwrap();
    eventually("the error", || rejecting.stats().handler_errors == 1).await;
    let stats = rejecting.stats();
    assert_eq!((stats.crashes, stats.dead_letters), (0, 0));
    assert_eq!(rejecting.incarnation(), incarnation);
}

#[tokio::test]
async fn exports_that_no_host_knows_do_no_harm() {
    let stage = Stage::new();
    stage.add("noisy", "noisy-exports").await;
    assert_eq!(stage.tell("noisy", "hello").await, "hello");
}

#[tokio::test]
async fn the_least_component_there_is_can_be_sent_to() {
    let stage = Stage::new();
    stage.add("basic", "basic-handle-message").await;
    assert_eq!(stage.tell("basic", "anything").await, "ok");
    let basic = stage.handle("basic");
    stage.cast("basic", "anything").unwrap();
    eventually("the cast", || basic.stats().casts_handled == 1).await;
}

#[tokio::test]
async fn native_peers_and_components_cast_to_each_other() {
    let stage = Stage::with_requester().await;
    let recorder = Recorder::new();
    stage.add_native("native", &recorder).await;
    stage.tell("requester", "cast native to rust").await;
    eventually("the cast", || recorder.records().len() == 1).await;
    let record = &recorder.records()[0];
    assert_eq!((record.sender.as_str(), &record.payload[..]), ("requester", &b"to rust"[..]));
    assert!(!record.is_call);

    stage.handle("native").cast("requester", "to wasm").unwrap();
    assert_eq!(stage.kept("requester").await, ["message native to wasm"]);
}

#[tokio::test]
async fn a_refused_cast_says_why_and_gives_the_payload_back() {
    let stage = Stage::build(System::builder().max_payload(64));
    stage.add("inbox", "callback-receiver-component").await;
    stage.add("mute", "callback-only").await;
    let refused = |target: &str, payload: &str| {
        let refused = stage.cast(target, payload.to_owned()).unwrap_err();
        assert_eq!(refused.payload, payload.as_bytes());
        refused.error
    };
    assert_eq!(refused("nobody", "hello"), MessagingError::ComponentNotFound);
    for out_of_form in
        ["", "in box", "inbox/", "/inbox", "in//box", "in.box", "*", &"x".repeat(129)]
    {
        let error = refused(out_of_form, "hello");
        assert_eq!(error, MessagingError::InvalidMessage, "{out_of_form:?}");
        assert_eq!(error.category(), Category::Caller);
    }
    assert_eq!(refused("mute", "hello"), MessagingError::CannotReceive);
    assert_eq!(refused("host", "hello"), MessagingError::CannotReceive);
    let too_large = "x".repeat(65);
    assert_eq!(refused("inbox", &too_large), MessagingError::PayloadTooLarge { limit: 64 });
    stage.cast("inbox", "x".repeat(64)).unwrap();

    let stats = stage.host().stats();
    assert_eq!((stats.refused, stats.casts_sent), (12, 1));
    assert_eq!(stage.stats().dead_letters, 0, "what was refused was never sent");
}

#[tokio::test]
async fn a_guests_refused_cast_says_why() {
    let stage = Stage::build(System::builder().max_payload(64));
    stage.add("requester", "callback-receiver-component").await;
    stage.add("mute", "callback-only").await;
    stage.add("inbox", "callback-receiver-component").await;
    let refusals = [
        ("cast nobody hello", "component-not-found"),
        ("cast in//box hello", "invalid-message"),
        ("cast  hello", "invalid-message"),
        ("cast mute hello", "cannot-receive"),
        ("cast host hello", "cannot-receive"),
    ];
    for (what, why) in refusals {
        let error = stage.ask("requester", what).await.unwrap_err();
        assert!(error.to_string().ends_with(why), "{what}: {error}");
    }
    assert_eq!(stage.stats_of("requester").refused, refusals.len() as u64);
    // Whoever was refused goes on.
    assert_eq!(stage.tell("requester", "cast inbox hello").await, "ok");
}

#[tokio::test]
async fn a_component_that_was_stopped_is_not_found() {
    let stage = Stage::with_requester().await;
    let echo = stage.add("echo", "echo-handler").await;
    stage.tell("requester", "cast echo remember the way").await;
    assert!(echo.stop(PATIENCE).await);
    let refused = stage.cast("echo", "hello").unwrap_err();
    assert_eq!(refused.error, MessagingError::ComponentNotFound);
    let error = stage.ask("requester", "cast echo hello").await.unwrap_err();
    assert!(error.to_string().ends_with("component-not-found"), "{error}");
}
