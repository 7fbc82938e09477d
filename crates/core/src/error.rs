//! The errors that cross from one component to another. Their WIT twins stand in `wit/`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec_mismatch::CodecMismatch;
use crate::id::ComponentId;

/// Whose matter an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Category {
    /// The caller's mistake: the same call fails again.
    Caller,
    /// Policy denies it.
    Denied,
    /// Too much at once: try later.
    Overload,
    /// The target is missing, ended, or failed.
    Target,
    /// Time ran out.
    Timeout,
    /// Castcall's own fault.
    Internal,
}

/// Why a handler could not do what a message asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ComponentError {
    /// The message could not be read: send what the handler expects.
    #[error("the payload could not be read: {0}")]
    InvalidPayload(String),
    /// The message was read and the work failed; what to do is the handler's to say.
    #[error("the handler failed with code {code}: {message}")]
    Failed {
        /// A number of the handler's choice.
        code: u32,
        /// For people.
        message: String,
    },
}

impl ComponentError {
    /// Shorthand for [`ComponentError::Failed`].
    pub fn failed(code: u32, message: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into() }
    }

    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::InvalidPayload(_) => Category::Caller,
            Self::Failed { .. } => Category::Target,
        }
    }

    /// Whether the same message may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        false
    }
}

/// What ended an instance. Never says more: no trap text, no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CrashCode {
    /// A Wasm trap: `unreachable`, out of bounds, division by zero, …
    #[error("trap")]
    Trap,
    /// The stack limit.
    #[error("stack overflow")]
    StackOverflow,
    /// The memory or table limit.
    #[error("memory limit")]
    MemoryLimit,
    /// The handler ran longer than its execution limit.
    #[error("execution limit")]
    ExecutionLimit,
    /// A native peer, or a host function, panicked.
    #[error("panic")]
    Panic,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RequestError {
    /// No answer came before the deadline. The target may have done the work all the same.
    #[error("no answer came in time")]
    Timeout,
    /// The requester cancelled the call.
    #[error("the call was cancelled")]
    Cancelled,
    /// The target was unloaded, or another host does not know it: load it, or correct the id.
    #[error("there is no component {0}")]
    ComponentNotFound(ComponentId),
    /// The target is restarting past the deadline, has failed for good, or is shutting down.
    #[error("the target is not available")]
    Unavailable,
    /// The target crashed while it handled this call. It is restarted by its policy.
    #[error("the target crashed: {0}")]
    Crashed(CrashCode),
    /// The target's mailbox overflowed, and its policy dropped this call: send less, or later.
    #[error("the target's mailbox overflowed and dropped the call")]
    Dropped,
    /// The target could not read the request, or its answer broke a rule.
    #[error("invalid payload: {0}")]
    InvalidPayload(String),
    /// The target read the request and failed; what to do is the target's to say.
    #[error("the target failed with code {code}: {message}")]
    ProcessingFailed {
        /// A number of the target's choice.
        code: u32,
        /// For people.
        message: String,
    },
}

impl RequestError {
    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Timeout => Category::Timeout,
            Self::Cancelled | Self::InvalidPayload(_) => Category::Caller,
            Self::ComponentNotFound(_)
            | Self::Unavailable
            | Self::Crashed(_)
            | Self::ProcessingFailed { .. } => Category::Target,
            Self::Dropped => Category::Overload,
        }
    }

    /// Whether the same call may succeed later. Castcall itself never sends again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable | Self::Crashed(_) | Self::Dropped)
    }

    /// A stable number for each variant, for metrics and records: see [`RequestError::code`]'s
    /// table in the source. `processing-failed` has one number whatever its own code.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Timeout => 1,
            Self::Cancelled => 2,
            Self::ComponentNotFound(_) => 3,
            Self::Unavailable => 4,
            Self::Crashed(_) => 5,
            Self::Dropped => 6,
            Self::InvalidPayload(_) => 7,
            Self::ProcessingFailed { .. } => 8,
        }
    }
}

impl From<ComponentError> for RequestError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::InvalidPayload(why) => Self::InvalidPayload(why),
            ComponentError::Failed { code, message } => Self::ProcessingFailed { code, message },
        }
    }
}

/// Why a message was refused. A refused message has gone nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MessagingError {
    /// Nobody of that id is here: load it, or correct the id.
    #[error("there is no such component")]
    ComponentNotFound,
    /// The target exports no `component-lifecycle`: it can't be sent to.
    #[error("the target does not receive messages")]
    CannotReceive,
    /// The sender exports no `component-callback`: export it, or cast.
    #[error("the sender has no callback handler")]
    NoCallbackHandler,
    /// Policy does not let the sender do this: grant it, or don't.
    #[error("not allowed")]
    CapabilityDenied,
    /// The sender's quota is spent: try again then.
    #[error("quota exceeded; try again in {retry_after_ms} ms")]
    QuotaExceeded {
        /// Milliseconds until the send would be let through.
        retry_after_ms: u64,
    },
    /// The target's mailbox, or the whole system's budget, is full: try again later.
    #[error("the target's mailbox is full")]
    MailboxFull,
    /// The payload is too long: split it.
    #[error("the payload is longer than {limit} bytes")]
    PayloadTooLarge {
        /// Bytes that it may have.
        limit: u64,
    },
    /// Something about the message is out of form: the target's id, for one.
    #[error("the message is out of form")]
    InvalidMessage,
    /// The target does not accept the payload's codec: encode in one that it accepts.
    #[error("codec not accepted: {0}")]
    CodecNotAccepted(Box<CodecMismatch>),
    /// A timeout of zero, or longer than the maximum.
    #[error("the timeout is zero or longer than the maximum")]
    InvalidTimeout,
    /// The sender has as many unanswered calls as it may have: wait for some.
    #[error("too many calls are pending")]
    TooManyPending,
    /// A topic or pattern out of form.
    #[error("the topic is out of form")]
    InvalidTopic,
    /// The sender, the target, or the whole system is shutting down.
    #[error("shutting down")]
    ShuttingDown,
}

impl MessagingError {
    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::CannotReceive
            | Self::NoCallbackHandler
            | Self::PayloadTooLarge { .. }
            | Self::InvalidMessage
            | Self::CodecNotAccepted(_)
            | Self::InvalidTimeout
            | Self::InvalidTopic => Category::Caller,
            Self::CapabilityDenied => Category::Denied,
            Self::QuotaExceeded { .. } | Self::MailboxFull | Self::TooManyPending => {
                Category::Overload
            }
            Self::ComponentNotFound | Self::ShuttingDown => Category::Target,
        }
    }

    /// Whether the same send may succeed later. Castcall itself never sends again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.category() == Category::Overload
    }
}

/// Why a cancel had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CancelError {
    /// No such call is pending: it has ended, never was, or the id is malformed.
    #[error("no such call is pending")]
    NotFound,
    /// The call is another's. Nothing was changed.
    #[error("the call is another's")]
    NotOwner,
}

impl CancelError {
    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::NotFound => Category::Caller,
            Self::NotOwner => Category::Denied,
        }
    }

    /// Whether the same cancel may succeed later: never.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T>(value: &T)
    where
        T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
    {
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    }

    #[test]
    fn request_errors_say_whose_matter_they_are() {
        let id = ComponentId::new("a").unwrap();
        let all = [
            (RequestError::Timeout, Category::Timeout, true),
            (RequestError::Cancelled, Category::Caller, false),
            (RequestError::ComponentNotFound(id), Category::Target, false),
            (RequestError::Unavailable, Category::Target, true),
            (RequestError::Crashed(CrashCode::Trap), Category::Target, true),
            (RequestError::Dropped, Category::Overload, true),
            (RequestError::InvalidPayload("x".into()), Category::Caller, false),
            (
                RequestError::ProcessingFailed { code: 7, message: "m".into() },
                Category::Target,
                false,
            ),
        ];
        for (number, (error, category, retryable)) in all.iter().enumerate() {
            assert_eq!(error.category(), *category, "{error}");
            assert_eq!(error.is_retryable(), *retryable, "{error}");
            assert_eq!(error.code() as usize, number + 1, "{error}");
            round_trip(error);
        }
    }

    fn mismatch() -> Box<CodecMismatch> {
        let mut mismatch = CodecMismatch::new(
            ComponentId::new("shop/orders").unwrap(),
            ComponentId::new("shop/stock").unwrap(),
        );
        mismatch.codec = Some("json".into());
        mismatch.accepts = vec!["cbor".into(), "borsh".into()];
        Box::new(mismatch)
    }

    #[test]
    fn messaging_errors_say_whose_matter_they_are() {
        use MessagingError as E;
        let all = [
            (E::ComponentNotFound, Category::Target),
            (E::CannotReceive, Category::Caller),
            (E::NoCallbackHandler, Category::Caller),
            (E::CapabilityDenied, Category::Denied),
            (E::QuotaExceeded { retry_after_ms: 5 }, Category::Overload),
            (E::MailboxFull, Category::Overload),
            (E::PayloadTooLarge { limit: 9 }, Category::Caller),
            (E::InvalidMessage, Category::Caller),
            (E::CodecNotAccepted(mismatch()), Category::Caller),
            (E::InvalidTimeout, Category::Caller),
            (E::TooManyPending, Category::Overload),
            (E::InvalidTopic, Category::Caller),
            (E::ShuttingDown, Category::Target),
        ];
        for (error, category) in all {
            assert_eq!(error.category(), category, "{error}");
            assert_eq!(error.is_retryable(), category == Category::Overload, "{error}");
            round_trip(&error);
        }
    }

    #[test]
    fn the_rest() {
        assert_eq!(CancelError::NotFound.category(), Category::Caller);
        assert_eq!(CancelError::NotOwner.category(), Category::Denied);
        assert!(!CancelError::NotOwner.is_retryable());
        round_trip(&CancelError::NotOwner);
        let invalid = ComponentError::InvalidPayload("no".into());
        let failed = ComponentError::failed(3, "why");
        assert_eq!(invalid.category(), Category::Caller);
        assert_eq!(failed.category(), Category::Target);
        assert!(!failed.is_retryable());
        round_trip(&failed);
        assert_eq!(RequestError::from(invalid), RequestError::InvalidPayload("no".into()));
        assert_eq!(
            RequestError::from(failed),
            RequestError::ProcessingFailed { code: 3, message: "why".into() }
        );
    }
}
