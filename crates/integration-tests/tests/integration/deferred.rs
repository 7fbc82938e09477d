//! Calls that are answered later.

use std::time::Duration;

use castcall::{CallError, CrashCode, RequestError};
use castcall_integration_tests::{
    Gate, PATIENCE, Stage, eventually, eventually_async, fixture, restart,
};

/// A `requester` and a `middle`, which asks others before it answers.
async fn stage() -> Stage {
    let stage = Stage::with_requester().await;
    stage.add("middle", "deferrer").await;
    stage
}

#[tokio::test]
async fn a_component_answers_with_what_it_learned_from_another() {
    let stage = stage().await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.outcome("middle", 20_000, "ask echo what is it?").await, "ok what is it?");
    assert_eq!(stage.tell("middle", "ask echo and for the host").await, "and for the host");
    assert_eq!(stage.tell("middle", "last").await, "ok");
    assert_eq!(stage.tell("middle", "outstanding").await, "0");
    let stats = stage.stats_of("middle");
    assert_eq!((stats.calls_sent, stats.answered, stats.orphans), (2, 2, 0));
    assert_eq!(stage.calls().pending, 0);
}

#[tokio::test]
async fn many_calls_are_taken_over_at_once_and_answered_each_to_its_own() {
    let stage = stage().await;
    stage.add("echo", "echo-handler").await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let held = stage.request("middle", 20_000, "ask gate hold").await;
    gate.is_holding().await;
    let mut expected = Vec::new();
    for number in 0..100 {
        let id = stage.request("middle", 20_000, &format!("ask gate {number}")).await;
        expected.push(format!("{id} ok {number}"));
    }
    // Meanwhile it serves others.
    assert_eq!(stage.tell("middle", "ask echo me first").await, "me first");
    gate.open();
    let mut results = stage.results(101).await;
    assert_eq!(results.remove(0), format!("{held} ok hold"));
    assert_eq!(results, expected);
}

#[tokio::test]
async fn an_error_from_upstream_is_an_answer_too() {
    let stage = stage().await;
    stage.add("rejecting", "rejecting-handler").await;
    let failed = "processing-failed 2 upstream";
    assert_eq!(stage.outcome("middle", 20_000, "ask rejecting x").await, failed);
    assert_eq!(stage.outcome("middle", 20_000, "ask nobody x").await, failed);
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_at_its_deadline() {
    let stage = stage().await;
    assert_eq!(stage.outcome("middle", 100, "hold").await, "timeout");
    assert_eq!(stage.tell("middle", "again").await, "call-ended");
    assert_eq!(stage.stats_of("middle").orphans, 1);
    assert_eq!(stage.tell("middle", "again").await, "unknown-token", "a token is good once");
}

#[tokio::test]
async fn a_call_that_was_taken_over_can_be_cancelled() {
    let stage = stage().await;
    let id = stage.request("middle", 20_000, "hold").await;
    eventually("the handler", || stage.stats_of("middle").calls_handled == 1).await;
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "ok");
    assert_eq!(stage.results(1).await, [format!("{id} cancelled")]);
    assert_eq!(stage.tell("middle", "again").await, "call-ended");
}

#[tokio::test]
async fn a_call_is_taken_over_once_and_answered_once() {
    let stage = stage().await;
    assert_eq!(stage.outcome("middle", 5000, "twice").await, "ok already-deferred");
    assert_eq!(stage.tell("middle", "last").await, "ok");
    assert_eq!(stage.tell("middle", "again").await, "unknown-token");
    let stats = stage.stats_of("middle");
    assert_eq!(stats.orphans, 0, "what the handler returned is ignored, and no answer");
    assert_eq!(stage.stats_of("requester").answered, 1);
}

#[tokio::test]
async fn a_cast_cannot_be_taken_over() {
    let stage = stage().await;
    let middle = stage.handle("middle");
    stage.cast("middle", "hold").unwrap();
    eventually("the error", || middle.stats().handler_errors == 1).await;
    assert_eq!(stage.tell("middle", "last").await, "none");
}

#[tokio::test]
async fn a_crash_of_the_instance_ends_the_calls_that_it_took_over() {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    // It runs out of memory over the third answer of a mebibyte at the latest.
    let cramped = fixture("deferrer").limits(castcall_integration_tests::memory(1 << 20));
    let middle =
        stage.add_with("middle", cramped.restart(restart(5, Duration::from_millis(1)))).await;
    let held = stage.request("middle", 20_000, "hold").await;
    eventually("the handler", || middle.stats().calls_handled == 1).await;
    let asked = stage.request("middle", 20_000, "ask gate hold").await;
    gate.is_holding().await;

    let error = stage.call("middle", vec![b'x'; 1 << 20], PATIENCE).await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Crashed(CrashCode::MemoryLimit)));
    let mut results = stage.results(2).await;
    results.sort();
    let mut expected = [held, asked].map(|id| format!("{id} crashed memory-limit"));
    expected.sort();
    assert_eq!(results, expected, "at once, not at their deadline");

    // What it asked ended with it, and the next instance knows of nothing.
    assert_eq!(stage.calls().owner_gone, 1);
    assert_eq!(stage.tell("middle", "outstanding").await, "0");
    assert_eq!(stage.tell("middle", "again").await, "unknown-token");
    gate.open();
    eventually("an answer to nobody", || stage.stats_of("gate").orphans == 1).await;
    assert_eq!(stage.stats_of("requester").callbacks, 2);
}

#[tokio::test]
async fn stopping_it_ends_the_calls_that_it_took_over() {
    let stage = stage().await;
    let id = stage.request("middle", 20_000, "hold").await;
    eventually("the handler", || stage.stats_of("middle").calls_handled == 1).await;
    assert!(stage.handle("middle").stop(PATIENCE).await);
    assert_eq!(stage.results(1).await, [format!("{id} unavailable")]);
}

#[tokio::test]
async fn it_takes_over_as_many_as_it_says() {
    let stage = stage().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    stage.request("middle", 20_000, "ask gate hold").await;
    for number in 1..256 {
        stage.request("middle", 20_000, &format!("ask gate {number}")).await;
    }
    let all = async || stage.tell("middle", "outstanding").await == "256";
    eventually_async("all of them", all).await;
    assert_eq!(
        stage.ask("middle", "ask gate one more").await.unwrap_err(),
        CallError::Failed(RequestError::ProcessingFailed { code: 3, message: "too many".into() })
    );
    gate.open();
    stage.results(256).await;
    assert_eq!(stage.stats_of("requester").answered, 256);
    assert_eq!(stage.tell("middle", "outstanding").await, "0");
}
