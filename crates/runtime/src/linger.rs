//! Whether a worker that has nothing to do waits awake for a moment before it sleeps.
//!
//! To wake a thread costs whoever does it a system call, some microseconds, and the thread itself as
//! much until it runs. Where the next task comes sooner than that, as from a native thread that sends
//! all the time, or asks and waits, it is cheaper to look for it a little longer. Where it does not,
//! that is a waste: a worker that has waited in vain does so again only after twice as many pauses.

use std::cell::Cell;
use std::hint;
use std::time::{Duration, Instant};

/// So many pauses pass at most until a worker tries again: it has wasted 1/64 of them then.
const MOST: u32 = 63;

/// How often the clock and the queues are looked at: between two looks as many `pause` instructions.
const SPINS: u32 = 8;

pub(crate) struct Linger {
    time: Duration,
    /// How many pauses pass after the next failure.
    wait: Cell<u32>,
    /// How many pass from now.
    left: Cell<u32>,
}

impl Linger {
    /// For as long at most; zero: never.
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, wait: Cell::new(1), left: Cell::new(0) }
    }

    /// Whether to linger in the pause that begins now.
    pub(crate) fn is_due(&self) -> bool {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                false
            }
            None => !self.time.is_zero(),
        }
    }

    /// Waits until there is something, or it takes too long. Returns whether there is.
    pub(crate) fn wait_for(&self, has_work: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        let found = loop {
            if has_work() {
                break true;
            }
            if began.elapsed() >= self.time {
                break false;
            }
            (0..SPINS).for_each(|_| hint::spin_loop());
        };
        if found {
            self.wait.set(1);
        } else {
            let wait = self.wait.get();
            self.left.set(wait);
            self.wait.set((wait * 2 + 1).min(MOST));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_micros(1);

    /// How many pauses pass until it lingers.
    fn pauses(linger: &Linger) -> usize {
        (0..).take_while(|_| !linger.is_due()).count()
    }

    #[test]
    fn who_waits_in_vain_waits_more_seldom() {
        let linger = Linger::new(TIME);
        let mut passed = Vec::new();
        for _ in 0..8 {
            passed.push(pauses(&linger));
            assert!(!linger.wait_for(|| false));
        }
        assert_eq!(passed, [0, 1, 3, 7, 15, 31, 63, 63]);
        assert_eq!(pauses(&linger), 63);
        assert!(linger.wait_for(|| true));
        assert_eq!(pauses(&linger), 0);
        assert!(!linger.wait_for(|| false));
        assert_eq!(pauses(&linger), 1);
    }

    #[test]
    fn what_comes_meanwhile_is_found() {
        let linger = Linger::new(Duration::from_secs(60));
        let looks = Cell::new(0);
        assert!(linger.wait_for(|| looks.replace(looks.get() + 1) == 3));
        assert_eq!(looks.get(), 4);
    }

    #[test]
    fn zero_is_never() {
        let linger = Linger::new(Duration::ZERO);
        assert!((0..1000).all(|_| !linger.is_due()));
    }
}
