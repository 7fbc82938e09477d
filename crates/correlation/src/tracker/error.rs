//! Why a tracker refuses.

use std::fmt;
use std::time::Duration;

use castcall_core::{Category, ResponseMessage};
use thiserror::Error;

use crate::request::PendingRequest;

/// Why a request was not registered. Gives the request back; nothing was changed.
#[derive(Error)]
#[non_exhaustive]
pub enum RegisterPendingError<S> {
    /// A request of that id is pending: each needs a new one.
    #[error("a request of that id is pending already")]
    AlreadyPending {
        /// What was passed.
        request: PendingRequest<S>,
    },
    /// The owner has as many pending as it may have: wait for some.
    #[error("{} has {limit} requests pending, as many as it may have", request.from)]
    TooManyPending {
        /// What was passed.
        request: PendingRequest<S>,
        /// How many it may have.
        limit: usize,
    },
    /// The timeout is zero or longer than the maximum.
    #[error("a timeout of {:?} is not between 1 ns and {max:?}", request.timeout)]
    InvalidTimeout {
        /// What was passed.
        request: PendingRequest<S>,
        /// How long it may be.
        max: Duration,
    },
}

impl<S> RegisterPendingError<S> {
    /// The request that was passed.
    pub fn into_request(self) -> PendingRequest<S> {
        match self {
            Self::AlreadyPending { request }
            | Self::TooManyPending { request, .. }
            | Self::InvalidTimeout { request, .. } => request,
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::AlreadyPending { .. } | Self::InvalidTimeout { .. } => Category::Caller,
            Self::TooManyPending { .. } => Category::Overload,
        }
    }

    /// Whether the same request may be registered later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.category() == Category::Overload
    }
}

impl<S> fmt::Debug for RegisterPendingError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, request) = match self {
            Self::AlreadyPending { request } => ("AlreadyPending", request),
            Self::TooManyPending { request, .. } => ("TooManyPending", request),
            Self::InvalidTimeout { request, .. } => ("InvalidTimeout", request),
        };
        f.debug_tuple(name).field(request).finish()
    }
}

/// Why a response reached nobody. Gives the response back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No such request is pending: it has ended, or never was. Counted as an orphan.
    #[error("no request waits for this response")]
    Unknown(ResponseMessage),
    /// The request was pending and has ended with this, but its sink has nobody behind it any
    /// more. Counted as completed.
    #[error("the requester is gone")]
    RequesterGone(ResponseMessage),
}

impl ResolveError {
    /// The response that was passed.
    #[must_use]
    pub fn into_response(self) -> ResponseMessage {
        match self {
            Self::Unknown(response) | Self::RequesterGone(response) => response,
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Unknown(_) => Category::Caller,
            Self::RequesterGone(_) => Category::Target,
        }
    }

    /// Whether the same response may be delivered later: never.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use castcall_core::{ComponentId, RequestMessage};

    use super::*;
    use crate::{CorrelationTracker, TrackerLimits};

    #[test]
    fn a_refusal_says_whose_matter_it_is_and_gives_the_request_back() {
        let limits = TrackerLimits { max_pending_per_owner: 1, ..TrackerLimits::default() };
        let tracker = CorrelationTracker::with_limits(limits);
        let [asker, asked] = ["asker", "asked"].map(|id| ComponentId::new(id).unwrap());
        let (sink, _answers) = mpsc::channel();
        let ask = |timeout_ms| {
            let request = RequestMessage::new(asker.clone(), asked.clone(), "?", timeout_ms);
            tracker.register_pending(PendingRequest::for_request(&request, sink.clone()))
        };
        let refused = ask(0).unwrap_err();
        assert_eq!((refused.category(), refused.is_retryable()), (Category::Caller, false));
        assert!(format!("{refused:?}").starts_with("InvalidTimeout(PendingRequest {"));
        assert_eq!(refused.into_request().from, asker);

        ask(10).unwrap();
        let refused = ask(10).unwrap_err();
        assert_eq!((refused.category(), refused.is_retryable()), (Category::Overload, true));
        assert!(format!("{refused:?}").starts_with("TooManyPending(PendingRequest {"));
        assert!(refused.to_string().contains("asker has 1 requests pending"), "{refused}");
    }

    #[test]
    fn a_response_to_nobody_comes_back() {
        let [asker, asked] = ["asker", "asked"].map(|id| ComponentId::new(id).unwrap());
        let request = RequestMessage::new(asker, asked, "?", 10);
        let response = ResponseMessage::success(&request, "!");
        let error = CorrelationTracker::new().resolve(response.clone()).unwrap_err();
        assert_eq!((error.category(), error.is_retryable()), (Category::Caller, false));
        let gone = ResolveError::RequesterGone(response.clone());
        assert_eq!(gone.category(), Category::Target);
        assert_eq!(error.into_response(), response);
    }
}
