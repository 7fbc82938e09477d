//! The broker: who is here, what is pending, what is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_core::{
    CancelError, ComponentId, CorrelationId, MessagingError, Pattern, RequestError, RequestId,
    Topic,
};
use castcall_correlation::{
    CancelRefusal, Entry, PendingCounts, PendingTable, Resolution, deadline_after,
};
use castcall_topics::{Group, Matches, SubscriptionTable};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, oneshot};

use crate::clock::{Clock, CoarseClock};
use crate::config::{BrokerConfig, PeerConfig};
use crate::handle::ComponentHandle;
use crate::instance::{Factory, StartError};
use crate::message::{CallRef, Callback, Key, Message};
use crate::on_end::OnEnd;
use crate::peer::{DeadLetter, Peer, PeerState};
use crate::stats::MessagingStats;
use crate::turn::Ready;

/// How long after it was killed a component that does not return is given up. A guest notices
/// within a tick or two of its thread's, which may have to wait for a core on a busy machine.
const ABANDON_AFTER: Duration = Duration::from_secs(1);

/// How much of a shutdown's time is kept for callbacks and goodbyes, at most: a quarter of it if
/// that is less.
const GOODBYES: Duration = Duration::from_secs(1);

/// Who runs components.
pub trait Scheduler: Send + Sync + 'static {
    /// Runs `ready` soon, on whatever thread, and again for as long as it is given back.
    fn schedule(&self, ready: Ready);

    /// Something is due earlier than [`Broker::expire`] said last. Must not be lost: an alarm
    /// while `expire` is running makes it run again.
    fn alarm(&self);

    /// Whether what runs on this thread is to give up, since too many overrun their turns.
    fn is_shed(&self) -> bool {
        false
    }
}

/// Routes messages between components and native peers, and keeps their calls.
///
/// It has no thread and no timer: a [`Scheduler`] runs components, and somebody calls
/// [`Broker::expire`] and [`Broker::tick`]. Clones are handles to the same broker.
#[derive(Clone)]
pub struct Broker {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: BrokerConfig,
    pub(crate) pending: PendingTable<Key, Sink>,
    pub(crate) coarse: CoarseClock,
    pub(crate) scheduler: Arc<dyn Scheduler>,
    /// A component may have had its last turn; only told of while shutting down.
    pub(crate) quiet: Notify,
    peers: DashMap<ComponentId, Arc<Peer>, foldhash::fast::RandomState>,
    topics: SubscriptionTable<Subscriber>,
    keys: AtomicU64,
    /// Goes up when a component is unloaded: remembered routes are void then.
    generation: AtomicU64,
    shutting_down: AtomicBool,
    due: Mutex<BinaryHeap<Reverse<Due>>>,
    random: Mutex<fastrand::Rng>,
    past: Mutex<MessagingStats>,
}

/// Where the outcome of a call goes.
pub(crate) enum Sink {
    /// To the `handle-callback` of the instance that asked.
    Callback(Arc<Peer>),
    /// To a future.
    Native(Arc<Peer>, oneshot::Sender<Result<Bytes, RequestError>>),
    /// To a closure.
    Boxed(Arc<Peer>, OnEnd),
}

/// A component as a subscriber.
#[derive(Clone)]
pub(crate) struct Subscriber(Arc<Peer>);

impl PartialEq for Subscriber {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Subscriber {}

impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

/// Something to be done to a component at some time.
struct Due {
    at: Instant,
    number: u64,
    what: What,
    /// Weak, since the time may be far off and the component long gone.
    peer: Weak<Peer>,
}

#[derive(Clone, Copy)]
enum What {
    Wake,
    /// A shutdown has waited long enough for what runs.
    Hurry,
    Kill,
    Abandon,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

/// Why a component was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The id is taken: choose another, or stop the component that has it.
    #[error("there is a component {0} already")]
    Duplicate(ComponentId),
    /// `host` and `cli` are reserved: choose another.
    #[error("the id {0} is reserved")]
    Reserved(ComponentId),
    /// It exports neither handler: export `component-lifecycle` or `component-callback`.
    #[error("{0} can neither receive nor be called back")]
    NoHandler(ComponentId),
    /// Shutting down.
    #[error("shutting down")]
    ShuttingDown,
}

/// A handle that does not keep the broker alive.
#[derive(Clone)]
pub struct WeakBroker(Weak<Inner>);

impl fmt::Debug for WeakBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakBroker").finish()
    }
}

impl WeakBroker {
    /// The broker, if it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Broker> {
        self.0.upgrade().map(|inner| Broker { inner })
    }
}

/// What a component can be entered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handlers {
    /// `handle-message`.
    pub receives: bool,
    /// `handle-callback`.
    pub calls_back: bool,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("components", &self.inner.peers.len())
            .field("pending", &self.inner.pending.pending_count())
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Makes a broker whose components `scheduler` runs.
    #[must_use]
    pub fn new(config: BrokerConfig, scheduler: Arc<dyn Scheduler>) -> Self {
        let coarse = CoarseClock::default();
        coarse.set(config.clock.wall());
        let seed = config.seed.unwrap_or_else(|| fastrand::u64(..));
        let ring = Arc::clone(&scheduler);
        let inner = Inner {
            config,
            pending: PendingTable::with_alarm(Arc::new(move || ring.alarm())),
            coarse,
            scheduler,
            quiet: Notify::new(),
            peers: DashMap::default(),
            topics: SubscriptionTable::new(),
            keys: AtomicU64::new(1),
            generation: AtomicU64::new(0),
            shutting_down: AtomicBool::new(false),
            due: Mutex::default(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            past: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A handle that does not keep the broker alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakBroker {
        WeakBroker(Arc::downgrade(&self.inner))
    }

    /// Takes a component in and starts it. The receiver is told how its start went; if it did not
    /// start, it is gone again.
    ///
    /// # Errors
    ///
    /// It was not taken in: [`AddError`].
    pub fn add(
        &self,
        id: ComponentId,
        config: PeerConfig,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> Result<(ComponentHandle, oneshot::Receiver<Result<(), StartError>>), AddError> {
        if id.is_reserved() {
            return Err(AddError::Reserved(id));
        }
        if !handlers.receives && !handlers.calls_back {
            return Err(AddError::NoHandler(id));
        }
        let (started, receiver) = oneshot::channel();
        let peer = self.insert(id, config, handlers, Some(factory), Some(started))?;
        peer.wake();
        Ok((ComponentHandle { peer }, receiver))
    }

    /// Takes in the embedding program itself, under a reserved id: it has no mailbox and no
    /// instance, and sends through its handle.
    ///
    /// # Errors
    ///
    /// It is there already, or the id is not reserved.
    pub fn add_program(&self, id: ComponentId) -> Result<ComponentHandle, AddError> {
        if !id.is_reserved() {
            return Err(AddError::NoHandler(id));
        }
        let config =
            PeerConfig { max_pending: self.inner.config.max_host_pending, ..PeerConfig::default() };
        let handlers = Handlers { receives: false, calls_back: false };
        let peer = self.insert(id, config, handlers, None, None)?;
        peer.set_state(PeerState::Running);
        Ok(ComponentHandle { peer })
    }

    fn insert(
        &self,
        id: ComponentId,
        config: PeerConfig,
        handlers: Handlers,
        factory: Option<Box<dyn Factory>>,
        started: Option<oneshot::Sender<Result<(), StartError>>>,
    ) -> Result<Arc<Peer>, AddError> {
        match self.inner.peers.entry(id.clone()) {
            Place::Occupied(_) => Err(AddError::Duplicate(id)),
            // Looked at with the entry locked, so that a shutdown misses nobody.
            Place::Vacant(_) if self.inner.is_shutting_down() => Err(AddError::ShuttingDown),
            Place::Vacant(place) => {
                let broker = Arc::clone(&self.inner);
                let handlers = (handlers.receives, handlers.calls_back);
                let peer = Arc::new(Peer::new(broker, id, config, handlers, factory, started));
                place.insert(Arc::clone(&peer));
                Ok(peer)
            }
        }
    }

    /// Looks a component up.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<ComponentHandle> {
        let peer = self.inner.peers.get(id)?;
        Some(ComponentHandle { peer: Arc::clone(&peer) })
    }

    /// All components and native peers, in no order.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentHandle> {
        let peers = self.inner.peers.iter();
        peers.map(|peer| ComponentHandle { peer: Arc::clone(&peer) }).collect()
    }

    /// The sum over all components, those that are gone included.
    #[must_use]
    pub fn stats(&self) -> MessagingStats {
        let mut sum = *self.inner.past.lock();
        for peer in &self.inner.peers {
            sum += peer.stats();
        }
        sum
    }

    /// What became of the calls.
    #[must_use]
    pub fn calls(&self) -> PendingCounts {
        self.inner.pending.counts()
    }

    /// Whether the call has not ended. Its deadline may have passed, if [`Broker::expire`] has
    /// not been called since.
    #[must_use]
    pub fn is_pending(&self, id: RequestId) -> bool {
        self.inner.pending.contains(id)
    }

    /// Gives back memory that was needed at some time and is not now.
    pub fn shrink(&self) {
        self.inner.pending.shrink();
    }

    /// Notes what time it is, for stamps on messages. To be called about once a millisecond while
    /// there is work, and when there is work again after a pause.
    pub fn tick(&self) {
        self.inner.coarse.set(self.inner.config.clock.wall());
    }

    /// Ends the calls whose deadline has passed, starts the components whose restart is due, and
    /// says when to be called next.
    pub fn expire(&self) -> Option<Instant> {
        let inner = &self.inner;
        let now = inner.now();
        inner.deliver_all(&RequestError::Timeout, |ended| {
            inner.pending.expire(now, ended);
        });
        let next_due = inner.run_due(now);
        let next_timeout = inner.pending.arm(now);
        [next_due, next_timeout].into_iter().flatten().min()
    }

    /// Shuts down: no new sends, running handlers end, queued casts become dead letters, queued
    /// calls end with `unavailable`, callbacks are delivered, and then each component's
    /// `shutdown` runs. What has not ended after `grace` is ended.
    ///
    /// Returns the ids of those that could not be made to end: native peers that don't return.
    /// Cancel safe: the shutdown goes on.
    pub async fn shutdown(&self, grace: Duration) -> Vec<ComponentId> {
        let inner = &self.inner;
        inner.shutting_down.store(true, Ordering::SeqCst);
        let now = inner.now();
        let kill_at = deadline_after(now, grace);
        // One that does not end must not take the others' orderly end with it.
        let hurry_at = deadline_after(now, grace - (grace / 4).min(GOODBYES));
        let everybody = inner.everybody();
        for peer in &everybody {
            inner.due_at(hurry_at, What::Hurry, peer);
            inner.due_at(kill_at, What::Kill, peer);
            inner.due_at(deadline_after(kill_at, ABANDON_AFTER), What::Abandon, peer);
        }
        // First everybody stays to receive the callbacks of what the others are still handling.
        for peer in &everybody {
            peer.reject_new();
        }
        inner.until_quiet(&everybody, hurry_at).await;
        // What is pending now was taken over, or does not end. Who asked is still there to be
        // told.
        for peer in &everybody {
            inner.end_target(peer.key);
        }
        inner.until_quiet(&everybody, hurry_at).await;
        let waits: Vec<_> = everybody.iter().map(|peer| peer.on_stopped()).collect();
        everybody.iter().for_each(|peer| peer.stop());
        for wait in waits {
            let _ = wait.await;
        }
        everybody.iter().filter(|peer| peer.is_abandoned()).map(|peer| peer.id.clone()).collect()
    }

    /// Ends everything where it stands, without waiting.
    pub fn abort(&self) {
        self.inner.shutting_down.store(true, Ordering::SeqCst);
        for peer in self.inner.everybody() {
            peer.kill();
            // Even if nobody runs components any more. One that has its turn ends with it.
            if let Some(mut actor) = peer.actor.try_lock() {
                peer.finish(&mut actor);
            }
            peer.release();
        }
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Instant {
        self.config.clock.now()
    }

    pub(crate) fn next_key(&self) -> Key {
        Key(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }

    pub(crate) fn jitter(&self) -> f64 {
        self.random.lock().f64()
    }

    /// Whether all that happens follows from the seed and from what the clock is moved by.
    fn is_simulated(&self) -> bool {
        matches!(self.config.clock, Clock::Manual(_)) && self.config.seed.is_some()
    }

    /// A new id, local to this thread's part of the table; in a simulation, from the seed.
    pub(crate) fn new_id(&self) -> RequestId {
        if self.is_simulated() {
            let bits = self.random.lock().u128(..);
            return CorrelationId::from_uuid(
                uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid(),
            );
        }
        self.pending.new_id()
    }

    /// While shutting down: waits until nobody has anything to do, or until it is `late`.
    async fn until_quiet(&self, everybody: &[Arc<Peer>], late: Instant) {
        while self.now() < late && everybody.iter().any(|peer| peer.is_active()) {
            self.quiet.notified().await;
        }
    }

    /// All components, in the order of their ids.
    fn everybody(&self) -> Vec<Arc<Peer>> {
        let mut everybody: Vec<_> = self.peers.iter().map(|peer| Arc::clone(&peer)).collect();
        everybody.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        everybody
    }

    pub(crate) fn schedule(&self, peer: &Arc<Peer>) {
        self.scheduler.schedule(Ready(Arc::clone(peer)));
    }

    pub(crate) fn route(&self, target: &str) -> Result<Arc<Peer>, MessagingError> {
        if let Some(peer) = self.peers.get(target) {
            return Ok(Arc::clone(&peer));
        }
        match ComponentId::new(target) {
            Ok(_) => Err(MessagingError::ComponentNotFound),
            Err(_) => Err(MessagingError::InvalidMessage),
        }
    }

    // ---- calls

    /// Hands a call's outcome to who made it. The entry was removed by the caller: nobody else
    /// can do the same.
    pub(crate) fn deliver(&self, entry: Entry<Key, Sink>, result: Result<Bytes, RequestError>) {
        match entry.sink {
            Sink::Callback(peer) => {
                peer.count_outcome(&result);
                let callback = Callback { request_id: entry.id, result, owner: entry.owner };
                if peer.mailbox.push_callback(callback) == Some(true) {
                    self.schedule(&peer);
                }
            }
            Sink::Native(peer, sender) => {
                peer.call_ended(true);
                peer.count_outcome(&result);
                let _ = sender.send(result);
            }
            Sink::Boxed(peer, on_end) => {
                peer.call_ended(true);
                peer.count_outcome(&result);
                on_end.call(result);
            }
        }
    }

    /// Hands over what a sweep of the table ends. The table's order is as random as its hashes,
    /// so a simulation has one of its own.
    fn deliver_all(
        &self,
        error: &RequestError,
        sweep: impl FnOnce(&mut dyn FnMut(Entry<Key, Sink>)),
    ) {
        if !self.is_simulated() {
            return sweep(&mut |entry| self.deliver(entry, Err(error.clone())));
        }
        let mut all = Vec::new();
        sweep(&mut |entry| all.push(entry));
        all.sort_unstable_by_key(|entry| (entry.deadline, entry.id));
        for entry in all {
            self.deliver(entry, Err(error.clone()));
        }
    }

    /// Ends a call that its target will not answer.
    pub(crate) fn fail(&self, call: CallRef, error: RequestError) {
        match self.pending.fail(call.ticket, self.now()) {
            Resolution::Live(entry) => self.deliver(entry, Err(error)),
            Resolution::Expired(entry) => self.deliver(entry, Err(RequestError::Timeout)),
            Resolution::Unknown => {}
        }
    }

    pub(crate) fn cancel(&self, peer: &Peer, owner: Key, id: RequestId) -> Result<(), CancelError> {
        match self.pending.cancel(id, &owner, self.now()) {
            Ok(entry) => {
                self.deliver(entry, Err(RequestError::Cancelled));
                Ok(())
            }
            Err(CancelRefusal::NotOwner) => {
                peer.counters.denied_cancels.add(1);
                tracing::warn!(component = %peer.id, %id, "tried to cancel another's call");
                Err(CancelError::NotOwner)
            }
            Err(CancelRefusal::Expired(entry)) => {
                self.deliver(entry, Err(RequestError::Timeout));
                Err(CancelError::NotFound)
            }
            Err(_) => Err(CancelError::NotFound),
        }
    }

    /// Ends the calls of an instance that is gone: nobody is left to be told, but for
    /// futures and closures.
    pub(crate) fn end_owner(&self, owner: Key) {
        self.pending.end_owner(&owner, |entry| {
            if let Sink::Native(..) | Sink::Boxed(..) = entry.sink {
                self.deliver(entry, Err(RequestError::Unavailable));
            }
        });
    }

    /// Ends all calls to a component.
    pub(crate) fn end_target(&self, target: Key) {
        self.deliver_all(&RequestError::Unavailable, |ended| {
            self.pending.end_target(&target, ended);
        });
    }

    /// Ends the part of everything that a component that is gone has in it.
    pub(crate) fn forget(&self, peer: &Arc<Peer>) {
        self.end_owner(peer.incarnation());
        self.end_owner(peer.key);
        self.end_target(peer.key);
        self.topics.remove(&Subscriber(Arc::clone(peer)));
        let removed = self.peers.remove_if(&peer.id, |_, found| Arc::ptr_eq(found, peer));
        if removed.is_some() {
            let mut stats = peer.stats();
            (stats.pending, stats.mailbox_messages, stats.mailbox_bytes) = (0, 0, 0);
            *self.past.lock() += stats;
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    // ---- topics

    pub(crate) fn subscribe(
        &self,
        peer: &Arc<Peer>,
        pattern: &Pattern,
        group: Option<&Group>,
    ) -> Result<(), MessagingError> {
        let subscriber = Subscriber(Arc::clone(peer));
        if self.topics.count_of(&subscriber) >= peer.config.max_subscriptions as usize {
            let known = self.topics.subscriptions_of(&subscriber);
            let same =
                |(other, its): &(Pattern, Option<Group>)| other == pattern && its.as_ref() == group;
            if !known.iter().any(same) {
                // Time alone does not help: something must be unsubscribed.
                return Err(MessagingError::QuotaExceeded { retry_after_ms: u64::MAX });
            }
            return Ok(());
        }
        match group {
            None => self.topics.subscribe(pattern, subscriber.clone()),
            Some(group) => self.topics.subscribe_group(pattern, group, subscriber.clone()),
        };
        if peer.is_released() {
            // It went meanwhile, and nobody would take this out again.
            self.topics.remove(&subscriber);
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(&self, peer: &Arc<Peer>, pattern: &Pattern) -> bool {
        self.topics.unsubscribe(pattern, &Subscriber(Arc::clone(peer)))
    }

    pub(crate) fn subscriptions_of(self: &Arc<Self>, peer: &Arc<Peer>) -> usize {
        self.topics.count_of(&Subscriber(Arc::clone(peer)))
    }

    /// Gives everybody who is subscribed to `topic` a copy and returns how many matched. `give`
    /// returns what was not taken.
    pub(crate) fn fan_out(
        &self,
        topic: &Topic,
        mut give: impl FnMut(&Arc<Peer>) -> Option<(Message, DeadLetter)>,
    ) -> u32 {
        let mut matches = Matches::new();
        self.topics.matching(topic, &mut matches);
        let handed = matches.hand_out(|offer| match give(&offer.subscriber.0) {
            None => true,
            Some((message, reason)) => {
                if offer.last {
                    offer.subscriber.0.dead_letter(&message, reason);
                }
                false
            }
        });
        u32::try_from(handed.copies()).unwrap_or(u32::MAX)
    }

    // ---- what is due

    fn due_at(&self, at: Instant, what: What, peer: &Arc<Peer>) {
        let number = self.next_key().0;
        let due = Due { at, number, what, peer: Arc::downgrade(peer) };
        let first = {
            let mut heap = self.due.lock();
            heap.push(Reverse(due));
            heap.peek().is_some_and(|first| first.0.number == number)
        };
        if first {
            self.scheduler.alarm();
        }
    }

    /// Gives a component a turn at `at`: its restart is due then.
    pub(crate) fn wake_at(&self, at: Instant, peer: &Arc<Peer>) {
        self.due_at(at, What::Wake, peer);
    }

    /// Ends a component at `at` if it has not ended.
    pub(crate) fn kill_at(&self, at: Instant, peer: &Arc<Peer>) {
        self.due_at(at, What::Kill, peer);
        self.due_at(at + ABANDON_AFTER, What::Abandon, peer);
    }

    /// Does what is due and returns when the next is.
    fn run_due(&self, now: Instant) -> Option<Instant> {
        loop {
            let due = {
                let mut heap = self.due.lock();
                match heap.peek() {
                    Some(Reverse(first)) if first.at > now => return Some(first.at),
                    None => return None,
                    Some(_) => heap.pop(),
                }
            };
            let Reverse(Due { what, peer, .. }) = due?;
            let Some(peer) = peer.upgrade().filter(|peer| !peer.is_released()) else { continue };
            match what {
                What::Wake => peer.wake(),
                What::Hurry => self.quiet.notify_one(),
                What::Kill => {
                    peer.kill();
                    self.quiet.notify_one();
                }
                What::Abandon => peer.abandon(),
            }
        }
    }
}
