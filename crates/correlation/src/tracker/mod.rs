//! The tracker: requests and responses as messages, on top of the table.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castcall_core::{
    CancelError, ComponentId, CorrelationId, RequestError, ResponseMessage, Timestamp,
};

use crate::counts::PendingCounts;
#[cfg(feature = "tokio")]
use crate::driver;
use crate::entry::{CancelRefusal, Entry};
use crate::owners::OwnerCounts;
use crate::request::PendingRequest;
use crate::sink::{ResponseSink, Sink};
use crate::table::{Answered, PendingTable};

mod error;

pub use error::{RegisterPendingError, ResolveError};

/// What a tracker lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackerLimits {
    /// How many requests one owner may have pending. 10,000 by default.
    pub max_pending_per_owner: usize,
    /// The longest timeout. 24 hours by default.
    pub max_timeout: Duration,
}

impl Default for TrackerLimits {
    fn default() -> Self {
        Self { max_pending_per_owner: 10_000, max_timeout: Duration::from_secs(24 * 60 * 60) }
    }
}

/// Brings each response to the request that waits for it, or tells the request why none comes.
///
/// Clones share one tracker. Nothing waits: all functions are plain. Those without `_at` ask the
/// clock; those with it are told the time, so that a tracker can be simulated.
///
/// **Expiry.** With feature `tokio`, the first request that is registered within a runtime starts
/// one task for the tracker, which expires what is due until the last clone is dropped or the
/// runtime ends. The runtime needs its timer enabled (`enable_time`). Without the feature or a
/// runtime, call [`cleanup_expired`](Self::cleanup_expired) now and then. Where the time is told,
/// use no runtime: its task would go by the real clock.
///
/// When the last clone is dropped, so are the sinks of what is pending, without a call.
///
/// ```
/// use std::sync::mpsc;
/// use castcall_core::{ComponentId, RequestMessage, ResponseMessage};
/// use castcall_correlation::{CorrelationTracker, PendingRequest};
///
/// let orders: ComponentId = "shop/orders".parse()?;
/// let stock: ComponentId = "shop/stock".parse()?;
/// let tracker = CorrelationTracker::new();
///
/// let request = RequestMessage::new(orders, stock, "how many left?", 500);
/// let (sink, answers) = mpsc::channel();
/// tracker.register_pending(PendingRequest::for_request(&request, sink))?;
///
/// tracker.resolve(ResponseMessage::success(&request, "three"))?;
/// assert!(answers.recv()?.is_success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct CorrelationTracker {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    table: PendingTable<ComponentId, Sink>,
    owners: OwnerCounts,
    limits: TrackerLimits,
    #[cfg(feature = "tokio")]
    driver: driver::Driver,
}

impl CorrelationTracker {
    /// Makes a tracker with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a tracker with limits of your own.
    #[must_use]
    pub fn with_limits(limits: TrackerLimits) -> Self {
        Self { inner: Arc::new(Inner { limits, ..Inner::default() }) }
    }

    /// Registers a request, before it is sent. Its deadline is `requested_at + timeout`.
    ///
    /// # Errors
    ///
    /// Its id is pending, its owner has too many pending, or its timeout is zero or too long. The
    /// request is given back.
    pub fn register_pending<S: ResponseSink>(
        &self,
        request: PendingRequest<S>,
    ) -> Result<(), RegisterPendingError<S>> {
        let Inner { table, owners, limits, .. } = &*self.inner;
        if request.timeout.is_zero() || request.timeout > limits.max_timeout {
            let max = limits.max_timeout;
            return Err(RegisterPendingError::InvalidTimeout { request, max });
        }
        let limit = limits.max_pending_per_owner;
        let tag = table.tag(&request.from);
        if !owners.reserve(&request.from, tag, limit) {
            return Err(RegisterPendingError::TooManyPending { request, limit });
        }
        let PendingRequest { correlation_id, response_tx, requested_at, timeout, from, to } =
            request;
        let deadline = table.nanos_after(requested_at, timeout);
        let (mut from, mut to) = (Some(from), Some(to));
        let sink = Sink::new(response_tx);
        match table.insert(correlation_id, &mut from, tag, &mut to, deadline, sink) {
            Ok(_) => {
                #[cfg(feature = "tokio")]
                driver::ensure_running(&self.inner);
                Ok(())
            }
            Err(sink) => {
                let (Some(from), Some(to)) = (from, to) else { unreachable!("neither was taken") };
                owners.release(&from, tag);
                let response_tx = sink.into_inner();
                let request =
                    PendingRequest { correlation_id, response_tx, requested_at, timeout, from, to };
                Err(RegisterPendingError::AlreadyPending { request })
            }
        }
    }

    /// Brings a response to the request of its correlation id, which thereby ends. If the deadline
    /// has passed, the request ends with `Timeout` instead and the response is an orphan.
    ///
    /// # Errors
    ///
    /// Nobody waits for it, or the sink has nobody behind it: see [`ResolveError`]. The response
    /// is given back.
    pub fn resolve(&self, response: ResponseMessage) -> Result<(), ResolveError> {
        self.answer(response, Instant::now())
    }

    /// The same as [`resolve`](Self::resolve), at a time that you tell.
    ///
    /// # Errors
    ///
    /// As `resolve`.
    pub fn resolve_at(&self, response: ResponseMessage, now: Instant) -> Result<(), ResolveError> {
        self.answer(response, now)
    }

    #[inline(always)]
    fn answer(&self, response: ResponseMessage, now: Instant) -> Result<(), ResolveError> {
        match self.inner.table.answer_id(response.correlation_id, now) {
            Answered::Live(call) => {
                self.inner.release(&call.owner);
                call.sink.deliver(response).map_err(ResolveError::RequesterGone)
            }
            Answered::Expired(call) => {
                self.inner.end(self.inner.table.entry(call), RequestError::Timeout);
                Err(ResolveError::Unknown(response))
            }
            Answered::Unknown => Err(ResolveError::Unknown(response)),
        }
    }

    /// Ends a request of `owner`'s; its sink receives `Cancelled`.
    ///
    /// # Errors
    ///
    /// [`CancelError::NotFound`] if no such request is pending any more, or its deadline has
    /// passed; [`CancelError::NotOwner`] if it is another's, and then nothing was changed.
    pub fn cancel(&self, id: CorrelationId, owner: &ComponentId) -> Result<(), CancelError> {
        self.cancel_at(id, owner, Instant::now())
    }

    /// The same as [`cancel`](Self::cancel), at a time that you tell.
    ///
    /// # Errors
    ///
    /// As `cancel`.
    pub fn cancel_at(
        &self,
        id: CorrelationId,
        owner: &ComponentId,
        now: Instant,
    ) -> Result<(), CancelError> {
        match self.inner.table.cancel(id, owner, now) {
            Ok(entry) => {
                self.inner.end(entry, RequestError::Cancelled);
                Ok(())
            }
            Err(CancelRefusal::NotOwner) => Err(CancelError::NotOwner),
            Err(CancelRefusal::NotFound) => Err(CancelError::NotFound),
            Err(CancelRefusal::Expired(entry)) => {
                self.inner.end(entry, RequestError::Timeout);
                Err(CancelError::NotFound)
            }
        }
    }

    /// Ends all requests whose deadline has passed and returns how many they were; their sinks
    /// receive `Timeout`.
    pub fn cleanup_expired(&self) -> usize {
        self.cleanup_expired_at(Instant::now())
    }

    /// The same as [`cleanup_expired`](Self::cleanup_expired), at a time that you tell.
    pub fn cleanup_expired_at(&self, now: Instant) -> usize {
        self.inner.expire_up_to(now, usize::MAX)
    }

    /// Ends all requests of `owner`'s, which is no more, and returns how many they were. Their
    /// sinks are dropped, without a call. Walks that owner's requests alone.
    pub fn end_owner(&self, owner: &ComponentId) -> usize {
        self.inner.table.end_owner(owner, |entry| self.inner.release(&entry.owner))
    }

    /// Ends all requests to `target`, which is no more, and returns how many they were; their
    /// sinks receive `error`. Walks the requests to that target alone.
    pub fn end_target(&self, target: &ComponentId, error: &RequestError) -> usize {
        self.inner.table.end_target(target, |entry| self.inner.end(entry, error.clone()))
    }

    /// Whether a request of that id is pending.
    #[must_use]
    pub fn contains(&self, id: CorrelationId) -> bool {
        self.inner.table.contains(id)
    }

    /// How many requests are pending.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.inner.table.pending_count()
    }

    /// How many requests of that owner's are pending.
    #[must_use]
    pub fn pending_count_of(&self, owner: &ComponentId) -> usize {
        self.inner.owners.get(owner, self.inner.table.tag(owner))
    }

    /// How many requests were answered in time.
    #[must_use]
    pub fn completed_count(&self) -> u64 {
        self.counts().completed
    }

    /// How many requests timed out.
    #[must_use]
    pub fn timeout_count(&self) -> u64 {
        self.counts().timed_out
    }

    /// How many requests were cancelled.
    #[must_use]
    pub fn cancelled_count(&self) -> u64 {
        self.counts().cancelled
    }

    /// How many responses came for which nobody waited, or waited no longer.
    #[must_use]
    pub fn orphaned_count(&self) -> u64 {
        self.counts().orphaned
    }

    /// All counts at once, which costs no more than one of them.
    #[must_use]
    pub fn counts(&self) -> PendingCounts {
        self.inner.table.counts()
    }

    /// Gives back memory that holds nothing. For quiet times: it walks everything.
    pub fn shrink(&self) {
        self.inner.table.shrink();
        self.inner.owners.shrink();
    }
}

impl Inner {
    #[inline]
    fn release(&self, owner: &ComponentId) {
        self.owners.release(owner, self.table.tag(owner));
    }

    /// Says why no answer comes.
    fn end(&self, entry: Entry<ComponentId, Sink>, error: RequestError) {
        // Before the sink is called, which may register anew.
        self.release(&entry.owner);
        let response = ResponseMessage {
            correlation_id: entry.id,
            from: entry.target,
            to: entry.owner,
            result: Err(error),
            timestamp: Timestamp::now(),
        };
        // If nobody is there to hear it, nobody misses it.
        let _gone = entry.sink.deliver(response);
    }

    fn expire_up_to(&self, now: Instant, max: usize) -> usize {
        self.table.expire_up_to(now, max, |entry| self.end(entry, RequestError::Timeout))
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
        Inner::expire_up_to(self, now, max)
    }

    fn arm(&self, now: Instant) -> Option<Instant> {
        self.table.arm(now)
    }
}

impl fmt::Debug for CorrelationTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CorrelationTracker")
            .field("limits", &self.inner.limits)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
