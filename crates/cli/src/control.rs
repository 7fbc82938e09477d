//! What is said over the socket: one request as a line of JSON, and lines of JSON as the answer, the
//! last of which is `done` or `failed`.

use castcall::ComponentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::ActionName;

/// A longer request is none.
pub(crate) const MAX_REQUEST: u64 = 64 << 20;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    Cast { target: String, payload: Payload },
    Call { target: String, payload: Payload, timeout_ms: u64 },
    Publish { target: String, payload: Payload },
    Components,
    Restart { component: String },
    Stop { component: String },
    Letters { limit: usize },
    Resend { letters: Vec<u64> },
    Drop { letters: Vec<u64> },
    Subscriptions,
    Explain { component: ComponentId, action: ActionName, target: String },
    Record { for_ms: u64 },
}

/// What is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Payload {
    /// To be encoded, in the codec of that name or in one that the target accepts.
    Value { value: Value, codec: Option<String> },
    /// As they are, in base64.
    Bytes(String),
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// More follows.
    Line(String),
    Done(Value),
    Failed(String),
}
