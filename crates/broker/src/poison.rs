//! Senders whose messages crash a component, and when they are cut off from it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use castcall_core::ComponentId;
use hashbrown::HashMap;
use parking_lot::Mutex;

/// How many senders are remembered. Beyond that, who crashed it longest ago is forgotten.
const MAX_BLAMED: usize = 1024;

/// Who crashed one component how often.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    /// Whether anybody is cut off: the one thing that each send looks at.
    any: AtomicBool,
    blamed: Mutex<HashMap<ComponentId, Blame, foldhash::fast::RandomState>>,
}

#[derive(Debug)]
struct Blame {
    crashes: u32,
    last: Instant,
    cut_off: bool,
}

impl Poison {
    /// A message of `sender` crashed the component. Returns whether `sender` is cut off by it: that
    /// was the one too many of `limit` within `window` of each other. A `limit` of 0 is none.
    pub(crate) fn crashed_by(
        &self,
        sender: &ComponentId,
        limit: u32,
        window: Duration,
        now: Instant,
    ) -> bool {
        if limit == 0 {
            return false;
        }
        let mut blamed = self.blamed.lock();
        if blamed.len() >= MAX_BLAMED && !blamed.contains_key(sender) {
            let oldest = blamed.iter().filter(|(_, blame)| !blame.cut_off);
            let oldest = oldest.min_by_key(|(_, blame)| blame.last).map(|(id, _)| id.clone());
            match oldest {
                Some(oldest) => drop(blamed.remove(&oldest)),
                // A thousand are cut off already: the limit on restarts is what is left.
                None => return false,
            }
        }
        let fresh = || Blame { crashes: 0, last: now, cut_off: false };
        let blame = blamed.entry(sender.clone()).or_insert_with(fresh);
        if now.saturating_duration_since(blame.last) >= window {
            blame.crashes = 0;
        }
        blame.crashes = blame.crashes.saturating_add(1);
        blame.last = now;
        if blame.crashes < limit {
            return false;
        }
        self.any.store(true, Ordering::Relaxed);
        // Also of what was on its way when the sender was cut off.
        blame.cut_off = true;
        true
    }

    /// Whether what `sender` sends is not taken.
    #[inline]
    pub(crate) fn is_cut_off(&self, sender: &ComponentId) -> bool {
        self.any.load(Ordering::Relaxed) && self.look_up(sender)
    }

    #[cold]
    fn look_up(&self, sender: &ComponentId) -> bool {
        self.blamed.lock().get(sender).is_some_and(|blame| blame.cut_off)
    }

    /// Who is cut off, in the order of their ids.
    pub(crate) fn cut_off(&self) -> Vec<ComponentId> {
        let blamed = self.blamed.lock();
        let cut_off = blamed.iter().filter(|(_, blame)| blame.cut_off);
        let mut ids: Vec<_> = cut_off.map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// Forgives `sender`; `false` if it was not cut off.
    pub(crate) fn readmit(&self, sender: &ComponentId) -> bool {
        let mut blamed = self.blamed.lock();
        let was = blamed.remove(sender).is_some_and(|blame| blame.cut_off);
        self.any.store(blamed.values().any(|blame| blame.cut_off), Ordering::Relaxed);
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn id(text: &str) -> ComponentId {
        ComponentId::new(text).unwrap()
    }

    #[test]
    fn who_crashes_it_too_often_is_cut_off_until_readmitted() {
        let (poison, now) = (Poison::default(), Instant::now());
        let (bad, good) = (id("bad"), id("good"));
        assert!(!poison.crashed_by(&bad, 3, WINDOW, now));
        assert!(!poison.crashed_by(&good, 3, WINDOW, now));
        assert!(!poison.crashed_by(&bad, 3, WINDOW, now));
        assert!(!poison.is_cut_off(&bad));
        assert!(poison.crashed_by(&bad, 3, WINDOW, now));
        assert!(poison.is_cut_off(&bad) && !poison.is_cut_off(&good));
        assert_eq!(poison.cut_off(), std::slice::from_ref(&bad));
        // What it had sent before may still crash the component.
        assert!(poison.crashed_by(&bad, 3, WINDOW, now));
        assert!(poison.readmit(&bad) && !poison.readmit(&bad) && !poison.readmit(&good));
        assert!(!poison.is_cut_off(&bad));
        assert!(!poison.crashed_by(&bad, 3, WINDOW, now));
    }

    #[test]
    fn crashes_long_ago_do_not_count() {
        let (poison, now, bad) = (Poison::default(), Instant::now(), id("bad"));
        assert!(!poison.crashed_by(&bad, 2, WINDOW, now));
        assert!(!poison.crashed_by(&bad, 2, WINDOW, now + WINDOW));
        assert!(poison.crashed_by(&bad, 2, WINDOW, now + WINDOW * 2 - Duration::from_nanos(1)));
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let poison = Poison::default();
        for _ in 0..10 {
            assert!(!poison.crashed_by(&id("bad"), 0, WINDOW, Instant::now()));
        }
        assert!(poison.cut_off().is_empty());
    }

    #[test]
    fn the_memory_of_it_is_bounded() {
        let (poison, now) = (Poison::default(), Instant::now());
        let at = |n: u32| now + Duration::from_millis(n.into());
        for n in 0..2000 {
            assert!(!poison.crashed_by(&id(&format!("s{n}")), 2, WINDOW, at(n)));
        }
        assert_eq!(poison.blamed.lock().len(), MAX_BLAMED);
        // The last is still known, the first is not.
        assert!(poison.crashed_by(&id("s1999"), 2, WINDOW, at(2000)));
        assert!(!poison.crashed_by(&id("s0"), 2, WINDOW, at(2000)));
        for n in 0..MAX_BLAMED {
            poison.crashed_by(&id(&format!("t{n}")), 1, WINDOW, at(3000));
        }
        assert!(!poison.crashed_by(&id("one-more"), 1, WINDOW, at(3000)));
    }
}
