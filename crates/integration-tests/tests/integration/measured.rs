//! Counters and latencies that are measured.

use std::time::{Duration, Instant};

use castcall_integration_tests::{PATIENCE, Stage};

#[tokio::test]
async fn few_messages_are_all_measured() {
    let stage = Stage::with_requester().await;
    stage.add("slow", "slow-handler").await;
    let began = Instant::now();
    for n in 1..=5 {
        stage.request("slow", 20_000, "20000").await;
        stage.results(n).await;
        // Five in one millisecond are few, too.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    let (slow, requester) =
        (stage.handle("slow").latencies(), stage.handle("requester").latencies());
    assert_eq!((slow.waited.count(), slow.handled.count(), slow.answered.count()), (5, 5, 0));
    assert_eq!(requester.answered.count(), 5);
    // Some 4 ms of looping each, and the answer comes after the handler has returned.
    let fastest = slow.handled.buckets().next().unwrap().0;
    assert!(fastest > Duration::from_micros(200), "{fastest:?}");
    assert!(requester.answered.sum() >= slow.handled.sum() * 9 / 10, "{requester:?} {slow:?}");
    assert!(requester.answered.sum() <= took);
    assert!(requester.answered.quantile(0.99) >= requester.answered.quantile(0.5));
}

#[tokio::test]
async fn bytes_are_counted_on_both_sides() {
    let stage = Stage::with_requester().await;
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("requester", "cast echo 12345").await, "ok");
    assert_eq!(stage.outcome("echo", 5_000, "123").await, "ok 123");
    stage.call("echo", "1234567", PATIENCE).await.unwrap();
    let (requester, echo) = (stage.stats_of("requester"), stage.stats_of("echo"));
    assert_eq!(requester.bytes_sent, 8);
    assert_eq!(echo.bytes_handled, 15);
    assert_eq!((requester.casts_sent, requester.calls_sent), (1, 1));
    assert!(stage.host().stats().bytes_sent > 7);
}
