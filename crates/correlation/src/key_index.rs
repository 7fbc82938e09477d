//! The calls of one owner, or to one target, as a list that is found by its key.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::call::{Calls, Link};
use crate::slab::{NIL, Slab};

/// Spreads 32 well-mixed bits over a hash of 64: tables keep the 32 bits and so grow without
/// looking at what they index.
#[inline]
pub(crate) fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A tag of what is indexed, and its place in the slab.
pub(crate) type Tagged = (u32, u32);

/// A key that is looked up, and kept if the index has none like it.
pub(crate) trait Key<K> {
    fn get(&self) -> &K;
    fn into_key(self) -> K;
}

impl<K: Clone> Key<K> for &K {
    #[inline]
    fn get(&self) -> &K {
        self
    }

    #[inline]
    fn into_key(self) -> K {
        self.clone()
    }
}

/// A key that its caller has no use for once it was taken.
impl<K> Key<K> for &mut Option<K> {
    #[inline]
    fn get(&self) -> &K {
        match self {
            Some(key) => key,
            None => unreachable!("the key was taken already"),
        }
    }

    #[inline]
    fn into_key(self) -> K {
        match self.take() {
            Some(key) => key,
            None => unreachable!("the key was taken already"),
        }
    }
}

/// One list of calls for each key that has calls.
pub(crate) struct KeyIndex<K> {
    /// Which of a call's lists this one is.
    list: usize,
    table: HashTable<Tagged>,
    records: Slab<Record<K>>,
    /// The record that a call was added to last, if it is still there: it is looked at first.
    last: u32,
    /// The one record in `table` that is kept though it has no calls, if that is still so: who
    /// asks, is answered and asks again is not forgotten each time.
    spare: u32,
}

struct Record<K> {
    key: K,
    tag: u32,
    head: u32,
    /// Out of `table`: its calls are being ended, and who ends them removes the record.
    detached: bool,
}

impl<K: Eq> Record<K> {
    #[inline]
    fn is_of(&self, key: &K, tag: u32) -> bool {
        self.tag == tag && self.key == *key
    }
}

impl<K: Clone + Eq> KeyIndex<K> {
    pub(crate) const fn new(list: usize) -> Self {
        Self { list, table: HashTable::new(), records: Slab::new(), last: NIL, spare: NIL }
    }

    /// Adds a call to the key's list and returns the key's record and the link that the call must
    /// have.
    #[inline]
    pub(crate) fn link<S>(
        &mut self,
        calls: &mut Calls<S>,
        key: impl Key<K>,
        tag: u32,
        call: u32,
    ) -> (u32, Link) {
        if let Some(record) = self.records.get_mut(self.last)
            && record.is_of(key.get(), tag)
            && !record.detached
        {
            let head = std::mem::replace(&mut record.head, call);
            return (self.last, calls.push_front(self.list, head, NIL, call));
        }
        self.link_other(calls, key, tag, call)
    }

    /// The same for another key than the last.
    fn link_other<S>(
        &mut self,
        calls: &mut Calls<S>,
        key: impl Key<K>,
        tag: u32,
        call: u32,
    ) -> (u32, Link) {
        let Self { list, table, records, last, .. } = self;
        let same = |&(other, at): &Tagged| other == tag && records[at].is_of(key.get(), tag);
        let (at, head) = match table.entry(spread(tag), same, |&(tag, _)| spread(tag)) {
            Entry::Occupied(found) => {
                let at = found.get().1;
                (at, std::mem::replace(&mut records[at].head, call))
            }
            Entry::Vacant(vacant) => {
                let record = Record { key: key.into_key(), tag, head: call, detached: false };
                let at = records.insert(record);
                vacant.insert((tag, at));
                (at, NIL)
            }
        };
        *last = at;
        (at, calls.push_front(*list, head, NIL, call))
    }

    /// Takes a call that had `link` out of the list of record `at`. If that was the last, the
    /// record is the spare one now.
    #[inline]
    pub(crate) fn unlink<S>(&mut self, calls: &mut Calls<S>, at: u32, link: Link) -> K {
        let gap = calls.unlink(self.list, link);
        let record = &mut self.records[at];
        let key = record.key.clone();
        if gap.anchor().is_some() {
            record.head = gap.next;
            if gap.next == NIL && !record.detached && at != self.spare {
                self.forget_spare();
                self.spare = at;
            }
        }
        key
    }

    /// Removes the spare record, unless it has calls again, or is another's.
    fn forget_spare(&mut self) {
        let at = std::mem::replace(&mut self.spare, NIL);
        if let Some(record) = self.records.get(at)
            && record.head == NIL
            && !record.detached
        {
            let tag = record.tag;
            self.forget(tag, at);
            self.records.remove(at);
        }
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

    /// The key's record, if it is not detached.
    pub(crate) fn find(&self, key: &K, tag: u32) -> Option<u32> {
        let same = |&(other, at): &Tagged| other == tag && self.records[at].is_of(key, tag);
        self.table.find(spread(tag), same).map(|&(_, at)| at)
    }

    /// Removes a detached record.
    pub(crate) fn remove(&mut self, at: u32) {
        debug_assert!(self.records[at].detached && self.records[at].head == NIL);
        self.records.remove(at);
    }

    pub(crate) fn shrink(&mut self) {
        self.forget_spare();
        self.table.shrink_to_fit(|&(tag, _)| spread(tag));
        self.records.shrink();
    }

    /// How many keys have calls.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.records.iter().filter(|record| record.detached || record.head != NIL).count()
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
    use crate::call::{Call, OWNER};

    fn call(calls: &mut Calls<u32>, sink: u32) -> u32 {
        calls.insert(Call {
            serial: NonZeroU64::MIN,
            deadline: 0,
            id: CorrelationId::new(),
            id_tag: 0,
            indexed: false,
            owner: NIL,
            target: NIL,
            links: [Link::NONE; 3],
            sink,
        })
    }

    type Index = KeyIndex<&'static str>;

    fn link(index: &mut Index, calls: &mut Calls<u32>, key: &'static str, call: u32) -> u32 {
        let (at, link) = index.link(calls, &key, 7, call);
        calls[call].links[OWNER] = link;
        at
    }

    fn unlink(index: &mut Index, calls: &mut Calls<u32>, at: u32, call: u32) -> &'static str {
        let Call { links, .. } = calls.remove(call);
        index.unlink(calls, at, links[OWNER])
    }

    fn sinks(calls: &Calls<u32>, index: &Index, at: u32) -> Vec<u32> {
        calls.list(OWNER, index.head(at)).map(|call| call.sink).collect()
    }

    #[test]
    fn keys_with_one_tag_are_told_apart() {
        let (mut calls, mut index) = (Calls::new(), KeyIndex::new(OWNER));
        let places = [1, 2, 3].map(|sink| call(&mut calls, sink));
        let a = link(&mut index, &mut calls, "a", places[0]);
        let b = link(&mut index, &mut calls, "b", places[1]);
        assert_eq!(link(&mut index, &mut calls, "a", places[2]), a);
        assert_eq!((sinks(&calls, &index, a), sinks(&calls, &index, b)), (vec![3, 1], vec![2]));
        assert_eq!(unlink(&mut index, &mut calls, a, places[2]), "a");
        assert_eq!(unlink(&mut index, &mut calls, a, places[0]), "a");
        assert_eq!((index.len(), *index.key(b)), (1, "b"));
        assert_eq!(unlink(&mut index, &mut calls, b, places[1]), "b");
        index.shrink();
        assert_eq!((index.len(), index.footprint()), (0, 0));
    }

    #[test]
    fn one_key_without_calls_is_kept() {
        let (mut calls, mut index) = (Calls::new(), KeyIndex::new(OWNER));
        let places = [1, 2].map(|sink| call(&mut calls, sink));
        let a = link(&mut index, &mut calls, "a", places[0]);
        assert_eq!(unlink(&mut index, &mut calls, a, places[0]), "a");
        assert_eq!((index.len(), index.records.len(), index.head(a)), (0, 1, NIL));
        let place = call(&mut calls, 3);
        assert_eq!(link(&mut index, &mut calls, "a", place), a);
        // In use again, it is no more to be forgotten for another.
        let b = link(&mut index, &mut calls, "b", places[1]);
        assert_eq!(unlink(&mut index, &mut calls, b, places[1]), "b");
        assert_eq!((index.len(), index.records.len(), sinks(&calls, &index, a)), (1, 2, vec![3]));
        assert_eq!(unlink(&mut index, &mut calls, a, place), "a");
        assert_eq!(
            (index.records.len(), index.find(&"a", 7), index.find(&"b", 7)),
            (1, Some(a), None)
        );
        // Who ends its calls finds none, and removes it.
        assert_eq!(index.detach(&"a", 7), Some(a));
        index.remove(a);
        let place = call(&mut calls, 4);
        let a = link(&mut index, &mut calls, "a", place);
        assert_eq!(sinks(&calls, &index, a), [4]);
    }

    #[test]
    fn a_detached_key_starts_anew() {
        let (mut calls, mut index) = (Calls::new(), KeyIndex::new(OWNER));
        let places = [1, 2].map(|sink| call(&mut calls, sink));
        let old = link(&mut index, &mut calls, "a", places[0]);
        assert_eq!(index.detach(&"a", 7), Some(old));
        assert_eq!(index.detach(&"a", 7), None);
        let new = link(&mut index, &mut calls, "a", places[1]);
        assert_ne!(old, new);
        // Somebody else may take the last call out; the record waits for who detached it.
        unlink(&mut index, &mut calls, old, places[0]);
        assert_eq!((index.head(old), index.len()), (NIL, 2));
        index.remove(old);
        assert_eq!((sinks(&calls, &index, new), index.len()), (vec![2], 1));
    }
}
