//! A request that waits for its answer.

use std::fmt;
use std::time::{Duration, Instant};

use castcall_core::{ComponentId, CorrelationId, RequestMessage};

/// A request that waits for its answer, to be registered with a [`CorrelationTracker`].
///
/// [`CorrelationTracker`]: crate::CorrelationTracker
#[derive(Clone, PartialEq, Eq)]
pub struct PendingRequest<S> {
    /// Ties the answer to it.
    pub correlation_id: CorrelationId,
    /// Takes the outcome: see [`ResponseSink`](crate::ResponseSink).
    pub response_tx: S,
    /// When the time began to run.
    pub requested_at: Instant,
    /// How long the requester waits.
    pub timeout: Duration,
    /// Who asks: the owner, who alone may cancel.
    pub from: ComponentId,
    /// Who is asked: the target.
    pub to: ComponentId,
}

impl<S> PendingRequest<S> {
    /// For a request that is about to be sent. Its time begins to run now.
    #[must_use]
    pub fn for_request(request: &RequestMessage, sink: S) -> Self {
        Self::for_request_at(request, sink, Instant::now())
    }

    /// The same as [`for_request`](Self::for_request), for whoever says what time it is.
    #[must_use]
    pub fn for_request_at(request: &RequestMessage, sink: S, now: Instant) -> Self {
        Self {
            correlation_id: request.correlation_id,
            response_tx: sink,
            requested_at: now,
            timeout: request.timeout(),
            from: request.from.clone(),
            to: request.to.clone(),
        }
    }
}

impl<S> fmt::Debug for PendingRequest<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRequest")
            .field("correlation_id", &self.correlation_id)
            .field("requested_at", &self.requested_at)
            .field("timeout", &self.timeout)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
