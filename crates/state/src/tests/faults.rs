//! Disks that fail while it is open, and recover.

use std::io;
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::{id, letter, pattern};
use crate::{DeadLetterFilter, DeadLetterLimits, FlushError, StateConfig, StateDirectory};

fn open(disk: &Disk, config: StateConfig) -> StateDirectory {
    StateDirectory::open_source(disk.source(), config).unwrap()
}

fn quick() -> StateConfig {
    StateConfig {
        commit_interval: Duration::from_millis(1),
        backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(4),
        ..StateConfig::default()
    }
}

/// Long enough that nothing is written unless it is asked for.
fn patient() -> StateConfig {
    let long = Duration::from_secs(3600);
    StateConfig { commit_interval: long, backoff: long, ..StateConfig::default() }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_tried_again() {
    for after in [0, 1, 2, 3, 5, 8] {
        let disk = Disk::new();
        let state = open(&disk, patient());
        state.subscribed(&id("a"), &pattern("flushed"), None).unwrap();
        let kept = state.dead_letters().add(letter("a", 10));
        let taken = state.dead_letters().add(letter("a", 20));
        state.flush_blocking().unwrap();

        disk.fail_after(after, io::ErrorKind::StorageFull);
        state.subscribed(&id("a"), &pattern("later"), None).unwrap();
        state.unsubscribed(&id("a"), &pattern("flushed"));
        assert!(state.dead_letters().take(taken).is_some());
        let big = state.dead_letters().add(letter("a", 50_000));
        let error = state.flush_blocking().unwrap_err();
        assert!(matches!(error, FlushError::DiskFull { .. }), "{after}: {error:?}");
        assert!(error.to_string().contains("state.redb"));
        let status = state.status();
        assert_eq!(status.pending_subscriptions, 2);
        assert_eq!(status.pending_letters, 2);
        assert!(matches!(status.error, Some(FlushError::DiskFull { .. })));
        assert!(matches!(state.close_blocking(), Err(FlushError::DiskFull { .. })));
        assert!(!state.status().closed);
        // What changes meanwhile, and back.
        state.subscribed(&id("b"), &pattern("x"), None).unwrap();
        state.unloaded(&id("b"));
        let gone = state.dead_letters().add(letter("b", 1));
        assert!(state.dead_letters().take(gone).is_some());
        assert!(state.dead_letters().put_back(taken, letter("a", 21)));

        disk.heal();
        state.flush_blocking().unwrap();
        assert!(state.status().error.is_none());
        drop(state);
        let state = open(&disk, patient());
        let patterns: Vec<_> = state.subscriptions().into_iter().map(|s| s.pattern).collect();
        assert_eq!(patterns, [pattern("later")]);
        let letters = state.dead_letters().list(&DeadLetterFilter::new(), None, 9);
        let expected =
            [(kept, letter("a", 10)), (taken, letter("a", 21)), (big, letter("a", 50_000))];
        assert_eq!(letters, expected);
    }
}

#[test]
fn recovers_by_itself() {
    let disk = Disk::new();
    let state = open(&disk, quick());
    disk.fail_after(0, io::ErrorKind::TimedOut);
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    until("it fails", || state.status().error.is_some());
    assert!(matches!(state.status().error, Some(FlushError::Io { .. })));
    std::thread::sleep(Duration::from_millis(20));
    disk.heal();
    until("it recovers", || state.status().error.is_none());
    assert_eq!(state.status().pending_subscriptions, 0);
}

#[test]
fn a_disk_that_turns_read_only_is_said() {
    let disk = Disk::new();
    let state = open(&disk, patient());
    disk.fail_after(0, io::ErrorKind::ReadOnlyFilesystem);
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    assert!(matches!(state.flush_blocking(), Err(FlushError::ReadOnly { .. })));
    // Dropped now, it tries once more and does not wait for ever.
    drop(state);
    disk.heal();
    assert!(open(&disk, patient()).subscriptions().is_empty());
}

/// Memory stays bounded while the disk fails and everything goes round and round.
#[test]
fn what_is_pending_is_bounded() {
    let disk = Disk::new();
    let limits = DeadLetterLimits::new(100, usize::MAX);
    let state = open(&disk, StateConfig { dead_letters: limits, ..quick() });
    for n in 0..100 {
        state.subscribed(&id("stored"), &pattern(&format!("p{n}")), None).unwrap();
        state.dead_letters().add(letter("a", 1));
    }
    state.flush_blocking().unwrap();
    disk.fail_after(3, io::ErrorKind::StorageFull);
    for n in 0..20_000 {
        let (component, pattern) = (id(&format!("c{n}")), pattern(&format!("x{n}")));
        state.subscribed(&component, &pattern, None).unwrap();
        state.unloaded(&component);
        state.dead_letters().add(letter("a", 1));
        if n % 2_000 == 0 {
            assert!(state.flush_blocking().is_err());
        }
    }
    let status = state.status();
    // Each try that failed may have stored what was there then.
    assert!(status.pending_subscriptions <= 100, "{status:?}");
    assert!(status.pending_letters <= 100 + 100 + 100, "{status:?}");
    assert_eq!(state.dead_letters().dropped(), 20_000);
    disk.heal();
    state.flush_blocking().unwrap();
    let expected = state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX);
    drop(state);
    let state = open(&disk, quick());
    let found = state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX);
    assert_eq!(found, expected);
    assert_eq!(state.subscriptions().len(), 100);
}

/// Letters that come and go between two commits never touch the disk.
#[test]
fn what_is_gone_again_is_not_written() {
    let disk = Disk::new();
    let limits = DeadLetterLimits::new(10, usize::MAX);
    let state = open(&disk, StateConfig { dead_letters: limits, ..patient() });
    let before = disk.steps();
    for n in 0..1_000 {
        state.subscribed(&id("a"), &pattern(&format!("x{n}")), None).unwrap();
        state.unsubscribed(&id("a"), &pattern(&format!("x{n}")));
    }
    let taken: Vec<_> = (0..10_000).map(|_| state.dead_letters().add(letter("a", 100))).collect();
    for id in taken {
        let _ = state.dead_letters().take(id);
    }
    let status = state.status();
    assert_eq!((status.pending_subscriptions, status.pending_letters), (0, 0));
    state.flush_blocking().unwrap();
    assert_eq!(disk.steps(), before);
}

/// Subscriptions are durable soon although letters pour in faster than they can be written.
#[test]
fn letters_do_not_hold_subscriptions_up() {
    let disk = Disk::new();
    disk.slow(Duration::from_millis(2));
    let state = open(&disk, quick());
    for _ in 0..10_000 {
        state.dead_letters().add(letter("a", 1_000));
    }
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    until("the subscription is written", || state.status().pending_subscriptions == 0);
    assert!(state.status().pending_letters > 0, "one commit took all letters");
    until("the letters are", || state.status().pending_letters == 0);
    assert!(state.status().commits >= 5);
}

#[test]
fn commits_that_overtake_changes_miss_nothing() {
    for room in [50, 5_000] {
        overtake(room);
    }
}

fn overtake(room: usize) {
    let disk = Disk::new();
    disk.slow(Duration::from_micros(300));
    let limits = DeadLetterLimits::new(room, usize::MAX);
    let config = StateConfig { dead_letters: limits, ..quick() };
    let state = open(&disk, StateConfig { commit_interval: Duration::ZERO, ..config.clone() });
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let state = &state;
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(worker);
                let letters = state.dead_letters();
                for n in 0..3_000 {
                    let component = id(&format!("c{worker}"));
                    let pattern = pattern(&format!("p{}", rng.u32(..6)));
                    match rng.u32(..6) {
                        0 | 1 => state.subscribed(&component, &pattern, None).unwrap(),
                        2 => drop(state.unsubscribed(&component, &pattern)),
                        3 => drop(letters.add(letter("a", n))),
                        _ => {
                            let some = letters.list(&DeadLetterFilter::new(), None, 3);
                            if let Some((id, _)) = rng.choice(some)
                                && let Some(mut letter) = letters.take(id)
                            {
                                letter.attempts += 1;
                                if rng.bool() {
                                    letters.put_back(id, letter);
                                }
                            }
                        }
                    }
                    if rng.u32(..500) == 0 {
                        state.flush_blocking().unwrap();
                    }
                }
            });
        }
    });
    state.flush_blocking().unwrap();
    let all = |state: &StateDirectory| {
        let letters = state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX);
        (state.subscriptions(), letters)
    };
    let expected = all(&state);
    drop(state);
    assert_eq!(all(&open(&disk, config)), expected);
}

/// What was on disk and is not any more is written again, from memory.
#[test]
fn what_the_disk_lost_is_written_again() {
    let disk = Disk::new();
    let state = open(&disk, patient());
    let old = disk.bytes();
    state.subscribed(&id("a"), &pattern("lost"), None).unwrap();
    let lost = state.dead_letters().add(letter("a", 10));
    state.flush_blocking().unwrap();
    let newer = disk.bytes();
    let gone = state.dead_letters().take(lost).unwrap();
    state.unloaded(&id("a"));
    state.flush_blocking().unwrap();

    // What was deleted is there again, after an error.
    disk.fail_after(0, io::ErrorKind::TimedOut);
    state.subscribed(&id("b"), &pattern("x"), None).unwrap();
    assert!(state.flush_blocking().is_err());
    disk.replace(newer);
    disk.heal();
    state.flush_blocking().unwrap();
    let found = open(&Disk::with(disk.bytes()), patient());
    assert_eq!(found.subscriptions().len(), 1);
    assert_eq!(found.dead_letters().count(), 0);

    // What was written is not there any more.
    assert!(state.dead_letters().put_back(lost, gone));
    state.flush_blocking().unwrap();
    disk.fail_after(0, io::ErrorKind::TimedOut);
    state.subscribed(&id("c"), &pattern("x"), None).unwrap();
    assert!(state.flush_blocking().is_err());
    disk.replace(old);
    disk.heal();
    state.flush_blocking().unwrap();
    let found = open(&Disk::with(disk.bytes()), patient());
    assert_eq!(found.subscriptions().len(), 2);
    assert_eq!(found.dead_letters().count(), 1);
}

/// The file is damaged under its hands: what is in memory is whole, and nobody waits for ever.
#[test]
fn a_file_that_is_damaged_meanwhile_is_said() {
    let disk = Disk::new();
    let state = open(&disk, patient());
    disk.fail_after(0, io::ErrorKind::TimedOut);
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    assert!(state.flush_blocking().is_err());
    let whole = disk.bytes();
    disk.replace(vec![7; whole.len()]);
    disk.heal();
    for _ in 0..3 {
        let error = state.flush_blocking().unwrap_err();
        assert!(matches!(error, FlushError::Corrupt { .. }), "{error:?}");
    }
    assert_eq!(state.subscriptions().len(), 1);
    disk.replace(whole);
    state.flush_blocking().unwrap();
}

/// What a newer version wrote is not understood, and not touched.
#[test]
fn what_is_not_understood_is_left_alone() {
    let disk = Disk::new();
    let rows = |change: &dyn Fn(&redb::WriteTransaction)| {
        let database = crate::database::builder().create_with_backend(disk.backend()).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&transaction);
        transaction.commit().unwrap();
    };
    rows(&|transaction| {
        let mut table = transaction.open_table(crate::database::SUBSCRIPTIONS).unwrap();
        table.insert(("a", "a pattern to come", ""), [0xa0].as_slice()).unwrap();
        let mut table = transaction.open_table(crate::database::LETTERS).unwrap();
        table.insert(7, b"a letter to come".as_slice()).unwrap();
    });
    for _ in 0..2 {
        let state = open(&disk, patient());
        assert_eq!(state.status().unreadable, 2);
        assert!(state.subscriptions().is_empty() && state.dead_letters().count() == 0);
        assert!(state.dead_letters().add(letter("a", 1)).0 > 7);
        let _ = state.dead_letters().take_matching(&DeadLetterFilter::new(), 9);
        disk.fail_after(0, io::ErrorKind::TimedOut);
        state.subscribed(&id("a"), &pattern("x"), None).unwrap();
        assert!(state.flush_blocking().is_err());
        disk.heal();
        state.unloaded(&id("a"));
        state.close_blocking().unwrap();
    }
    rows(&|transaction| {
        let mut table = transaction.open_table(crate::database::NUMBERS).unwrap();
        table.insert("ids", u64::MAX - 1).unwrap();
    });
    let error = StateDirectory::open_source(disk.source(), patient()).unwrap_err();
    assert!(error.to_string().contains("ids are used up"), "{error}");
}

/// A flood that ends: what was deleted meanwhile is deleted in pieces, and all of it.
#[test]
fn many_letters_go_in_several_commits() {
    let disk = Disk::new();
    let state = open(&disk, quick());
    for _ in 0..9_000 {
        state.dead_letters().add(letter("a", 1));
    }
    state.flush_blocking().unwrap();
    let commits = state.status().commits;
    let taken = state.dead_letters().take_matching(&DeadLetterFilter::new(), 8_999);
    assert_eq!(taken.len(), 8_999);
    until("they are deleted", || state.status().pending_letters == 0);
    assert!(state.status().commits >= commits + 5);
    // And some of them are put back.
    for (id, letter) in taken.into_iter().take(700) {
        assert!(state.dead_letters().put_back(id, letter));
    }
    drop(state);
    assert_eq!(open(&disk, quick()).dead_letters().count(), 701);
}
