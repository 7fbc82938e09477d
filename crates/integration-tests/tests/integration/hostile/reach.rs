//! Guests that want what they were not granted, or more than that.

use std::time::{Duration, Instant};

use castcall::{CallError, Capabilities, CrashCode, Quotas, Rate, RequestError};
use castcall_integration_tests::{Recorder, eventually};

use super::arena::Arena;
use super::orders::{order, plain, repeat};

const TRAPPED: CallError = CallError::Failed(RequestError::Crashed(CrashCode::Trap));
const DENIED: Result<String, &str> = Err("capability-denied");

#[tokio::test]
async fn who_is_not_granted_is_out_of_reach_and_may_as_well_not_exist() {
    let granted = Capabilities::none()
        .with_cast("observer".parse().unwrap())
        .with_publish("news.*".parse().unwrap());
    let arena = Arena::new(granted).await;
    let observer = Recorder::new();
    arena.add_native("observer", &observer).await;
    arena.handle("observer").subscribe("*").unwrap();
    let attacker = arena.add_attacker("prober").await;
    // There, not there, reserved, out of form, itself: one answer.
    let targets = [
        "neighbour/echo",
        "nobody",
        "host",
        "cli",
        "a//b",
        "*",
        "",
        "attacker/prober",
        "observer/x",
    ];
    for target in targets {
        for what in ['c', 'q'] {
            let sent = attacker.sends(order(what, target, "hello")).await;
            assert_eq!(sent, DENIED, "{what} {target:?}");
        }
    }
    assert_eq!(attacker.sends(order('q', "observer", "hello")).await, DENIED, "cast is not call");
    for topic in ["news", "other", "new.s", "observer"] {
        assert_eq!(attacker.sends(order('p', topic, "hello")).await, DENIED, "{topic:?}");
    }
    for pattern in ["news.today", "news.*", "*", "observer"] {
        assert_eq!(attacker.sends(order('s', pattern, "")).await, DENIED, "{pattern:?}");
        assert_eq!(attacker.sends(order('g', pattern, "group")).await, DENIED, "{pattern:?}");
    }
    let stats = arena.stats_of("attacker/prober");
    assert_eq!((stats.denied, stats.crashes, stats.pending), (18 + 1 + 4 + 8, 0, 0));
    assert_eq!((stats.casts_sent, stats.calls_sent, stats.published), (0, 0, 0));
    assert_eq!(arena.stats_of("neighbour/echo").casts_handled, 0);
    assert!(observer.records().is_empty());
    // Each is checked by itself, and not only once.
    attacker.sends(order('c', "observer", "granted")).await.unwrap();
    assert_eq!(attacker.sends(order('c', "neighbour/echo", "hello")).await, DENIED);
    arena.close().await;
}

#[tokio::test]
async fn a_subscription_lies_within_one_grant() {
    let granted = Capabilities::none()
        .with_subscribe("news.*".parse().unwrap())
        .with_subscribe("orders.eu".parse().unwrap())
        .with_subscribe("t.a.*".parse().unwrap())
        .with_subscribe("t.b.*".parse().unwrap());
    let arena = Arena::new(granted).await;
    let attacker = arena.add_attacker("listener").await;
    // Broader than a grant, beside it, or covered by two of them together at best.
    for pattern in ["*", "news", "*.today", "orders.*", "orders.us", "t.*", "t.*.x", "t.*.*", "t.a"]
    {
        assert_eq!(attacker.sends(order('s', pattern, "")).await, DENIED, "{pattern:?}");
        assert_eq!(attacker.sends(order('g', pattern, "x")).await, DENIED, "{pattern:?}");
    }
    for pattern in ["news.*", "news.*.today", "orders.eu", "t.a.*", "t.b.c"] {
        assert_eq!(attacker.sends(order('s', pattern, "")).await, Ok(String::new()), "{pattern:?}");
    }
    let heard = |topic: &str| arena.publish(topic, plain('n')).unwrap();
    assert_eq!((heard("orders.us"), heard("news"), heard("t.c.x")), (0, 0, 0));
    assert_eq!((heard("orders.eu"), heard("news.secret")), (1, 1));
    // What is revoked is neither heard nor subscribed to again, by itself or by something wider.
    let secret = Capabilities::none().with_subscribe("news.secret".parse().unwrap());
    arena.policy().revoke(&"attacker/*".parse().unwrap(), &secret).unwrap();
    assert_eq!((heard("news.secret"), heard("news.open")), (0, 1));
    for pattern in ["news.secret", "news.*"] {
        assert_eq!(attacker.sends(order('s', pattern, "")).await, DENIED, "{pattern:?}");
    }
    assert_eq!(heard("news.secret"), 0);
    assert_eq!(arena.stats_of("attacker/listener").crashes, 0);
    arena.close().await;
}

#[tokio::test]
async fn a_flood_of_denied_attempts_ends_who_makes_it() {
    let arena = Arena::new(Capabilities::none()).await;
    let attempts = [
        ("cast", order('c', "neighbour/echo", "x")),
        ("call", order('q', "nobody@@@@@@", "x")),
        ("publish", order('p', "news.@@@@@@", "x")),
        ("subscribe", order('s', "*", "")),
    ];
    for (name, attempt) in &attempts {
        let attacker = arena.add_attacker(name).await;
        let start = Instant::now();
        assert_eq!(attacker.ends(repeat(1_000_000, attempt)).await, TRAPPED, "{name}");
        // A burst of 100, and 10 a second.
        let denied = arena.stats_of(&attacker.id).denied;
        let most = 102 + start.elapsed().as_millis() as u64 / 100;
        assert!((101..=most).contains(&denied), "{name}: {denied} of {most}");
        // Another instance has no other bucket.
        let again = attacker.ends(repeat(1_000_000, attempt)).await;
        assert_eq!(again, TRAPPED);
        let more = arena.stats_of(&attacker.id).denied - denied;
        let most = 2 + start.elapsed().as_millis() as u64 / 100;
        assert!((1..=most).contains(&more), "{name}: {more} of {most}");
    }
    arena
        .with_neighbour("2 that flood with what is denied", async |siege| {
            while siege.goes_on().await {
                for (name, attempt) in &attempts[..2] {
                    let id = format!("attacker/{name}");
                    if arena.handle(&id).depth().messages < 2 {
                        let _ = arena.cast(id, repeat(1_000_000, attempt));
                    }
                }
            }
        })
        .await;
    assert_eq!(arena.stats_of("neighbour/echo").casts_handled, 0);
    arena.close().await;
}

/// A rate that a test can probe within a second.
fn quotas() -> Quotas {
    let mut quotas = Quotas::default();
    quotas.messages_per_second = Rate::PerSecond(500);
    quotas.burst = 20;
    quotas
}

#[tokio::test]
async fn no_window_lets_through_more_than_burst_and_rate() {
    let arena = Arena::new(Capabilities::all()).await;
    let attacker = arena.add_attacker_with("prober", Arena::attacker().quotas(quotas())).await;
    let began = Instant::now();
    let mut probes = Vec::new();
    // Pauses of all lengths, at whose ends an edge might be.
    for probe in 0_u64..150 {
        let start = began.elapsed();
        let series = attacker.series(30, order('c', "neighbour/echo", "")).await;
        probes.push((start, began.elapsed(), series.sent));
        if series.refused > 0 {
            assert_eq!(series.last, "quota-exceeded");
            assert!((1..=3).contains(&series.value), "{series:?}");
        }
        tokio::time::sleep(Duration::from_millis(probe % 7)).await;
    }
    for (first, &(from, ..)) in probes.iter().enumerate() {
        let mut sent = 0;
        for &(_, to, more) in &probes[first..] {
            sent += more;
            // The clock that quotas see moves once a millisecond, and may be one behind.
            let time = (to - from + Duration::from_millis(2)).as_secs_f64();
            let most = 20.0 + 500.0 * time;
            assert!(sent as f64 <= most, "{sent} of {most} from {from:?} to {to:?}");
        }
    }
    // And no less: it is refused nothing that it may.
    let sent: u64 = probes.iter().map(|probe| probe.2).sum();
    let least = 0.8 * 500.0 * probes.last().unwrap().1.as_secs_f64();
    assert!(sent as f64 >= least, "{sent} of {least}");
    arena.close().await;
}

#[tokio::test]
async fn after_what_a_refusal_says_a_send_goes_through() {
    let arena = Arena::new(Capabilities::all()).await;
    let attacker = arena.add_attacker_with("prober", Arena::attacker().quotas(quotas())).await;
    for attempt in 0..300 {
        let refused = attacker.series(40, order('c', "neighbour/echo", "")).await;
        assert_eq!(refused.last, "quota-exceeded");
        std::thread::sleep(Duration::from_millis(refused.value));
        let sent = attacker.sends(order('c', "neighbour/echo", "")).await;
        assert!(sent.is_ok(), "attempt {attempt}, after {} ms: {sent:?}", refused.value);
    }
    arena.close().await;
}

#[tokio::test]
async fn a_flood_beyond_the_quota_is_refused_and_felt_by_nobody() {
    let arena = Arena::new(Capabilities::all()).await;
    let attacker = arena.add_attacker_with("flood", Arena::attacker().quotas(quotas())).await;
    let sink = Recorder::new();
    arena.add_native("observer", &sink).await;
    arena
        .with_neighbour("a flood beyond its quota", async |siege| {
            while siege.goes_on().await {
                if arena.handle(&attacker.id).depth().messages == 0 {
                    let _ = arena.cast(&attacker.id, repeat(20_000, order('c', "observer", "")));
                }
            }
        })
        .await;
    eventually("its end", || arena.handle(&attacker.id).depth().messages == 0).await;
    let stats = arena.stats_of(&attacker.id);
    assert!(stats.refused > 10_000 && stats.casts_sent < 2_000, "{stats:?}");
    arena.close().await;
}

#[tokio::test]
async fn subscriptions_have_an_end_and_deep_ones_hold_up_nobody() {
    let arena = Arena::new(Capabilities::all()).await;
    let attacker = arena.add_attacker("hoarder").await;
    // All the ways through eight levels, with a long tail behind each: none matches the topic.
    let tail = "a.".repeat(23);
    for number in 0_u32..256 {
        let levels = (0..8).map(|bit| if number >> bit & 1 == 0 { "a." } else { "*." });
        let pattern: String = levels.chain([&tail[..], "b"]).collect();
        assert_eq!(attacker.sends(order('s', &pattern, "")).await, Ok(String::new()));
    }
    let rest = attacker.series(1_000, order('g', "a.@@@@@@", "group")).await;
    assert_eq!((rest.sent, rest.refused, rest.last), (768, 232, "quota-exceeded"));
    assert_eq!(rest.value, u64::MAX, "time alone does not help");
    let topic = format!("{}a", "a.".repeat(31));
    let publish = || {
        let start = Instant::now();
        assert_eq!(arena.publish(&topic, "").unwrap(), 0);
        start.elapsed()
    };
    let mut took: Vec<_> = (0..50).map(|_| publish()).collect();
    took.sort_unstable();
    println!("a publish past 6,000 nodes of strangers: {:?}", took[25]);
    assert!(took[25] < Duration::from_millis(8), "{took:?}");
    arena
        .with_neighbour("1,024 deep subscriptions", async |siege| {
            while siege.goes_on().await {
                publish();
            }
        })
        .await;
    assert!(arena.handle(&attacker.id).stop(Duration::from_secs(2)).await);
    assert_eq!(arena.publish("a.000001", "").unwrap(), 0, "they end with it");
    arena.close().await;
}
