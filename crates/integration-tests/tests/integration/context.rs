//! What a guest can ask about the message that it handles, and about itself.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use castcall::{ComponentError, Context, Message, Quotas, Rate};
use castcall_integration_tests::{Gate, PATIENCE, Stage, eventually, fixture, mailbox};

/// The `NAME=VALUE`s of a text.
fn fields(text: &str) -> HashMap<&str, &str> {
    text.split_whitespace().filter_map(|field| field.split_once('=')).collect()
}

fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

#[tokio::test]
async fn a_call_knows_its_sender_its_id_and_its_time() {
    let stage = Stage::with_requester().await;
    stage.add("reader", "context-reader").await;
    let id = stage.request("reader", 20_000, "").await;
    let results = stage.results(1).await;
    let line = fields(&results[0]);
    assert_eq!(line["sender"], "requester");
    assert_eq!(line["request-id"], id);
    assert_eq!(line["topic"], "none");
    assert_eq!(line["cancelled"], "false");
    let left: u64 = line["remaining-ms"].parse().unwrap();
    assert!((10_000..20_000).contains(&left), "{left}");
    assert_eq!(stage.tell("reader", "trace").await, "none");
}

#[tokio::test]
async fn the_time_left_goes_by() {
    let stage = Stage::new();
    stage.add("reader", "context-reader").await;
    let left = async |what: &str| {
        let answer = stage.call("reader", what.to_owned(), Duration::from_secs(20)).await.unwrap();
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        fields(&answer)["remaining-ms"].parse::<u64>().unwrap()
    };
    let start = Instant::now();
    let after = left("after 100000").await;
    let took = u64::try_from(start.elapsed().as_millis()).unwrap();
    assert!(after < 20_000, "some of it was spent");
    assert!(after + took >= 19_999, "no more than passed was spent: {after} ms left in {took} ms");
}

#[tokio::test]
async fn a_message_is_stamped_with_the_time_of_its_sending() {
    let stage = Stage::new();
    stage.add("reader", "context-reader").await;
    for idle in [0, 300] {
        // A system that has had nothing to do for a while stands still; the stamp must not.
        tokio::time::sleep(Duration::from_millis(idle)).await;
        let before = unix_nanos();
        let answer = stage.tell("reader", "").await;
        let after = unix_nanos();
        let stamp: u64 = fields(&answer)["timestamp"].parse().unwrap();
        let slack = 100_000_000;
        assert!(stamp + slack >= before, "{} ms early", (before - stamp) / 1_000_000);
        assert!(stamp <= after + slack, "{} ms late", (stamp - after) / 1_000_000);
    }
}

#[tokio::test]
async fn in_a_callback_no_message_is_handled() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let reader = stage.add("reader", "context-reader").await;
    assert_eq!(stage.tell("reader", "callback").await, "none");
    stage.tell("reader", "call echo").await;
    eventually("the callback", || reader.stats().callbacks == 1).await;
    let line = stage.tell("reader", "callback").await;
    let expected =
        "sender=none request-id=none remaining-ms=none topic=none cancelled=false timestamp=none";
    assert_eq!(line, expected);
}

#[tokio::test]
async fn a_call_made_while_serving_one_ends_no_later() {
    let stage = Stage::with_requester().await;
    stage.add("reader", "context-reader").await;
    let limit = Duration::from_secs(10);
    let outer = stage.call("requester", "call reader 3000000 x", limit).await.unwrap();
    let results = stage.results(1).await;
    assert!(results[0].starts_with(std::str::from_utf8(&outer).unwrap()));
    let left: u64 = fields(&results[0])["remaining-ms"].parse().unwrap();
    assert!(left < 10_000, "cut to what the outer call has: {left}");

    // A cast has no deadline to pass on.
    stage.tell("requester", "clear").await;
    stage.cast("requester", "call reader 3000000 x").unwrap();
    let results = stage.results(2).await;
    let left: u64 = fields(&results[0])["remaining-ms"].parse().unwrap();
    assert!(left > 2_000_000, "{left}");
}

#[tokio::test]
async fn the_cut_deadline_is_one_that_ends_the_call() {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let start = Instant::now();
    let limit = Duration::from_millis(200);
    let id = stage.call("requester", "call gate 3000000 hold", limit).await.unwrap();
    let id = String::from_utf8(id.to_vec()).unwrap();
    assert_eq!(stage.results(1).await, [format!("{id} timeout")]);
    assert!(start.elapsed() >= limit, "not early");
    gate.open();
}

#[tokio::test]
async fn cancelling_the_outer_call_leaves_the_inner_one_alone() {
    let stage = Stage::with_requester().await;
    stage.add("outer", "callback-receiver-component").await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let id = stage.request("outer", 20_000, "call gate 20000 hold").await;
    gate.is_holding().await;
    // The outer call was answered, or is now: the inner one outlives it either way.
    stage.tell("requester", format!("cancel {id}")).await;
    stage.results(1).await;
    assert_eq!(stage.stats_of("outer").pending, 1);
    gate.open();
    eventually("the inner answer", || stage.stats_of("outer").answered == 1).await;
}

#[tokio::test]
async fn a_running_handler_can_see_that_its_call_was_cancelled() {
    let stage = Stage::with_requester().await;
    let attentive = |context: &mut Context, message: Message| {
        assert!(!context.is_cancelled() || message.request_id().is_some());
        let deadline = Instant::now() + PATIENCE;
        while !context.is_cancelled() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        match context.is_cancelled() {
            true => Err::<&str, _>(ComponentError::failed(1, "cancelled")),
            false => Ok("nobody cancelled"),
        }
    };
    let attentive = stage.register_fn("attentive", attentive).await.unwrap();
    let id = stage.request("attentive", 60_000, "").await;
    eventually("the handler", || attentive.stats().calls_handled == 1).await;
    stage.tell("requester", format!("cancel {id}")).await;
    eventually("its end", || attentive.stats().handler_errors == 1).await;
    assert_eq!(stage.results(1).await, [format!("{id} cancelled")]);
    eventually("an answer to nobody", || attentive.stats().orphans == 1).await;
}

#[tokio::test]
async fn a_guest_knows_who_it_is_and_what_it_uses() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    (quotas.messages_per_second, quotas.burst) = (Rate::PerSecond(1), 1_000);
    let component = fixture("usage-reader").quotas(quotas).max_pending(7);
    let component = component.mailbox(mailbox(5, Default::default()));
    let reader = stage.add_with("shop/reader", component).await;
    reader.subscribe("orders.*").unwrap();
    let answer = stage.tell("shop/reader", "").await;
    assert_eq!(answer.lines().next(), Some("shop/reader"));
    let mut usage = fields(&answer);
    // One was spent on the subscription, and may have come back meanwhile.
    assert!(matches!(usage.remove("messages-left"), Some("999" | "1000")));
    let expected = [
        ("mailbox-messages", "0"),
        ("mailbox-messages-limit", "5"),
        ("mailbox-bytes", "0"),
        ("mailbox-bytes-limit", "16777216"),
        ("pending-requests", "0"),
        ("pending-requests-limit", "7"),
        ("payload-bytes-limit", "1048576"),
        ("subscriptions", "1"),
        ("subscriptions-limit", "1024"),
        ("messages-per-second", "1"),
        ("burst", "1000"),
    ];
    assert_eq!(usage, HashMap::from(expected));
}

#[tokio::test]
async fn a_guest_sees_its_tokens_go() {
    let stage = Stage::new();
    let mut quotas = Quotas::default();
    (quotas.messages_per_second, quotas.burst) = (Rate::PerSecond(1), 1_000);
    let reader = stage.add_with("reader", fixture("usage-reader").quotas(quotas)).await;
    let left = async || -> u32 {
        let answer = stage.tell("reader", "").await;
        fields(&answer)["messages-left"].parse().unwrap()
    };
    assert_eq!(left().await, 1_000);
    for _ in 0..500 {
        reader.subscribe("orders").unwrap();
    }
    // Unless the test takes minutes.
    let left = left().await;
    assert!((500..900).contains(&left), "{left}");

    quotas.messages_per_second = Rate::Unlimited;
    stage.add_with("unlimited", fixture("usage-reader").quotas(quotas)).await;
    let answer = stage.tell("unlimited", "").await;
    let usage = fields(&answer);
    assert!(!usage.contains_key("messages-left") && usage.contains_key("subscriptions"));
}

#[tokio::test]
async fn a_guest_sees_what_waits_for_it() {
    let stage = Stage::new();
    stage.add("reader", "usage-reader").await;
    let ask = || stage.call("reader", "12345", PATIENCE);
    // All three are queued before the first is answered, or at least none after it has begun.
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    let waiting = |answer: Result<castcall::Bytes, _>| -> (u64, u64) {
        let answer = String::from_utf8(answer.unwrap().to_vec()).unwrap();
        let usage = fields(&answer);
        (usage["mailbox-messages"].parse().unwrap(), usage["mailbox-bytes"].parse().unwrap())
    };
    let (first, second, third) = (waiting(first), waiting(second), waiting(third));
    for (messages, bytes) in [first, second, third] {
        assert_eq!(bytes, messages * 5);
        assert!(messages <= 2);
    }
    assert_eq!(third, (0, 0), "behind the last one nothing waits");
}
