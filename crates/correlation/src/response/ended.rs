//! How the last so many commands ended, to tell a second response from an unknown one.

use std::collections::{HashMap, VecDeque};

use castcall_core::CorrelationId;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// How a command ended, as far as late responses are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Resolved,
    TimedOut,
    Cancelled,
}

/// A bounded memory: the oldest ending is forgotten first.
pub(super) struct EndedIds {
    capacity: usize,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    order: VecDeque<CorrelationId>,
    /// How many endings were ever forgotten: the number of the first in `order`.
    forgotten: u64,
    /// How each ended last, and that ending's number: an id may come again.
    known: HashMap<CorrelationId, (Ended, u64), RandomState>,
}

impl EndedIds {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, memory: Mutex::default() }
    }

    pub(super) fn record(&self, id: CorrelationId, ended: Ended) {
        if self.capacity == 0 {
            return;
        }
        let memory = &mut *self.memory.lock();
        if memory.order.len() >= self.capacity
            && let Some(oldest) = memory.order.pop_front()
        {
            if memory.known.get(&oldest).is_some_and(|(_, number)| *number == memory.forgotten) {
                memory.known.remove(&oldest);
            }
            memory.forgotten += 1;
        }
        let number = memory.forgotten + memory.order.len() as u64;
        memory.order.push_back(id);
        memory.known.insert(id, (ended, number));
    }

    pub(super) fn get(&self, id: CorrelationId) -> Option<Ended> {
        self.memory.lock().known.get(&id).map(|(ended, _)| *ended)
    }

    pub(super) fn shrink(&self) {
        let memory = &mut *self.memory.lock();
        memory.order.shrink_to_fit();
        memory.known.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let [a, b, c] = [(); 3].map(|()| CorrelationId::new());
        let ended = EndedIds::new(2);
        ended.record(a, Ended::Resolved);
        ended.record(b, Ended::TimedOut);
        assert_eq!((ended.get(a), ended.get(c)), (Some(Ended::Resolved), None));
        ended.record(c, Ended::Cancelled);
        assert_eq!((ended.get(a), ended.get(b)), (None, Some(Ended::TimedOut)));
        assert_eq!(ended.get(c), Some(Ended::Cancelled));
    }

    #[test]
    fn the_last_ending_of_an_id_counts() {
        let [a, b] = [(); 2].map(|()| CorrelationId::new());
        let ended = EndedIds::new(2);
        ended.record(a, Ended::Resolved);
        ended.record(a, Ended::TimedOut);
        // Forgets the first ending of `a`, not the second.
        ended.record(b, Ended::Resolved);
        assert_eq!(ended.get(a), Some(Ended::TimedOut));
        ended.record(b, Ended::Resolved);
        assert_eq!((ended.get(a), ended.get(b)), (None, Some(Ended::Resolved)));
        ended.shrink();
        let memory = ended.memory.lock();
        assert_eq!((memory.known.len(), memory.order.capacity()), (1, 2));
    }

    #[test]
    fn no_capacity_remembers_nothing() {
        let (ended, id) = (EndedIds::new(0), CorrelationId::new());
        ended.record(id, Ended::Resolved);
        assert_eq!(ended.get(id), None);
    }
}
