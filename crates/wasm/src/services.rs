//! What each function of `host-services`, `message-context` and `deferred-reply` does, with its
//! arguments out of the guest already. Both lanes call these, and so do the same.

use bytes::Bytes;
use castcall_broker::{Context, Payload};
use castcall_core::RequestId;

use crate::types::{
    CancelError, ComponentError, DeferError, MessagingError, ReplyError, TraceContextValue,
    UsageReport,
};

/// A payload that still lies in the guest.
struct InGuest<'a>(&'a [u8]);

impl Payload for InGuest<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn as_slice(&self) -> &[u8] {
        self.0
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self.0)
    }
}

#[inline]
pub(crate) fn send_message(
    context: &mut Context,
    target: &str,
    message: &[u8],
) -> Result<(), MessagingError> {
    context.send_message(target, InGuest(message)).map_err(Into::into)
}

#[inline]
pub(crate) fn send_request(
    context: &mut Context,
    target: &str,
    request: &[u8],
    timeout_ms: u64,
) -> Result<RequestId, MessagingError> {
    context.send_request(target, InGuest(request), timeout_ms).map_err(Into::into)
}

pub(crate) fn cancel_request(context: &mut Context, id: &str) -> Result<(), CancelError> {
    let Ok(id) = id.parse() else { return Err(CancelError::NotFound) };
    context.cancel_request(id).map_err(Into::into)
}

pub(crate) fn publish(
    context: &mut Context,
    topic: &str,
    message: &[u8],
) -> Result<u32, MessagingError> {
    context.publish(topic, InGuest(message)).map_err(Into::into)
}

pub(crate) fn subscribe(context: &mut Context, pattern: &str) -> Result<(), MessagingError> {
    context.subscribe(pattern).map_err(Into::into)
}

pub(crate) fn subscribe_group(
    context: &mut Context,
    pattern: &str,
    group: &str,
) -> Result<(), MessagingError> {
    context.subscribe_group(pattern, group).map_err(Into::into)
}

pub(crate) fn unsubscribe(context: &mut Context, pattern: &str) -> Result<bool, MessagingError> {
    context.unsubscribe(pattern).map_err(Into::into)
}

pub(crate) fn self_id(context: &mut Context) -> String {
    context.self_id().to_string()
}

pub(crate) fn usage(context: &mut Context) -> UsageReport {
    context.usage().into()
}

pub(crate) fn sender(context: &mut Context) -> Option<String> {
    context.current().map(|message| message.sender.to_string())
}

pub(crate) fn timestamp(context: &mut Context) -> Option<u64> {
    context.current().map(|message| message.timestamp.as_unix_nanos())
}

pub(crate) fn topic(context: &mut Context) -> Option<String> {
    context.current().and_then(|message| message.topic.as_ref()).map(ToString::to_string)
}

pub(crate) fn request_id(context: &mut Context) -> Option<RequestId> {
    context.current().and_then(|message| message.request_id())
}

pub(crate) fn remaining_ms(context: &mut Context) -> Option<u64> {
    context.remaining_ms()
}

pub(crate) fn is_cancelled(context: &mut Context) -> bool {
    context.is_cancelled()
}

pub(crate) fn trace_context(context: &mut Context) -> Option<TraceContextValue> {
    context.trace().map(Into::into)
}

pub(crate) fn defer(context: &mut Context) -> Result<u64, DeferError> {
    context.defer().map_err(Into::into)
}

pub(crate) fn reply(
    context: &mut Context,
    token: u64,
    answer: Result<&[u8], ComponentError>,
) -> Result<(), ReplyError> {
    let answer = answer.map(Bytes::copy_from_slice).map_err(Into::into);
    context.reply(token, answer).map_err(Into::into)
}
