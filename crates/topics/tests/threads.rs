//! Readers and writers at once.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use castcall_core::{Pattern, Topic};
use castcall_topics::{Group, Matches, SubscriptionTable};

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

/// While some come and go, who stays is found by every message, once.
#[test]
fn who_stays_misses_nothing() {
    const STAYS: u32 = 1_000;
    let table = SubscriptionTable::new();
    let group = Group::new("g").unwrap();
    let all = ["a.b", "a.*", "*.b", "*", "a.c", "a.b.c"].map(pattern);
    table.subscribe(&all[0], STAYS);
    table.subscribe(&all[1], STAYS);
    table.subscribe_group(&all[2], &group, STAYS + 1);

    let done = AtomicBool::new(false);
    let start = Barrier::new(6);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3u32)
            .map(|writer| {
                let (table, all, group, start) = (&table, &all, &group, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..2_000usize {
                        for (n, pattern) in all.iter().enumerate() {
                            table.subscribe(pattern, writer);
                            if (n + round).is_multiple_of(2) {
                                table.subscribe_group(pattern, group, writer);
                            }
                        }
                        table.unsubscribe(&all[round % all.len()], &writer);
                        table.remove(&writer);
                        assert_eq!(table.count_of(&writer), 0);
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            scope.spawn(|| {
                let topic = Topic::new("a.b").unwrap();
                let mut matches = Matches::new();
                start.wait();
                while !done.load(Ordering::Relaxed) {
                    table.matching(&topic, &mut matches);
                    let mut seen = HashMap::new();
                    let mut served = 0;
                    matches.hand_out(|offer| {
                        *seen.entry(*offer.subscriber).or_insert(0) += 1;
                        served += usize::from(offer.group.is_some());
                        true
                    });
                    assert_eq!(seen[&STAYS], 1);
                    assert!(seen.values().all(|copies| *copies == 1), "{seen:?}");
                    assert!(served <= 1);
                }
            });
        }
        let failed = writers.into_iter().filter_map(|writer| writer.join().err()).count();
        done.store(true, Ordering::Relaxed);
        assert_eq!(failed, 0);
    });
    assert_eq!(table.remove(&STAYS), 2);
    assert_eq!(table.remove(&(STAYS + 1)), 1);
    assert!(table.is_empty());
}

/// Publishers that run at once share the work out evenly.
#[test]
fn turns_are_fair_between_threads() {
    const MEMBERS: usize = 5;
    const THREADS: usize = 4;
    const MESSAGES: usize = 5_000;
    let table = SubscriptionTable::new();
    let group = Group::new("g").unwrap();
    for member in 0..MEMBERS {
        table.subscribe_group(&pattern("a"), &group, member);
    }
    let had: [AtomicUsize; MEMBERS] = Default::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let topic = Topic::new("a").unwrap();
                let mut matches = Matches::new();
                for _ in 0..MESSAGES {
                    table.matching(&topic, &mut matches);
                    matches.hand_out(|offer| {
                        had[*offer.subscriber].fetch_add(1, Ordering::Relaxed);
                        true
                    });
                }
            });
        }
    });
    let had = had.map(AtomicUsize::into_inner);
    let share = THREADS * MESSAGES / MEMBERS;
    assert_eq!(had.iter().sum::<usize>(), THREADS * MESSAGES);
    assert!(had.iter().all(|had| had.abs_diff(share) < share / 10), "{had:?}");
}
