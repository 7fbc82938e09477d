//! The manager of responses, on top of the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use castcall_core::{ComponentId, ComponentMessage, CorrelationId};

#[cfg(feature = "tokio")]
use crate::driver;
use crate::entry::{CallOutcome, Entry};
use crate::owners::OwnerCounts;
use crate::response::builder::{Handlers, ResponseManagerBuilder};
use crate::response::ended::{Ended, EndedIds};
use crate::response::pending::Waiting;
use crate::response::{
    PendingResponse, RegisterResponseError, RejectedResponse, ReplyPath, ResponseConfig,
    ResponseRequired, TimeoutResponse,
};
use crate::table::PendingTable;

/// Knows which commands require a response, of whom, where it goes and until when; accepts each
/// response once, and rejects the others with a reason.
///
/// It sends nothing: whoever takes an entry out, by a response, a timeout or a cancel, sends what
/// there is to be sent to the entry's [`ReplyPath`]. An entry comes out once, so that is done once.
///
/// Clones share one manager. Nothing waits: all functions are plain. Those without `_at` ask the
/// clock; those with it are told the time, so that a manager can be simulated.
///
/// **Expiry.** By hand, with [`expire`](Self::expire). Or, with feature `tokio`, by itself: a
/// handler given to [`ResponseManagerBuilder::on_timeout`] is called by one task, which the first
/// command registered within a runtime starts, and which ends with the last clone or the runtime.
/// The runtime needs its timer enabled (`enable_time`).
///
/// An operation on one command takes a constant time; a listing of one owner walks that owner's
/// commands alone.
///
/// ```
/// use castcall_core::{ComponentId, ComponentMessage};
/// use castcall_correlation::{ResponseManager, ResponseRequired};
///
/// let orders: ComponentId = "shop/orders".parse()?;
/// let stock: ComponentId = "shop/stock".parse()?;
/// let manager = ResponseManager::new();
///
/// let command = ComponentMessage::new(orders.clone(), stock.clone(), "reserve three");
/// let required = ResponseRequired::new("orders.reserved".parse()?);
/// let id = manager.register_response_required_for(&orders, &command, required)?;
///
/// // … the command is sent with that id, and an answer comes:
/// let answer = ComponentMessage::new(stock, orders, "done").with_correlation_id(id);
/// let (pending, answer) = manager.handle_response(answer, None)?;
/// assert_eq!(pending.reply_to.to_string(), "orders.reserved");
/// assert_eq!(answer.payload, "done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct ResponseManager {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) table: PendingTable<ComponentId, Waiting>,
    pub(super) owners: OwnerCounts,
    ended: EndedIds,
    config: ResponseConfig,
    pub(super) rejected: AtomicU64,
    handlers: Handlers,
    #[cfg(feature = "tokio")]
    driver: driver::Driver,
}

impl Default for Inner {
    fn default() -> Self {
        Self::new(ResponseManagerBuilder::default())
    }
}

impl ResponseManager {
    /// Makes a manager with the default settings, which expires by hand.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a manager with settings of your own, which expires by hand.
    #[must_use]
    pub fn with_config(config: ResponseConfig) -> Self {
        Self::builder().config(config).build()
    }

    /// Starts to make a manager with handlers.
    pub fn builder() -> ResponseManagerBuilder {
        ResponseManagerBuilder::default()
    }

    pub(super) fn from_builder(builder: ResponseManagerBuilder) -> Self {
        Self { inner: Arc::new(Inner::new(builder)) }
    }

    /// What it lets pass and remembers.
    #[must_use]
    pub fn config(&self) -> &ResponseConfig {
        &self.inner.config
    }

    /// Registers a command, before it is sent, and returns the correlation id that its response
    /// must bear: the message's, or a new one if it has none. Its time begins to run now.
    ///
    /// # Errors
    ///
    /// Its id is pending, the owner waits for too many, or the timeout is zero or too long: see
    /// [`RegisterResponseError`]. What it asked for is given back.
    pub fn register_response_required_for(
        &self,
        owner: &ComponentId,
        message: &ComponentMessage,
        required: ResponseRequired,
    ) -> Result<CorrelationId, RegisterResponseError> {
        self.register_response_required_for_at(owner, message, required, Instant::now())
    }

    /// The same as [`register_response_required_for`](Self::register_response_required_for), at a
    /// time that you tell.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn register_response_required_for_at(
        &self,
        owner: &ComponentId,
        message: &ComponentMessage,
        required: ResponseRequired,
        now: Instant,
    ) -> Result<CorrelationId, RegisterResponseError> {
        let Inner { table, owners, config, .. } = &*self.inner;
        let max = config.max_timeout;
        let timeout = required.timeout.unwrap_or(max);
        if timeout.is_zero() || timeout > max {
            return Err(RegisterResponseError::InvalidTimeout { max, required });
        }
        let limit = config.max_pending_per_owner;
        let tag = table.tag(owner);
        if !owners.reserve(owner, tag, limit) {
            let owner = owner.clone();
            return Err(RegisterResponseError::TooManyPending { owner, limit, required });
        }
        let id = message.correlation_id.unwrap_or_else(|| table.new_id());
        let waiting = Waiting { reply_to: required.reply_to, timeout, since: now };
        let deadline = table.nanos_after(now, timeout);
        match table.insert(id, owner, tag, &message.to, deadline, waiting) {
            Ok(_) => {
                #[cfg(feature = "tokio")]
                if self.inner.handlers.timeout.is_some() {
                    driver::ensure_running(&self.inner);
                }
                Ok(id)
            }
            Err(waiting) => {
                owners.release(owner, tag);
                let reply_to = waiting.reply_to;
                let required = ResponseRequired { reply_to, timeout: required.timeout };
                Err(RegisterResponseError::AlreadyPending { id, required })
            }
        }
    }

    /// Accepts a response: takes the command out and returns it with the message, to be sent to
    /// its reply path. `explicit_id` wins over the message's own correlation id. Who responds is
    /// not looked at: ids can't be guessed.
    ///
    /// # Errors
    ///
    /// It is rejected: see [`RejectedResponse`]. The message is given back. A response after the
    /// deadline is rejected even if the timer has not fired yet; the entry is left to expire.
    pub fn handle_response(
        &self,
        message: ComponentMessage,
        explicit_id: Option<CorrelationId>,
    ) -> Result<(PendingResponse, ComponentMessage), RejectedResponse> {
        self.handle_response_at(message, explicit_id, Instant::now())
    }

    /// The same as [`handle_response`](Self::handle_response), at a time that you tell.
    ///
    /// # Errors
    ///
    /// As `handle_response`.
    pub fn handle_response_at(
        &self,
        message: ComponentMessage,
        explicit_id: Option<CorrelationId>,
        now: Instant,
    ) -> Result<(PendingResponse, ComponentMessage), RejectedResponse> {
        let rejected = match explicit_id.or(message.correlation_id) {
            None => RejectedResponse::NoCorrelationId { message },
            Some(id) => match self.inner.end_in_time(id, CallOutcome::Completed, now) {
                Ok(pending) => return Ok((pending, message)),
                Err(Some(Ended::Resolved)) => RejectedResponse::AlreadyResolved { id, message },
                Err(Some(Ended::TimedOut)) => RejectedResponse::TimedOut { id, message },
                Err(Some(Ended::Cancelled)) => RejectedResponse::Cancelled { id, message },
                Err(None) => RejectedResponse::Unknown { id, message },
            },
        };
        self.inner.rejected.fetch_add(1, Relaxed);
        Err(rejected)
    }

    /// Gives a command up, whoever's it is, and says whether it was still waiting. Nothing is sent
    /// to its reply path, unless the handler of [`ResponseManagerBuilder::on_cancel`] does. After
    /// the deadline it is too late, even if the timer has not fired yet.
    pub fn cancel(&self, id: CorrelationId) -> bool {
        self.cancel_at(id, Instant::now())
    }

    /// The same as [`cancel`](Self::cancel), at a time that you tell.
    pub fn cancel_at(&self, id: CorrelationId, now: Instant) -> bool {
        let cancelled = self.inner.end_in_time(id, CallOutcome::Cancelled, now);
        let Ok(pending) = cancelled else { return false };
        if let Some(handler) = &self.inner.handlers.cancel {
            handler(pending);
        }
        true
    }

    /// Takes a command out, whatever the time, for who knows by other means how it has ended, and
    /// counts and remembers it so; a [withdrawn](CallOutcome::Withdrawn) one is not remembered.
    /// Calls no handler.
    pub fn take(&self, id: CorrelationId, outcome: CallOutcome) -> Option<PendingResponse> {
        self.inner.end_if(id, outcome, |_| true)
    }

    /// Ends all commands of an owner that is no more, hands them to `ended` and returns how many
    /// they were. Walks that owner's commands alone. Responses to them are rejected as cancelled.
    /// `ended` runs outside of locks and may use the manager.
    pub fn end_owner(&self, owner: &ComponentId, mut ended: impl FnMut(PendingResponse)) -> usize {
        let inner = &*self.inner;
        inner.table.end_owner(owner, |entry| ended(inner.ended(entry, Ended::Cancelled)))
    }

    /// Ends all commands whose deadline has passed, hands the path and the synthetic response of
    /// each to `send`, and returns how many they were. `send` runs outside of locks and may use
    /// the manager.
    pub fn expire(&self, send: impl FnMut(ReplyPath, TimeoutResponse)) -> usize {
        self.expire_at(Instant::now(), send)
    }

    /// The same as [`expire`](Self::expire), at a time that you tell.
    pub fn expire_at(&self, now: Instant, send: impl FnMut(ReplyPath, TimeoutResponse)) -> usize {
        self.inner.expire_up_to(now, usize::MAX, send)
    }

    /// Gives back memory that holds nothing. For quiet times: it walks everything.
    pub fn shrink(&self) {
        self.inner.table.shrink();
        self.inner.owners.shrink();
        self.inner.ended.shrink();
    }
}

impl Inner {
    fn new(builder: ResponseManagerBuilder) -> Self {
        let ResponseManagerBuilder { config, handlers } = builder;
        Self {
            table: PendingTable::new(),
            owners: OwnerCounts::default(),
            ended: EndedIds::new(config.max_remembered),
            config,
            rejected: AtomicU64::new(0),
            handlers,
            #[cfg(feature = "tokio")]
            driver: driver::Driver::default(),
        }
    }

    /// Takes a command out before its deadline, or says how it has ended. What is overdue is left
    /// to expiry, so that its synthetic response is made in one place.
    fn end_in_time(
        &self,
        id: CorrelationId,
        outcome: CallOutcome,
        now: Instant,
    ) -> Result<PendingResponse, Option<Ended>> {
        let mut late = None;
        let ended = self.end_if(id, outcome, |deadline| {
            late = (deadline <= now).then_some(Ended::TimedOut);
            late.is_none()
        });
        ended.ok_or_else(|| late.or_else(|| self.ended.get(id)))
    }

    /// Takes a command out if its deadline is `wanted`.
    fn end_if(
        &self,
        id: CorrelationId,
        outcome: CallOutcome,
        wanted: impl FnOnce(Instant) -> bool,
    ) -> Option<PendingResponse> {
        let remembered = match outcome {
            CallOutcome::Completed | CallOutcome::TargetGone => Some(Ended::Resolved),
            CallOutcome::TimedOut => Some(Ended::TimedOut),
            CallOutcome::Cancelled => Some(Ended::Cancelled),
            CallOutcome::Withdrawn => None,
        };
        let entry = self.table.take_if(id, outcome, |call| {
            let wanted = wanted(call.deadline);
            if wanted && let Some(ended) = remembered {
                // Under the entry's lock: there is no moment in which the id is unknown.
                self.ended.record(id, ended);
            }
            wanted
        })?;
        self.owners.release(&entry.owner, self.table.tag(&entry.owner));
        Some(entry.into())
    }

    /// Remembers a command that a sweep took out; until here it is unknown for a moment.
    fn ended(&self, entry: Entry<ComponentId, Waiting>, ended: Ended) -> PendingResponse {
        self.ended.record(entry.id, ended);
        self.owners.release(&entry.owner, self.table.tag(&entry.owner));
        entry.into()
    }

    fn expire_up_to(
        &self,
        now: Instant,
        max: usize,
        mut send: impl FnMut(ReplyPath, TimeoutResponse),
    ) -> usize {
        self.table.expire_up_to(now, max, |entry| {
            let pending = self.ended(entry, Ended::TimedOut);
            let response = pending.timeout_response();
            send(pending.reply_to, response);
        })
    }
}

#[cfg(feature = "tokio")]
impl driver::Driven for Inner {
    fn driver(&self) -> &driver::Driver {
        &self.driver
    }

    fn set_alarm(&self, alarm: Arc<dyn Fn() + Send + Sync>) {
        let _first = self.table.set_alarm(alarm);
    }

    fn expire_up_to(&self, now: Instant, max: usize) -> usize {
        // A manager is driven for its handler alone.
        let Some(handler) = &self.handlers.timeout else { return 0 };
        Inner::expire_up_to(self, now, max, handler)
    }

    fn arm(&self, now: Instant) -> Option<Instant> {
        self.table.arm(now)
    }
}
