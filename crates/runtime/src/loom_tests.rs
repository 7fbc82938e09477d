//! Every order in which workers, who adds work, and the timer thread may meet, up to so many
//! preemptions.
//!
//! A wake-up that is lost leaves somebody parked for ever, which loom reports as a deadlock.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize as Number;
use loom::thread;

use crate::idle::Idle;
use crate::sync::{AtomicBool, Parker};
use crate::timer::Timer;

fn model(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(test);
}

/// What a pool is to its workers. Its queue is as weak as can be: nothing but a number, without
/// any ordering of its own.
struct Pool {
    idle: Idle,
    work: Number,
    done: Number,
    shutdown: AtomicBool,
}

impl Pool {
    fn new() -> Self {
        Self {
            idle: Idle::new(),
            work: Number::new(0),
            done: Number::new(0),
            shutdown: AtomicBool::new(false),
        }
    }

    fn add(&self) {
        self.work.fetch_add(1, Relaxed);
        self.idle.notify();
    }

    fn shut_down(&self) {
        self.shutdown.store(true, SeqCst);
        self.idle.wake_all();
    }

    fn steal(&self) -> bool {
        self.work.fetch_update(Relaxed, Relaxed, |work| work.checked_sub(1)).is_ok()
    }

    fn has_work(&self) -> bool {
        self.work.load(Relaxed) > 0
    }

    /// As `Local::run`, `search`, `lingers` and `sleep` have it. Ends when `enough` was done, or at
    /// a shutdown.
    fn work(&self, number: usize, enough: usize) {
        let parker = Parker::new();
        while self.done.load(Acquire) < enough {
            self.idle.begin_search();
            let found = self.steal();
            self.idle.end_search();
            if found {
                if self.has_work() {
                    self.idle.hint();
                }
                if self.done.fetch_add(1, SeqCst) + 1 == enough {
                    self.shut_down();
                }
                continue;
            }
            if self.shutdown.load(Acquire) {
                return;
            }
            self.idle.begin_search();
            let has_come = self.has_work();
            self.idle.end_search();
            if has_come {
                continue;
            }
            self.idle.enter(number, parker.unparker().clone());
            if !self.has_work() && !self.shutdown.load(Acquire) {
                parker.park();
            }
            self.idle.leave(number);
        }
    }
}

#[test]
fn work_that_is_added_is_done() {
    model(3, || {
        let pool = Arc::new(Pool::new());
        let its = Arc::clone(&pool);
        let worker = thread::spawn(move || its.work(0, 1));
        pool.add();
        worker.join().unwrap();
        assert_eq!(pool.idle.count(), 0);
    });
}

#[test]
fn a_worker_misses_nothing_of_what_comes_later() {
    model(3, || {
        let pool = Arc::new(Pool::new());
        let its = Arc::clone(&pool);
        let worker = thread::spawn(move || its.work(0, 2));
        pool.add();
        pool.add();
        worker.join().unwrap();
        assert_eq!(pool.work.load(Relaxed), 0);
    });
}

#[test]
fn of_two_workers_one_does_it() {
    model(2, || {
        let pool = Arc::new(Pool::new());
        let workers = [0, 1].map(|number| {
            let its = Arc::clone(&pool);
            thread::spawn(move || its.work(number, 1))
        });
        pool.add();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(pool.idle.count(), 0);
    });
}

#[test]
fn a_shutdown_wakes_everybody() {
    model(3, || {
        let pool = Arc::new(Pool::new());
        let workers = [0, 1].map(|number| {
            let its = Arc::clone(&pool);
            thread::spawn(move || its.work(number, usize::MAX))
        });
        pool.shut_down();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(pool.idle.count(), 0);
    });
}

/// `detach` wakes the one worker that it means.
#[test]
fn one_in_particular_is_woken() {
    model(3, || {
        let pool = Arc::new(Pool::new());
        let its = Arc::clone(&pool);
        let worker = thread::spawn(move || {
            let parker = Parker::new();
            its.idle.enter(7, parker.unparker().clone());
            if !its.shutdown.load(Acquire) {
                parker.park();
            }
            its.idle.leave(7);
        });
        pool.shutdown.store(true, SeqCst);
        pool.idle.wake(7);
        worker.join().unwrap();
        assert_eq!(pool.idle.count(), 0);
    });
}

/// A timer thread that does not tick while somebody works would never detach him.
#[test]
fn the_timer_ticks_while_somebody_works() {
    model(3, || {
        let shared = Arc::new((Idle::new(), Timer::new()));
        let its = Arc::clone(&shared);
        let parker = Parker::new();
        shared.0.enter(0, parker.unparker().clone());
        let worker = thread::spawn(move || {
            let (idle, timer) = &*its;
            idle.leave(0);
            timer.rouse(&());
        });
        let (idle, timer) = &*shared;
        timer.fall_asleep(|| idle.count() < 1);
        worker.join().unwrap();
        assert!(!timer.asleep());
    });
}
