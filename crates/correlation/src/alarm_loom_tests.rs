//! Every order in which a driver and those who register may meet, up to three preemptions.
//!
//! A deadline that the driver would sleep through leaves it parked for ever, which loom reports as
//! a deadlock.

use loom::model::Builder;
use loom::sync::{Arc as Shared, Mutex, Notify};
use loom::thread;

use super::*;

const ENDED: u64 = 5;
const FAR: u64 = 100;

/// A table with nothing in it but deadlines, one for each shard.
struct Table {
    alarm: Alarm,
    shards: [Mutex<u64>; 2],
}

impl Table {
    /// As `PendingTable::insert`.
    fn register(&self, shard: usize, deadline: u64) {
        {
            let mut earliest = self.shards[shard].lock().unwrap();
            *earliest = deadline.min(*earliest);
        }
        self.alarm.registered(deadline);
    }

    /// As `PendingTable::arm`.
    fn arm(&self) -> u64 {
        self.alarm.disarm();
        let deadlines = self.shards.iter().map(|shard| *shard.lock().unwrap());
        let earliest = deadlines.min().unwrap();
        self.alarm.arm(earliest);
        earliest
    }
}

/// The driver sleeps until the far deadline, which never comes here: only a ring gets it on.
fn the_driver_learns_of(registered: [(usize, u64); 2]) {
    let first = registered.iter().map(|(_, deadline)| *deadline).min().unwrap();
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let table = Shared::new(Table {
            alarm: Alarm::new(),
            shards: [Mutex::new(FAR), Mutex::new(u64::MAX)],
        });
        // For a call that has ended since.
        table.alarm.arm(ENDED);
        // Sticky, as an alarm must be.
        let bell = Arc::new(Notify::new());
        let alarm = Arc::clone(&bell);
        table.alarm.set(Arc::new(move || alarm.notify())).unwrap();
        let its = Shared::clone(&table);
        let driver = thread::spawn(move || {
            while its.arm() > first {
                bell.wait();
            }
        });
        let its = Shared::clone(&table);
        let other = thread::spawn(move || its.register(registered[1].0, registered[1].1));
        table.register(registered[0].0, registered[0].1);
        other.join().unwrap();
        driver.join().unwrap();
    });
}

#[test]
fn the_later_of_two_deadlines_hides_no_earlier_one() {
    the_driver_learns_of([(0, 20), (1, 10)]);
}

#[test]
fn nor_in_the_same_shard() {
    the_driver_learns_of([(1, 20), (1, 10)]);
}

#[test]
fn nor_in_the_shard_that_is_looked_at_first() {
    the_driver_learns_of([(1, 20), (0, 10)]);
}

#[test]
fn two_at_once_are_rung_for() {
    the_driver_learns_of([(0, 10), (1, 10)]);
}
