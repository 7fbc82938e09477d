//! Publish and subscribe.

use std::time::Duration;

use castcall::{Component, MessagingError, RestartConfig};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, fixture, mailbox, restart,
};

/// A `requester`, with a subscription.
async fn subscribed(pattern: &str) -> Stage {
    let stage = Stage::with_requester().await;
    assert_eq!(stage.tell("requester", format!("subscribe {pattern}")).await, "ok");
    stage
}

#[tokio::test]
async fn a_guest_hears_what_it_subscribed_to() {
    let stage = subscribed("orders.*").await;
    assert_eq!(stage.publish("orders.eu.created", "one").unwrap(), 1);
    assert_eq!(stage.publish("orders", "two").unwrap(), 0, "the last * is one or more");
    assert_eq!(stage.publish("offers.eu", "three").unwrap(), 0);
    assert_eq!(stage.kept("requester").await, ["message host one"]);
    assert_eq!(stage.host().stats().published, 3);
    assert_eq!(stage.stats_of("requester").casts_handled, 1);
}

#[tokio::test]
async fn a_star_within_stands_for_one_segment() {
    let stage = subscribed("orders.*.created").await;
    assert_eq!(stage.publish("orders.eu.created", "one").unwrap(), 1);
    assert_eq!(stage.publish("orders.created", "two").unwrap(), 0);
    assert_eq!(stage.publish("orders.eu.de.created", "three").unwrap(), 0);
    assert_eq!(stage.kept("requester").await, ["message host one"]);
}

#[tokio::test]
async fn guests_and_native_peers_publish_to_each_other() {
    let stage = subscribed("news.*").await;
    let recorder = Recorder::new();
    stage.add_native("native", &recorder).await;
    stage.handle("native").subscribe("*").unwrap();
    stage.add("publisher", "callback-receiver-component").await;

    assert_eq!(stage.tell("publisher", "publish news.today from a guest").await, "2");
    assert_eq!(stage.handle("native").publish("news.today", "from a native").unwrap(), 2);
    assert_eq!(
        stage.kept("requester").await,
        ["message publisher from a guest", "message native from a native"]
    );
    eventually("both", || recorder.records().len() == 2).await;
    let records = recorder.records();
    assert_eq!(records[0].sender, "publisher");
    assert_eq!(records[0].topic.as_ref().map(ToString::to_string).as_deref(), Some("news.today"));
    assert!(!records[0].is_call);
    assert_eq!(recorder.payloads()[1], "from a native", "its own too");
}

#[tokio::test]
async fn publishing_says_how_many_matched() {
    let stage = Stage::with_requester().await;
    assert_eq!(stage.tell("requester", "publish nobody.listens hello").await, "0");
    for id in ["a", "b", "c"] {
        stage.add_native(id, &Recorder::new()).await;
        stage.handle(id).subscribe("news").unwrap();
    }
    assert_eq!(stage.tell("requester", "publish news hello").await, "3");
    assert_eq!(stage.stats_of("requester").published, 2);
}

#[tokio::test]
async fn a_component_gets_one_copy_however_many_patterns_match() {
    let stage = subscribed("*").await;
    for pattern in ["*", "orders.*", "orders.*.created", "orders.eu.created", "*.eu.*"] {
        assert_eq!(stage.tell("requester", format!("subscribe {pattern}")).await, "ok");
    }
    assert_eq!(stage.publish("orders.eu.created", "once").unwrap(), 1);
    assert_eq!(stage.kept("requester").await, ["message host once"]);
    // Subscribed twice, it is unsubscribed once.
    assert_eq!(stage.tell("requester", "unsubscribe *").await, "true");
    assert_eq!(stage.tell("requester", "unsubscribe *").await, "false");
    assert_eq!(stage.publish("elsewhere", "not").unwrap(), 0);
    assert_eq!(stage.publish("orders.eu.created", "still").unwrap(), 1);
}

#[tokio::test]
async fn a_component_hears_itself() {
    let stage = subscribed("echoes").await;
    assert_eq!(stage.tell("requester", "publish echoes hello, hello").await, "1");
    assert_eq!(stage.kept("requester").await, ["message requester hello, hello"]);
}

#[tokio::test]
async fn unsubscribing_ends_it() {
    let stage = subscribed("news").await;
    assert_eq!(stage.tell("requester", "unsubscribe news").await, "true");
    assert_eq!(stage.tell("requester", "unsubscribe news").await, "false");
    assert_eq!(stage.tell("requester", "unsubscribe never.was").await, "false");
    assert_eq!(stage.publish("news", "too late").unwrap(), 0);
    assert!(stage.kept("requester").await.is_empty());
}

#[tokio::test]
async fn of_a_group_one_member_gets_each_message() {
    let stage = Stage::new();
    let members: Vec<_> =
        (0..3).map(|number| (format!("worker-{number}"), Recorder::new())).collect();
    for (id, recorder) in &members[..2] {
        stage.add_native(id, recorder).await;
        stage.handle(id).subscribe_group("jobs.*", "workers").unwrap();
    }
    // A guest is a member like any other. Whoever is in no group gets a copy of each.
    stage.add("guest", "callback-receiver-component").await;
    assert_eq!(stage.tell("guest", "subscribe-group jobs.* workers").await, "ok");
    let (witness, all) = &members[2];
    stage.add_native(witness, all).await;
    stage.handle(witness).subscribe("jobs.*").unwrap();

    for number in 0..90 {
        assert_eq!(stage.publish("jobs.new", number.to_string()).unwrap(), 2);
    }
    eventually("the witness", || all.records().len() == 90).await;
    let guests = stage.kept("guest").await.len();
    let share = |number: usize| members[number].1.records().len();
    eventually("all jobs", || share(0) + share(1) + guests == 90).await;
    assert!(share(0) > 0 && share(1) > 0 && guests > 0, "each has its part");
}

#[tokio::test]
async fn a_group_goes_on_without_the_member_that_has_gone() {
    let stage = Stage::new();
    let (left, right) = (Recorder::new(), Recorder::new());
    for (id, recorder) in [("left", &left), ("right", &right)] {
        stage.add_native(id, recorder).await;
        stage.handle(id).subscribe_group("jobs", "workers").unwrap();
    }
    assert!(stage.handle("left").stop(PATIENCE).await);
    for _ in 0..10 {
        assert_eq!(stage.publish("jobs", "work").unwrap(), 1);
    }
    eventually("all of it", || right.records().len() == 10).await;
    assert!(left.records().is_empty());
}

#[tokio::test]
async fn a_group_passes_over_a_member_without_room() {
    let stage = Stage::new();
    let gate = Gate::new();
    let mut config = castcall::broker::PeerConfig::default();
    config.mailbox = mailbox(1, castcall::Overflow::Reject);
    stage.add_native_with("full", config, &gate).await;
    stage.cast("full", "hold").unwrap();
    gate.is_holding().await;
    stage.cast("full", "no more room").unwrap();
    let free = Recorder::new();
    stage.add_native("free", &free).await;
    for id in ["full", "free"] {
        stage.handle(id).subscribe_group("jobs", "workers").unwrap();
    }
    for _ in 0..10 {
        assert_eq!(stage.publish("jobs", "work").unwrap(), 1);
    }
    eventually("all of it", || free.records().len() == 10).await;
    gate.open();
    assert_eq!(stage.stats_of("full").dead_letters, 0);
}

#[tokio::test]
async fn a_full_subscriber_holds_nobody_back() {
    let stage = subscribed("news").await;
    let gate = Gate::new();
    let mut config = castcall::broker::PeerConfig::default();
    config.mailbox = mailbox(1, castcall::Overflow::Reject);
    stage.add_native_with("full", config, &gate).await;
    stage.handle("full").subscribe("news").unwrap();
    stage.cast("full", "hold").unwrap();
    gate.is_holding().await;
    for number in 0..5 {
        assert_eq!(stage.publish("news", number.to_string()).unwrap(), 2, "both matched");
    }
    assert_eq!(stage.kept("requester").await.len(), 5);
    let stats = stage.stats_of("full");
    assert_eq!((stats.mailbox_messages, stats.dead_letters), (1, 4), "its share is its own loss");
    gate.open();
}

fn restarting(name: &str) -> Component {
    let config: RestartConfig = restart(10, Duration::from_millis(1));
    fixture(name).restart(config)
}

#[tokio::test]
async fn a_subscription_outlives_the_instance() {
    let stage = Stage::new();
    let fragile = stage.add_with("fragile", restarting("trapping-handler")).await;
    fragile.subscribe("news").unwrap();
    assert_eq!(stage.publish("news", "please trap").unwrap(), 1);
    eventually("the restart", || fragile.stats().restarts == 1).await;
    assert_eq!(stage.publish("news", "ok").unwrap(), 1);
    eventually("the news", || fragile.stats().casts_handled == 2).await;
    assert_eq!(stage.tell("fragile", "count").await, "1", "the new instance was told");
    assert_eq!(fragile.stats().dead_letters, 1, "the message that crashed it");
}

#[tokio::test]
async fn a_subscription_ends_with_the_component() {
    let stage = subscribed("news").await;
    assert!(stage.handle("requester").stop(PATIENCE).await);
    assert_eq!(stage.publish("news", "to nobody").unwrap(), 0);
    // Another of the same id has none of it.
    stage.add("requester", "callback-receiver-component").await;
    assert_eq!(stage.publish("news", "to nobody").unwrap(), 0);
    assert!(stage.kept("requester").await.is_empty());
}

#[tokio::test]
async fn what_is_out_of_form_is_refused() {
    let stage = Stage::with_requester().await;
    let long = "x".repeat(257);
    let requester = stage.handle("requester");
    for pattern in ["", ".", "a..b", ".a", "a.", "or*", "*a", "a b", "**", "a/b", &long] {
        assert_eq!(requester.subscribe(pattern), Err(MessagingError::InvalidTopic), "{pattern:?}");
        assert_eq!(requester.unsubscribe(pattern), Err(MessagingError::InvalidTopic));
        for what in ["subscribe", "unsubscribe"] {
            let error = stage.ask("requester", format!("{what} {pattern}")).await.unwrap_err();
            assert!(error.to_string().ends_with("invalid-topic"), "{what} {pattern:?}: {error}");
        }
    }
    for topic in ["", "a..b", "a.*", "*", "a b", &long] {
        let refused = stage.publish(topic, "payload").unwrap_err();
        assert_eq!(refused.error, MessagingError::InvalidTopic, "{topic:?}");
        assert_eq!(&refused.payload[..], b"payload");
    }
    let error = stage.ask("requester", "publish a.* x").await.unwrap_err();
    assert!(error.to_string().ends_with("invalid-topic"), "{error}");
    for group in ["", "a.b", "*", "a b"] {
        let refused = requester.subscribe_group("a.b", group);
        assert_eq!(refused, Err(MessagingError::InvalidTopic), "{group:?}");
    }
    assert_eq!(stage.publish("a.b", "nobody subscribed").unwrap(), 0);
}

#[tokio::test]
async fn who_cannot_receive_cannot_subscribe() {
    let stage = Stage::new();
    let mute = stage.add("mute", "callback-only").await;
    assert_eq!(mute.subscribe("news"), Err(MessagingError::CannotReceive));
    assert_eq!(stage.host().subscribe("news"), Err(MessagingError::CannotReceive));
}

#[tokio::test]
async fn subscriptions_are_capped() {
    let stage = Stage::new();
    let mut config = castcall::broker::PeerConfig::default();
    config.max_subscriptions = 2;
    stage.add_native_with("native", config, &Recorder::new()).await;
    let native = stage.handle("native");
    native.subscribe("a").unwrap();
    native.subscribe("b").unwrap();
    assert!(matches!(native.subscribe("c"), Err(MessagingError::QuotaExceeded { .. })));
    native.subscribe("b").unwrap();
    assert_eq!(native.unsubscribe("a"), Ok(true));
    native.subscribe("c").unwrap();
}
