//! How many calls each owner has pending, over all shards of the table.

use std::sync::OnceLock;

use castcall_core::ComponentId;
use crossbeam_utils::CachePadded;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;

use crate::key_index::spread;

const PARTS: usize = 16;

struct Count {
    owner: ComponentId,
    tag: u32,
    count: usize,
}

impl Count {
    fn is_of(&self, owner: &ComponentId, tag: u32) -> bool {
        self.tag == tag && self.owner == *owner
    }
}

/// Some of the owners.
#[derive(Default)]
struct Part {
    counts: HashTable<Count>,
    /// The tag of the one owner that is kept though it has none: who asks, is answered and asks
    /// again is not forgotten each time.
    spare: Option<u32>,
}

impl Part {
    /// How many owners have any.
    fn len(&self) -> usize {
        self.counts.len() - usize::from(self.spare.is_some())
    }

    fn forget_spare(&mut self) {
        let Some(tag) = self.spare.take() else { return };
        let is_spare = |count: &Count| count.tag == tag && count.count == 0;
        if let Ok(found) = self.counts.find_entry(spread(tag), is_spare) {
            found.remove();
        }
    }
}

/// Exact counts for each owner that has any. Tags are hashes of the owner, as its table has them:
/// an owner always comes with the same one.
#[derive(Default)]
pub(crate) struct OwnerCounts {
    parts: OnceLock<Box<[CachePadded<Mutex<Part>>]>>,
}

impl OwnerCounts {
    /// Counts one more, unless the owner has `max` already.
    #[inline]
    pub(crate) fn reserve(&self, owner: &ComponentId, tag: u32, max: usize) -> bool {
        let part = &mut *self.part(tag).lock();
        let is_owner = |count: &Count| count.is_of(owner, tag);
        match part.counts.entry(spread(tag), is_owner, |count| spread(count.tag)) {
            Entry::Occupied(found) if found.get().count >= max => false,
            Entry::Occupied(mut found) => {
                let count = &mut found.get_mut().count;
                if *count == 0 {
                    part.spare = None;
                }
                *count += 1;
                true
            }
            Entry::Vacant(_) if max == 0 => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Count { owner: owner.clone(), tag, count: 1 });
                true
            }
        }
    }

    /// Counts one less.
    #[inline]
    pub(crate) fn release(&self, owner: &ComponentId, tag: u32) {
        let part = &mut *self.part(tag).lock();
        let is_owner = |count: &Count| count.is_of(owner, tag);
        let Some(Count { count, .. }) = part.counts.find_mut(spread(tag), is_owner) else { return };
        let Some(left) = count.checked_sub(1) else { return };
        *count = left;
        if left == 0 {
            part.forget_spare();
            part.spare = Some(tag);
        }
    }

    pub(crate) fn get(&self, owner: &ComponentId, tag: u32) -> usize {
        let part = self.part(tag).lock();
        let found = part.counts.find(spread(tag), |count| count.is_of(owner, tag));
        found.map_or(0, |found| found.count)
    }

    /// How many owners have any. Under load, of slightly different moments.
    pub(crate) fn len(&self) -> usize {
        let parts = self.parts.get().map_or(&[][..], |parts| parts);
        parts.iter().map(|part| part.lock().len()).sum()
    }

    pub(crate) fn shrink(&self) {
        for part in self.parts.get().map_or(&[][..], |parts| parts) {
            let mut part = part.lock();
            part.forget_spare();
            part.counts.shrink_to_fit(|count| spread(count.tag));
        }
    }

    /// How many owners there is memory for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        let parts = self.parts.get().map_or(&[][..], |parts| parts);
        parts.iter().map(|part| part.lock().counts.capacity()).sum()
    }

    #[inline]
    fn part(&self, tag: u32) -> &Mutex<Part> {
        let parts = self.parts.get_or_init(|| (0..PARTS).map(|_| CachePadded::default()).collect());
        // Its upper bits: the lower ones choose the place within a part.
        &parts[(tag >> 28) as usize % PARTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_owner_and_forgets_it() {
        let counts = OwnerCounts::default();
        let [a, b] = ["a", "b"].map(|id| ComponentId::new(id).unwrap());
        // One tag for all: they are told apart all the same.
        assert!(counts.reserve(&a, 7, 2) && counts.reserve(&a, 7, 2));
        assert!(!counts.reserve(&a, 7, 2));
        assert!(counts.reserve(&b, 7, 2));
        assert!(!counts.reserve(&ComponentId::host(), 7, 0));
        counts.release(&a, 7);
        assert_eq!((counts.get(&a, 7), counts.get(&b, 7), counts.len()), (1, 1, 2));
        assert!(counts.reserve(&a, 7, 2));
        for owner in [&a, &a, &b] {
            counts.release(owner, 7);
        }
        assert_eq!((counts.get(&a, 7), counts.len()), (0, 0));
        counts.release(&a, 7);
        assert_eq!(counts.get(&a, 7), 0);
        let parts = counts.parts.get().unwrap();
        assert_eq!(parts[0].lock().counts.len(), 1, "one is kept, and no more");
        assert!(counts.reserve(&b, 7, 2));
        assert_eq!(counts.len(), 1);
        assert_eq!(parts[0].lock().counts.len(), 1, "the other one is forgotten");
        counts.release(&b, 7);
        counts.shrink();
        assert_eq!(counts.capacity(), 0);
    }

    #[test]
    fn forgetting_who_has_none_spares_who_has_the_same_tag() {
        let [a, b] = ["a", "b"].map(|id| ComponentId::new(id).unwrap());
        for [stays, goes] in [[&a, &b], [&b, &a]] {
            let counts = OwnerCounts::default();
            assert!(counts.reserve(&a, 7, 2) && counts.reserve(&b, 7, 2));
            counts.release(goes, 7);
            counts.shrink();
            assert_eq!((counts.get(stays, 7), counts.get(goes, 7), counts.len()), (1, 0, 1));
        }
    }

    #[test]
    fn tags_spread_over_all_parts() {
        let counts = OwnerCounts::default();
        let owner = ComponentId::host();
        for tag in 0..PARTS as u32 {
            assert!(counts.reserve(&owner, tag << 28 | 5, 1));
        }
        assert!(counts.parts.get().unwrap().iter().all(|part| part.lock().len() == 1));
    }
}
