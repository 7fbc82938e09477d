//! The table of pending calls, and what is done to one call.
//!
//! A call lives in one of a power of two of shards, chosen by its id, with everything that finds
//! it: by id, by place, by owner, by target, by deadline. So each operation on one call takes one
//! lock, once, and a constant time. All three hash indexes keep 32 bits of hash beside a place
//! number, so that they grow without visiting the calls.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use castcall_core::CorrelationId;

use crate::alarm::{Alarm, AlarmAlreadySet};
use crate::call::Call;
use crate::entry::{CancelRefusal, Entry, RegisterError, Resolution, Ticket};
use crate::key_index::Key;
use crate::shard::{Ended, NewCall, Shard};
use crate::sync::const_fn;

mod core;
mod look;
mod sweep;

use self::core::{Core, Spot};

/// Who waits for which answer, and until when: without clock, runtime or thread of its own.
///
/// `K` names owners and targets; `S`, the sink, is whatever takes a call's outcome, and opaque
/// here. The caller says what time it is, and delivers to the sinks of calls that come out. No
/// sink is called or dropped under a lock; `K`'s `Clone`, `Eq` and `Drop` are, and must not come
/// back to the table.
///
/// Operations on one call take one lock and a constant time. A pending call takes some 100 bytes
/// and its sink. Making a table allocates nothing; its first use does.
///
/// `now` should not go backwards. Where it does, as between threads, calls end no earlier than
/// their deadline all the same.
///
/// ```
/// use std::time::{Duration, Instant};
/// use castcall_core::CorrelationId;
/// use castcall_correlation::{PendingTable, Resolution};
///
/// let table = PendingTable::new();
/// let (now, id) = (Instant::now(), CorrelationId::new());
/// let ticket = table.register(id, &"orders", &"stock", now + Duration::from_secs(5), "sink")?;
///
/// assert_eq!(table.remaining(ticket, now), Some(Duration::from_secs(5)));
/// assert!(matches!(table.resolve(ticket, now), Resolution::Live(entry) if entry.sink == "sink"));
/// assert!(matches!(table.resolve(ticket, now), Resolution::Unknown));
/// # Ok::<(), castcall_correlation::RegisterError<&str>>(())
/// ```
pub struct PendingTable<K, S> {
    core: OnceLock<Core<K, S>>,
    alarm: Alarm,
}

impl<K: Clone + Eq + Hash, S> PendingTable<K, S> {
    const_fn! {
        /// Makes an empty table.
        #[must_use]
        pub fn new() -> Self {
            Self { core: OnceLock::new(), alarm: Alarm::new() }
        }
    }

    /// Makes an empty table with an alarm: see [`PendingTable::set_alarm`].
    #[must_use]
    pub fn with_alarm(alarm: Arc<dyn Fn() + Send + Sync>) -> Self {
        let table = Self::new();
        let _first = table.set_alarm(alarm);
        table
    }

    /// Sets what is called when a registered deadline comes before the time that
    /// [`arm`](Self::arm) returned last. It is called by the registering thread, outside of locks,
    /// and should do no more than wake the driver. It must be sticky: a call while the driver is
    /// awake makes its next sleep end at once, as with `Thread::unpark` or `Notify::notify_one`.
    ///
    /// Whoever sets it calls `arm` afterwards.
    ///
    /// # Errors
    ///
    /// There is one already.
    pub fn set_alarm(&self, alarm: Arc<dyn Fn() + Send + Sync>) -> Result<(), AlarmAlreadySet> {
        self.alarm.set(alarm)
    }

    /// Makes a new id, as random as [`CorrelationId::new`] and as good for any other use. Calls
    /// registered by such ids do not slow down other threads' calls; those registered by other
    /// ids are spread evenly, and threads meet.
    #[inline]
    #[must_use]
    pub fn new_id(&self) -> CorrelationId {
        match self.core.get() {
            Some(core) => core.new_id(),
            None => CorrelationId::new(),
        }
    }

    /// Adds a call. Its ticket finds it faster than its id does.
    ///
    /// A deadline that has passed is accepted: the call is due at once.
    ///
    /// # Errors
    ///
    /// A call of that id is pending. The sink is given back.
    ///
    /// # Panics
    ///
    /// More than 2^31 calls are pending in one shard, some 400 GiB of them.
    #[inline]
    pub fn register(
        &self,
        id: CorrelationId,
        owner: &K,
        target: &K,
        deadline: Instant,
        sink: S,
    ) -> Result<Ticket, RegisterError<S>> {
        let tag = self.tag(owner);
        let deadline = self.core().epoch.nanos(deadline);
        self.insert(id, owner, tag, target, deadline, sink).map_err(RegisterError::AlreadyPending)
    }

    /// Adds a call under a new id, which is made for it: as [`new_id`](Self::new_id) and
    /// [`register`](Self::register) in one, for less, and such a call is found by its id as fast as
    /// by its ticket. Runs `sink` under a lock, where it is to lie: it must not come back to the
    /// table, nor panic.
    ///
    /// # Panics
    ///
    /// As `register`.
    #[inline]
    pub fn register_new(
        &self,
        owner: &K,
        target: &K,
        deadline: Instant,
        sink: impl FnOnce(CorrelationId) -> S,
    ) -> (CorrelationId, Ticket) {
        let core = self.core();
        let deadline = core.epoch.nanos(deadline);
        let (owner_tag, target_tag) = (core.tag(owner), core.tag(target));
        let new = NewCall { owner, owner_tag, target, target_tag, deadline };
        let draft = core.draft();
        let mut shard = core.lock(draft.shard);
        let place = shard.vacant();
        let Some(id) = draft.id_at(place) else {
            drop(shard);
            return self.register_elsewhere(owner, target, deadline, sink);
        };
        let serial = shard.insert_at(place, id, new, || sink(id));
        drop(shard);
        self.alarm.registered(deadline);
        (id, Ticket { serial, place, shard: draft.shard })
    }

    /// So many calls are pending that an id can't say where: it is indexed.
    #[cold]
    fn register_elsewhere(
        &self,
        owner: &K,
        target: &K,
        deadline: u64,
        sink: impl FnOnce(CorrelationId) -> S,
    ) -> (CorrelationId, Ticket) {
        let core = self.core();
        let (owner_tag, target_tag) = (core.tag(owner), core.tag(target));
        let new = NewCall { owner, owner_tag, target, target_tag, deadline };
        let (id, spot, mut shard) = loop {
            let id = core.new_id();
            let spot = core.locate(id);
            let shard = core.lock(spot.shard);
            if shard.find(id, spot.place, || core.id_tag(id)).is_none() {
                break (id, spot, shard);
            }
        };
        let inserted = shard.insert(id, spot.place, core.id_tag(id), new, sink(id));
        let Ok((place, serial)) = inserted else { unreachable!("the id was not pending") };
        drop(shard);
        self.alarm.registered(deadline);
        (id, Ticket { serial, place, shard: spot.shard })
    }

    /// The same as `register` with keys of either kind, the owner's [`tag`](Self::tag), and the
    /// deadline in nanoseconds, as [`nanos_after`](Self::nanos_after) tells it. The sink is given
    /// back if the id is pending.
    #[inline]
    pub(crate) fn insert<Q: Key<K>>(
        &self,
        id: CorrelationId,
        owner: Q,
        owner_tag: u32,
        target: Q,
        deadline: u64,
        sink: S,
    ) -> Result<Ticket, S> {
        let core = self.core();
        let Spot { shard, place: hint } = core.locate(id);
        let id_tag = core.id_tag(id);
        let target_tag = core.tag(target.get());
        let new = NewCall { owner, owner_tag, target, target_tag, deadline };
        let (place, serial) = core.lock(shard).insert(id, hint, id_tag, new, sink)?;
        self.alarm.registered(deadline);
        Ok(Ticket { serial, place, shard })
    }

    /// A hash of a key, for this table's life.
    #[inline]
    pub(crate) fn tag(&self, key: &K) -> u32 {
        self.core().tag(key)
    }

    /// The deadline of a call made at `now`, as the table counts time.
    #[inline]
    pub(crate) fn nanos_after(&self, now: Instant, timeout: Duration) -> u64 {
        self.core().epoch.nanos_after(now, timeout)
    }

    /// The ticket of a pending call.
    #[must_use]
    pub fn ticket(&self, id: CorrelationId) -> Option<Ticket> {
        let core = self.core.get()?;
        let spot = core.locate(id);
        let shard = core.lock(spot.shard);
        let place = shard.find(id, spot.place, || core.id_tag(id))?;
        Some(Ticket { serial: shard.calls[place].serial, place, shard: spot.shard })
    }

    /// Whether a call of that id has not ended.
    #[must_use]
    pub fn contains(&self, id: CorrelationId) -> bool {
        self.ticket(id).is_some()
    }

    /// Whether the call has not ended. Its deadline may have passed: [`remaining`] tells.
    ///
    /// [`remaining`]: Self::remaining
    #[inline]
    #[must_use]
    pub fn is_pending(&self, ticket: Ticket) -> bool {
        let Some(core) = self.core.get() else { return false };
        core.recent_of(ticket).has(ticket.place, ticket.serial)
            || self.peek(ticket, |_, _| ()).is_some()
    }

    /// How long until the call's deadline; zero if it has passed and the timer has not fired yet,
    /// `None` if the call has ended.
    #[must_use]
    pub fn remaining(&self, ticket: Ticket, now: Instant) -> Option<Duration> {
        self.peek(ticket, |core, call| {
            Duration::from_nanos(call.deadline.saturating_sub(core.epoch.nanos(now)))
        })
    }

    /// Ends a call with its answer. Counts it as completed, or, if it comes too late, the answer
    /// as an orphan and the call, if it was still there, as timed out.
    #[inline]
    pub fn resolve(&self, ticket: Ticket, now: Instant) -> Resolution<K, S> {
        let core = self.core();
        let mut shard = core.lock_of(ticket);
        let found = shard.get(ticket.place, ticket.serial).map(|_| ticket.place);
        resolution(core, answer(core, &mut shard, found, now))
    }

    /// The same as [`resolve`](Self::resolve), by id.
    #[inline]
    pub fn resolve_id(&self, id: CorrelationId, now: Instant) -> Resolution<K, S> {
        resolution(self.core(), self.answer_id(id, now))
    }

    /// The same as an [`Answered`].
    #[inline]
    pub(crate) fn answer_id(&self, id: CorrelationId, now: Instant) -> Answered<K, S> {
        let core = self.core();
        let spot = core.locate(id);
        let mut shard = core.lock(spot.shard);
        let found = shard.find(id, spot.place, || core.id_tag(id));
        answer(core, &mut shard, found, now)
    }

    /// What was taken out, for who is told of it.
    pub(crate) fn entry(&self, call: Ended<K, S>) -> Entry<K, S> {
        self.core().entry(call)
    }

    /// Ends a call that its target will not answer: it crashed, dropped it, or is not available.
    /// Counts it as ended with its target; there is no answer, so never an orphan.
    pub fn fail(&self, ticket: Ticket, now: Instant) -> Resolution<K, S> {
        let Some(core) = self.core.get() else { return Resolution::Unknown };
        let mut shard = core.lock_of(ticket);
        let Some(call) = shard.get(ticket.place, ticket.serial) else {
            return Resolution::Unknown;
        };
        if call.deadline <= core.epoch.nanos(now) {
            shard.counts.timed_out += 1;
            Resolution::Expired(core.entry(shard.take(ticket.place)))
        } else {
            shard.counts.target_gone += 1;
            Resolution::Live(core.entry(shard.take(ticket.place)))
        }
    }

    /// Takes a call back that was never really made, since what it stands for was refused after
    /// it had been registered. Counts as withdrawn and as nothing else. `None` if it has ended.
    pub fn withdraw(&self, ticket: Ticket) -> Option<Entry<K, S>> {
        let core = self.core.get()?;
        let mut shard = core.lock_of(ticket);
        shard.get(ticket.place, ticket.serial)?;
        shard.counts.withdrawn += 1;
        Some(core.entry(shard.take(ticket.place)))
    }

    /// Ends a call that its owner gives up. Whether it is the owner's is looked at first, and in
    /// one step with the removal.
    ///
    /// # Errors
    ///
    /// No such call is pending, it is another's, or its deadline has passed: see
    /// [`CancelRefusal`].
    pub fn cancel(
        &self,
        id: CorrelationId,
        owner: &K,
        now: Instant,
    ) -> Result<Entry<K, S>, CancelRefusal<K, S>> {
        let core = self.core.get().ok_or(CancelRefusal::NotFound)?;
        let spot = core.locate(id);
        let mut shard = core.lock(spot.shard);
        let found = shard.find(id, spot.place, || core.id_tag(id));
        let place = found.ok_or(CancelRefusal::NotFound)?;
        let call = &shard.calls[place];
        if shard.owner_of(call) != owner {
            return Err(CancelRefusal::NotOwner);
        }
        if call.deadline <= core.epoch.nanos(now) {
            shard.counts.timed_out += 1;
            return Err(CancelRefusal::Expired(core.entry(shard.take(place))));
        }
        shard.counts.cancelled += 1;
        Ok(core.entry(shard.take(place)))
    }

    #[inline]
    fn core(&self) -> &Core<K, S> {
        self.core.get_or_init(Core::new)
    }

    fn peek<T>(&self, ticket: Ticket, look: impl FnOnce(&Core<K, S>, &Call<S>) -> T) -> Option<T> {
        let core = self.core.get()?;
        let shard = core.lock_of(ticket);
        shard.get(ticket.place, ticket.serial).map(|call| look(core, call))
    }
}

/// What an answer met: a [`Resolution`] in the making.
pub(crate) enum Answered<K, S> {
    Live(Ended<K, S>),
    Expired(Ended<K, S>),
    Unknown,
}

#[inline]
fn resolution<K: Clone + Eq + Hash, S>(
    core: &Core<K, S>,
    answered: Answered<K, S>,
) -> Resolution<K, S> {
    match answered {
        Answered::Live(call) => Resolution::Live(core.entry(call)),
        Answered::Expired(call) => Resolution::Expired(core.entry(call)),
        Answered::Unknown => Resolution::Unknown,
    }
}

/// Ends the call at that place with its answer.
#[inline]
fn answer<K: Clone + Eq + Hash, S>(
    core: &Core<K, S>,
    shard: &mut Shard<K, S>,
    place: Option<u32>,
    now: Instant,
) -> Answered<K, S> {
    let Some(place) = place else {
        shard.counts.orphaned += 1;
        return Answered::Unknown;
    };
    if shard.calls[place].deadline <= core.epoch.nanos(now) {
        shard.counts.timed_out += 1;
        shard.counts.orphaned += 1;
        return Answered::Expired(shard.take(place));
    }
    shard.counts.completed += 1;
    Answered::Live(shard.take(place))
}

impl<K: Clone + Eq + Hash, S> Default for PendingTable<K, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, S> fmt::Debug for PendingTable<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
