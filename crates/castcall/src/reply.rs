//! What a reply path is sent.

use bytes::Bytes;
use castcall_core::{CorrelationId, RequestError};
use castcall_correlation::TimeoutResponse;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The outcome of a command, as its reply path receives it: one JSON object, whatever the outcome.
///
/// ```json
/// {
///   "correlation_id": "67e55044-10b1-426f-9247-bb680e5fe0c8",
///   "in_reply_to": "67e55044-10b1-426f-9247-bb680e5fe0c8",
///   "is_response": true,
///   "success": true,
///   "payload": [114, 101, 115, 101, 114, 118, 101, 100]
/// }
/// ```
///
/// `payload`, the bytes that the target returned, is there if `success` is true; otherwise
/// `error`:
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
///
/// Bytes as JSON are up to four times as long: an answer whose reply would be longer than the
/// system's longest payload is replaced by an error of kind `reply-too-large`. That does not
/// concern addresses `scheme://…`, whose handler is given the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandReply {
    /// Ties it to the command.
    pub correlation_id: CorrelationId,
    /// The message that it answers. A message has no id besides its correlation id, so the two
    /// are the same.
    pub in_reply_to: CorrelationId,
    /// `true`: this is a reply, not a command.
    pub is_response: bool,
    /// Whether the target answered.
    pub success: bool,
    /// The answer, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Bytes>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReplyError>,
}

/// Why a command brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ReplyError {
    /// What kind of reason.
    pub kind: ReplyErrorKind,
    /// For people.
    pub message: String,
    /// The command's timeout in milliseconds, rounded up; with [`ReplyErrorKind::Timeout`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The target's own number; with [`ReplyErrorKind::ProcessingFailed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

/// The kinds of [`ReplyError`]: those of [`RequestError`], by the same names, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReplyErrorKind {
    /// No answer came in time.
    Timeout,
    /// The command was cancelled.
    Cancelled,
    /// The target was unloaded.
    ComponentNotFound,
    /// The target, or the command's sender, was stopped, has failed, or is shutting down.
    Unavailable,
    /// The target crashed.
    Crashed,
    /// The target's mailbox overflowed.
    Dropped,
    /// The target could not read the command.
    InvalidPayload,
    /// The target failed.
    ProcessingFailed,
    /// The target answered, and the reply would be longer than a message may be.
    ReplyTooLarge,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// Bytes that are no [`CommandReply`] in JSON.
#[derive(Debug, Error)]
#[error("not a reply to a command: {0}")]
pub struct InvalidCommandReply(#[source] serde_json::Error);

impl CommandReply {
    /// Reads one from JSON, as the handler of a message would.
    ///
    /// # Errors
    ///
    /// The bytes are not JSON, or of another form.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidCommandReply> {
        serde_json::from_slice(json).map_err(InvalidCommandReply)
    }

    /// Writes it as JSON.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        serde_json::to_vec(self).map_or_else(|_| Bytes::new(), Bytes::from)
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    ///
    /// The command brought no answer.
    pub fn into_result(self) -> Result<Bytes, ReplyError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.payload.unwrap_or_default()),
        }
    }

    pub(crate) fn success(id: CorrelationId, payload: Bytes) -> Self {
        Self {
            correlation_id: id,
            in_reply_to: id,
            is_response: true,
            success: true,
            payload: Some(payload),
            error: None,
        }
    }

    pub(crate) fn error(id: CorrelationId, error: &RequestError) -> Self {
        let code = match error {
            RequestError::ProcessingFailed { code, .. } => Some(*code),
            _ => None,
        };
        let message = match error {
            // Beside the code, the target's own words.
            RequestError::ProcessingFailed { message, .. } => message.clone(),
            error => error.to_string(),
        };
        Self::failure(id, ReplyError { kind: kind(error), message, timeout_ms: None, code })
    }

    pub(crate) fn too_large(id: CorrelationId, limit: u64) -> Self {
        let message = format!("the reply would be longer than {limit} bytes");
        let kind = ReplyErrorKind::ReplyTooLarge;
        Self::failure(id, ReplyError { kind, message, timeout_ms: None, code: None })
    }

    fn failure(id: CorrelationId, error: ReplyError) -> Self {
        Self {
            correlation_id: id,
            in_reply_to: id,
            is_response: true,
            success: false,
            payload: None,
            error: Some(error),
        }
    }
}

impl From<TimeoutResponse> for CommandReply {
    fn from(response: TimeoutResponse) -> Self {
        let error = ReplyError {
            kind: ReplyErrorKind::Timeout,
            message: response.error.message,
            timeout_ms: Some(response.error.timeout_ms),
            code: None,
        };
        Self::failure(response.correlation_id, error)
    }
}

fn kind(error: &RequestError) -> ReplyErrorKind {
    match error {
        RequestError::Timeout => ReplyErrorKind::Timeout,
        RequestError::Cancelled => ReplyErrorKind::Cancelled,
        RequestError::ComponentNotFound(_) => ReplyErrorKind::ComponentNotFound,
        RequestError::Unavailable => ReplyErrorKind::Unavailable,
        RequestError::Crashed(_) => ReplyErrorKind::Crashed,
        RequestError::Dropped => ReplyErrorKind::Dropped,
        RequestError::InvalidPayload(_) => ReplyErrorKind::InvalidPayload,
        RequestError::ProcessingFailed { .. } => ReplyErrorKind::ProcessingFailed,
        _ => ReplyErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use castcall_core::{ComponentId, CrashCode};

    use super::*;

    fn round_trip(reply: &CommandReply) -> String {
        let json = reply.to_json();
        assert_eq!(CommandReply::from_json(&json).unwrap(), *reply);
        String::from_utf8(json.to_vec()).unwrap()
    }

    #[test]
    fn an_answer_is_written_as_documented() {
        let id = CorrelationId::new();
        let reply = CommandReply::success(id, Bytes::from_static(b"hi"));
        let expected = format!(
            r#"{{"correlation_id":"{id}","in_reply_to":"{id}","is_response":true,"success":true,"payload":[104,105]}}"#
        );
        assert_eq!(round_trip(&reply), expected);
        assert_eq!(reply.into_result().unwrap(), "hi");
    }

    #[test]
    fn a_timeout_is_written_as_the_managers() {
        let response = TimeoutResponse::new(CorrelationId::new(), Duration::from_millis(500));
        let expected = serde_json::to_string(&response).unwrap();
        assert_eq!(round_trip(&response.into()), expected);
    }

    #[test]
    fn errors_keep_their_names() {
        let all = [
            RequestError::Timeout,
            RequestError::Cancelled,
            RequestError::ComponentNotFound(ComponentId::host()),
            RequestError::Unavailable,
            RequestError::Crashed(CrashCode::Trap),
            RequestError::Dropped,
            RequestError::InvalidPayload("x".into()),
            RequestError::ProcessingFailed { code: 7, message: "m".into() },
        ];
        for error in all {
            let reply = CommandReply::error(CorrelationId::new(), &error);
            round_trip(&reply);
            let its = reply.into_result().unwrap_err();
            let named = serde_json::to_value(&error).unwrap();
            let name = match &named {
                serde_json::Value::Object(fields) => fields.keys().next().unwrap(),
                name => name.as_str().unwrap(),
            };
            assert_eq!(serde_json::to_value(its.kind).unwrap(), name);
            assert_eq!(
                its.code,
                matches!(error, RequestError::ProcessingFailed { .. }).then_some(7)
            );
        }
    }

    #[test]
    fn other_kinds_and_other_forms() {
        let id = CorrelationId::new();
        let json = CommandReply::too_large(id, 9).to_json();
        let newer = String::from_utf8(json.to_vec()).unwrap().replace("reply-too-large", "newer");
        let reply = CommandReply::from_json(newer.as_bytes()).unwrap();
        assert_eq!(reply.error.unwrap().kind, ReplyErrorKind::Other);
        assert!(CommandReply::from_json(b"{}").is_err());
        assert!(CommandReply::from_json(b"hello").is_err());
    }
}
