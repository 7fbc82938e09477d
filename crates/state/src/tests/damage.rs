//! Files in which bytes were changed, or that were cut.

use std::io;
use std::panic::{self, AssertUnwindSafe};

use fastrand::Rng;

use super::disk::Disk;
use super::{id, letter, pattern};
use crate::{DeadLetterFilter, OpenError, StateConfig, StateDirectory, StoredSubscription};
use castcall_core::{DeadLetter, DeadLetterId};

type Contents = (Vec<StoredSubscription>, Vec<(DeadLetterId, DeadLetter)>);

fn contents(state: &StateDirectory) -> Contents {
    let letters = state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX);
    (state.subscriptions(), letters)
}

/// A database that was closed in order, or not; and what it held after each of its commits.
fn sample(orderly: bool) -> (Vec<u8>, Vec<Contents>) {
    let disk = Disk::new();
    let mut commits = vec![(Vec::new(), Vec::new())];
    for run in 0..2 {
        let state = StateDirectory::open_source(disk.source(), StateConfig::default()).unwrap();
        for n in 0..8 {
            for m in 0..20 {
                let pattern = pattern(&format!("p{run}.{n}.{m}"));
                state.subscribed(&id(&format!("c{m}")), &pattern, None).unwrap();
            }
            state.unloaded(&id(&format!("c{n}")));
            state.dead_letters().add(letter("x", 600 * n));
            state.flush_blocking().unwrap();
            commits.push(contents(&state));
        }
        if run == 1 && !orderly {
            let bytes = disk.bytes();
            drop(state);
            return (bytes, commits);
        }
    }
    (disk.bytes(), commits)
}

#[derive(Debug, Default)]
struct Tally {
    whole: u32,
    older: u32,
    refused: u32,
}

/// Opening it gives an error, or what one of the commits had written.
fn try_open(bytes: Vec<u8>, commits: &[Contents], tally: &mut Tally, what: &str) {
    let disk = Disk::with(bytes);
    let opened = panic::catch_unwind(AssertUnwindSafe(|| {
        StateDirectory::open_source(disk.source(), StateConfig::default())
    }));
    match opened.unwrap_or_else(|_| panic!("{what}: it panicked")) {
        Ok(state) => {
            let found = contents(&state);
            let at = commits.iter().rposition(|commit| *commit == found);
            match at {
                Some(at) if at + 1 == commits.len() => tally.whole += 1,
                Some(_) => tally.older += 1,
                None => panic!("{what}: it holds what no commit wrote"),
            }
            // It also works.
            state.subscribed(&id("new"), &pattern("new"), None).unwrap();
            state.flush_blocking().unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        Err(OpenError::Corrupt { .. }) => tally.refused += 1,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

#[test]
fn damaged_files_are_refused_or_whole() {
    // What the database says when it panics is of no interest here.
    let mut rng = Rng::with_seed(7);
    for orderly in [true, false] {
        let (bytes, commits) = sample(orderly);
        let mut tally = Tally::default();
        try_open(bytes.clone(), &commits, &mut tally, "nothing");
        assert_eq!(tally.whole, 1);
        let rounds = std::env::var("CASTCALL_DAMAGE").map_or(400, |n| n.parse().unwrap());
        for _ in 0..rounds {
            let mut damaged = bytes.clone();
            let mut what = format!("orderly {orderly}");
            if rng.u32(..8) == 0 {
                let length = rng.usize(..damaged.len());
                damaged.truncate(length);
                what += &format!(", cut to {length}");
            }
            // The head decides most.
            let end = if rng.bool() { 1024 } else { damaged.len() };
            for _ in 0..rng.u32(..3) {
                let at = rng.usize(..end.min(damaged.len()).max(1));
                let bit = 1 << rng.u32(..8);
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= bit;
                    what += &format!(", byte {at} ^ {bit}");
                }
            }
            try_open(damaged, &commits, &mut tally, &what);
        }
        println!("orderly {orderly}: {} bytes, {tally:?}", bytes.len());
        assert!(tally.refused > 0 && tally.whole > 0);
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let mut rng = Rng::with_seed(1);
    for length in [1, 9, 320, 4096, 100_000] {
        let mut bytes = vec![0; length];
        rng.fill(&mut bytes);
        let error = StateDirectory::open_source(Disk::with(bytes).source(), StateConfig::default());
        assert!(matches!(error, Err(OpenError::Corrupt { .. })), "{length}: {error:?}");
    }
}

#[test]
fn a_disk_that_is_full_or_broken_at_the_opening_is_said() {
    let open = |kind: io::ErrorKind| {
        let disk = Disk::new();
        disk.fail_after(0, kind);
        StateDirectory::open_source(disk.source(), StateConfig::default()).unwrap_err()
    };
    let error = open(io::ErrorKind::StorageFull);
    assert!(matches!(error, OpenError::DiskFull { .. }), "{error:?}");
    let error = open(io::ErrorKind::ReadOnlyFilesystem);
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    let error = open(io::ErrorKind::TimedOut);
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}
