//! How many calls each owner has pending, over all shards of the table.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use castcall_core::ComponentId;
use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

const PARTS: usize = 16;

type Part = CachePadded<Mutex<HashMap<ComponentId, usize, RandomState>>>;

/// Exact counts for each owner that has any.
#[derive(Default)]
pub(crate) struct OwnerCounts {
    hasher: RandomState,
    parts: OnceLock<Box<[Part]>>,
}

impl OwnerCounts {
    /// Counts one more, unless the owner has `max` already.
    pub(crate) fn reserve(&self, owner: &ComponentId, max: usize) -> bool {
        let mut part = self.part(owner).lock();
        match part.get_mut(owner) {
            Some(count) if *count >= max => false,
            Some(count) => {
                *count += 1;
                true
            }
            None if max == 0 => false,
            None => {
                part.insert(owner.clone(), 1);
                true
            }
        }
    }

    /// Counts one less.
    pub(crate) fn release(&self, owner: &ComponentId) {
        let mut part = self.part(owner).lock();
        match part.get_mut(owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                part.remove(owner);
            }
        }
    }

    pub(crate) fn get(&self, owner: &ComponentId) -> usize {
        self.part(owner).lock().get(owner).copied().unwrap_or(0)
    }

    /// How many owners have any. Under load, of slightly different moments.
    pub(crate) fn len(&self) -> usize {
        let parts = self.parts.get().map_or(&[][..], |parts| parts);
        parts.iter().map(|part| part.lock().len()).sum()
    }

    pub(crate) fn shrink(&self) {
        for part in self.parts.get().map_or(&[][..], |parts| parts) {
            part.lock().shrink_to_fit();
        }
    }

    fn part(&self, owner: &ComponentId) -> &Part {
        let parts = self.parts.get_or_init(|| {
            let part = || CachePadded::new(Mutex::new(HashMap::with_hasher(self.hasher.clone())));
            (0..PARTS).map(|_| part()).collect()
        });
        // The maps use the same hash's top and bottom.
        &parts[(self.hasher.hash_one(owner) >> 40) as usize % PARTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_owner_and_forgets_it() {
        let counts = OwnerCounts::default();
        let [a, b] = ["a", "b"].map(|id| ComponentId::new(id).unwrap());
        assert!(counts.reserve(&a, 2) && counts.reserve(&a, 2));
        assert!(!counts.reserve(&a, 2));
        assert!(counts.reserve(&b, 2));
        assert!(!counts.reserve(&ComponentId::host(), 0));
        counts.release(&a);
        assert_eq!((counts.get(&a), counts.get(&b), counts.len()), (1, 1, 2));
        assert!(counts.reserve(&a, 2));
        for owner in [&a, &a, &b] {
            counts.release(owner);
        }
        counts.shrink();
        let parts = counts.parts.get().unwrap();
        assert!(parts.iter().all(|part| part.lock().capacity() == 0));
    }
}
