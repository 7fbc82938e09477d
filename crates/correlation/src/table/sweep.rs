//! What is done to many calls of a table: ending those of a key, expiry, counting, shrinking.

use std::hash::Hash;
use std::time::Instant;

use super::{Core, PendingTable};
use crate::counts::PendingCounts;
use crate::entry::Entry;
use crate::shard::{By, Ended};

impl<K: Clone + Eq + Hash, S> PendingTable<K, S> {
    /// Ends all calls of one owner, hands them to `ended` and returns how many they were. Walks
    /// that owner's calls alone. Counts them as ended with their owner.
    ///
    /// Ends what was registered before; what other threads register for the owner meanwhile may
    /// stay, so see to it that they don't. `ended` is called outside of locks, when all are out,
    /// and may use the table. Locks are held for tens of µs at a time, however many the calls.
    pub fn end_owner(&self, owner: &K, ended: impl FnMut(Entry<K, S>)) -> usize {
        self.end_all(By::Owner, owner, ended)
    }

    /// Ends all calls to one target, as [`end_owner`](Self::end_owner) those of one owner. Counts
    /// them as ended with their target.
    pub fn end_target(&self, target: &K, ended: impl FnMut(Entry<K, S>)) -> usize {
        self.end_all(By::Target, target, ended)
    }

    /// Ends all calls whose deadline is `now` or before, hands them to `ended` and returns how
    /// many they were. Counts them as timed out. In no particular order.
    ///
    /// `ended` is called outside of locks and may use the table; what it registers and is due may
    /// come out in the same call. Locks are held for tens of µs at a time, however many calls are
    /// due. If `ended` panics, calls of the batch in hand, at most
    /// 256, are lost with their sinks.
    pub fn expire(&self, now: Instant, ended: impl FnMut(Entry<K, S>)) -> usize {
        self.expire_up_to(now, usize::MAX, ended)
    }

    /// The same as [`expire`](Self::expire), for at most `max` calls: if it returns `max`, more
    /// may be due.
    pub fn expire_up_to(
        &self,
        now: Instant,
        max: usize,
        mut ended: impl FnMut(Entry<K, S>),
    ) -> usize {
        let Some(core) = self.core.get() else { return 0 };
        let now = core.epoch.nanos(now);
        let mut batch = Vec::new();
        let mut count = 0;
        for shard in &core.shards {
            let mut more = true;
            while more && count < max {
                more = shard.lock().expire(now, max - count, &mut batch);
                count += batch.len();
                hand_over(core, &mut batch, &mut ended);
            }
        }
        count
    }

    /// When to call [`expire`](Self::expire) next, unless the alarm comes first: a time no later
    /// than the earliest deadline, mostly that deadline. `None` if nothing is pending.
    ///
    /// For the one driver of the table, right after `expire` with the same `now`:
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::{Duration, Instant};
    /// use castcall_core::CorrelationId;
    /// use castcall_correlation::PendingTable;
    ///
    /// let driver = std::thread::current();
    /// let table = PendingTable::with_alarm(Arc::new(move || driver.unpark()));
    /// let deadline = Instant::now() + Duration::from_millis(2);
    /// table.register(CorrelationId::new(), &1, &2, deadline, "sink")?;
    ///
    /// let mut ended = Vec::new();
    /// while ended.is_empty() {
    ///     let now = Instant::now();
    ///     table.expire(now, |entry| ended.push(entry.sink));
    ///     match table.arm(now) {
    ///         Some(next) => std::thread::park_timeout(next.saturating_duration_since(now)),
    ///         None => break,
    ///     }
    /// }
    /// assert_eq!(ended, ["sink"]);
    /// assert!(Instant::now() >= deadline);
    /// # Ok::<(), castcall_correlation::RegisterError<&str>>(())
    /// ```
    ///
    /// A driver that wants fewer wakes sleeps a little longer than told. Returns `now` where calls
    /// are overdue.
    pub fn arm(&self, now: Instant) -> Option<Instant> {
        self.alarm.disarm();
        let core = self.core.get()?;
        let earliest = core.shards.iter().filter_map(|shard| shard.lock().earliest()).min()?;
        self.alarm.arm(earliest);
        Some(core.epoch.instant(earliest.max(core.epoch.nanos(now))))
    }

    /// How many calls are pending.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        let shards = self.core.get().map_or(&[][..], |core| &core.shards);
        shards.iter().map(|shard| shard.lock().calls.len()).sum()
    }

    /// What became of the calls.
    #[must_use]
    pub fn counts(&self) -> PendingCounts {
        let mut sum = PendingCounts::default();
        for shard in self.core.get().map_or(&[][..], |core| &core.shards) {
            let shard = shard.lock();
            sum += shard.counts;
            sum.pending += shard.calls.len() as u64;
        }
        sum
    }

    /// Gives back memory that holds no calls. For quiet times: walks all of the table, and holds
    /// each shard's lock as long as that takes.
    pub fn shrink(&self) {
        for shard in self.core.get().map_or(&[][..], |core| &core.shards) {
            shard.lock().shrink();
        }
    }

    fn end_all(&self, by: By, key: &K, mut ended: impl FnMut(Entry<K, S>)) -> usize {
        let Some(core) = self.core.get() else { return 0 };
        let tag = core.tag(key);
        let mut calls = Vec::new();
        for shard in &core.shards {
            let Some(record) = shard.lock().detach(by, key, tag) else { continue };
            while shard.lock().end_detached(by, record, &mut calls) {}
        }
        // All calls are out before the first is handed over: a panic there leaves no detached
        // record behind, and what is registered there is not ended with the rest.
        let count = calls.len();
        hand_over(core, &mut calls, &mut ended);
        count
    }
}

fn hand_over<K: Clone + Eq + Hash, S>(
    core: &Core<K, S>,
    calls: &mut Vec<Ended<K, S>>,
    ended: &mut impl FnMut(Entry<K, S>),
) {
    for call in calls.drain(..) {
        ended(core.entry(call));
    }
}
