//! What a component may do, and how much.

use std::time::Duration;

use castcall::policy::{Action, Denial, Rule};
use castcall::{
    CallError, Capabilities, MessagingError, PeerState, Policy, Quotas, Rate, RequestError, System,
};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually, fixture, restart};

/// A `requester` with these rights, an `echo`, and a native `listener`.
async fn with_rights(granted: Capabilities) -> Stage {
    let policy = Policy::from_rules([
        Rule::new("requester".parse().unwrap()).granting(granted),
        Rule::new("listener".parse().unwrap()).granting(Capabilities::all()),
    ]);
    let stage = Stage::guarded(System::builder().workers(2).policy(policy.unwrap()));
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    stage.add_native("listener", &Recorder::new()).await;
    stage
}

/// What the requester says that it was refused with.
async fn refusal(stage: &Stage, what: &str) -> String {
    match stage.ask("requester", what).await {
        Err(CallError::Failed(RequestError::ProcessingFailed { message, .. })) => message,
        other => panic!("{what}: {other:?}"),
    }
}

const DENIED: &str = "capability-denied";

#[tokio::test]
async fn nothing_is_allowed_that_is_not_granted() {
    let stage = with_rights(Capabilities::none()).await;
    for what in [
        "cast echo hello",
        "call echo 1000 hello",
        "publish news hello",
        "subscribe news",
        // Also what is not there: nothing leaks about what exists.
        "cast nobody hello",
        "call nobody 1000 hello",
        // Itself too.
        "cast requester hello",
    ] {
        assert_eq!(refusal(&stage, what).await, DENIED, "{what}");
    }
    let stats = stage.stats_of("requester");
    assert_eq!((stats.denied, stats.refused, stats.casts_sent, stats.pending), (7, 6, 0, 0));
    assert_eq!(stage.stats_of("echo").casts_handled, 0);
    assert_eq!(stage.stats_of("requester").crashes, 0);
}

#[tokio::test]
async fn each_right_is_by_itself() {
    let cast = with_rights(Capabilities::none().with_cast("echo".parse().unwrap())).await;
    assert_eq!(cast.tell("requester", "cast echo hello").await, "ok");
    assert_eq!(refusal(&cast, "call echo 1000 hello").await, DENIED);

    let call = with_rights(Capabilities::none().with_call("echo".parse().unwrap())).await;
    assert_eq!(refusal(&call, "cast echo hello").await, DENIED);
    assert_eq!(call.outcome("echo", 5_000, "hello").await, "ok hello");

    let publish = with_rights(Capabilities::none().with_publish("news.*".parse().unwrap())).await;
    publish.handle("listener").subscribe("*").unwrap();
    assert_eq!(publish.tell("requester", "publish news.today hello").await, "1");
    assert_eq!(refusal(&publish, "publish news hello").await, DENIED);
    assert_eq!(refusal(&publish, "subscribe news.today").await, DENIED);

    let hear = with_rights(Capabilities::none().with_subscribe("news.*".parse().unwrap())).await;
    assert_eq!(hear.tell("requester", "subscribe news.today").await, "ok");
    assert_eq!(hear.tell("requester", "subscribe news.*").await, "ok");
    assert_eq!(refusal(&hear, "subscribe *").await, DENIED, "wider than granted");
    assert_eq!(refusal(&hear, "publish news.today hello").await, DENIED);
}

#[tokio::test]
async fn what_is_asked_for_and_what_is_granted_must_meet() {
    let policy = Policy::open();
    let stage = Stage::guarded(System::builder().workers(2).policy(policy));
    let asks = Capabilities::none().with_cast("shop/*".parse().unwrap());
    let requester = fixture("callback-receiver-component").capabilities(asks);
    stage.add_with("requester", requester).await;
    stage.add("shop/echo", "echo-handler").await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("requester", "cast shop/echo hello").await, "ok");
    assert_eq!(refusal(&stage, "cast echo hello").await, DENIED, "granted, and not asked for");
}

#[tokio::test]
async fn a_revoked_right_is_gone_with_the_next_send() {
    let stage = with_rights(Capabilities::all()).await;
    let who = "requester".parse().unwrap();
    assert_eq!(stage.tell("requester", "cast echo hello").await, "ok");
    let cast_echo = Capabilities::none().with_cast("echo".parse().unwrap());
    stage.policy().revoke(&who, &cast_echo).unwrap();
    assert_eq!(refusal(&stage, "cast echo hello").await, DENIED);
    assert_eq!(stage.tell("requester", "cast listener hello").await, "ok");
    stage.policy().grant(&who, &cast_echo).unwrap();
    assert_eq!(stage.tell("requester", "cast echo hello").await, "ok");
}

#[tokio::test]
async fn revoking_works_on_what_is_subscribed() {
    let stage = with_rights(Capabilities::all()).await;
    assert_eq!(stage.tell("requester", "subscribe news.*").await, "ok");
    stage.handle("listener").subscribe("news.*").unwrap();
    assert_eq!(stage.publish("news.secret", "one").unwrap(), 2);
    let secret = Capabilities::none().with_subscribe("news.secret".parse().unwrap());
    stage.policy().revoke(&"requester".parse().unwrap(), &secret).unwrap();
    assert_eq!(stage.publish("news.secret", "two").unwrap(), 1);
    assert_eq!(stage.publish("news.today", "three").unwrap(), 2, "the rest goes on");
    assert_eq!(stage.kept("requester").await, ["message host one", "message host three"]);
    stage.policy().grant(&"requester".parse().unwrap(), &secret).unwrap();
    assert_eq!(stage.publish("news.secret", "four").unwrap(), 2);
}

#[tokio::test]
async fn a_native_peer_has_rights_like_everybody() {
    let stage = with_rights(Capabilities::none()).await;
    stage.policy().set(&"listener".parse().unwrap(), &Capabilities::none()).unwrap();
    let listener = stage.handle("listener");
    let refused = listener.cast("echo", "hello").unwrap_err();
    assert_eq!(
        (refused.error, &refused.payload[..]),
        (MessagingError::CapabilityDenied, &b"hello"[..])
    );
    assert_eq!(listener.publish("t", "").unwrap_err().error, MessagingError::CapabilityDenied);
    assert_eq!(listener.subscribe("t").unwrap_err(), MessagingError::CapabilityDenied);
    let called = listener.call("echo", "hello", PATIENCE).await.unwrap_err();
    assert!(matches!(called, CallError::Refused { error: MessagingError::CapabilityDenied, .. }));
    assert_eq!(listener.stats().denied, 4);
    // The program itself, if the policy says so.
    stage.policy().set(&"host".parse().unwrap(), &Capabilities::none()).unwrap();
    assert_eq!(stage.cast("echo", "hello").unwrap_err().error, MessagingError::CapabilityDenied);
}

#[tokio::test]
async fn what_is_configured_is_not_granted_by_that() {
    let policy = Policy::new();
    let stage = Stage::guarded(System::builder().workers(2).policy(policy));
    let component = fixture("callback-receiver-component").subscribe("news".parse().unwrap());
    stage.add_with("requester", component).await;
    assert_eq!(stage.publish("news", "hello").unwrap(), 0);
}

#[tokio::test]
async fn who_tries_what_it_may_not_too_often_is_ended() {
    let policy = Policy::new();
    let stage = Stage::guarded(System::builder().workers(2).policy(policy));
    let component =
        fixture("callback-receiver-component").restart(restart(50, Duration::from_millis(1)));
    let requester = stage.add_with("requester", component.poison_limit(0)).await;
    // More than the meter's burst.
    for _ in 0..150 {
        stage.cast("requester", "cast echo hello").unwrap();
    }
    eventually("a crash", || requester.stats().crashes > 0).await;
    assert!(requester.stats().denied > 100);
    // Its neighbours, and the system, go on.
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("echo", "hello").await, "hello");
}

#[tokio::test]
async fn so_many_messages_a_second_and_no_more() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    quotas.messages_per_second = Rate::PerSecond(10);
    quotas.burst = 5;
    stage.add_with("requester", fixture("callback-receiver-component").quotas(quotas)).await;
    stage.add("echo", "echo-handler").await;
    for _ in 0..5 {
        assert_eq!(stage.tell("requester", "cast echo hello").await, "ok");
    }
    // Whatever it is that costs a message.
    for what in ["cast echo hello", "call echo 1000 hello", "publish t hello", "subscribe t"] {
        let refused = refusal(&stage, what).await;
        assert!(refused.starts_with("quota-exceeded"), "{what}: {refused}");
    }
    // Tokens come back.
    let sent = || async { stage.ask("requester", "cast echo hello").await.is_ok() };
    let began = std::time::Instant::now();
    while !sent().await {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stage.handle("requester").state(), PeerState::Running);
}

#[tokio::test]
async fn its_own_limit_of_payloads() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    quotas.max_payload = 8;
    stage.add_with("requester", fixture("callback-receiver-component").quotas(quotas)).await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("requester", "cast echo 12345678").await, "ok");
    let refused = refusal(&stage, "cast echo 123456789").await;
    assert!(refused.starts_with("payload-too-large"), "{refused}");
}

#[tokio::test]
async fn quotas_out_of_range_are_refused_at_load() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    quotas.messages_per_second = Rate::PerSecond(0);
    let component = fixture("echo-handler").quotas(quotas);
    let error = stage.load("echo", component).await.unwrap_err();
    assert!(error.to_string().contains("quotas are out of range"), "{error}");
    assert!(stage.component("echo").is_none());
}

#[tokio::test]
async fn an_operator_can_ask_why() {
    let stage = with_rights(Capabilities::none().with_cast("echo".parse().unwrap())).await;
    let requester = stage.handle("requester");
    let echo = "echo".parse().unwrap();
    let may = requester.explain(Action::Cast(&echo));
    assert!(may.is_allowed());
    assert_eq!(
        may.to_string(),
        "requester may cast to echo: its manifest asks for *, and it is granted echo by the rule \
         for requester",
    );
    assert_eq!(requester.explain(Action::Call(&echo)).denial(), Some(Denial::NotGranted));
    stage.policy().grant(&"requester".parse().unwrap(), &Capabilities::all()).unwrap();
    assert!(requester.explain(Action::Call(&echo)).is_allowed());
    let usage = requester.usage();
    assert_eq!((usage.pending_requests, usage.subscriptions), (0, 0));
    assert_eq!(usage.mailbox_messages_limit, 1024);
}
