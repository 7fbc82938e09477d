//! The calls of one owner, or to one target, as a list that is found by its key.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::call::Calls;
use crate::slab::{NIL, Slab};

/// Spreads 32 well-mixed bits over a hash of 64: tables keep the 32 bits and so grow without
/// looking at what they index.
#[inline]
pub(crate) fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A tag of what is indexed, and its place in the slab.
pub(crate) type Tagged = (u32, u32);

/// One list of calls for each key that has calls.
pub(crate) struct KeyIndex<K> {
    /// Which of a call's lists this one is.
    list: usize,
    table: HashTable<Tagged>,
    records: Slab<Record<K>>,
}

struct Record<K> {
    key: K,
    tag: u32,
    head: u32,
    /// Out of `table`: its calls are being ended, and who ends them removes the record.
    detached: bool,
}

impl<K: Clone + Eq> KeyIndex<K> {
    pub(crate) const fn new(list: usize) -> Self {
        Self { list, table: HashTable::new(), records: Slab::new() }
    }

    /// Adds a call to the key's list and returns the key's record.
    #[inline]
    pub(crate) fn link<S>(&mut self, calls: &mut Calls<S>, key: &K, tag: u32, call: u32) -> u32 {
        let Self { list, table, records } = self;
        let same = |&(other, at): &Tagged| other == tag && records[at].key == *key;
        match table.entry(spread(tag), same, |&(tag, _)| spread(tag)) {
            Entry::Occupied(found) => {
                let at = found.get().1;
                let head = std::mem::replace(&mut records[at].head, call);
                calls.push_front(*list, head, NIL, call);
                at
            }
            Entry::Vacant(vacant) => {
                let record = Record { key: key.clone(), tag, head: call, detached: false };
                let at = records.insert(record);
                vacant.insert((tag, at));
                calls.push_front(*list, NIL, NIL, call);
                at
            }
        }
    }

    /// Takes a call out of the list of record `at`, and the record with it if that was the last.
    #[inline]
    pub(crate) fn unlink<S>(&mut self, calls: &mut Calls<S>, at: u32, call: u32) -> K {
        let gap = calls.unlink(self.list, call);
        let record = &mut self.records[at];
        if gap.anchor().is_some() {
            record.head = gap.next;
            if gap.next == NIL && !record.detached {
                let tag = record.tag;
                self.forget(tag, at);
                return self.records.remove(at).key;
            }
        }
        record.key.clone()
    }

    pub(crate) fn key(&self, at: u32) -> &K {
        &self.records[at].key
    }

    /// The first call of a record's list, or [`NIL`].
    pub(crate) fn head(&self, at: u32) -> u32 {
        self.records[at].head
    }

    /// Makes the key new to the index. What it had is left to whoever holds the record returned,
    /// to empty and then to [`remove`](Self::remove).
    pub(crate) fn detach(&mut self, key: &K, tag: u32) -> Option<u32> {
        let at = self.find(key, tag)?;
        self.forget(tag, at);
        self.records[at].detached = true;
        Some(at)
    }

    /// The key's record, if it has calls and is not detached.
    pub(crate) fn find(&self, key: &K, tag: u32) -> Option<u32> {
        let same = |&(other, at): &Tagged| other == tag && self.records[at].key == *key;
        self.table.find(spread(tag), same).map(|&(_, at)| at)
    }

    /// Removes a detached record.
    pub(crate) fn remove(&mut self, at: u32) {
        debug_assert!(self.records[at].detached && self.records[at].head == NIL);
        self.records.remove(at);
    }

    pub(crate) fn shrink(&mut self) {
        self.table.shrink_to_fit(|&(tag, _)| spread(tag));
        self.records.shrink();
    }

    /// How many keys have calls.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Bytes allocated.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        self.table.allocation_size() + self.records.footprint()
    }

    fn forget(&mut self, tag: u32, at: u32) {
        if let Ok(found) = self.table.find_entry(spread(tag), |&(_, other)| other == at) {
            found.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use castcall_core::CorrelationId;

    use super::*;
    use crate::call::{Call, Link, OWNER};

    fn call(calls: &mut Calls<u32>, sink: u32) -> u32 {
        calls.insert(Call {
            serial: NonZeroU64::MIN,
            deadline: 0,
            id: CorrelationId::new(),
            id_tag: 0,
            owner: NIL,
            target: NIL,
            links: [Link::NONE; 3],
            sink,
        })
    }

    fn sinks(calls: &Calls<u32>, index: &KeyIndex<&str>, at: u32) -> Vec<u32> {
        calls.list(OWNER, index.head(at)).map(|call| call.sink).collect()
    }

    #[test]
    fn keys_with_one_tag_are_told_apart() {
        let (mut calls, mut index) = (Calls::new(), KeyIndex::new(OWNER));
        let places = [1, 2, 3].map(|sink| call(&mut calls, sink));
        let a = index.link(&mut calls, &"a", 7, places[0]);
        let b = index.link(&mut calls, &"b", 7, places[1]);
        assert_eq!(index.link(&mut calls, &"a", 7, places[2]), a);
        assert_eq!((sinks(&calls, &index, a), sinks(&calls, &index, b)), (vec![3, 1], vec![2]));
        assert_eq!(index.unlink(&mut calls, a, places[2]), "a");
        assert_eq!(index.unlink(&mut calls, a, places[0]), "a");
        assert_eq!((index.len(), *index.key(b)), (1, "b"));
        assert_eq!(index.unlink(&mut calls, b, places[1]), "b");
        index.shrink();
        assert_eq!((index.len(), index.footprint()), (0, 0));
    }

    #[test]
    fn a_detached_key_starts_anew() {
        let (mut calls, mut index) = (Calls::new(), KeyIndex::new(OWNER));
        let places = [1, 2].map(|sink| call(&mut calls, sink));
        let old = index.link(&mut calls, &"a", 7, places[0]);
        assert_eq!(index.detach(&"a", 7), Some(old));
        assert_eq!(index.detach(&"a", 7), None);
        let new = index.link(&mut calls, &"a", 7, places[1]);
        assert_ne!(old, new);
        // Somebody else may take the last call out; the record waits for who detached it.
        index.unlink(&mut calls, old, places[0]);
        assert_eq!((index.head(old), index.len()), (NIL, 2));
        index.remove(old);
        assert_eq!((sinks(&calls, &index, new), index.len()), (vec![2], 1));
    }
}
