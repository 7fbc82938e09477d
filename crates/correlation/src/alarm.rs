//! Tells whoever drives a table's expiry that a deadline came before the one it sleeps for.
//!
//! The driver, one at a time, loops: `expire`, [`disarm`](Alarm::disarm), look at every shard
//! under its lock, [`arm`](Alarm::arm) with the earliest deadline found, sleep until then or until
//! the alarm. Whoever registers inserts under the shard's lock and then calls
//! [`registered`](Alarm::registered).
//!
//! No deadline is missed. If the driver looks at the shard after the insertion, it sees the call.
//! If before, then `disarm` happened before the insertion (the lock orders them), so `registered`
//! reads what `disarm` or something later stored: `u64::MAX`, and it rings; or the time that the
//! driver armed with, and it rings if its deadline is earlier, while otherwise the driver wakes in
//! time; or an earlier deadline of another `registered`, which is about to ring. A ring during the
//! driver's loop must not be lost: the alarm has to be sticky, as `Thread::unpark`, a condition
//! variable with a flag, or tokio's `Notify::notify_one`. Orderings can be relaxed because the
//! lock orders what matters.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use thiserror::Error;

use crate::sync::{AtomicU64, const_fn};

type Ring = Arc<dyn Fn() + Send + Sync>;

/// The table has an alarm. A table's alarm never changes, since its driver relies on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the table has an alarm already")]
pub struct AlarmAlreadySet;

pub(crate) struct Alarm {
    /// No deadline before this needs a ring.
    armed: AtomicU64,
    ring: OnceLock<Ring>,
}

impl Alarm {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { armed: AtomicU64::new(u64::MAX), ring: OnceLock::new() }
        }
    }

    pub(crate) fn set(&self, ring: Ring) -> Result<(), AlarmAlreadySet> {
        self.ring.set(ring).map_err(|_| AlarmAlreadySet)
    }

    /// From here until [`arm`](Self::arm), registrations ring.
    pub(crate) fn disarm(&self) {
        self.armed.store(u64::MAX, Relaxed);
    }

    pub(crate) fn arm(&self, earliest: u64) {
        self.armed.store(earliest, Relaxed);
    }

    /// A call with this deadline was inserted, and its shard's lock released.
    #[inline]
    pub(crate) fn registered(&self, deadline: u64) {
        if deadline < self.armed.load(Relaxed) {
            self.ring(deadline);
        }
    }

    /// Before the ring, `armed` is lowered, so that one ring serves until the driver has come:
    /// it stays too low for no longer than that, as the ring makes the driver arm again.
    #[cold]
    fn ring(&self, deadline: u64) {
        self.armed.fetch_min(deadline, Relaxed);
        if let Some(ring) = self.ring.get() {
            ring();
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
#[path = "alarm_loom_tests.rs"]
mod loom_tests;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn rings_for_earlier_deadlines_alone() {
        let rings = Arc::new(AtomicU32::new(0));
        let alarm = Alarm::new();
        let count = Arc::clone(&rings);
        let ring = Arc::new(move || {
            count.fetch_add(1, Relaxed);
        });
        alarm.set(ring.clone()).unwrap();
        assert_eq!(alarm.set(ring), Err(AlarmAlreadySet));
        let rung = |deadline| {
            alarm.registered(deadline);
            rings.swap(0, Relaxed)
        };
        assert_eq!(rung(50), 1, "nothing is armed");
        assert_eq!(rung(60), 0, "one ring serves both");
        assert_eq!(rung(40), 1);
        alarm.disarm();
        assert_eq!(rung(90), 1);
        alarm.arm(70);
        assert_eq!((rung(70), rung(80), rung(69)), (0, 0, 1));
    }

    /// Steps of a driver's round and of two registrations, in every order.
    #[test]
    fn no_order_of_steps_misses_a_deadline() {
        const ROUND: usize = 4;
        for (before, deadlines, shards) in cases() {
            for order in orders(&[ROUND, 2, 2]) {
                let rings = Arc::new(AtomicU32::new(0));
                let alarm = Alarm::new();
                let count = Arc::clone(&rings);
                alarm
                    .set(Arc::new(move || {
                        count.fetch_add(1, Relaxed);
                    }))
                    .unwrap();
                alarm.arm(before);
                let (mut inserted, mut done) = ([false; 2], [0; 3]);
                let (mut earliest, mut rings_before) = (u64::MAX, 0);
                for who in &order {
                    match (*who, done[*who]) {
                        (0, 0) => {
                            // The driver is awake: rings so far have had their effect.
                            rings_before = rings.load(Relaxed);
                            alarm.disarm();
                        }
                        (0, 3) => alarm.arm(earliest),
                        (0, step) => {
                            let seen =
                                (0..2).filter(|call| inserted[*call] && shards[*call] == step);
                            earliest = seen.map(|call| deadlines[call]).fold(earliest, u64::min);
                        }
                        (call, 0) => inserted[call - 1] = true,
                        (call, _) => alarm.registered(deadlines[call - 1]),
                    }
                    done[*who] += 1;
                }
                let awake_again = rings.load(Relaxed) > rings_before;
                let first = *deadlines.iter().min().unwrap();
                assert!(awake_again || earliest <= first, "{before} {deadlines:?} {order:?}");
            }
        }
    }

    fn cases() -> impl Iterator<Item = (u64, [u64; 2], [usize; 2])> {
        let times = [10, 20, 30];
        let befores = [5, 15, 25, u64::MAX].into_iter();
        befores.flat_map(move |before| {
            times.into_iter().flat_map(move |one| {
                times.into_iter().flat_map(move |two| {
                    [[1, 1], [1, 2], [2, 1], [2, 2]]
                        .into_iter()
                        .map(move |shards| (before, [one, two], shards))
                })
            })
        })
    }

    /// All orders in which each `who` makes as many steps as `left` says.
    fn orders(left: &[usize]) -> Vec<Vec<usize>> {
        if left.iter().all(|steps| *steps == 0) {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for who in (0..left.len()).filter(|who| left[*who] > 0) {
            let mut after = left.to_vec();
            after[who] -= 1;
            for mut rest in orders(&after) {
                rest.insert(0, who);
                all.push(rest);
            }
        }
        all
    }
}
