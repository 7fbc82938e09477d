//! A policy that is changed while others send by it.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use castcall_core::{ComponentId, TargetPattern};
use castcall_policy::{Capabilities, Policy, Rate, TokenBucket};

#[test]
fn no_send_that_starts_after_revoke_returned() {
    let policy = Policy::new();
    let (id, who): (ComponentId, TargetPattern) = ("a".parse().unwrap(), "a".parse().unwrap());
    let right = Capabilities::none().with_cast("b".parse().unwrap());
    // Odd while something is being changed; then two more than a multiple of four if it is granted.
    let known = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut rights = policy.rights(&id, &right);
                let mut may = rights.may_cast("b");
                while !done.load(Ordering::Relaxed) {
                    let before = known.load(Ordering::Acquire);
                    if policy.refresh(&mut rights) {
                        may = rights.may_cast("b");
                    }
                    let granted = may;
                    let after = known.load(Ordering::Acquire);
                    // Nothing was changed meanwhile.
                    if before == after && before % 4 == 2 {
                        assert!(granted);
                    }
                    if before == after && before.is_multiple_of(4) {
                        assert!(!granted);
                    }
                }
            });
        }
        for _ in 0..5_000 {
            known.fetch_add(1, Ordering::AcqRel);
            policy.grant(&who, &right).unwrap();
            known.fetch_add(1, Ordering::AcqRel);
            known.fetch_add(1, Ordering::AcqRel);
            policy.revoke(&who, &right).unwrap();
            known.fetch_add(1, Ordering::AcqRel);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(policy.generation(), 10_000);
}

#[test]
fn threads_share_the_tokens() {
    let bucket = TokenBucket::new(Rate::PerSecond(1_000), 1_000, 0).unwrap();
    let taken = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // A second, in steps of 1 ms, as each thread sees it.
                for now in 0..=1_000 {
                    while bucket.try_take(now * 1_000_000).is_ok() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(taken.load(Ordering::Relaxed), 2_000);
}
