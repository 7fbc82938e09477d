//! Publishing: to a hundred guests, and finding who is subscribed.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use castcall::core::{Pattern, Topic};
use castcall::topics::{Matches, SubscriptionTable};
use castcall::{Component, ComponentHandle};
use castcall_benches::host::{Host, TIMEOUT};
use castcall_benches::lane::Lane;
use castcall_benches::settings;

use crate::floors;
use crate::suite::{Group, Suite};

const SUBSCRIBERS: usize = 100;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("publish");
    floors::handle_message_of_100(&mut group, 32);
    floors::handle_message_of_100(&mut group, 1);
    for &lane in Lane::ALL {
        for in_flight in [32, 1] {
            to_a_hundred(&mut group, lane, in_flight);
        }
    }
    drop(group);
    let mut group = suite.group("topics");
    for patterns in [10, 100_000] {
        matching(&mut group, patterns);
    }
    subscribing(&mut group, 100_000);
}

/// A guest publishes 64 bytes to a hundred others, all on one worker: the time of one publish and
/// all that follows from it.
fn to_a_hundred(group: &mut Group<'_>, lane: Lane, in_flight: usize) {
    let setup = || {
        let host = Host::new(lane, 1);
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|number| {
                let handle = host.load(&format!("bench/echo-{number}"), "echo-handler");
                handle.subscribe("bench.topic").unwrap();
                handle
            })
            .collect();
        // It takes commands in plain text, and so says of no codec that it accepts it.
        let publisher = Component::bytes(settings::fixture("callback-receiver-component"));
        let publisher = publisher.capabilities(settings::capabilities());
        let publisher = host.load_as("bench/publisher", publisher.quotas(settings::quotas()));
        (host, publisher, subscribers)
    };
    let id = format!("{}/to-100/{in_flight}-in-flight", lane.name());
    group.bench(&id, setup, |(host, publisher, subscribers), iterations| {
        let rounds = iterations.div_ceil(in_flight as u64);
        // `U` is 0x55, the code of raw.
        let command = format!("publish bench.topic {}", "U".repeat(64));
        let before: Vec<_> = subscribers.iter().map(handled).collect();
        let start = Instant::now();
        for round in 1..=rounds {
            for _ in 0..in_flight {
                host.system.cast(publisher.id(), command.clone()).unwrap();
            }
            // One after the other: to look at all of them all the time would slow them down.
            for (subscriber, before) in subscribers.iter().zip(&before) {
                while handled(subscriber) < before + round * in_flight as u64 {
                    thread::yield_now();
                    assert!(start.elapsed() < TIMEOUT, "stuck: {:?}", host.system.stats());
                }
            }
        }
        scaled(start.elapsed(), iterations, rounds * in_flight as u64)
    });
}

fn handled(subscriber: &ComponentHandle) -> u64 {
    subscriber.stats().casts_handled
}

fn scaled(time: Duration, asked: u64, done: u64) -> Duration {
    time.mul_f64(asked as f64 / done as f64)
}

/// So many patterns, three of which match `shop.eu.orders.created`.
fn table(patterns: usize) -> SubscriptionTable<u32> {
    let table = SubscriptionTable::new();
    for (number, text) in ["shop.eu.orders.created", "shop.*.orders.*", "*"].iter().enumerate() {
        table.subscribe(&Pattern::new(text).unwrap(), number as u32);
    }
    for number in 3..patterns {
        let text = match number % 3 {
            0 => format!("shop.eu.orders.n{number}"),
            1 => format!("shop.*.orders.n{number}.*"),
            _ => format!("n{number}.*"),
        };
        table.subscribe(&Pattern::new(text).unwrap(), number as u32);
    }
    table
}

fn matching(group: &mut Group<'_>, patterns: usize) {
    let setup = || {
        let topic = Topic::new("shop.eu.orders.created").unwrap();
        (table(patterns), topic, Matches::new())
    };
    group.each(&format!("match-3-of-{patterns}"), setup, |(table, topic, matches)| {
        table.matching(black_box(topic), matches);
        assert_eq!(matches.plain().len(), 3);
    });
}

fn subscribing(group: &mut Group<'_>, patterns: usize) {
    let setup = || {
        let more = (0..1000).map(|n| Pattern::new(format!("more.m{n}.*")).unwrap());
        (table(patterns), more.collect::<Vec<_>>())
    };
    group.bench(
        &format!("subscribe-and-unsubscribe-at-{patterns}"),
        setup,
        |(table, more), iterations| {
            let start = Instant::now();
            for number in 0..iterations {
                let pattern = &more[number as usize % more.len()];
                assert!(table.subscribe(pattern, u32::MAX));
                assert!(table.unsubscribe(pattern, &u32::MAX));
            }
            start.elapsed()
        },
    );
}
