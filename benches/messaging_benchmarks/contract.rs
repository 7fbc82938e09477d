//! The contract's types, as wasmtime's derives make them.
#![allow(unsafe_code, reason = "wasmtime's derives expand to it")]

use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) message: String,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum ComponentError {
    #[component(name = "invalid-payload")]
    InvalidPayload(String),
    #[component(name = "failed")]
    Failed(Failure),
}

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "part of a type")]
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

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "part of a type")]
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

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct QuotaExceeded {
    #[component(name = "retry-after-ms")]
    pub(crate) retry_after_ms: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct PayloadTooLarge {
    pub(crate) limit: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct CodecMismatch {
    pub(crate) sender: String,
    pub(crate) target: String,
    pub(crate) codec: Option<String>,
    pub(crate) accepts: Vec<String>,
    pub(crate) preferred: Option<String>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "part of a type")]
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
