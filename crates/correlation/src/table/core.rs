//! The shards of a table, and which id belongs to which.
//!
//! By default a UUID's random bits spread calls over all shards, and then each operation finds the
//! cache lines of its shard in another core: with two threads that makes the table five times
//! slower than with one (as any sharded map). So a table can make ids that fall into shards which
//! the calling thread has mostly to itself. Such an id is a v4 UUID like any other, with 2 or
//! more of its 122 bits chosen by a hash that only the table knows.
//!
//! An id that is made for a call says also where the call lies, in 24 bits that the same hash hides.
//! Such a call is found by its id without an index, and the id is compared in full.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::Instant;

use castcall_core::CorrelationId;
use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::entry::{Entry, Ticket};
use crate::epoch::{Due, Epoch};
use crate::recent::Recent;
use crate::shard::{Ended, Shard};

/// A thread's ids use this many shards rather than one, so that each grows to a fourth.
const SHARDS_PER_THREAD: usize = 4;

/// Which bits of an id say at which place its call lies, above those that say in which shard: each
/// mixed with a hash of all bits that are higher still.
const PLACE: u128 = ((1 << PLACE_BITS) - 1) << PLACE_SHIFT;
const PLACE_SHIFT: u32 = 16;
const PLACE_BITS: u32 = 24;

/// A shard, and what may be looked at without its lock.
pub(super) struct Part<K, S> {
    shard: Mutex<Shard<K, S>>,
    pub(super) recent: Arc<Recent>,
}

impl<K, S> Part<K, S> {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Shard<K, S>> {
        self.shard.lock()
    }
}

/// Where an id says that its call lies: for sure in this shard, perhaps at this place.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) shard: u32,
    pub(super) place: u32,
}

/// What a table's first use makes.
pub(super) struct Core<K, S> {
    pub(super) shards: Box<[CachePadded<Part<K, S>>]>,
    /// Seeded anew for each table, so that nobody can choose ids or keys that collide.
    hasher: RandomState,
    pub(super) epoch: Epoch,
}

impl<K: Clone + Eq + Hash, S> Core<K, S> {
    #[cold]
    pub(super) fn new() -> Self {
        // The only look at a clock: times told later lie around it, in whatever order they come.
        let epoch = Epoch::at(Instant::now());
        let hasher = RandomState::default();
        // Serials begin anywhere, so that a ticket of another table finds nothing here. Two bits
        // less than all leave 2^62 calls for each shard.
        let serial = |shard: usize| NonZeroU64::MIN.saturating_add(hasher.hash_one(shard) >> 2);
        let part = |shard| {
            let recent = Arc::new(Recent::new());
            let shard = Mutex::new(Shard::new(serial(shard), Arc::clone(&recent)));
            CachePadded::new(Part { shard, recent })
        };
        let shards = (0..shard_count()).map(part).collect();
        Self { shards, hasher, epoch }
    }

    /// Where the call of an id lies.
    #[inline]
    pub(super) fn locate(&self, id: CorrelationId) -> Spot {
        let bits = id.as_u128();
        let hash = self.hash(bits);
        let place = (bits & PLACE) >> PLACE_SHIFT;
        let place = place as u32 ^ (hash >> (64 - PLACE_BITS)) as u32;
        Spot { shard: self.wrap(hash as u32 ^ bits as u32), place }
    }

    /// The hash that a shard knows an id by which does not say where its call lies.
    #[inline]
    pub(super) fn id_tag(&self, id: CorrelationId) -> u32 {
        (self.hasher.hash_one(id.as_u128()) >> 32) as u32
    }

    /// A new id in a shard of the calling thread's.
    #[inline]
    pub(super) fn new_id(&self) -> CorrelationId {
        self.draft().id()
    }

    /// The same, without its place.
    #[inline]
    pub(super) fn draft(&self) -> Draft {
        let bits = CorrelationId::new().as_u128();
        let hash = self.hash(bits);
        let shard = thread_number() * SHARDS_PER_THREAD + bits as usize % SHARDS_PER_THREAD;
        // Flips the bits in which `locate` would differ from `shard`.
        let differing = self.wrap(hash as u32 ^ bits as u32 ^ shard as u32);
        Draft { bits: bits ^ u128::from(differing), hash, shard: self.wrap(shard as u32) }
    }

    #[inline]
    pub(super) fn tag(&self, key: &K) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    #[inline]
    pub(super) fn lock(&self, shard: u32) -> MutexGuard<'_, Shard<K, S>> {
        self.shards[shard as usize].lock()
    }

    /// What may be looked at without the lock, likewise.
    #[inline]
    pub(super) fn recent_of(&self, ticket: Ticket) -> &Recent {
        &self.shards[self.wrap(ticket.shard) as usize].recent
    }

    /// A ticket of another table leads somewhere, and its serial finds nothing there.
    #[inline]
    pub(super) fn lock_of(&self, ticket: Ticket) -> MutexGuard<'_, Shard<K, S>> {
        self.lock(self.wrap(ticket.shard))
    }

    #[inline]
    pub(super) fn entry(&self, call: Ended<K, S>) -> Entry<K, S> {
        let Ended { id, owner, target, deadline, sink } = call;
        Entry { id, owner, target, due: Due { nanos: deadline, epoch: self.epoch }, sink }
    }

    /// The hash of all bits of an id that don't say where its call lies.
    #[inline]
    fn hash(&self, id: u128) -> u64 {
        self.hasher.hash_one(id >> (PLACE_SHIFT + PLACE_BITS))
    }

    #[inline]
    fn wrap(&self, shard: u32) -> u32 {
        shard & (self.shards.len() as u32 - 1)
    }
}

/// An id in the making.
pub(super) struct Draft {
    bits: u128,
    hash: u64,
    pub(super) shard: u32,
}

impl Draft {
    /// The id of any call.
    #[inline]
    pub(super) fn id(&self) -> CorrelationId {
        CorrelationId::from_uuid(Uuid::from_u128(self.bits))
    }

    /// The id of the call at that place; `None` if it is too high a number.
    #[inline]
    pub(super) fn id_at(&self, place: u32) -> Option<CorrelationId> {
        if place >> PLACE_BITS != 0 {
            return None;
        }
        let place = u128::from(place ^ (self.hash >> (64 - PLACE_BITS)) as u32);
        let bits = self.bits & !PLACE | place << PLACE_SHIFT;
        Some(CorrelationId::from_uuid(Uuid::from_u128(bits)))
    }
}

/// A power of two, so many that threads seldom meet, and no more than an id's low 16 bits tell
/// apart. Asking the system reads files on some.
fn shard_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let threads = available_parallelism().map_or(1, NonZeroUsize::get);
        (threads * SHARDS_PER_THREAD).next_power_of_two().clamp(16, 1 << 16)
    })
}

/// Threads are numbered in the order in which they first come here.
#[inline]
fn thread_number() -> usize {
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) });
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Relaxed) & u16::MAX as usize);
        }
        number.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_fall_into_their_threads_shards() {
        let core: Core<u8, ()> = Core::new();
        let shards =
            || -> HashSet<u32> { (0..1_000).map(|_| core.locate(core.new_id()).shard).collect() };
        let here = shards();
        assert_eq!(here.len(), SHARDS_PER_THREAD);
        assert_eq!(shards(), here);
        let elsewhere = std::thread::spawn(thread_number).join().unwrap();
        assert_ne!(elsewhere, thread_number());
        let id = core.new_id();
        assert_eq!(id.as_uuid().get_version_num(), 4);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn ids_say_where_their_calls_lie() {
        let core: Core<u8, ()> = Core::new();
        let last = (1 << PLACE_BITS) - 1;
        for place in [0, 1, 2, 1_000_000, last] {
            let draft = core.draft();
            let id = draft.id_at(place).unwrap();
            let spot = core.locate(id);
            assert_eq!((spot.shard, spot.place), (draft.shard, place));
            assert_eq!(id.as_uuid().get_version_num(), 4);
            assert_eq!(id.as_uuid().get_variant(), uuid::Variant::RFC4122);
        }
        assert!(core.draft().id_at(last + 1).is_none());
        // But it does not show.
        let shown: HashSet<u128> =
            (0..1_000).map(|_| core.draft().id_at(7).unwrap().as_u128() & PLACE).collect();
        assert!(shown.len() > 900);
    }

    #[test]
    fn other_ids_fall_into_all_shards() {
        let core: Core<u8, ()> = Core::new();
        let ids: Vec<_> = (0..10_000).map(|_| CorrelationId::new()).collect();
        let shards: HashSet<_> = ids.iter().map(|id| core.locate(*id).shard).collect();
        assert_eq!(shards.len(), core.shards.len());
        // Also where a stranger counts only the last bits up, ids do not collide.
        let base = ids[0].as_u128() & !0xffff;
        let near = (0..1 << 16).map(|low| CorrelationId::from_uuid(Uuid::from_u128(base | low)));
        assert_eq!(near.map(|id| core.id_tag(id)).collect::<HashSet<_>>().len(), 1 << 16);
    }
}
