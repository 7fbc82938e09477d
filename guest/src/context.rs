//! What is known of the message being handled.
//!
//! In `init`, `shutdown` and callbacks none is: there everything is `None` or `false`.

use alloc::string::String;
use core::time::Duration;

use crate::{RequestId, host};

/// See <https://www.w3.org/TR/trace-context/>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The `traceparent` header's value.
    pub traceparent: String,
    /// The `tracestate` header's value, perhaps empty.
    pub tracestate: String,
}

/// Who sent it.
#[must_use]
pub fn sender() -> Option<String> {
    host::sender()
}

/// When the host took it from its sender, since the beginning of 1970, to the nanosecond.
#[must_use]
pub fn timestamp() -> Option<Duration> {
    host::timestamp().map(Duration::from_nanos)
}

/// The topic that it was published to; `None` if it was addressed to this component.
#[must_use]
pub fn topic() -> Option<String> {
    host::topic()
}

/// The id of the call; `None` if it is a cast.
#[must_use]
pub fn request_id() -> Option<RequestId> {
    host::request_id().map(RequestId)
}

/// How long until the call's deadline, rounded down to milliseconds; `None` if it is a cast.
#[must_use]
pub fn remaining() -> Option<Duration> {
    host::remaining_ms().map(Duration::from_millis)
}

/// Whether the call has ended meanwhile, so that nobody waits for the answer: stop what is long.
#[must_use]
pub fn is_cancelled() -> bool {
    host::is_cancelled()
}

/// The trace that it belongs to. What is sent meanwhile belongs to it without further ado.
#[must_use]
pub fn trace() -> Option<TraceContext> {
    host::trace_context()
}
