//! Tasks whose turns are long wait behind those whose are not, and not for ever.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Pool, Runnable, Turn};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs again for as long as its body says so.
struct Again {
    slow: bool,
    body: Box<dyn FnMut(&Turn<'_>) -> bool + Send>,
}

impl Again {
    fn new(slow: bool, body: impl FnMut(&Turn<'_>) -> bool + Send + 'static) -> Self {
        Self { slow, body: Box::new(body) }
    }
}

impl Runnable for Again {
    fn run(mut self, turn: &Turn<'_>) -> Option<Self> {
        (self.body)(turn).then_some(self)
    }

    fn is_slow(&self) -> bool {
        self.slow
    }
}

/// A task that needs the whole of each turn, counts them, and ends when it is told to.
fn hog(turns: &Arc<AtomicU64>, end: &Arc<AtomicBool>) -> Again {
    let (turns, end) = (Arc::clone(turns), Arc::clone(end));
    Again::new(true, move |turn| {
        turns.fetch_add(1, Ordering::SeqCst);
        while !turn.is_over() {
            std::hint::spin_loop();
        }
        !end.load(Ordering::SeqCst)
    })
}

fn pool() -> Pool<Again> {
    Pool::builder().workers(1).build().expect("threads are to be had")
}

#[test]
fn who_is_quick_waits_for_one_long_turn_and_not_for_all() {
    let (pool, turns, end) = (pool(), Arc::default(), Arc::default());
    for _ in 0..16 {
        pool.schedule(hog(&turns, &end));
    }
    let mut waited = Vec::new();
    for _ in 0..51 {
        let (sender, receiver) = mpsc::channel();
        let before = turns.load(Ordering::SeqCst);
        let so_far = Arc::clone(&turns);
        pool.schedule(Again::new(false, move |_| {
            sender.send(so_far.load(Ordering::SeqCst)).unwrap();
            false
        }));
        waited.push(receiver.recv_timeout(PATIENCE).expect("its turn") - before);
        thread::sleep(Duration::from_micros(300));
    }
    waited.sort_unstable();
    // Perhaps one begins before it is there, and one more if the machine was elsewhere for long.
    assert!(waited[25] <= 1 && waited[45] <= 4, "long turns that began before: {waited:?}");
    end.store(true, Ordering::SeqCst);
    pool.shutdown();
}

#[test]
fn who_is_slow_has_turns_although_others_always_want_them() {
    let (pool, turns, end) = (pool(), Arc::default(), Arc::default());
    for _ in 0..4 {
        let end: Arc<AtomicBool> = Arc::clone(&end);
        pool.schedule(Again::new(false, move |_| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(100) {
                std::hint::spin_loop();
            }
            !end.load(Ordering::SeqCst)
        }));
    }
    pool.schedule(hog(&turns, &end));
    let start = Instant::now();
    while turns.load(Ordering::SeqCst) < 20 {
        assert!(start.elapsed() < PATIENCE, "{} turns", turns.load(Ordering::SeqCst));
        thread::yield_now();
    }
    end.store(true, Ordering::SeqCst);
    pool.shutdown();
}
