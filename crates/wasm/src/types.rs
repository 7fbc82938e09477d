//! The types of `wit/`, as they cross into and out of a guest.
#![allow(unsafe_code, reason = "wasmtime's derives expand to it")]

use castcall_broker as broker;
use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) message: String,
}

#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum ComponentError {
    #[component(name = "invalid-payload")]
    InvalidPayload(String),
    #[component(name = "failed")]
    Failed(Failure),
}

impl From<ComponentError> for castcall_core::ComponentError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::InvalidPayload(why) => Self::InvalidPayload(cut(why)),
            ComponentError::Failed(Failure { code, message }) => {
                Self::Failed { code, message: cut(message) }
            }
        }
    }
}

/// How many bytes of an error's text go further than the guest that wrote it. Texts are for people,
/// and bound by nothing else: a long one could take the memory of whoever is told.
const MAX_TEXT: usize = 4096;

/// What is left of a text; one that was cut ends in `…`.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum CrashCode {
    #[component(name = "trap")]
    Trap,
    #[component(name = "stack-overflow")]
    StackOverflow,
    #[component(name = "memory-limit")]
    MemoryLimit,
    #[component(name = "execution-limit")]
    ExecutionLimit,
    #[component(name = "panic")]
    Panic,
}

impl From<castcall_core::CrashCode> for CrashCode {
    fn from(code: castcall_core::CrashCode) -> Self {
        match code {
            castcall_core::CrashCode::StackOverflow => Self::StackOverflow,
            castcall_core::CrashCode::MemoryLimit => Self::MemoryLimit,
            castcall_core::CrashCode::ExecutionLimit => Self::ExecutionLimit,
            castcall_core::CrashCode::Panic => Self::Panic,
            _ => Self::Trap,
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum RequestError {
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "cancelled")]
    Cancelled,
    #[component(name = "component-not-found")]
    ComponentNotFound(String),
    #[component(name = "unavailable")]
    Unavailable,
    #[component(name = "crashed")]
    Crashed(CrashCode),
    #[component(name = "dropped")]
    Dropped,
    #[component(name = "invalid-payload")]
    InvalidPayload(String),
    #[component(name = "processing-failed")]
    ProcessingFailed(Failure),
}

impl From<castcall_core::RequestError> for RequestError {
    fn from(error: castcall_core::RequestError) -> Self {
        match error {
            castcall_core::RequestError::Timeout => Self::Timeout,
            castcall_core::RequestError::Cancelled => Self::Cancelled,
            castcall_core::RequestError::ComponentNotFound(id) => {
                Self::ComponentNotFound(id.into())
            }
            castcall_core::RequestError::Crashed(code) => Self::Crashed(code.into()),
            castcall_core::RequestError::Dropped => Self::Dropped,
            castcall_core::RequestError::InvalidPayload(why) => Self::InvalidPayload(why),
            castcall_core::RequestError::ProcessingFailed { code, message } => {
                Self::ProcessingFailed(Failure { code, message })
            }
            // `Unavailable`, and whatever a newer core crate may add.
            _ => Self::Unavailable,
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct QuotaExceeded {
    #[component(name = "retry-after-ms")]
    pub(crate) retry_after_ms: u64,
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct PayloadTooLarge {
    pub(crate) limit: u64,
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct CodecMismatch {
    pub(crate) sender: String,
    pub(crate) target: String,
    pub(crate) codec: Option<String>,
    pub(crate) accepts: Vec<String>,
    pub(crate) preferred: Option<String>,
}

impl From<castcall_core::CodecMismatch> for CodecMismatch {
    fn from(mismatch: castcall_core::CodecMismatch) -> Self {
        Self {
            sender: mismatch.sender.into(),
            target: mismatch.target.into(),
            codec: mismatch.codec.map(Into::into),
            accepts: mismatch.accepts.into_iter().map(Into::into).collect(),
            preferred: mismatch.preferred.map(Into::into),
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum MessagingError {
    #[component(name = "component-not-found")]
    ComponentNotFound,
    #[component(name = "cannot-receive")]
    CannotReceive,
    #[component(name = "no-callback-handler")]
    NoCallbackHandler,
    #[component(name = "capability-denied")]
    CapabilityDenied,
    #[component(name = "quota-exceeded")]
    QuotaExceeded(QuotaExceeded),
    #[component(name = "mailbox-full")]
    MailboxFull,
    #[component(name = "payload-too-large")]
    PayloadTooLarge(PayloadTooLarge),
    #[component(name = "invalid-message")]
    InvalidMessage,
    #[component(name = "codec-not-accepted")]
    CodecNotAccepted(CodecMismatch),
    #[component(name = "invalid-timeout")]
    InvalidTimeout,
    #[component(name = "too-many-pending")]
    TooManyPending,
    #[component(name = "invalid-topic")]
    InvalidTopic,
    #[component(name = "shutting-down")]
    ShuttingDown,
}

impl From<castcall_core::MessagingError> for MessagingError {
    fn from(error: castcall_core::MessagingError) -> Self {
        use castcall_core::MessagingError as E;
        match error {
            E::ComponentNotFound => Self::ComponentNotFound,
            E::CannotReceive => Self::CannotReceive,
            E::NoCallbackHandler => Self::NoCallbackHandler,
            E::CapabilityDenied => Self::CapabilityDenied,
            E::QuotaExceeded { retry_after_ms } => {
                Self::QuotaExceeded(QuotaExceeded { retry_after_ms })
            }
            E::MailboxFull => Self::MailboxFull,
            E::PayloadTooLarge { limit } => Self::PayloadTooLarge(PayloadTooLarge { limit }),
            E::CodecNotAccepted(mismatch) => Self::CodecNotAccepted((*mismatch).into()),
            E::InvalidTimeout => Self::InvalidTimeout,
            E::TooManyPending => Self::TooManyPending,
            E::InvalidTopic => Self::InvalidTopic,
            E::ShuttingDown => Self::ShuttingDown,
            // `InvalidMessage`, and whatever a newer core crate may add.
            _ => Self::InvalidMessage,
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum CancelError {
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "not-owner")]
    NotOwner,
}

impl From<castcall_core::CancelError> for CancelError {
    fn from(error: castcall_core::CancelError) -> Self {
        match error {
            castcall_core::CancelError::NotOwner => Self::NotOwner,
            _ => Self::NotFound,
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct MessageRate {
    #[component(name = "messages-per-second")]
    pub(crate) messages_per_second: u32,
    pub(crate) burst: u32,
    #[component(name = "messages-left")]
    pub(crate) messages_left: u32,
}

impl From<broker::MessageRate> for MessageRate {
    fn from(rate: broker::MessageRate) -> Self {
        Self {
            messages_per_second: rate.messages_per_second,
            burst: rate.burst,
            messages_left: rate.messages_left,
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct UsageReport {
    #[component(name = "mailbox-messages")]
    pub(crate) mailbox_messages: u64,
    #[component(name = "mailbox-messages-limit")]
    pub(crate) mailbox_messages_limit: u64,
    #[component(name = "mailbox-bytes")]
    pub(crate) mailbox_bytes: u64,
    #[component(name = "mailbox-bytes-limit")]
    pub(crate) mailbox_bytes_limit: u64,
    #[component(name = "pending-requests")]
    pub(crate) pending_requests: u64,
    #[component(name = "pending-requests-limit")]
    pub(crate) pending_requests_limit: u64,
    #[component(name = "payload-bytes-limit")]
    pub(crate) payload_bytes_limit: u64,
    #[component(name = "subscriptions")]
    pub(crate) subscriptions: u64,
    #[component(name = "subscriptions-limit")]
    pub(crate) subscriptions_limit: u64,
    #[component(name = "message-rate")]
    pub(crate) message_rate: Option<MessageRate>,
}

impl From<broker::Usage> for UsageReport {
    fn from(usage: broker::Usage) -> Self {
        Self {
            mailbox_messages: usage.mailbox_messages,
            mailbox_messages_limit: usage.mailbox_messages_limit,
            mailbox_bytes: usage.mailbox_bytes,
            mailbox_bytes_limit: usage.mailbox_bytes_limit,
            pending_requests: usage.pending_requests,
            pending_requests_limit: usage.pending_requests_limit,
            payload_bytes_limit: usage.payload_bytes_limit,
            subscriptions: usage.subscriptions,
            subscriptions_limit: usage.subscriptions_limit,
            message_rate: usage.message_rate.map(Into::into),
        }
    }
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct TraceContextValue {
    pub(crate) traceparent: String,
    pub(crate) tracestate: String,
}

impl From<&castcall_core::TraceContext> for TraceContextValue {
    fn from(trace: &castcall_core::TraceContext) -> Self {
        Self { traceparent: trace.traceparent(), tracestate: trace.tracestate().to_owned() }
    }
}

#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum DeferError {
    #[component(name = "not-a-call")]
    NotACall,
    #[component(name = "already-deferred")]
    AlreadyDeferred,
}

impl From<broker::DeferError> for DeferError {
    fn from(error: broker::DeferError) -> Self {
        match error {
            broker::DeferError::AlreadyDeferred => Self::AlreadyDeferred,
            _ => Self::NotACall,
        }
    }
}

#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum ReplyError {
    #[component(name = "unknown-token")]
    UnknownToken,
    #[component(name = "call-ended")]
    CallEnded,
}

impl From<broker::ReplyError> for ReplyError {
    fn from(error: broker::ReplyError) -> Self {
        match error {
            broker::ReplyError::CallEnded => Self::CallEnded,
            _ => Self::UnknownToken,
        }
    }
}

#[cfg(test)]
mod tests;
