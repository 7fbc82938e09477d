//! One component or native peer, from its loading to its end, over all its instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use castcall_audit::{Name, Why};
use castcall_codec::NotAccepted;
use castcall_core::{CodecMismatch, ComponentId, MessagingError, Pattern, RequestError};
use castcall_correlation::Ticket;
use castcall_policy::QuotaError;
use castcall_topics::Group;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::audited::Attempt;
use crate::broker::{Asked, Inner};
use crate::config::PeerConfig;
use crate::context::{DeferError, Usage};
use crate::dead_letters::Retry;
use crate::guard::Guard;
use crate::inbox::Inbox;
use crate::instance::{Factory, Instance, StartError};
use crate::mailbox::{Gate, Mailbox};
use crate::message::{CallRef, Key, Message};
use crate::poison::Poison;
use crate::stats::{Counters, MessagingStats};
use crate::supervise::History;
use crate::timings::{SharedSampler, Timings};

/// How many taken-over calls are kept before the ended ones among them are looked for.
const DEFERRED_SWEEP: usize = 64;

pub(crate) struct Peer {
    pub(crate) id: ComponentId,
    /// Names the component as a target, and as the owner of calls made from outside its instances.
    pub(crate) key: Key,
    pub(crate) broker: Arc<Inner>,
    pub(crate) mailbox: Mailbox,
    pub(crate) config: PeerConfig,
    pub(crate) receives: bool,
    pub(crate) calls_back: bool,
    pub(crate) counters: Counters,
    pub(crate) timings: Timings,
    /// For what is sent from outside its instance.
    pub(crate) sampler: SharedSampler,
    pub(crate) poison: Poison,
    pub(crate) guard: Guard,
    /// As the audit knows it.
    pub(crate) name: Name,
    /// Some of its subscriptions may be to what it may not receive any more.
    pub(crate) restricted: AtomicBool,
    /// Calls of the instance that have not ended, or whose callback is queued. Written in the
    /// component's own turns only, so that no read-modify-write is needed.
    outstanding: AtomicU32,
    /// Calls made from outside the instance.
    native_outstanding: AtomicU32,
    /// Names the instance that runs, as the owner of calls.
    incarnation: AtomicU64,
    control: AtomicU8,
    state: AtomicU8,
    released: AtomicBool,
    abandoned: AtomicBool,
    /// Whether what the ledger keeps of it is to stay.
    kept: AtomicU8,
    /// How many of its last turns were long, in a row. Two are enough; one may have been the
    /// operating system's doing.
    long_turns: AtomicU8,
    /// Whether it has ever taken a call over: most never do, and don't pay for the lock.
    defers: AtomicBool,
    deferred: Mutex<Deferred>,
    /// What only the turn touches; the lock is never contended while the component runs.
    pub(crate) actor: Mutex<Actor>,
    pub(crate) factory: Option<Box<dyn Factory>>,
    stop_waiters: Mutex<Vec<oneshot::Sender<()>>>,
}

pub(crate) struct Actor {
    pub(crate) instance: Option<Running>,
    /// The next instance is given it before all else.
    pub(crate) retry: Option<Box<Retry>>,
    pub(crate) history: History,
    /// Why the instance before has ended.
    pub(crate) ended: Option<Why>,
    pub(crate) started: Option<oneshot::Sender<Result<(), StartError>>>,
}

pub(crate) struct Running {
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) inbox: Inbox,
}

#[derive(Default)]
struct Deferred {
    next: u64,
    /// The call taken over last: no other is in hand.
    latest: Option<Ticket>,
    calls: HashMap<u64, CallRef, foldhash::fast::FixedState>,
    sweep_at: usize,
}

const RUN: u8 = 0;
const STOP: u8 = 1;
const KILL: u8 = 2;

const KEPT: u8 = 0;
const TO_UNLOAD: u8 = 1;
const LET_GO: u8 = 2;

/// Where a component is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum PeerState {
    /// Its first instance is being made.
    Starting,
    /// It has an instance.
    Running,
    /// It crashed, and waits for its next instance.
    Restarting,
    /// It crashed too often, or may not be restarted. Its mailbox takes nothing.
    Failed,
    /// It is being stopped.
    Stopping,
    /// It is gone.
    Stopped,
}

impl PeerState {
    const ALL: [Self; 6] = [
        Self::Starting,
        Self::Running,
        Self::Restarting,
        Self::Failed,
        Self::Stopping,
        Self::Stopped,
    ];
}

impl Peer {
    pub(crate) fn new(
        broker: Arc<Inner>,
        id: ComponentId,
        config: PeerConfig,
        (receives, calls_back): (bool, bool),
        factory: Option<Box<dyn Factory>>,
        started: Option<oneshot::Sender<Result<(), StartError>>>,
    ) -> Result<Self, QuotaError> {
        let now = broker.coarse.since_start(broker.now());
        let guard = Guard::new(broker.policy(), &id, &config, now)?;
        let name = broker.auditor.audit.name(&id);
        Ok(Self {
            id,
            key: broker.next_key(),
            mailbox: Mailbox::new(config.mailbox, Arc::clone(&broker.budget)),
            broker,
            config,
            receives,
            calls_back,
            counters: Counters::default(),
            timings: Timings::default(),
            sampler: SharedSampler::default(),
            poison: Poison::default(),
            guard,
            name,
            restricted: AtomicBool::new(false),
            outstanding: AtomicU32::new(0),
            native_outstanding: AtomicU32::new(0),
            incarnation: AtomicU64::new(0),
            control: AtomicU8::new(RUN),
            state: AtomicU8::new(PeerState::Starting as u8),
            released: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            kept: AtomicU8::new(KEPT),
            long_turns: AtomicU8::new(0),
            defers: AtomicBool::new(false),
            deferred: Mutex::default(),
            actor: Mutex::new(Actor {
                instance: None,
                retry: None,
                history: History::default(),
                ended: None,
                started,
            }),
            factory,
            stop_waiters: Mutex::default(),
        })
    }

    // ---- what it may, and what it uses

    /// One more call, unless there are too many. `native`: made from outside the instance.
    pub(crate) fn call_began(&self, native: bool) -> bool {
        if native {
            let before = self.native_outstanding.fetch_add(1, Ordering::Relaxed);
            if before < self.config.max_pending {
                return true;
            }
            self.call_ended(native);
            return false;
        }
        let before = self.outstanding.load(Ordering::Relaxed);
        let may = before < self.config.max_pending;
        if may {
            self.outstanding.store(before + 1, Ordering::Relaxed);
        }
        may
    }

    pub(crate) fn call_ended(&self, native: bool) {
        if native {
            self.native_outstanding.fetch_sub(1, Ordering::Relaxed);
        } else {
            let before = self.outstanding.load(Ordering::Relaxed);
            self.outstanding.store(before.saturating_sub(1), Ordering::Relaxed);
        }
    }

    pub(crate) fn usage(self: &Arc<Self>) -> Usage {
        let depth = self.mailbox.depth();
        let limits = self.mailbox.config();
        Usage {
            mailbox_messages: depth.messages as u64,
            mailbox_messages_limit: limits.messages as u64,
            mailbox_bytes: depth.bytes as u64,
            mailbox_bytes_limit: limits.bytes as u64,
            pending_requests: self.pending(),
            pending_requests_limit: self.config.max_pending.into(),
            payload_bytes_limit: self.max_payload() as u64,
            subscriptions: self.broker.subscriptions_of(self) as u64,
            subscriptions_limit: self.config.max_subscriptions.into(),
            message_rate: self
                .guard
                .message_rate(self.broker.coarse.since_start(self.broker.now())),
        }
    }

    /// The longest payload that it may send.
    pub(crate) fn max_payload(&self) -> usize {
        self.broker.config.max_payload.min(self.config.max_payload as usize)
    }

    fn pending(&self) -> u64 {
        let outstanding = self.outstanding.load(Ordering::Relaxed);
        let native = self.native_outstanding.load(Ordering::Relaxed);
        u64::from(outstanding) + u64::from(native)
    }

    pub(crate) fn stats(&self) -> MessagingStats {
        let depth = self.mailbox.depth();
        MessagingStats {
            pending: self.pending(),
            mailbox_messages: depth.messages as u64,
            mailbox_bytes: depth.bytes as u64,
            ..self.counters.read()
        }
    }

    /// A subscription was refused. Whether the instance has tried too often what it may not.
    #[cold]
    pub(crate) fn not_subscribed(&self, error: &MessagingError, pattern: &str) -> bool {
        *error == MessagingError::CapabilityDenied && {
            self.denied_attempt(Attempt::subscribe(pattern));
            self.denied()
        }
    }

    /// A send was refused. Whether the instance has tried too often what it may not.
    #[cold]
    pub(crate) fn refused(&self, error: &MessagingError, attempt: Attempt<'_>) -> bool {
        self.counters.refused.add(1);
        *error == MessagingError::CapabilityDenied && {
            self.denied_attempt(attempt);
            self.denied()
        }
    }

    /// The component tried what it may not. Whether it has done so too often.
    pub(crate) fn denied(&self) -> bool {
        self.counters.denied.add(1);
        let broker = &self.broker;
        self.guard.denied(broker.coarse.since_start(broker.now()))
    }

    // ---- topics

    pub(crate) fn subscribe(
        self: &Arc<Self>,
        pattern: &str,
        group: Option<&str>,
    ) -> Result<(), MessagingError> {
        let pattern = Pattern::new(pattern).map_err(|_| MessagingError::InvalidTopic)?;
        let group = group.map(Group::new).transpose();
        let group = group.map_err(|_| MessagingError::InvalidTopic)?;
        if !self.guard.may_subscribe(self.broker.policy(), &pattern) {
            return Err(MessagingError::CapabilityDenied);
        }
        let now = || self.broker.coarse.since_start(self.broker.now());
        self.guard.take_token(now)?;
        if !self.receives {
            return Err(MessagingError::CannotReceive);
        }
        if self.is_stopping() {
            return Err(MessagingError::ShuttingDown);
        }
        self.broker.subscribe(self, &pattern, group.as_ref(), Asked::AtRunTime)
    }

    /// Subscribes it to what it was subscribed to before it ran, as far as it may.
    pub(crate) fn subscribe_to_all(self: &Arc<Self>, known: &[(Pattern, Option<Group>)]) {
        if !self.receives {
            return;
        }
        for (pattern, group) in known {
            let subscribed = match self.guard.may_subscribe(self.broker.policy(), pattern) {
                true => self.broker.subscribe(self, pattern, group.as_ref(), Asked::Before),
                false => Err(MessagingError::CapabilityDenied),
            };
            if let Err(error) = subscribed {
                tracing::warn!(component = %self.id, %pattern, %error, "not subscribed");
            }
        }
    }

    /// It is let go of: if it is unloaded for good, what is kept of it is forgotten. Only the first
    /// time: later, another may have its id.
    pub(crate) fn unload(&self) {
        if self.kept.swap(LET_GO, Ordering::AcqRel) == TO_UNLOAD {
            self.broker.ledger.unloaded(&self.id);
        }
    }

    /// It is to be unloaded for good, not only ended with the system.
    pub(crate) fn will_unload(&self) {
        // In vain if it is gone already.
        let _ = self.kept.compare_exchange(KEPT, TO_UNLOAD, Ordering::AcqRel, Ordering::Relaxed);
    }

    pub(crate) fn unsubscribe(self: &Arc<Self>, pattern: &str) -> Result<bool, MessagingError> {
        let pattern = Pattern::new(pattern).map_err(|_| MessagingError::InvalidTopic)?;
        Ok(self.broker.unsubscribe(self, &pattern))
    }

    // ---- codecs

    /// What is wrong with what `from` sends, if it can't read that. For whoever declares nothing,
    /// the payload is not looked at.
    #[inline]
    pub(crate) fn unreadable(&self, from: &ComponentId, payload: &[u8]) -> Option<NotAccepted> {
        let why = self.config.codecs.check(payload).err()?;
        self.not_read(from, why);
        Some(why)
    }

    #[cold]
    fn not_read(&self, from: &ComponentId, why: NotAccepted) {
        self.counters.codec_refused.add(1);
        let (to, accepts) = (&self.id, self.config.codecs);
        tracing::info!(%from, %to, %why, %accepts, "a codec is not accepted");
    }

    /// The same for who is told: both sides, and their codecs.
    #[cold]
    pub(crate) fn mismatch(&self, from: &ComponentId, why: NotAccepted) -> Box<CodecMismatch> {
        let mut mismatch = CodecMismatch::new(from.clone(), self.id.clone());
        mismatch.codec = match why {
            NotAccepted::Codec { found } => Some(found.name().into()),
            NotAccepted::Unknown { code } => Some(format!("{code:#x}").into()),
            _ => None,
        };
        mismatch.accepts = self.config.codecs.iter().map(|codec| codec.name().into()).collect();
        mismatch.preferred = self.config.preferred.map(|codec| codec.name().into());
        Box::new(mismatch)
    }

    // ---- calls that were taken over

    pub(crate) fn defer(&self, call: CallRef) -> Result<u64, DeferError> {
        self.defers.store(true, Ordering::Relaxed);
        let mut deferred = self.deferred.lock();
        if deferred.latest == Some(call.ticket) {
            return Err(DeferError::AlreadyDeferred);
        }
        if deferred.calls.len() >= deferred.sweep_at.max(DEFERRED_SWEEP) {
            let pending = &self.broker.pending;
            deferred.calls.retain(|_, call| pending.is_pending(call.ticket));
            deferred.sweep_at = deferred.calls.len() * 2;
        }
        deferred.next += 1;
        let token = deferred.next;
        deferred.latest = Some(call.ticket);
        deferred.calls.insert(token, call);
        Ok(token)
    }

    /// Whether the call in hand was taken over, and perhaps answered since.
    pub(crate) fn is_deferred(&self, call: CallRef) -> bool {
        // Set, if at all, by the handler that has just returned, on this thread.
        self.defers.load(Ordering::Relaxed) && self.deferred.lock().latest == Some(call.ticket)
    }

    pub(crate) fn take_deferred(&self, token: u64) -> Option<CallRef> {
        self.deferred.lock().calls.remove(&token)
    }

    pub(crate) fn take_all_deferred(&self) -> Vec<CallRef> {
        self.deferred.lock().calls.drain().map(|(_, call)| call).collect()
    }

    // ---- its instances

    pub(crate) fn incarnation(&self) -> Key {
        Key(self.incarnation.load(Ordering::Acquire))
    }

    /// A new instance is made.
    pub(crate) fn begin_incarnation(&self) -> Key {
        let key = self.broker.next_key();
        self.incarnation.store(key.0, Ordering::Release);
        key
    }

    /// Its instance has ended, and all calls that it had made.
    pub(crate) fn calls_gone(&self) {
        self.outstanding.store(0, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> PeerState {
        PeerState::ALL[usize::from(self.state.load(Ordering::Acquire))]
    }

    /// Moves on; what is stopped stays stopped.
    pub(crate) fn set_state(&self, state: PeerState) {
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
            (old < state as u8 || old < PeerState::Stopping as u8).then_some(state as u8)
        });
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.control.load(Ordering::Acquire) != RUN
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.control.load(Ordering::Relaxed) == KILL
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.long_turns.load(Ordering::Relaxed) >= 2
    }

    pub(crate) fn turn_was(&self, long: bool) {
        let before = self.long_turns.load(Ordering::Relaxed);
        let now = if long { before.saturating_add(1) } else { 0 };
        if now != before {
            self.long_turns.store(now, Ordering::Relaxed);
        }
    }

    // ---- its mailbox

    /// Schedules it, if it is not.
    pub(crate) fn wake(self: &Arc<Self>) {
        if self.mailbox.wake() {
            self.broker.schedule(self);
        }
    }

    #[inline]
    pub(crate) fn after_push(self: &Arc<Self>, wake: bool, dropped: Option<Vec<Message>>) {
        if wake {
            self.broker.schedule(self);
        }
        if let Some(dropped) = dropped {
            dropped.into_iter().for_each(|message| self.overflowed(message));
        }
    }

    // ---- its end

    /// Lets it handle what is queued for it of callbacks, and end. Idempotent.
    pub(crate) fn stop(self: &Arc<Self>) {
        let first = self.control.compare_exchange(RUN, STOP, Ordering::SeqCst, Ordering::SeqCst);
        if first.is_ok() {
            self.set_state(PeerState::Stopping);
            self.mailbox.set_gate(Gate::Closing);
            self.reject_queued();
        }
        if self.factory.is_none() {
            self.release();
        } else {
            self.wake();
        }
    }

    /// Ends the instance where it stands.
    pub(crate) fn kill(self: &Arc<Self>) {
        self.stop();
        self.control.store(KILL, Ordering::SeqCst);
    }

    /// Told when it is gone.
    pub(crate) fn on_stopped(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.stop_waiters.lock();
        if self.released.load(Ordering::Acquire) {
            let _ = sender.send(());
        } else {
            waiters.push(sender);
        }
        receiver
    }

    /// Lets go of everything that others hold of it. It has no instance any more, or one that
    /// can't be made to return.
    pub(crate) fn release(self: &Arc<Self>) {
        self.mailbox.set_gate(Gate::Closed);
        self.mailbox.purge_callbacks();
        self.reject_queued();
        self.broker.forget(self);
        self.set_state(PeerState::Stopped);
        let waiters = {
            let mut waiters = self.stop_waiters.lock();
            self.released.store(true, Ordering::Release);
            std::mem::take(&mut *waiters)
        };
        for waiter in waiters {
            let _ = waiter.send(());
        }
    }

    /// The system shuts down: takes no more messages, and lets go of those that wait.
    pub(crate) fn reject_new(&self) {
        self.mailbox.set_gate(Gate::Closing);
        self.reject_queued();
    }

    /// Whether it has something to do, or will have without anybody's doing.
    pub(crate) fn is_active(&self) -> bool {
        !self.is_released() && self.mailbox.is_scheduled()
    }

    /// Its instance does not return: everybody else goes on without it.
    pub(crate) fn abandon(self: &Arc<Self>) {
        tracing::error!(component = %self.id, "does not return, and is given up");
        self.abandoned.store(true, Ordering::Relaxed);
        self.release();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Whether it is gone.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Counts what became of a call that it made. `called_back`: under the lock of its mailbox.
    pub(crate) fn count_outcome<T>(&self, result: &Result<T, RequestError>, called_back: bool) {
        let (all, own) = (&self.counters, &self.counters.called_back);
        let (all, own) = match result {
            Ok(_) => (&all.answered, &own.answered),
            Err(RequestError::Timeout) => (&all.timeouts, &own.timeouts),
            Err(RequestError::Cancelled) => (&all.cancelled, &own.cancelled),
            Err(_) => (&all.failed, &own.failed),
        };
        if called_back { own.add_exclusive(1) } else { all.add(1) }
    }
}
