//! What castcall-guest can do, seen from a guest in real WebAssembly.

use std::time::Duration;

use castcall::codec::{Codec, cbor};
use castcall::policy::Rule;
use castcall::{
    CallError, Capabilities, ComponentError, Context, CrashCode, Message, Policy, Quotas, Rate,
    RequestError, System,
};
use castcall_integration_tests::{
    PATIENCE, Recorder, Stage, eventually, fixture, mailbox, restart,
};
use serde::Serialize;

/// What the witness is asked for.
#[derive(Serialize)]
enum Ask<'a> {
    Context,
    Usage,
    Subscribe(&'a str),
    SubscribeGroup(&'a str, &'a str),
    Unsubscribe(&'a str),
    Publish(&'a str, &'a str),
    #[serde(rename = "Ask")]
    Other {
        target: &'a str,
        timeout_ms: u64,
    },
    DeferTwice,
    Panic,
}

fn message(ask: &Ask<'_>) -> Vec<u8> {
    cbor::encode(ask).unwrap()
}

async fn try_ask(stage: &Stage, ask: Ask<'_>) -> Result<String, CallError> {
    let answer = stage.call("witness", message(&ask), PATIENCE).await?;
    Ok(cbor::decode(&answer).expect("text in CBOR"))
}

async fn ask(stage: &Stage, what: Ask<'_>) -> String {
    try_ask(stage, what).await.expect("an answer")
}

async fn witness() -> Stage {
    let stage = Stage::new();
    stage.add_with("witness", fixture("rust-witness").codecs([Codec::Cbor])).await;
    stage
}

#[tokio::test]
async fn it_knows_the_message_and_itself() {
    let stage = witness().await;
    let said = ask(&stage, Ask::Context).await;
    assert!(said.starts_with("self=witness sender=host/Some(\"host\") timestamp=Some(1"), "{said}");
    assert!(
        said.contains("topic=None id=Some(\"") && said.contains("remaining=Some(29."),
        "{said}"
    );
    assert!(said.ends_with("cancelled=false trace=None"), "{said}");
}

#[tokio::test]
async fn it_knows_what_it_uses() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    (quotas.messages_per_second, quotas.burst) = (Rate::PerSecond(3), 1_000);
    quotas.max_pending = 5;
    let component = fixture("rust-witness").quotas(quotas);
    let component = component.mailbox(mailbox(17, Default::default()));
    stage.add_with("witness", component).await;
    let expected = "Usage { mailbox_messages: 0, mailbox_messages_limit: 17, mailbox_bytes: 0, \
                    mailbox_bytes_limit: 16777216, pending_requests: 0, \
                    pending_requests_limit: 5, payload_bytes_limit: 1048576, subscriptions: 0, \
                    subscriptions_limit: 1024, message_rate: Some(MessageRate { \
                    messages_per_second: 3, burst: 1000, messages_left: 1000 }) }";
    assert_eq!(ask(&stage, Ask::Usage).await, expected);
}

#[tokio::test]
async fn it_publishes_and_subscribes() {
    let stage = witness().await;
    let recorder = Recorder::new();
    stage.add_native("recorder", &recorder).await;
    stage.handle("recorder").subscribe("news.*").unwrap();
    assert_eq!(ask(&stage, Ask::Publish("news.today", "sun")).await, "Ok(1)");
    eventually("the news", || recorder.records().len() == 1).await;
    assert_eq!(cbor::decode::<String>(&recorder.records()[0].payload).unwrap(), "sun");
    assert_eq!(ask(&stage, Ask::Subscribe("jobs.*")).await, "Ok(())");
    assert_eq!(ask(&stage, Ask::SubscribeGroup("jobs", "workers")).await, "Ok(())");
    assert_eq!(stage.publish("jobs", message(&Ask::Usage)).unwrap(), 1);
    assert_eq!(ask(&stage, Ask::Unsubscribe("jobs.*")).await, "Ok(true)");
    assert_eq!(ask(&stage, Ask::Unsubscribe("jobs.*")).await, "Ok(false)");
    assert_eq!(ask(&stage, Ask::Subscribe("or*")).await, "Err(InvalidTopic)");
    let refused = ask(&stage, Ask::Publish("news..today", "")).await;
    assert_eq!(refused, "Err(Refused(InvalidTopic))");
}

#[tokio::test]
async fn what_it_may_not_and_what_is_spent_it_is_told() {
    let granted = Capabilities::none().with_subscribe("a".parse().unwrap());
    let rule = Rule::new("witness".parse().unwrap()).granting(granted);
    let policy = Policy::from_rules([rule]).unwrap();
    let stage = Stage::guarded(System::builder().workers(2).policy(policy));
    let mut quotas = Quotas::default();
    (quotas.messages_per_second, quotas.burst) = (Rate::PerSecond(1), 1);
    stage.add_with("witness", fixture("rust-witness").quotas(quotas)).await;
    let denied = ask(&stage, Ask::Publish("news", "x")).await;
    assert_eq!(denied, "Err(Refused(CapabilityDenied))");
    assert_eq!(ask(&stage, Ask::Subscribe("a")).await, "Ok(())");
    let spent = ask(&stage, Ask::Subscribe("a")).await;
    assert!(spent.starts_with("Err(QuotaExceeded { retry_after_ms: "), "{spent}");
}

#[tokio::test]
async fn a_call_that_it_took_over_is_answered_from_its_callback() {
    let stage = witness().await;
    let friend = |_: &mut Context, _: Message| Ok(cbor::encode("hello").unwrap());
    stage.register_fn("friend", friend).await.unwrap();
    let other = Ask::Other { target: "friend", timeout_ms: 10_000 };
    assert_eq!(ask(&stage, other).await, "hello");
    assert_eq!(ask(&stage, Ask::DeferTwice).await, "Some(AlreadyDeferred)");
}

/// Every end that a call can have, as the guest names it.
#[tokio::test]
async fn it_is_told_why_there_is_no_answer() {
    let stage = witness().await;
    let refuses =
        |_: &mut Context, _: Message| Err::<&str, _>(ComponentError::failed(41, "out of stock"));
    stage.register_fn("refuses", refuses).await.unwrap();
    let unreadable = |_: &mut Context, _: Message| {
        Err::<&str, _>(ComponentError::InvalidPayload("what?".into()))
    };
    stage.register_fn("unreadable", unreadable).await.unwrap();
    stage.register_fn("in-json", |_: &mut Context, _: Message| Ok("\"x\"")).await.unwrap();
    let slow = |_: &mut Context, _: Message| {
        std::thread::sleep(Duration::from_millis(300));
        Ok("late")
    };
    stage.register_fn("slow", slow).await.unwrap();
    let panics = |_: &mut Context, _: Message| -> Result<&str, ComponentError> { panic!("so") };
    stage.register_fn("panics", panics).await.unwrap();
    let ends = [
        ("refuses", 10_000, "processing-failed with code 41: out of stock"),
        ("unreadable", 10_000, "invalid-payload: what?"),
        ("panics", 10_000, "crashed: panic"),
        ("slow", 20, "timeout: no answer came in time"),
        // A `"` is 0x22, which is no codec's, and what it accepts is CBOR.
        ("in-json", 10_000, "invalid-payload: the answer: in-json sent 0x22 to witness"),
    ];
    for (target, timeout_ms, expected) in ends {
        let error = try_ask(&stage, Ask::Other { target, timeout_ms }).await.unwrap_err();
        let CallError::Failed(RequestError::ProcessingFailed { code: 8, message }) = &error else {
            panic!("{target}: {error:?}")
        };
        assert!(message.starts_with(expected), "{target}: {message}");
    }
    // Refused at the send: the handler's error is ignored, for the call was taken over; it ends at
    // its deadline.
    let nobody = message(&Ask::Other { target: "nobody", timeout_ms: 10_000 });
    let error = stage.call("witness", nobody, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Timeout));
}

#[tokio::test]
async fn a_panic_is_a_trap_and_a_new_instance_goes_on() {
    let stage = Stage::new();
    let soon = restart(100, Duration::from_millis(1));
    stage.add_with("witness", fixture("rust-witness").restart(soon)).await;
    let error = try_ask(&stage, Ask::Panic).await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Crashed(CrashCode::Trap)));
    assert!(ask(&stage, Ask::Context).await.starts_with("self=witness"));
    assert_eq!(stage.stats_of("witness").crashes, 1);
}
