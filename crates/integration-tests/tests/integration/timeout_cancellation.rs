//! Timeouts and cancels, through components.

use std::time::{Duration, Instant};

use castcall_integration_tests::{Gate, PATIENCE, Stage, eventually};

/// A `requester`, an `echo`, and a native `gate` that answers when it is opened.
async fn stage() -> (Stage, Gate) {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    (stage, gate)
}

/// Gives a callback too many the time to come: what the gate is asked now is answered after what
/// it answered before, and what the requester is asked then comes after the callback.
async fn callbacks_after_all(stage: &Stage) -> u64 {
    stage.tell("gate", "after all").await;
    stage.tell("requester", "count").await.parse().unwrap()
}

#[tokio::test]
async fn test_send_request_response_invokes_handle_callback() {
    let (stage, _gate) = stage().await;
    let id = stage.request("echo", 5000, "hello").await;
    assert_eq!(stage.results(1).await, [format!("{id} ok hello")]);
    assert_eq!(callbacks_after_all(&stage).await, 1, "once");
    assert_eq!(stage.stats_of("requester").pending, 0);
    assert_eq!(stage.calls().pending, 0);
}

#[tokio::test]
async fn test_send_request_timeout_invokes_handle_callback_with_error() {
    let (stage, gate) = stage().await;
    let start = Instant::now();
    let id = stage.request("gate", 100, "hold").await;
    assert_eq!(stage.results(1).await, [format!("{id} timeout")]);
    assert!(start.elapsed() >= Duration::from_millis(100), "early: {:?}", start.elapsed());
    gate.open();
    assert_eq!(callbacks_after_all(&stage).await, 1, "once");
    assert_eq!(stage.calls().pending, 0);
}

#[tokio::test]
async fn test_cancel_request_invokes_handle_callback_with_cancelled() {
    let (stage, gate) = stage().await;
    let id = stage.request("gate", 20_000, "hold").await;
    gate.is_holding().await;
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "ok");
    assert_eq!(stage.results(1).await, [format!("{id} cancelled")]);
    gate.open();
    assert_eq!(callbacks_after_all(&stage).await, 1, "once");
    assert_eq!(stage.calls().pending, 0);
}

#[tokio::test]
async fn test_response_after_timeout_ignored() {
    let (stage, gate) = stage().await;
    let id = stage.request("gate", 50, "hold").await;
    assert_eq!(stage.results(1).await, [format!("{id} timeout")]);
    assert_eq!(stage.stats_of("gate").orphans, 0);
    gate.open();
    eventually("the late answer", || stage.stats_of("gate").orphans == 1).await;
    assert_eq!(callbacks_after_all(&stage).await, 1);
    assert_eq!(stage.results(1).await, [format!("{id} timeout")]);
    assert_eq!(stage.calls().orphaned, 1);
}

#[tokio::test]
async fn test_cancel_after_response_fails() {
    let (stage, _gate) = stage().await;
    let id = stage.request("echo", 5000, "hello").await;
    stage.results(1).await;
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "not-found");
    assert_eq!(stage.results(1).await, [format!("{id} ok hello")], "and changes nothing");
    let stats = stage.stats_of("requester");
    assert_eq!((stats.answered, stats.cancelled, stats.denied_cancels), (1, 0, 0));
}

#[tokio::test]
async fn test_cancel_by_non_owner_fails() {
    let (stage, gate) = stage().await;
    stage.add("stranger", "callback-receiver-component").await;
    let id = stage.request("gate", 20_000, "hold").await;
    gate.is_holding().await;
    assert_eq!(stage.tell("stranger", format!("cancel {id}")).await, "not-owner");
    assert_eq!(stage.stats_of("stranger").denied_cancels, 1);
    assert_eq!(stage.stats_of("requester").pending, 1, "the call is as it was");
    gate.open();
    assert_eq!(stage.results(1).await, [format!("{id} ok hold")]);
    assert_eq!(stage.tell("stranger", format!("cancel {id}")).await, "not-found");
    assert_eq!(stage.stats_of("stranger").denied_cancels, 1);
}

#[tokio::test]
async fn test_double_cancel_fails() {
    let (stage, gate) = stage().await;
    let id = stage.request("gate", 20_000, "hold").await;
    gate.is_holding().await;
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "ok");
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "not-found");
    gate.open();
    assert_eq!(callbacks_after_all(&stage).await, 1, "one callback for both");
    assert_eq!(stage.stats_of("requester").cancelled, 1);
}

#[tokio::test]
async fn test_timeout_metrics_tracking() {
    let (stage, gate) = stage().await;
    stage.request("gate", 50, "hold").await;
    for _ in 0..4 {
        stage.request("gate", 50, "queued").await;
    }
    stage.request("echo", 5000, "in time").await;
    stage.results(6).await;
    let stats = stage.stats_of("requester");
    assert_eq!((stats.calls_sent, stats.timeouts, stats.answered), (6, 5, 1));
    assert_eq!((stats.cancelled, stats.failed, stats.pending), (0, 0, 0));
    let calls = stage.calls();
    assert_eq!((calls.timed_out, calls.pending), (5, 0));
    assert_eq!(stage.stats().timeouts, 5, "the system's figure is the sum");

    gate.open();
    stage.tell("gate", "after all").await;
    let stats = stage.stats_of("gate");
    assert_eq!(stats.ended_in_mailbox, 4, "what had timed out was not delivered any more");
    assert_eq!(stats.orphans, 1);
    assert_eq!(gate.payloads(), ["hold", "after all"]);
}

#[tokio::test]
async fn test_cancellation_metrics_tracking() {
    let (stage, gate) = stage().await;
    let mut ids = vec![stage.request("gate", 20_000, "hold").await];
    gate.is_holding().await;
    for _ in 0..2 {
        ids.push(stage.request("gate", 20_000, "queued").await);
    }
    for id in &ids {
        assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "ok");
    }
    stage.results(3).await;
    let stats = stage.stats_of("requester");
    assert_eq!((stats.calls_sent, stats.cancelled, stats.callbacks), (3, 3, 3));
    assert_eq!((stats.answered, stats.timeouts, stats.failed, stats.pending), (0, 0, 0, 0));
    let calls = stage.calls();
    assert_eq!((calls.cancelled, calls.pending), (3, 0));
    assert_eq!(stage.stats().cancelled, 3, "the system's figure is the sum");

    gate.open();
    let answer = stage.call("gate", "after all", PATIENCE).await.unwrap();
    assert_eq!(&answer[..], b"after all");
    let stats = stage.stats_of("gate");
    assert_eq!((stats.ended_in_mailbox, stats.orphans), (2, 1));
}
