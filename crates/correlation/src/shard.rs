//! One part of a table: what a single lock guards.

use std::num::NonZeroU64;

use castcall_core::CorrelationId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Indexed;

use crate::call::{Call, Calls, Link, OWNER, TARGET};
use crate::counts::PendingCounts;
use crate::key_index::{KeyIndex, Tagged, spread};
use crate::slab::{NIL, Slab};
use crate::wheel::{Due, Wheel};

/// How many calls are looked at while a lock is held once.
pub(crate) const BATCH: usize = 256;

pub(crate) struct Shard<K, S> {
    pub(crate) calls: Calls<S>,
    ids: HashTable<Tagged>,
    owners: KeyIndex<K>,
    targets: KeyIndex<K>,
    wheel: Wheel,
    next_serial: NonZeroU64,
    /// Without `pending`.
    pub(crate) counts: PendingCounts,
}

/// A call to be registered. The tags are hashes of what they stand beside.
pub(crate) struct NewCall<'a, K> {
    pub(crate) id: CorrelationId,
    pub(crate) id_tag: u32,
    pub(crate) owner: &'a K,
    pub(crate) owner_tag: u32,
    pub(crate) target: &'a K,
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
    pub(crate) fn new(first_serial: NonZeroU64) -> Self {
        Self {
            calls: Slab::new(),
            ids: HashTable::new(),
            owners: KeyIndex::new(OWNER),
            targets: KeyIndex::new(TARGET),
            wheel: Wheel::new(),
            next_serial: first_serial,
            counts: PendingCounts::default(),
        }
    }

    /// Adds a call and returns its place and serial, or the sink if the id is pending.
    #[inline]
    pub(crate) fn insert(&mut self, new: &NewCall<'_, K>, sink: S) -> Result<(u32, NonZeroU64), S> {
        let Self { calls, ids, .. } = self;
        let same = |&(tag, place): &Tagged| tag == new.id_tag && calls[place].id == new.id;
        let Indexed::Vacant(vacant) = ids.entry(spread(new.id_tag), same, |&(tag, _)| spread(tag))
        else {
            return Err(sink);
        };
        let serial = self.next_serial;
        let call = calls.insert(Call {
            serial,
            deadline: new.deadline,
            id: new.id,
            id_tag: new.id_tag,
            owner: NIL,
            target: NIL,
            links: [Link::NONE; 3],
            sink,
        });
        vacant.insert((new.id_tag, call));
        self.next_serial = serial.saturating_add(1);
        let owner = self.owners.link(calls, new.owner, new.owner_tag, call);
        let target = self.targets.link(calls, new.target, new.target_tag, call);
        let entry = &mut calls[call];
        (entry.owner, entry.target) = (owner, target);
        self.wheel.insert(calls, call);
        self.counts.registered += 1;
        Ok((call, serial))
    }

    /// The place of the call of that id.
    #[inline]
    pub(crate) fn find(&self, id: CorrelationId, tag: u32) -> Option<u32> {
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
        self.wheel.remove(&mut self.calls, place);
        self.take_timed(place)
    }

    /// Takes a call, which is out of the wheel, out of the rest.
    #[inline]
    fn take_timed(&mut self, place: u32) -> Ended<K, S> {
        let Call { owner, target, id_tag, .. } = self.calls[place];
        let owner = self.owners.unlink(&mut self.calls, owner, place);
        let target = self.targets.unlink(&mut self.calls, target, place);
        if let Ok(found) = self.ids.find_entry(spread(id_tag), |&(_, other)| other == place) {
            found.remove();
        }
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
                    let call = self.take_timed(place);
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
