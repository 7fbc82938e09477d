//! One part of a table: what a single lock guards.

use std::num::NonZeroU64;
use std::sync::Arc;

use castcall_core::CorrelationId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Indexed;

use crate::call::{Call, Calls, OWNER, TARGET, TIMER};
use crate::counts::PendingCounts;
use crate::key_index::{Key, KeyIndex, Tagged, spread};
use crate::recent::Recent;
use crate::slab::{NIL, Slab};
use crate::wheel::{Due, Wheel};

/// How many calls are looked at while a lock is held once.
pub(crate) const BATCH: usize = 256;

pub(crate) struct Shard<K, S> {
    pub(crate) calls: Calls<S>,
    /// The ids that don't say at which place their call lies.
    ids: HashTable<Tagged>,
    owners: KeyIndex<K>,
    targets: KeyIndex<K>,
    wheel: Wheel,
    next_serial: NonZeroU64,
    recent: Arc<Recent>,
    /// Without `pending`.
    pub(crate) counts: PendingCounts,
}

/// A call to be registered. The tags are hashes of what they stand beside.
pub(crate) struct NewCall<Q> {
    pub(crate) owner: Q,
    pub(crate) owner_tag: u32,
    pub(crate) target: Q,
    pub(crate) target_tag: u32,
    pub(crate) deadline: u64,
}

/// A call that was taken out.
pub(crate) struct Ended<K, S> {
    pub(crate) id: CorrelationId,
    pub(crate) owner: K,
    pub(crate) target: K,
    pub(crate) deadline: u64,
    pub(crate) sink: S,
}

/// By which key calls are ended together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Owner,
    Target,
}

impl<K: Clone + Eq, S> Shard<K, S> {
    pub(crate) fn new(first_serial: NonZeroU64, recent: Arc<Recent>) -> Self {
        Self {
            calls: Slab::new(),
            ids: HashTable::new(),
            owners: KeyIndex::new(OWNER),
            targets: KeyIndex::new(TARGET),
            wheel: Wheel::new(),
            next_serial: first_serial,
            recent,
            counts: PendingCounts::default(),
        }
    }

    /// Adds a call of a given id, whose hash is `tag`, and returns its place and serial, or its
    /// sink if the id is pending. `hint`: where the call would lie if the id was made for it.
    #[inline]
    pub(crate) fn insert<Q: Key<K>>(
        &mut self,
        id: CorrelationId,
        hint: u32,
        tag: u32,
        new: NewCall<Q>,
        sink: S,
    ) -> Result<(u32, NonZeroU64), S> {
        let Self { calls, ids, .. } = self;
        if is_at(calls, id, hint) {
            return Err(sink);
        }
        let same = |&(other, place): &Tagged| other == tag && calls[place].id == id;
        let Indexed::Vacant(vacant) = ids.entry(spread(tag), same, |&(tag, _)| spread(tag)) else {
            return Err(sink);
        };
        let place = calls.vacant();
        vacant.insert((tag, place));
        let serial = self.put(place, id, Some(tag), new, || sink);
        Ok((place, serial))
    }

    /// Where the next call will lie.
    #[inline]
    pub(crate) fn vacant(&mut self) -> u32 {
        self.calls.vacant()
    }

    /// Adds a call whose id was made for [`vacant`](Self::vacant), and returns its serial.
    #[inline]
    pub(crate) fn insert_at<Q: Key<K>>(
        &mut self,
        place: u32,
        id: CorrelationId,
        new: NewCall<Q>,
        sink: impl FnOnce() -> S,
    ) -> NonZeroU64 {
        self.put(place, id, None, new, sink)
    }

    /// Adds a call at the vacant place. `tag`: that of its id, if that is indexed.
    #[inline]
    fn put<Q: Key<K>>(
        &mut self,
        place: u32,
        id: CorrelationId,
        tag: Option<u32>,
        new: NewCall<Q>,
        sink: impl FnOnce() -> S,
    ) -> NonZeroU64 {
        let Self { calls, .. } = self;
        let NewCall { owner, owner_tag, target, target_tag, deadline } = new;
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        let (owner, of_owner) = self.owners.link(calls, owner, owner_tag, place);
        let (target, to_target) = self.targets.link(calls, target, target_tag, place);
        let timed = self.wheel.insert(calls, deadline, place);
        let links = [of_owner, to_target, timed];
        let (indexed, id_tag) = (tag.is_some(), tag.unwrap_or(0));
        // The sink is made where it is to lie: moved there, it would be read before it is written.
        calls.insert_with(|| Call {
            serial,
            deadline,
            id,
            id_tag,
            indexed,
            owner,
            target,
            links,
            sink: sink(),
        });
        self.recent.began(place, serial);
        self.counts.registered += 1;
        serial
    }

    /// The place of the call of that id, which may be `hint`; otherwise its hash finds it.
    #[inline]
    pub(crate) fn find(
        &self,
        id: CorrelationId,
        hint: u32,
        tag: impl FnOnce() -> u32,
    ) -> Option<u32> {
        if is_at(&self.calls, id, hint) {
            return Some(hint);
        }
        if self.ids.is_empty() {
            return None;
        }
        let tag = tag();
        let same = |&(other, place): &Tagged| other == tag && self.calls[place].id == id;
        self.ids.find(spread(tag), same).map(|&(_, place)| place)
    }

    /// The call at that place, if it still is that call.
    #[inline]
    pub(crate) fn get(&self, place: u32, serial: NonZeroU64) -> Option<&Call<S>> {
        self.calls.get(place).filter(|call| call.serial == serial)
    }

    pub(crate) fn owner_of(&self, call: &Call<S>) -> &K {
        self.owners.key(call.owner)
    }

    pub(crate) fn target_of(&self, call: &Call<S>) -> &K {
        self.targets.key(call.target)
    }

    /// The owner's calls, unless they are being ended together.
    pub(crate) fn calls_of(&self, owner: &K, tag: u32) -> impl Iterator<Item = &Call<S>> {
        let record = self.owners.find(owner, tag);
        let head = record.map_or(NIL, |record| self.owners.head(record));
        self.calls.list(OWNER, head)
    }

    /// Takes a call out of everything.
    #[inline]
    pub(crate) fn take(&mut self, place: u32) -> Ended<K, S> {
        self.forget_id(place);
        let link = self.calls[place].links[TIMER];
        self.wheel.remove(&mut self.calls, link);
        self.disown(place)
    }

    #[inline]
    fn forget_id(&mut self, place: u32) {
        let Call { id_tag, indexed, .. } = self.calls[place];
        if indexed
            && let Ok(found) = self.ids.find_entry(spread(id_tag), |&(_, other)| other == place)
        {
            found.remove();
        }
    }

    /// Takes a call, which is out of all else, out of the indexes of keys.
    #[inline]
    fn disown(&mut self, place: u32) -> Ended<K, S> {
        let Call { serial, owner, target, links, .. } = self.calls[place];
        self.recent.ended(place, serial);
        let owner = self.owners.unlink(&mut self.calls, owner, links[OWNER]);
        let target = self.targets.unlink(&mut self.calls, target, links[TARGET]);
        let Call { id, deadline, sink, .. } = self.calls.remove(place);
        Ended { id, owner, target, deadline, sink }
    }

    /// Takes out what is due, at most `max` calls, and says whether to come again.
    pub(crate) fn expire(&mut self, now: u64, max: usize, ended: &mut Vec<Ended<K, S>>) -> bool {
        for _ in 0..BATCH {
            if ended.len() >= max {
                return true;
            }
            match self.wheel.poll(&mut self.calls, now) {
                Due::Call(place) => {
                    self.counts.timed_out += 1;
                    self.forget_id(place);
                    let call = self.disown(place);
                    ended.push(call);
                }
                Due::More => {}
                Due::Nothing => return false,
            }
        }
        true
    }

    /// A time no later than the first deadline.
    pub(crate) fn earliest(&self) -> Option<u64> {
        self.wheel.earliest(&self.calls)
    }

    /// Makes the key new to its index; its calls are left to [`end_detached`](Self::end_detached).
    pub(crate) fn detach(&mut self, by: By, key: &K, tag: u32) -> Option<u32> {
        self.index(by).detach(key, tag)
    }

    /// Takes out calls of a detached record, a batch of them, and says whether to come again.
    pub(crate) fn end_detached(
        &mut self,
        by: By,
        record: u32,
        ended: &mut Vec<Ended<K, S>>,
    ) -> bool {
        for _ in 0..BATCH {
            let place = self.index(by).head(record);
            if place == NIL {
                self.index(by).remove(record);
                return false;
            }
            match by {
                By::Owner => self.counts.owner_gone += 1,
                By::Target => self.counts.target_gone += 1,
            }
            let call = self.take(place);
            ended.push(call);
        }
        true
    }

    /// Gives back memory that holds nothing.
    pub(crate) fn shrink(&mut self) {
        self.calls.shrink();
        self.ids.shrink_to_fit(|&(tag, _)| spread(tag));
        self.owners.shrink();
        self.targets.shrink();
    }

    fn index(&mut self, by: By) -> &mut KeyIndex<K> {
        match by {
            By::Owner => &mut self.owners,
            By::Target => &mut self.targets,
        }
    }

    /// Whether nothing is left in any index.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let keys = self.owners.len() + self.targets.len();
        self.calls.len() + self.ids.len() + keys == 0 && self.wheel.is_empty()
    }

    /// Bytes allocated.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        let keys = self.owners.footprint() + self.targets.footprint();
        self.calls.footprint() + self.ids.allocation_size() + keys
    }
}

/// Whether the call of that id lies there.
#[inline]
fn is_at<S>(calls: &Calls<S>, id: CorrelationId, place: u32) -> bool {
    calls.get(place).is_some_and(|call| call.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> NewCall<&'static u8> {
        NewCall { owner: &1, owner_tag: 1, target: &2, target_tag: 2, deadline: 1 << 20 }
    }

    /// Hashes of 32 bits do collide now and then.
    #[test]
    fn calls_whose_hashes_are_the_same_are_told_apart() {
        let mut shard: Shard<u8, char> = Shard::new(NonZeroU64::MIN, Arc::new(Recent::new()));
        let [one, other, stranger] = [(); 3].map(|()| CorrelationId::new());
        let mut insert = |id, sink| shard.insert(id, 0, 7, call(), sink).map(|(place, _)| place);
        let (first, second) = (insert(one, 'a').unwrap(), insert(other, 'b').unwrap());
        assert_eq!(insert(one, 'c'), Err('c'));
        let find = |id, hint, tag| shard.find(id, hint, || tag);
        assert_eq!((find(one, 9, 7), find(other, 9, 7)), (Some(first), Some(second)));
        assert_eq!((find(stranger, 9, 7), find(one, 9, 8)), (None, None));
        assert_eq!(find(stranger, first, 7), None);
        assert_eq!((shard.take(second).sink, shard.take(first).sink), ('b', 'a'));
        assert!(shard.ids.is_empty());
    }

    #[test]
    fn a_call_that_lies_where_its_id_says_is_found_without_an_index() {
        let mut shard: Shard<u8, char> = Shard::new(NonZeroU64::MIN, Arc::new(Recent::new()));
        let id = CorrelationId::new();
        let place = shard.vacant();
        shard.insert_at(place, id, call(), || 'a');
        assert_eq!(shard.find(id, place, || unreachable!("there is no index")), Some(place));
        assert!(shard.ids.is_empty());
        // Nor is it pending a second time, wherever the hash leads.
        assert_eq!(shard.insert(id, place, 7, call(), 'b').map(|_| ()), Err('b'));
        assert_eq!(shard.take(place).sink, 'a');
        assert_eq!(shard.find(id, place, || unreachable!("there is no index")), None);
    }
}
