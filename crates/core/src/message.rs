//! Messages as data, for Rust programs: what is recorded, sent over other transports, or handed
//! to a tracker. The local path between two components never builds one of these.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::correlation_id::CorrelationId;
use crate::error::RequestError;
use crate::id::ComponentId;
use crate::timestamp::Timestamp;

/// A cast, or any message seen from outside its pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentMessage {
    /// Who sent it.
    pub from: ComponentId,
    /// Whom it is for.
    pub to: ComponentId,
    /// What it says.
    pub payload: Bytes,
    /// Present if it belongs to a call.
    pub correlation_id: Option<CorrelationId>,
    /// When it was made.
    pub timestamp: Timestamp,
}

impl ComponentMessage {
    /// Makes a message that belongs to no call.
    pub fn new(from: ComponentId, to: ComponentId, payload: impl Into<Bytes>) -> Self {
        Self {
            from,
            to,
            payload: payload.into(),
            correlation_id: None,
            timestamp: Timestamp::now(),
        }
    }

    /// Ties it to a call.
    #[must_use]
    pub fn with_correlation_id(mut self, id: CorrelationId) -> Self {
        self.correlation_id = Some(id);
        self
    }
}

/// A request: it asks for a [`ResponseMessage`] with the same correlation id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMessage {
    /// Ties the response to it.
    pub correlation_id: CorrelationId,
    /// Who asks.
    pub from: ComponentId,
    /// Who is asked.
    pub to: ComponentId,
    /// What is asked.
    pub payload: Bytes,
    /// How long the requester waits, in milliseconds.
    pub timeout_ms: u64,
    /// When it was made.
    pub timestamp: Timestamp,
}

impl RequestMessage {
    /// Makes a request with a new correlation id.
    pub fn new(
        from: ComponentId,
        to: ComponentId,
        payload: impl Into<Bytes>,
        timeout_ms: u64,
    ) -> Self {
        Self {
            correlation_id: CorrelationId::new(),
            from,
            to,
            payload: payload.into(),
            timeout_ms,
            timestamp: Timestamp::now(),
        }
    }

    /// How long the requester waits.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// The end of a call, as the answering side tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseMessage {
    /// The request's.
    pub correlation_id: CorrelationId,
    /// Who answers.
    pub from: ComponentId,
    /// Who asked.
    pub to: ComponentId,
    /// The answer, or why there is none.
    pub result: Result<Bytes, RequestError>,
    /// When it was made.
    pub timestamp: Timestamp,
}

impl ResponseMessage {
    /// Answers `request`.
    pub fn success(request: &RequestMessage, payload: impl Into<Bytes>) -> Self {
        Self::answer(request, Ok(payload.into()))
    }

    /// Says why there is no answer to `request`.
    #[must_use]
    pub fn error(request: &RequestMessage, error: RequestError) -> Self {
        Self::answer(request, Err(error))
    }

    fn answer(request: &RequestMessage, result: Result<Bytes, RequestError>) -> Self {
        Self {
            correlation_id: request.correlation_id,
            from: request.to.clone(),
            to: request.from.clone(),
            result,
            timestamp: Timestamp::now(),
        }
    }

    /// Whether it brings an answer.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.result.is_ok()
    }

    /// [`RequestError::code`], if it brings none.
    #[must_use]
    pub fn error_code(&self) -> Option<u32> {
        self.result.as_ref().err().map(RequestError::code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RequestMessage {
        let from = ComponentId::new("asker").unwrap();
        let to = ComponentId::new("asked").unwrap();
        RequestMessage::new(from, to, "q", 250)
    }

    #[test]
    fn responses_mirror_their_request() {
        let request = request();
        assert_eq!(request.timeout(), Duration::from_millis(250));
        let good = ResponseMessage::success(&request, "a");
        assert!(good.is_success());
        assert_eq!(good.error_code(), None);
        assert_eq!(good.correlation_id, request.correlation_id);
        assert_eq!((&good.from, &good.to), (&request.to, &request.from));
        let bad = ResponseMessage::error(&request, RequestError::Timeout);
        assert!(!bad.is_success());
        assert_eq!(bad.error_code(), Some(1));
    }

    #[test]
    fn messages_round_trip() {
        let request = request();
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<RequestMessage>(&json).unwrap(), request);
        let response = ResponseMessage::error(&request, RequestError::Unavailable);
        let json = serde_json::to_string(&response).unwrap();
        assert_eq!(serde_json::from_str::<ResponseMessage>(&json).unwrap(), response);
        let message = ComponentMessage::new(request.from, request.to, "m")
            .with_correlation_id(request.correlation_id);
        assert_eq!(message.correlation_id, Some(response.correlation_id));
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<ComponentMessage>(&json).unwrap(), message);
    }
}
