//! Who has something to do, until the simulation lets it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use castcall_broker::{Ready, Scheduler};
use parking_lot::Mutex;

/// Collects what a broker schedules, for somebody who runs it when it pleases him.
///
/// What waits is numbered in the order of ids, not of arrival: a broker is free to schedule
/// several at once in any order, and a run must repeat all the same.
#[derive(Debug, Default)]
pub struct SimScheduler {
    ready: Mutex<Vec<Ready>>,
    alarm: AtomicBool,
    /// How often a turn may still ask for the tick before one passes.
    left: AtomicU32,
}

impl SimScheduler {
    /// How many wait for a turn.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ready.lock().len()
    }

    /// Whether nobody waits for a turn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the next turn after so many messages.
    pub(crate) fn bound(&self, messages: u32) {
        // It asks at its beginning too.
        self.left.store(messages.saturating_add(1), Ordering::Relaxed);
    }

    /// Takes out number `nth` of those that wait.
    pub fn take(&self, nth: usize) -> Option<Ready> {
        let mut ready = self.ready.lock();
        (nth < ready.len()).then(|| ready.remove(nth))
    }

    /// Whether something became due earlier than the broker said last. Asking resets it.
    pub fn take_alarm(&self) -> bool {
        self.alarm.swap(false, Ordering::Relaxed)
    }

    /// The same, without resetting it.
    #[must_use]
    pub fn is_alarmed(&self) -> bool {
        self.alarm.load(Ordering::Relaxed)
    }
}

impl Scheduler for SimScheduler {
    fn schedule(&self, ready: Ready) {
        let mut waiting = self.ready.lock();
        let at = waiting.partition_point(|other| other.id() <= ready.id());
        waiting.insert(at, ready);
    }

    fn alarm(&self) {
        self.alarm.store(true, Ordering::Relaxed);
    }

    fn ticks(&self) -> u64 {
        let less = |left: u32| left.checked_sub(1);
        u64::from(self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Simulation;
    use castcall_broker::{Context, Message};
    use castcall_core::ComponentError;

    #[test]
    fn what_waits_is_in_the_order_of_ids() {
        let sim = Simulation::new(1);
        for id in ["b", "c", "a"] {
            sim.add(id, || |_: &mut Context, _: Message| Ok::<_, ComponentError>("")).unwrap();
        }
        let scheduler = sim.scheduler();
        assert_eq!((scheduler.len(), scheduler.is_empty()), (3, false));
        assert!(scheduler.take(3).is_none());
        assert_eq!(scheduler.take(1).unwrap().id(), &"b");
        assert_eq!(scheduler.take(1).unwrap().id(), &"c");
    }

    #[test]
    fn an_alarm_is_told_once() {
        let scheduler = SimScheduler::default();
        assert!(!scheduler.take_alarm());
        scheduler.alarm();
        assert!(scheduler.is_alarmed() && scheduler.take_alarm() && !scheduler.is_alarmed());
    }
}
