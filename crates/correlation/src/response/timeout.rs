//! The response that stands in for one that did not come.

use std::time::Duration;

use castcall_core::CorrelationId;
use serde::{Deserialize, Serialize};

/// What a reply path receives when no response came in time.
///
/// As JSON, say:
///
/// ```json
/// {
///   "correlation_id": "67e55044-10b1-426f-9247-bb680e5fe0c8",
///   "in_reply_to": "67e55044-10b1-426f-9247-bb680e5fe0c8",
///   "is_response": true,
///   "success": false,
///   "error": { "kind": "timeout", "message": "no response came within 500 ms", "timeout_ms": 500 }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimeoutResponse {
    /// Ties it to the command.
    pub correlation_id: CorrelationId,
    /// The message that it stands in for an answer to. A message has no id besides its correlation
    /// id, so the two are the same.
    pub in_reply_to: CorrelationId,
    /// `true`: this is a response, not a command.
    pub is_response: bool,
    /// `false`: it brings no answer.
    pub success: bool,
    /// Why.
    pub error: TimeoutDetail,
}

/// What a [`TimeoutResponse`] says of its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimeoutDetail {
    /// Always `timeout`.
    pub kind: TimeoutKind,
    /// For people.
    pub message: String,
    /// The configured timeout in milliseconds, rounded up.
    pub timeout_ms: u64,
}

/// The one kind of [`TimeoutDetail`]; other texts are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeoutKind {
    /// `timeout`.
    #[default]
    Timeout,
}

impl TimeoutResponse {
    /// The response to a command that waited for `timeout`.
    #[must_use]
    pub fn new(id: CorrelationId, timeout: Duration) -> Self {
        let timeout_ms = timeout.as_nanos().div_ceil(1_000_000);
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(u64::MAX);
        let message = format!("no response came within {timeout_ms} ms");
        Self {
            correlation_id: id,
            in_reply_to: id,
            is_response: true,
            success: false,
            error: TimeoutDetail { kind: TimeoutKind::Timeout, message, timeout_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_as_documented() {
        let id = CorrelationId::new();
        let response = TimeoutResponse::new(id, Duration::from_millis(500));
        let json = serde_json::to_value(&response).unwrap();
        let expected = serde_json::json!({
            "correlation_id": id,
            "in_reply_to": id,
            "is_response": true,
            "success": false,
            "error": {
                "kind": "timeout",
                "message": "no response came within 500 ms",
                "timeout_ms": 500,
            },
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<TimeoutResponse>(json).unwrap(), response);
    }

    #[test]
    fn no_timeout_rounds_to_nothing_or_overflows() {
        let ms = |timeout| TimeoutResponse::new(CorrelationId::new(), timeout).error.timeout_ms;
        assert_eq!(ms(Duration::from_nanos(1)), 1);
        assert_eq!(ms(Duration::from_millis(2)), 2);
        assert_eq!(ms(Duration::MAX), u64::MAX);
    }
}
