//! The contract, and the way to it in WebAssembly.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    reason = "what wit-bindgen makes of the contract"
)]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error;
use crate::{MessageRate, Token, TraceContext, Usage};

/// All that a guest may import, and the types.
mod imports {
    wit_bindgen::generate!({ path: "wit", world: "imports" });
}

/// Each export is a world of its own, so that a guest exports what it implements and no more.
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package castcall:guest-lifecycle; world lifecycle { export castcall:component/component-lifecycle@0.1.0; }",
        with: { "castcall:component/types@0.1.0": super::imports::castcall::component::types },
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
    });
    pub use exports::castcall::component::component_lifecycle::Guest;
}

pub mod callback {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package castcall:guest-callback; world callback { export castcall:component/component-callback@0.1.0; }",
        with: { "castcall:component/types@0.1.0": super::imports::castcall::component::types },
        pub_export_macro: true,
        export_macro_name: "export_callback",
    });
    pub use exports::castcall::component::component_callback::Guest;
}

pub mod setup {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package castcall:guest-setup; world setup { export castcall:component/component-setup@0.1.0; }",
        with: { "castcall:component/types@0.1.0": super::imports::castcall::component::types },
        pub_export_macro: true,
        export_macro_name: "export_setup",
    });
    pub use exports::castcall::component::component_setup::Guest;
}

use imports::castcall::component::{deferred_reply, host_services, message_context, types};
pub use types::{ComponentError, RequestError};

type Sent<T> = Result<T, error::MessagingError>;

pub(crate) fn send_message(target: &str, message: &[u8]) -> Sent<()> {
    host_services::send_message(target, message).map_err(Into::into)
}

pub(crate) fn send_request(
    target: &str,
    request: &[u8],
    timeout_ms: u64,
) -> Sent<crate::RequestId> {
    let sent = host_services::send_request(target, request, timeout_ms);
    sent.map(crate::RequestId).map_err(Into::into)
}

pub(crate) fn cancel_request(id: &str) -> Result<(), error::CancelError> {
    host_services::cancel_request(id).map_err(|error| match error {
        types::CancelError::NotFound => error::CancelError::NotFound,
        types::CancelError::NotOwner => error::CancelError::NotOwner,
    })
}

pub(crate) fn publish(topic: &str, message: &[u8]) -> Sent<u32> {
    host_services::publish(topic, message).map_err(Into::into)
}

pub(crate) fn subscribe(pattern: &str) -> Sent<()> {
    host_services::subscribe(pattern).map_err(Into::into)
}

pub(crate) fn subscribe_group(pattern: &str, group: &str) -> Sent<()> {
    host_services::subscribe_group(pattern, group).map_err(Into::into)
}

pub(crate) fn unsubscribe(pattern: &str) -> Sent<bool> {
    host_services::unsubscribe(pattern).map_err(Into::into)
}

pub(crate) fn self_id() -> String {
    host_services::self_id()
}

pub(crate) fn usage() -> Usage {
    let usage = host_services::usage();
    Usage {
        mailbox_messages: usage.mailbox_messages,
        mailbox_messages_limit: usage.mailbox_messages_limit,
        mailbox_bytes: usage.mailbox_bytes,
        mailbox_bytes_limit: usage.mailbox_bytes_limit,
        pending_requests: usage.pending_requests,
        pending_requests_limit: usage.pending_requests_limit,
        payload_bytes_limit: usage.payload_bytes_limit,
        subscriptions: usage.subscriptions,
        subscriptions_limit: usage.subscriptions_limit,
        message_rate: usage.message_rate.map(|rate| MessageRate {
            messages_per_second: rate.messages_per_second,
            burst: rate.burst,
            messages_left: rate.messages_left,
        }),
    }
}

pub(crate) fn sender() -> Option<String> {
    message_context::sender()
}

pub(crate) fn timestamp() -> Option<u64> {
    message_context::timestamp()
}

pub(crate) fn topic() -> Option<String> {
    message_context::topic()
}

pub(crate) fn request_id() -> Option<String> {
    message_context::request_id()
}

pub(crate) fn remaining_ms() -> Option<u64> {
    message_context::remaining_ms()
}

pub(crate) fn is_cancelled() -> bool {
    message_context::is_cancelled()
}

pub(crate) fn trace_context() -> Option<TraceContext> {
    let trace = message_context::trace_context()?;
    Some(TraceContext { traceparent: trace.traceparent, tracestate: trace.tracestate })
}

pub(crate) fn defer() -> Result<Token, error::DeferError> {
    deferred_reply::defer().map(Token).map_err(|error| match error {
        deferred_reply::DeferError::NotACall => error::DeferError::NotACall,
        deferred_reply::DeferError::AlreadyDeferred => error::DeferError::AlreadyDeferred,
    })
}

pub(crate) fn reply(
    token: Token,
    answer: Result<Vec<u8>, error::ComponentError>,
) -> Result<(), error::ReplyError> {
    let answer = answer.map_err(ComponentError::from);
    let answer = answer.as_ref().map(Vec::as_slice);
    deferred_reply::reply(token.0, answer).map_err(|error| match error {
        deferred_reply::ReplyError::UnknownToken => error::ReplyError::UnknownToken,
        deferred_reply::ReplyError::CallEnded => error::ReplyError::CallEnded,
    })
}

impl From<error::ComponentError> for ComponentError {
    fn from(error: error::ComponentError) -> Self {
        match error {
            error::ComponentError::InvalidPayload(why) => Self::InvalidPayload(why),
            error::ComponentError::Failed { code, message } => {
                Self::Failed(types::Failure { code, message })
            }
        }
    }
}

impl From<types::MessagingError> for error::MessagingError {
    fn from(error: types::MessagingError) -> Self {
        use types::MessagingError as E;
        match error {
            E::ComponentNotFound => Self::ComponentNotFound,
            E::CannotReceive => Self::CannotReceive,
            E::NoCallbackHandler => Self::NoCallbackHandler,
            E::CapabilityDenied => Self::CapabilityDenied,
            E::QuotaExceeded(quota) => Self::QuotaExceeded { retry_after_ms: quota.retry_after_ms },
            E::MailboxFull => Self::MailboxFull,
            E::PayloadTooLarge(payload) => Self::PayloadTooLarge { limit: payload.limit },
            E::InvalidMessage => Self::InvalidMessage,
            E::CodecNotAccepted(mismatch) => {
                Self::CodecNotAccepted(Box::new(error::CodecMismatch {
                    sender: mismatch.sender,
                    target: mismatch.target,
                    codec: mismatch.codec,
                    accepts: mismatch.accepts,
                    preferred: mismatch.preferred,
                }))
            }
            E::InvalidTimeout => Self::InvalidTimeout,
            E::TooManyPending => Self::TooManyPending,
            E::InvalidTopic => Self::InvalidTopic,
            E::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl From<RequestError> for error::RequestError {
    fn from(error: RequestError) -> Self {
        use types::CrashCode as C;
        match error {
            RequestError::Timeout => Self::Timeout,
            RequestError::Cancelled => Self::Cancelled,
            RequestError::ComponentNotFound(id) => Self::ComponentNotFound(id),
            RequestError::Unavailable => Self::Unavailable,
            RequestError::Crashed(code) => Self::Crashed(match code {
                C::Trap => error::CrashCode::Trap,
                C::StackOverflow => error::CrashCode::StackOverflow,
                C::MemoryLimit => error::CrashCode::MemoryLimit,
                C::ExecutionLimit => error::CrashCode::ExecutionLimit,
                C::Panic => error::CrashCode::Panic,
            }),
            RequestError::Dropped => Self::Dropped,
            RequestError::InvalidPayload(why) => Self::InvalidPayload(why),
            RequestError::ProcessingFailed(failure) => {
                Self::ProcessingFailed { code: failure.code, message: failure.message }
            }
        }
    }
}
