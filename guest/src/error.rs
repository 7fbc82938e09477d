//! What can go wrong, and what to do about it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use castcall_codec::{DecodeError, EncodeError};
use thiserror::Error;

/// The code of the [`ComponentError::Failed`] that a caller gets when a handler's response could
/// not be encoded.
pub const RESPONSE_NOT_ENCODED: u32 = u32::MAX;

/// What a handler returns when it could not do what the message asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ComponentError {
    /// The message could not be read; says what was expected.
    #[error("the message could not be read: {0}")]
    InvalidPayload(String),
    /// The message was read, and the work failed.
    #[error("failed with code {code}: {message}")]
    Failed {
        /// A number of the guest's choice.
        code: u32,
        /// For people.
        message: String,
    },
}

impl ComponentError {
    /// A message that could not be read, and what was expected.
    pub fn invalid(expected: impl Into<String>) -> Self {
        Self::InvalidPayload(expected.into())
    }

    /// Work that failed.
    pub fn failed(code: u32, message: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into() }
    }
}

impl From<DecodeError> for ComponentError {
    fn from(error: DecodeError) -> Self {
        Self::InvalidPayload(error.to_string())
    }
}

/// A send that a handler could not do without: code 1, and why it was refused.
impl From<SendError> for ComponentError {
    fn from(error: SendError) -> Self {
        Self::Failed { code: 1, message: error.to_string() }
    }
}

impl From<MessagingError> for ComponentError {
    fn from(error: MessagingError) -> Self {
        SendError::Refused(error).into()
    }
}

/// What was sent, and what would have been accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub struct CodecMismatch {
    /// Who sent it: this component.
    pub sender: String,
    /// Who was to get it.
    pub target: String,
    /// The message's codec: its name; its code, `0x71`, if the host does not know it; `None` if it
    /// does not begin with a well-formed prefix.
    pub codec: Option<String>,
    /// The names of the codecs that the target accepts: encode in one of these.
    pub accepts: Vec<String>,
    /// The codec that the target itself writes, if it says so.
    pub preferred: Option<String>,
}

impl CodecMismatch {
    fn text(&self) -> String {
        let codec = self.codec.as_deref().unwrap_or("no well-formed envelope");
        let accepts = self.accepts.join(", ");
        let mut text =
            format!("{} sent {codec} to {}, which accepts {accepts}", self.sender, self.target);
        if let Some(preferred) = &self.preferred {
            text = text + " and itself writes " + preferred;
        }
        text
    }
}

/// Why the host refused a message. It has gone nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessagingError {
    /// No component of that id is there: correct the id, or have it loaded.
    #[error("component-not-found: there is no such component")]
    ComponentNotFound,
    /// The target handles no messages: there is nothing to be done here.
    #[error("cannot-receive: the target handles no messages")]
    CannotReceive,
    /// This component has no callback: export [`Callback`](crate::Callback), or cast.
    #[error("no-callback-handler: a component that calls must export a callback")]
    NoCallbackHandler,
    /// Policy does not let it: ask for the capability in the manifest, and the operator to grant it.
    #[error("capability-denied: not asked for in the manifest, or not granted")]
    CapabilityDenied,
    /// The quota is spent: try again then.
    #[error("quota-exceeded: try again in {retry_after_ms} ms")]
    QuotaExceeded {
        /// Milliseconds until the send would be let through.
        retry_after_ms: u64,
    },
    /// The target has no room: try again later.
    #[error("mailbox-full: try again later")]
    MailboxFull,
    /// The message is too long: split it.
    #[error("payload-too-large: at most {limit} bytes")]
    PayloadTooLarge {
        /// Bytes.
        limit: u64,
    },
    /// Something is out of form: the target's id, for one.
    #[error("invalid-message: out of form")]
    InvalidMessage,
    /// The target does not accept the codec: take one that it does.
    #[error("codec-not-accepted: {0}")]
    CodecNotAccepted(Box<CodecMismatch>),
    /// A timeout of less than a millisecond, or longer than the host's maximum.
    #[error("invalid-timeout: less than 1 ms, or longer than the host's maximum")]
    InvalidTimeout,
    /// Too many calls are pending: wait for some to end.
    #[error("too-many-pending: wait for a call to end")]
    TooManyPending,
    /// A topic or pattern is out of form.
    #[error("invalid-topic: out of form")]
    InvalidTopic,
    /// This component or the whole system is shutting down.
    #[error("shutting-down")]
    ShuttingDown,
}

impl MessagingError {
    /// Whether the same send may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::QuotaExceeded { .. } | Self::MailboxFull | Self::TooManyPending)
    }
}

/// Why a value was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// It could not be encoded: see [`EncodeError`].
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] MessagingError),
}

/// What ended an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CrashCode {
    /// A Wasm trap.
    #[error("trap")]
    Trap,
    /// The stack limit.
    #[error("stack overflow")]
    StackOverflow,
    /// The memory or table limit.
    #[error("memory limit")]
    MemoryLimit,
    /// The execution limit.
    #[error("execution limit")]
    ExecutionLimit,
    /// A native peer, or a host function, panicked.
    #[error("panic")]
    Panic,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// None came in time. The target may have done the work all the same: ask it.
    #[error("timeout: no answer came in time")]
    Timeout,
    /// This component cancelled the call.
    #[error("cancelled")]
    Cancelled,
    /// The target is gone.
    #[error("component-not-found: there is no component {0}")]
    ComponentNotFound(String),
    /// The target is restarting past the deadline, has failed, or is shutting down: try later.
    #[error("unavailable: the target restarts, has failed, or shuts down")]
    Unavailable,
    /// The target crashed while it handled this call, and is restarted.
    #[error("crashed: {0}")]
    Crashed(CrashCode),
    /// The target's mailbox overflowed: send less, or later.
    #[error("dropped: the target's mailbox overflowed")]
    Dropped,
    /// The target could not read the request, or its answer broke a rule.
    #[error("invalid-payload: {0}")]
    InvalidPayload(String),
    /// The target failed; what to do is its to say.
    #[error("processing-failed with code {code}: {message}")]
    ProcessingFailed {
        /// A number of the target's choice.
        code: u32,
        /// For people.
        message: String,
    },
}

/// Why a call brought no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// No answer came.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// One came that is not of the type expected.
    #[error("the answer could not be read: {0}")]
    Decode(#[from] DecodeError),
}

/// Why a cancel had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CancelError {
    /// The call has ended, or never was.
    #[error("not-found: no such call is pending")]
    NotFound,
    /// It is another component's.
    #[error("not-owner: the call is another component's")]
    NotOwner,
}

/// Why a call was not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DeferError {
    /// What is handled is no call: just return.
    #[error("not-a-call: there is nobody to answer")]
    NotACall,
    /// It was taken over before: use the token of then.
    #[error("already-deferred: there is a token for it")]
    AlreadyDeferred,
}

/// Why an answer to a call that was taken over went nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// It could not be encoded. The token is spent; the call ends at its deadline.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No such token.
    #[error("unknown-token: never given, or answered before")]
    UnknownToken,
    /// The call has ended meanwhile: nobody waits.
    #[error("call-ended: nobody waits for the answer")]
    CallEnded,
}
