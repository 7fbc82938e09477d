//! Who sleeps, and how they are woken.
//!
//! No wake-up is lost: whoever adds work makes it visible, passes a `SeqCst` fence, and then reads
//! the number of sleepers; whoever goes to sleep enters the list, passes a `SeqCst` fence, and then
//! looks for work once more. One of the two sees the other.

use std::sync::atomic::Ordering;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicUsize, Mutex, Unparker, fence};

pub(crate) struct Idle {
    sleepers: Mutex<Vec<(usize, Unparker)>>,
    /// How many are in `sleepers`; changed under its lock.
    count: CachePadded<AtomicUsize>,
    /// How many are awake and looking for work: they will find what was just added.
    searching: CachePadded<AtomicUsize>,
}

impl Idle {
    pub(crate) fn new() -> Self {
        Self {
            sleepers: Mutex::new(Vec::new()),
            count: CachePadded::new(AtomicUsize::new(0)),
            searching: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Wakes one sleeper for work that was just added, unless somebody is looking already.
    pub(crate) fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.searching.load(Ordering::Relaxed) == 0 {
            self.wake_one();
        }
    }

    /// The same without the fence: a wake-up may be missed, and the next tick makes up for it.
    pub(crate) fn hint(&self) {
        if self.count() > 0 && self.searching.load(Ordering::Relaxed) == 0 {
            self.wake_one();
        }
    }

    pub(crate) fn wake_one(&self) {
        if self.count() == 0 {
            return;
        }
        let sleeper = {
            let mut sleepers = self.sleepers.lock();
            let sleeper = sleepers.pop();
            self.count.store(sleepers.len(), Ordering::Relaxed);
            sleeper
        };
        if let Some((_, unparker)) = sleeper {
            unparker.unpark();
        }
    }

    /// Wakes one in particular, if it sleeps.
    pub(crate) fn wake(&self, worker: usize) {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().position(|(sleeper, _)| *sleeper == worker) else { return };
        let (_, unparker) = sleepers.remove(at);
        self.count.store(sleepers.len(), Ordering::Relaxed);
        drop(sleepers);
        unparker.unpark();
    }

    pub(crate) fn wake_all(&self) {
        let sleepers = {
            let mut sleepers = self.sleepers.lock();
            self.count.store(0, Ordering::Relaxed);
            std::mem::take(&mut *sleepers)
        };
        for (_, unparker) in sleepers {
            unparker.unpark();
        }
    }

    pub(crate) fn is_searched(&self) -> bool {
        self.searching.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn begin_search(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end_search(&self) {
        self.searching.fetch_sub(1, Ordering::SeqCst);
    }

    /// Enters the list of sleepers. The caller must look for work once more before it sleeps.
    pub(crate) fn enter(&self, worker: usize, unparker: Unparker) {
        {
            let mut sleepers = self.sleepers.lock();
            sleepers.push((worker, unparker));
            self.count.store(sleepers.len(), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    /// Leaves the list, if nobody has taken the worker off it meanwhile.
    pub(crate) fn leave(&self, worker: usize) {
        let mut sleepers = self.sleepers.lock();
        sleepers.retain(|(sleeper, _)| *sleeper != worker);
        self.count.store(sleepers.len(), Ordering::Relaxed);
    }
}
