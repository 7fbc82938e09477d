//! The contract as `wit/castcall.wit` has it. Made by `cargo xtask abi`: don't edit it.

use castcall_core::RequestId;
use wasmtime::{Caller, Linker, error::Result};

use super::abi::{Abi, Args, Flat, Flatten, Lift, Lower, View, Writer, aligned, larger, more, no_case};
use super::imports::{give, serve};
use super::layout::{record, variant};
use crate::services;
use crate::state::State;
use crate::types::{CancelError, CodecMismatch, ComponentError, CrashCode, DeferError, Failure, MessageRate, MessagingError, PayloadTooLarge, QuotaExceeded, ReplyError, RequestError, TraceContextValue, UsageReport};

variant!([Lower] CancelError {
    0 NotFound,
    1 NotOwner,
});
record!([Lower] CodecMismatch {
    sender: String,
    target: String,
    codec: Option<String>,
    accepts: Vec<String>,
    preferred: Option<String>,
});
variant!([Lift] ComponentError {
    0 InvalidPayload(payload: String),
    1 Failed(payload: Failure),
});
variant!([Flatten Lower] CrashCode {
    0 Trap,
    1 StackOverflow,
    2 MemoryLimit,
    3 ExecutionLimit,
    4 Panic,
});
variant!([Lower] DeferError {
    0 NotACall,
    1 AlreadyDeferred,
});
record!([Flatten Lift Lower] Failure {
    code: u32,
    message: String,
});
record!([Lower] MessageRate {
    messages_per_second: u32,
    burst: u32,
    messages_left: u32,
});
variant!([Lower] MessagingError {
    0 ComponentNotFound,
    1 CannotReceive,
    2 NoCallbackHandler,
    3 CapabilityDenied,
    4 QuotaExceeded(payload: QuotaExceeded),
    5 MailboxFull,
    6 PayloadTooLarge(payload: PayloadTooLarge),
    7 InvalidMessage,
    8 CodecNotAccepted(payload: CodecMismatch),
    9 InvalidTimeout,
    10 TooManyPending,
    11 InvalidTopic,
    12 ShuttingDown,
});
record!([Lower] PayloadTooLarge {
    limit: u64,
});
record!([Lower] QuotaExceeded {
    retry_after_ms: u64,
});
variant!([Lower] ReplyError {
    0 UnknownToken,
    1 CallEnded,
});
variant!([Flatten Lower] RequestError {
    0 Timeout,
    1 Cancelled,
    2 ComponentNotFound(payload: String),
    3 Unavailable,
    4 Crashed(payload: CrashCode),
    5 Dropped,
    6 InvalidPayload(payload: String),
    7 ProcessingFailed(payload: Failure),
});
record!([Lower] TraceContextValue {
    traceparent: String,
    tracestate: String,
});
record!([Lower] UsageReport {
    mailbox_messages: u64,
    mailbox_messages_limit: u64,
    mailbox_bytes: u64,
    mailbox_bytes_limit: u64,
    pending_requests: u64,
    pending_requests_limit: u64,
    payload_bytes_limit: u64,
    subscriptions: u64,
    subscriptions_limit: u64,
    message_rate: Option<MessageRate>,
});

/// Interface, function and type of all that a guest may import.
pub(crate) const IMPORTS: &[(&str, &str, &str)] = &[
    ("castcall:component/host-services@0.1.0", "send-message", "func(string, list<u8>) -> result<_, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "send-request", "func(string, list<u8>, u64) -> result<string, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "cancel-request", "func(string) -> result<_, variant { not-found, not-owner }>"),
    ("castcall:component/host-services@0.1.0", "publish", "func(string, list<u8>) -> result<u32, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "subscribe", "func(string) -> result<_, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "subscribe-group", "func(string, string) -> result<_, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "unsubscribe", "func(string) -> result<bool, variant { component-not-found, cannot-receive, no-callback-handler, capability-denied, quota-exceeded(record { retry-after-ms: u64 }), mailbox-full, payload-too-large(record { limit: u64 }), invalid-message, codec-not-accepted(record { sender: string, target: string, codec: option<string>, accepts: list<string>, preferred: option<string> }), invalid-timeout, too-many-pending, invalid-topic, shutting-down }>"),
    ("castcall:component/host-services@0.1.0", "self-id", "func() -> string"),
    ("castcall:component/host-services@0.1.0", "usage", "func() -> record { mailbox-messages: u64, mailbox-messages-limit: u64, mailbox-bytes: u64, mailbox-bytes-limit: u64, pending-requests: u64, pending-requests-limit: u64, payload-bytes-limit: u64, subscriptions: u64, subscriptions-limit: u64, message-rate: option<record { messages-per-second: u32, burst: u32, messages-left: u32 }> }"),
    ("castcall:component/message-context@0.1.0", "sender", "func() -> option<string>"),
    ("castcall:component/message-context@0.1.0", "timestamp", "func() -> option<u64>"),
    ("castcall:component/message-context@0.1.0", "topic", "func() -> option<string>"),
    ("castcall:component/message-context@0.1.0", "request-id", "func() -> option<string>"),
    ("castcall:component/message-context@0.1.0", "remaining-ms", "func() -> option<u64>"),
    ("castcall:component/message-context@0.1.0", "is-cancelled", "func() -> bool"),
    ("castcall:component/message-context@0.1.0", "trace-context", "func() -> option<record { traceparent: string, tracestate: string }>"),
    ("castcall:component/deferred-reply@0.1.0", "defer", "func() -> result<u64, enum { not-a-call, already-deferred }>"),
    ("castcall:component/deferred-reply@0.1.0", "reply", "func(u64, result<list<u8>, variant { invalid-payload(string), failed(record { code: u32, message: string }) }>) -> result<_, enum { unknown-token, call-ended }>"),
];

/// Interface, function and type of all that the host enters.
pub(crate) const EXPORTS: &[(&str, &str, &str)] = &[
    ("castcall:component/component-lifecycle@0.1.0", "handle-message", "func(string, list<u8>) -> result<list<u8>, variant { invalid-payload(string), failed(record { code: u32, message: string }) }>"),
    ("castcall:component/component-callback@0.1.0", "handle-callback", "func(string, result<list<u8>, variant { timeout, cancelled, component-not-found(string), unavailable, crashed(enum { trap, stack-overflow, memory-limit, execution-limit, panic }), dropped, invalid-payload(string), processing-failed(record { code: u32, message: string }) }>) -> result<_, variant { invalid-payload(string), failed(record { code: u32, message: string }) }>"),
    ("castcall:component/component-setup@0.1.0", "init", "func(list<tuple<string, string>>) -> result<_, variant { invalid-payload(string), failed(record { code: u32, message: string }) }>"),
    ("castcall:component/component-setup@0.1.0", "shutdown", "func()"),
];

/// Defines all imports.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap("castcall:component/host-services@0.1.0", "send-message", |mut caller: Caller<'_, State>, a0: u32, a1: u32, a2: u32, a3: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<(), MessagingError> = serve(&mut caller, &[a0.into(), a1.into(), a2.into(), a3.into()], |context, args| Ok(services::send_message(context, args.next::<&str>()?, args.next::<&[u8]>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "send-request", |mut caller: Caller<'_, State>, a0: u32, a1: u32, a2: u32, a3: u32, a4: u64, ret: u32| -> Result<()> {
        let result: std::result::Result<RequestId, MessagingError> = serve(&mut caller, &[a0.into(), a1.into(), a2.into(), a3.into(), a4], |context, args| Ok(services::send_request(context, args.next::<&str>()?, args.next::<&[u8]>()?, args.next::<u64>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "cancel-request", |mut caller: Caller<'_, State>, a0: u32, a1: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<(), CancelError> = serve(&mut caller, &[a0.into(), a1.into()], |context, args| Ok(services::cancel_request(context, args.next::<&str>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "publish", |mut caller: Caller<'_, State>, a0: u32, a1: u32, a2: u32, a3: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<u32, MessagingError> = serve(&mut caller, &[a0.into(), a1.into(), a2.into(), a3.into()], |context, args| Ok(services::publish(context, args.next::<&str>()?, args.next::<&[u8]>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "subscribe", |mut caller: Caller<'_, State>, a0: u32, a1: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<(), MessagingError> = serve(&mut caller, &[a0.into(), a1.into()], |context, args| Ok(services::subscribe(context, args.next::<&str>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "subscribe-group", |mut caller: Caller<'_, State>, a0: u32, a1: u32, a2: u32, a3: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<(), MessagingError> = serve(&mut caller, &[a0.into(), a1.into(), a2.into(), a3.into()], |context, args| Ok(services::subscribe_group(context, args.next::<&str>()?, args.next::<&str>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "unsubscribe", |mut caller: Caller<'_, State>, a0: u32, a1: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<bool, MessagingError> = serve(&mut caller, &[a0.into(), a1.into()], |context, args| Ok(services::unsubscribe(context, args.next::<&str>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "self-id", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: String = serve(&mut caller, &[], |context, _| Ok(services::self_id(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/host-services@0.1.0", "usage", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: UsageReport = serve(&mut caller, &[], |context, _| Ok(services::usage(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "sender", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<String> = serve(&mut caller, &[], |context, _| Ok(services::sender(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "timestamp", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<u64> = serve(&mut caller, &[], |context, _| Ok(services::timestamp(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "topic", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<String> = serve(&mut caller, &[], |context, _| Ok(services::topic(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "request-id", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<RequestId> = serve(&mut caller, &[], |context, _| Ok(services::request_id(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "remaining-ms", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<u64> = serve(&mut caller, &[], |context, _| Ok(services::remaining_ms(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "is-cancelled", |mut caller: Caller<'_, State>| -> Result<u32> {
        let result: bool = serve(&mut caller, &[], |context, _| Ok(services::is_cancelled(context)))?;
        Ok(result.into())
    })?;
    linker.func_wrap("castcall:component/message-context@0.1.0", "trace-context", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: Option<TraceContextValue> = serve(&mut caller, &[], |context, _| Ok(services::trace_context(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/deferred-reply@0.1.0", "defer", |mut caller: Caller<'_, State>, ret: u32| -> Result<()> {
        let result: std::result::Result<u64, DeferError> = serve(&mut caller, &[], |context, _| Ok(services::defer(context)))?;
        give(&mut caller, ret, &result)
    })?;
    linker.func_wrap("castcall:component/deferred-reply@0.1.0", "reply", |mut caller: Caller<'_, State>, a0: u64, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32, ret: u32| -> Result<()> {
        let result: std::result::Result<(), ReplyError> = serve(&mut caller, &[a0, a1.into(), a2.into(), a3.into(), a4.into(), a5.into()], |context, args| Ok(services::reply(context, args.next::<u64>()?, args.next::<std::result::Result<&[u8], ComponentError>>()?)))?;
        give(&mut caller, ret, &result)
    })?;
    Ok(())
}
