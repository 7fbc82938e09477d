//! Reasons, by the name that they have in a record.

use castcall_core::{
    CancelError, ComponentError, CrashCode, DeadLetterReason, MessagingError, RequestError,
};

macro_rules! why {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why something happened, or how it ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Why {
            $($(#[$doc])* $name,)*
        }

        impl Why {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const TEXTS: &'static [&'static str] = &[$($text,)*];
        }
    };
}

why! {
    /// A call ended with an answer.
    Answered = "answered",
    /// The handler read the message and returned an error.
    Failed = "failed",
    /// The message or answer could not be read, or broke a rule.
    InvalidPayload = "invalid-payload",
    /// The deadline passed.
    Timeout = "timeout",
    /// Whoever made the call cancelled it.
    Cancelled = "cancelled",
    /// Nobody of that id is there, or no more.
    ComponentNotFound = "component-not-found",
    /// It is not there, or no more: a call to be cancelled, a dead letter's target.
    NotFound = "not-found",
    /// The target is restarting past the deadline, has failed, or is shutting down.
    Unavailable = "unavailable",
    /// An overflow policy dropped it.
    Dropped = "dropped",
    /// The instance that made the call ended first.
    RequesterGone = "requester-gone",
    /// The target crashed with it in hand.
    Crashed = "crashed",
    /// A Wasm trap.
    Trap = "trap",
    /// The stack limit.
    StackOverflow = "stack-overflow",
    /// The memory or table limit.
    MemoryLimit = "memory-limit",
    /// The execution limit.
    ExecutionLimit = "execution-limit",
    /// A native peer or a host function panicked.
    Panic = "panic",
    /// No capability allows it.
    CapabilityDenied = "capability-denied",
    /// The sender's messages crashed the target too often.
    Poison = "poison",
    /// A call is another's.
    NotOwner = "not-owner",
    /// A quota is spent.
    QuotaExceeded = "quota-exceeded",
    /// The mailbox, or the system's budget, is full.
    MailboxFull = "mailbox-full",
    /// The payload is too long.
    PayloadTooLarge = "payload-too-large",
    /// The message is out of form.
    InvalidMessage = "invalid-message",
    /// The target does not accept the codec.
    CodecNotAccepted = "codec-not-accepted",
    /// A timeout of zero, or too long.
    InvalidTimeout = "invalid-timeout",
    /// Too many calls are pending.
    TooManyPending = "too-many-pending",
    /// A topic or pattern is out of form.
    InvalidTopic = "invalid-topic",
    /// The target does not receive messages.
    CannotReceive = "cannot-receive",
    /// The sender has no callback handler.
    NoCallbackHandler = "no-callback-handler",
    /// Something or everything is shutting down.
    ShuttingDown = "shutting-down",
    /// An operator, or the embedding program, asked for it.
    Asked = "asked",
    /// It failed for good.
    GivenUp = "given-up",
    /// A queue of the audit was full.
    Overload = "overload",
    /// The audit's own stream could not be written.
    WriteFailed = "write-failed",
    /// Another reason, newer than this list.
    Other = "other",
}

impl Why {
    /// The name that it has in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::TEXTS[self as usize]
    }
}

impl From<&RequestError> for Why {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::Timeout => Self::Timeout,
            RequestError::Cancelled => Self::Cancelled,
            RequestError::ComponentNotFound(_) => Self::ComponentNotFound,
            RequestError::Unavailable => Self::Unavailable,
            RequestError::Crashed(_) => Self::Crashed,
            RequestError::Dropped => Self::Dropped,
            RequestError::InvalidPayload(_) => Self::InvalidPayload,
            RequestError::ProcessingFailed { .. } => Self::Failed,
            _ => Self::Other,
        }
    }
}

/// How a call ended.
impl<T> From<&Result<T, RequestError>> for Why {
    fn from(outcome: &Result<T, RequestError>) -> Self {
        outcome.as_ref().map_or_else(Self::from, |_| Self::Answered)
    }
}

impl From<&MessagingError> for Why {
    fn from(error: &MessagingError) -> Self {
        match error {
            MessagingError::ComponentNotFound => Self::ComponentNotFound,
            MessagingError::CannotReceive => Self::CannotReceive,
            MessagingError::NoCallbackHandler => Self::NoCallbackHandler,
            MessagingError::CapabilityDenied => Self::CapabilityDenied,
            MessagingError::QuotaExceeded { .. } => Self::QuotaExceeded,
            MessagingError::MailboxFull => Self::MailboxFull,
            MessagingError::PayloadTooLarge { .. } => Self::PayloadTooLarge,
            MessagingError::InvalidMessage => Self::InvalidMessage,
            MessagingError::CodecNotAccepted(_) => Self::CodecNotAccepted,
            MessagingError::InvalidTimeout => Self::InvalidTimeout,
            MessagingError::TooManyPending => Self::TooManyPending,
            MessagingError::InvalidTopic => Self::InvalidTopic,
            MessagingError::ShuttingDown => Self::ShuttingDown,
            _ => Self::Other,
        }
    }
}

impl From<&ComponentError> for Why {
    fn from(error: &ComponentError) -> Self {
        match error {
            ComponentError::InvalidPayload(_) => Self::InvalidPayload,
            ComponentError::Failed { .. } => Self::Failed,
            _ => Self::Other,
        }
    }
}

impl From<CrashCode> for Why {
    fn from(code: CrashCode) -> Self {
        match code {
            CrashCode::Trap => Self::Trap,
            CrashCode::StackOverflow => Self::StackOverflow,
            CrashCode::MemoryLimit => Self::MemoryLimit,
            CrashCode::ExecutionLimit => Self::ExecutionLimit,
            CrashCode::Panic => Self::Panic,
            _ => Self::Other,
        }
    }
}

impl From<DeadLetterReason> for Why {
    fn from(reason: DeadLetterReason) -> Self {
        match reason {
            DeadLetterReason::MailboxFull => Self::MailboxFull,
            DeadLetterReason::Dropped => Self::Dropped,
            DeadLetterReason::Unavailable => Self::Unavailable,
            DeadLetterReason::NotFound => Self::NotFound,
            DeadLetterReason::Crashed => Self::Crashed,
            DeadLetterReason::Poison => Self::Poison,
            DeadLetterReason::CodecNotAccepted => Self::CodecNotAccepted,
            _ => Self::Other,
        }
    }
}

impl From<CancelError> for Why {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotOwner => Self::NotOwner,
            CancelError::NotFound => Self::NotFound,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        for (number, why) in Why::ALL.iter().enumerate() {
            assert_eq!(*why as usize, number);
        }
        assert_eq!((Why::Answered.as_str(), Why::Other.as_str()), ("answered", "other"));
    }

    /// Where an error of the core has a name of its own, a record says the same.
    fn same_name<T: serde::Serialize>(error: &T, why: Why) {
        let json = serde_json::to_value(error).unwrap();
        let name = match &json {
            serde_json::Value::Object(map) => map.keys().next().unwrap().as_str(),
            other => other.as_str().unwrap(),
        };
        assert_eq!(name, why.as_str());
    }

    #[test]
    fn errors_keep_their_names() {
        let id = || castcall_core::ComponentId::new("a").unwrap();
        let mismatch = castcall_core::CodecMismatch::new(id(), id());
        use MessagingError as E;
        for error in [
            E::ComponentNotFound,
            E::CannotReceive,
            E::NoCallbackHandler,
            E::CapabilityDenied,
            E::QuotaExceeded { retry_after_ms: 1 },
            E::MailboxFull,
            E::PayloadTooLarge { limit: 1 },
            E::InvalidMessage,
            E::CodecNotAccepted(Box::new(mismatch)),
            E::InvalidTimeout,
            E::TooManyPending,
            E::InvalidTopic,
            E::ShuttingDown,
        ] {
            same_name(&error, Why::from(&error));
        }
        use RequestError as R;
        for error in [
            R::Timeout,
            R::Cancelled,
            R::ComponentNotFound("a".parse().unwrap()),
            R::Unavailable,
            R::Crashed(CrashCode::Trap),
            R::Dropped,
            R::InvalidPayload(String::new()),
        ] {
            same_name(&error, Why::from(&error));
        }
        for code in [
            CrashCode::Trap,
            CrashCode::StackOverflow,
            CrashCode::MemoryLimit,
            CrashCode::ExecutionLimit,
            CrashCode::Panic,
        ] {
            same_name(&code, Why::from(code));
        }
        use DeadLetterReason as D;
        for reason in [
            D::MailboxFull,
            D::Dropped,
            D::Unavailable,
            D::NotFound,
            D::Crashed,
            D::Poison,
            D::CodecNotAccepted,
        ] {
            same_name(&reason, Why::from(reason));
        }
        for error in [CancelError::NotOwner, CancelError::NotFound] {
            same_name(&error, Why::from(error));
        }
    }

    #[test]
    fn the_rest() {
        let failed = ComponentError::failed(1, "x");
        assert_eq!(Why::from(&failed), Why::Failed);
        assert_eq!(Why::from(&ComponentError::InvalidPayload("x".into())), Why::InvalidPayload);
        assert_eq!(Why::from(&Ok::<(), RequestError>(())), Why::Answered);
        assert_eq!(Why::from(&Err::<(), _>(RequestError::from(failed))), Why::Failed);
    }
}
