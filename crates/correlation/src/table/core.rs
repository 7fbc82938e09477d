//! The shards of a table, and which id belongs to which.
//!
//! By default a UUID's random bits spread calls over all shards, and then each operation finds the
//! cache lines of its shard in another core: with two threads that makes the table five times
//! slower than with one (as any sharded map). So a table can make ids that fall into shards which
//! the calling thread has mostly to itself. Such an id is a v4 UUID like any other, with 2 or
//! more of its 122 bits chosen by a hash that only the table knows.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::available_parallelism;
use std::time::Instant;

use castcall_core::CorrelationId;
use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::entry::{Entry, Ticket};
use crate::epoch::Epoch;
use crate::shard::{Ended, Shard};

/// A thread's ids use this many shards rather than one, so that each grows to a fourth.
const SHARDS_PER_THREAD: usize = 4;

type Lock<K, S> = CachePadded<Mutex<Shard<K, S>>>;

/// What a table's first use makes.
pub(super) struct Core<K, S> {
    pub(super) shards: Box<[Lock<K, S>]>,
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
        let shards = (0..shard_count())
            .map(|shard| CachePadded::new(Mutex::new(Shard::new(serial(shard)))))
            .collect();
        Self { shards, hasher, epoch }
    }

    /// The shard of an id, and the hash that the shard knows it by.
    #[inline]
    pub(super) fn locate(&self, id: CorrelationId) -> (u32, u32) {
        let (hash, low) = self.hash(id.as_u128());
        let tag = (hash ^ low.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 32;
        (self.wrap((hash ^ low) as u32), tag as u32)
    }

    /// A new id in a shard of the calling thread's.
    #[inline]
    pub(super) fn new_id(&self) -> CorrelationId {
        let bits = CorrelationId::new().as_u128();
        let (hash, low) = self.hash(bits);
        let shard = thread_number() * SHARDS_PER_THREAD + low as usize % SHARDS_PER_THREAD;
        // Flips the bits of `low` in which `locate` would differ from `shard`.
        let differing = self.wrap((hash ^ low) as u32 ^ shard as u32);
        CorrelationId::from_uuid(Uuid::from_u128(bits ^ u128::from(differing)))
    }

    #[inline]
    pub(super) fn tag(&self, key: &K) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    #[inline]
    pub(super) fn lock(&self, shard: u32) -> MutexGuard<'_, Shard<K, S>> {
        self.shards[shard as usize].lock()
    }

    /// A ticket of another table leads somewhere, and its serial finds nothing there.
    #[inline]
    pub(super) fn lock_of(&self, ticket: Ticket) -> MutexGuard<'_, Shard<K, S>> {
        self.lock(self.wrap(ticket.shard))
    }

    #[inline]
    pub(super) fn entry(&self, call: Ended<K, S>) -> Entry<K, S> {
        let Ended { id, owner, target, deadline, sink } = call;
        Entry { id, owner, target, deadline: self.epoch.instant(deadline), sink }
    }

    /// The hash of all but the low 16 bits of an id, and those.
    #[inline]
    fn hash(&self, id: u128) -> (u64, u64) {
        (self.hasher.hash_one(id >> 16), u64::from(id as u16))
    }

    #[inline]
    fn wrap(&self, shard: u32) -> u32 {
        shard & (self.shards.len() as u32 - 1)
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
            || -> HashSet<u32> { (0..1_000).map(|_| core.locate(core.new_id()).0).collect() };
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
    fn other_ids_fall_into_all_shards() {
        let core: Core<u8, ()> = Core::new();
        let ids: Vec<_> = (0..10_000).map(|_| CorrelationId::new()).collect();
        let shards: HashSet<_> = ids.iter().map(|id| core.locate(*id).0).collect();
        assert_eq!(shards.len(), core.shards.len());
        // Also where a stranger counts only the last bits up, ids do not collide.
        let base = ids[0].as_u128() & !0xffff;
        let near = (0..1 << 16).map(|low| CorrelationId::from_uuid(Uuid::from_u128(base | low)));
        assert_eq!(near.map(|id| core.locate(id).1).collect::<HashSet<_>>().len(), 1 << 16);
    }
}
