//! The broker: who is here, what is pending, what is due.

mod calls;
mod due;
mod shutdown;
mod subscriptions;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use castcall_adapter::Adapter;
use castcall_core::{ComponentId, CorrelationId, MessagingError, RequestError, RequestId};
use castcall_correlation::{PendingCounts, PendingTable};
use castcall_policy::{Policy, QuotaError, Rate};
use castcall_topics::SubscriptionTable;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, oneshot};

use crate::audited::Auditor;
use crate::budget::Budget;
use crate::clock::{Clock, CoarseClock};
use crate::config::{BrokerConfig, PeerConfig};
use crate::handle::ComponentHandle;
use crate::instance::{Factory, StartError};
use crate::ledger::{Forgetful, Ledger};
use crate::message::Key;
use crate::peer::{Peer, PeerState};
use crate::stats::MessagingStats;
use crate::turn::Ready;

pub(crate) use calls::{Sink, Way};
use due::Due;
pub(crate) use subscriptions::Asked;
use subscriptions::Subscriber;

/// Who runs components.
pub trait Scheduler: Send + Sync + 'static {
    /// Runs `ready` soon, on whatever thread, and again for as long as it is given back.
    fn schedule(&self, ready: Ready);

    /// Something is due earlier than [`Broker::expire`] said last. Must not be lost: an alarm
    /// while `expire` is running makes it run again.
    fn alarm(&self);

    /// How many ticks have passed. A turn is over with the first message after one has: asked at
    /// its beginning, and before each message. By default no turn is over for that.
    fn ticks(&self) -> u64 {
        0
    }

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
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) auditor: Auditor,
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
    /// The generation of the policy as of which subscriptions were looked through.
    policy_seen: AtomicU64,
    policy_lock: Mutex<()>,
    /// The target of calls that other systems were asked to carry.
    pub(crate) beyond: Key,
    adapter: OnceLock<Arc<dyn Adapter>>,
}

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
    /// Its quotas are out of range: see [`QuotaError`].
    #[error("its quotas are out of range: {0}")]
    Quota(#[from] QuotaError),
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
    /// Makes a broker whose components `scheduler` runs, and that keeps no dead letters.
    #[must_use]
    pub fn new(config: BrokerConfig, scheduler: Arc<dyn Scheduler>) -> Self {
        Self::with_ledger(config, scheduler, Arc::new(Forgetful))
    }

    /// Makes a broker whose components `scheduler` runs, and who gives to `ledger` what is to be
    /// kept.
    #[must_use]
    pub fn with_ledger(
        config: BrokerConfig,
        scheduler: Arc<dyn Scheduler>,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        let coarse = CoarseClock::new(&config.clock);
        let seed = config.seed.unwrap_or_else(|| fastrand::u64(..));
        let ring = Arc::clone(&scheduler);
        let budget = Budget::new(config.max_waiting);
        let auditor = Auditor::new(config.audit.clone(), &config.policy, &config.clock);
        let inner = Inner {
            config,
            pending: PendingTable::with_alarm(Arc::new(move || ring.alarm())),
            coarse,
            scheduler,
            ledger,
            budget,
            auditor,
            quiet: Notify::new(),
            peers: DashMap::default(),
            topics: SubscriptionTable::new(),
            keys: AtomicU64::new(1),
            generation: AtomicU64::new(0),
            shutting_down: AtomicBool::new(false),
            due: Mutex::default(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            past: Mutex::default(),
            policy_seen: AtomicU64::new(0),
            policy_lock: Mutex::default(),
            beyond: Key(0),
            adapter: OnceLock::new(),
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
        mut config: PeerConfig,
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
        let restored = std::mem::take(&mut config.restored);
        let peer = self.insert(id, config, handlers, Some(factory), Some(started))?;
        peer.subscribe_to_all(&restored);
        peer.wake();
        Ok((ComponentHandle::new(peer), receiver))
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
        let max_pending = self.inner.config.max_host_pending;
        let config = PeerConfig { max_pending, rate: Rate::Unlimited, ..PeerConfig::default() };
        let handlers = Handlers { receives: false, calls_back: false };
        let peer = self.insert(id, config, handlers, None, None)?;
        peer.set_state(PeerState::Running);
        Ok(ComponentHandle::new(peer))
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
                let peer = Peer::new(broker, id, config, handlers, factory, started)?;
                let peer = Arc::new(peer);
                self.inner.auditor.came(&peer);
                place.insert(Arc::clone(&peer));
                if let Some(adapter) = self.inner.adapter().filter(|_| peer.receives) {
                    adapter.loaded(&peer.id);
                }
                Ok(peer)
            }
        }
    }

    /// Looks a component up.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<ComponentHandle> {
        let peer = self.inner.peers.get(id)?;
        Some(ComponentHandle::new(Arc::clone(&peer)))
    }

    /// All components and native peers, in no order.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentHandle> {
        let peers = self.inner.peers.iter();
        peers.map(|peer| ComponentHandle::new(Arc::clone(&peer))).collect()
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

    /// Who may do what.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.inner.config.policy
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

    /// How much of [`BrokerConfig::max_waiting`] is taken, and how much there is, in bytes. More is
    /// taken than waits: mailboxes take room in pieces of 16 KiB, and one that has run empty keeps
    /// one piece, unless half of all room is taken or its component is gone.
    #[must_use]
    pub fn waiting_room(&self) -> (usize, usize) {
        (self.inner.budget.used(), self.inner.config.max_waiting)
    }

    /// Gives back memory that was needed at some time and is not now.
    pub fn shrink(&self) {
        self.inner.pending.shrink();
    }

    /// Notes what time it is, for stamps on messages. To be called about once a millisecond while
    /// there is work, and when there is work again after a pause.
    pub fn tick(&self) {
        self.inner.coarse.tick(&self.inner.config.clock);
    }

    /// Ends the calls whose deadline has passed, starts the components whose restart is due, and
    /// says when to be called next.
    pub fn expire(&self) -> Option<Instant> {
        // Nothing need have happened for long: what ends now is to be stamped with now.
        self.tick();
        let inner = &self.inner;
        let now = inner.now();
        inner.deliver_all(&RequestError::Timeout, |ended| {
            inner.pending.expire(now, ended);
        });
        let next_due = inner.run_due(now);
        let next_timeout = inner.pending.arm(now);
        [next_due, next_timeout].into_iter().flatten().min()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Instant {
        self.config.clock.now()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.config.policy
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

    /// The way to other systems, if there is one.
    pub(crate) fn adapter(&self) -> Option<&Arc<dyn Adapter>> {
        self.adapter.get()
    }

    pub(crate) fn set_adapter(&self, adapter: Arc<dyn Adapter>) -> Result<(), Arc<dyn Adapter>> {
        self.adapter.set(adapter)
    }

    pub(crate) fn jitter(&self) -> f64 {
        self.random.lock().f64()
    }

    /// Whether all that happens follows from the seed and from what the clock is moved by.
    fn is_simulated(&self) -> bool {
        matches!(self.config.clock, Clock::Manual(_)) && self.config.seed.is_some()
    }

    /// The id of the next call, if it is not for the table to make it: in a simulation it comes
    /// from the seed.
    #[inline]
    pub(crate) fn next_id(&self) -> Option<RequestId> {
        self.is_simulated().then(|| {
            let bits = self.random.lock().u128(..).to_be_bytes();
            CorrelationId::from_uuid(uuid::Builder::from_random_bytes(bits).into_uuid())
        })
    }

    /// A new id, local to this thread's part of the table.
    pub(crate) fn new_id(&self) -> RequestId {
        self.next_id().unwrap_or_else(|| self.pending.new_id())
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

    /// Ends the part of everything that a component that is gone has in it.
    pub(crate) fn forget(&self, peer: &Arc<Peer>) {
        self.end_owner(peer.incarnation());
        self.end_owner(peer.key);
        self.end_target(peer.key);
        self.unsubscribe_all(peer);
        peer.unload();
        let removed = self.peers.remove_if(&peer.id, |_, found| Arc::ptr_eq(found, peer));
        if removed.is_some() {
            self.auditor.went(peer);
            if let Some(adapter) = self.adapter().filter(|_| peer.receives) {
                adapter.unloaded(&peer.id);
            }
            let mut stats = peer.stats();
            (stats.pending, stats.mailbox_messages, stats.mailbox_bytes) = (0, 0, 0);
            *self.past.lock() += stats;
        }
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}
