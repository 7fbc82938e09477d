//! What a guest asks of its host, besides sending in a codec of its choice.

use alloc::string::String;
#[cfg(feature = "cbor")]
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "cbor")]
use core::time::Duration;

#[cfg(feature = "cbor")]
use castcall_codec::{DecodeError, EncodeError};
#[cfg(feature = "cbor")]
use serde_core::{Serialize, de::DeserializeOwned};

#[cfg(feature = "cbor")]
use crate::codec::{Cbor, Codec};
use crate::error::{CancelError, DeferError, MessagingError};
#[cfg(feature = "cbor")]
use crate::error::{ComponentError, ReplyError, SendError};
use crate::host;

/// The id of one call, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) String);

impl RequestId {
    /// As text: `67e55044-10b1-426f-9247-bb680e5fe0c8`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call that was [taken over](defer), to be answered once.
#[derive(Debug, PartialEq, Eq)]
pub struct Token(pub(crate) u64);

/// How many messages a component may send: casts, calls, publishes and changes of subscriptions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageRate {
    /// How many in a second, in the long run.
    pub messages_per_second: u32,
    /// How many at once after a pause.
    pub burst: u32,
    /// How many at once from now on, before the first is refused.
    pub messages_left: u32,
}

/// What a component uses, and how much it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages waiting in its mailbox.
    pub mailbox_messages: u64,
    /// How many may wait there.
    pub mailbox_messages_limit: u64,
    /// Bytes of the messages waiting there.
    pub mailbox_bytes: u64,
    /// How many bytes may wait there.
    pub mailbox_bytes_limit: u64,
    /// Its calls that have not ended.
    pub pending_requests: u64,
    /// How many may be pending at once.
    pub pending_requests_limit: u64,
    /// The longest message that it may send, in bytes.
    pub payload_bytes_limit: u64,
    /// Its subscriptions.
    pub subscriptions: u64,
    /// How many it may have.
    pub subscriptions_limit: u64,
    /// How many messages it may send; `None` if that is not limited.
    pub message_rate: Option<MessageRate>,
}

/// Casts in CBOR: [`Codec::cast`].
///
/// # Errors
///
/// It could not be encoded, or was refused, and has gone nowhere.
#[cfg(feature = "cbor")]
pub fn cast<T: Serialize + ?Sized>(target: &str, value: &T) -> Result<(), SendError> {
    Cbor::cast(target, value)
}

/// Calls in CBOR: [`Codec::call`].
///
/// # Errors
///
/// It could not be encoded, or was refused, has gone nowhere, and no callback follows.
#[cfg(feature = "cbor")]
pub fn call<T: Serialize + ?Sized>(
    target: &str,
    value: &T,
    timeout: Duration,
) -> Result<RequestId, SendError> {
    Cbor::call(target, value, timeout)
}

/// Publishes in CBOR: [`Codec::publish`].
///
/// # Errors
///
/// It could not be encoded, or was refused, and has gone nowhere.
#[cfg(feature = "cbor")]
pub fn publish<T: Serialize + ?Sized>(topic: &str, value: &T) -> Result<u32, SendError> {
    Cbor::publish(topic, value)
}

/// Answers a deferred call in CBOR: [`Codec::reply`].
///
/// # Errors
///
/// It could not be encoded, or nobody waits for it.
#[cfg(feature = "cbor")]
pub fn reply<T: Serialize + ?Sized>(
    token: Token,
    answer: Result<&T, ComponentError>,
) -> Result<(), ReplyError> {
    Cbor::reply(token, answer)
}

/// A message in CBOR.
///
/// # Errors
///
/// The value has no form in CBOR.
#[cfg(feature = "cbor")]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    castcall_codec::cbor::encode(value)
}

/// The value of a message in CBOR.
///
/// # Errors
///
/// It is in another codec, or holds no such value.
#[cfg(feature = "cbor")]
pub fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, DecodeError> {
    castcall_codec::cbor::decode(message)
}

/// Cancels a call of one's own. Its callback still comes, with `Cancelled`.
///
/// # Errors
///
/// It has ended, never was, or is another's.
pub fn cancel(id: &RequestId) -> Result<(), CancelError> {
    host::cancel_request(id.as_str())
}

/// Subscribes to all topics that `pattern` matches. Doing so twice is one subscription.
///
/// # Errors
///
/// It was refused.
pub fn subscribe(pattern: &str) -> Result<(), MessagingError> {
    host::subscribe(pattern)
}

/// Subscribes as a member of `group`: of each message, one member gets a copy.
///
/// # Errors
///
/// It was refused.
pub fn subscribe_group(pattern: &str, group: &str) -> Result<(), MessagingError> {
    host::subscribe_group(pattern, group)
}

/// Ends a subscription, in whatever groups; `false` if there was none.
///
/// # Errors
///
/// The pattern is out of form.
pub fn unsubscribe(pattern: &str) -> Result<bool, MessagingError> {
    host::unsubscribe(pattern)
}

/// The component's own id.
#[must_use]
pub fn self_id() -> String {
    host::self_id()
}

/// What the component uses now, and how much it may.
#[must_use]
pub fn usage() -> Usage {
    host::usage()
}

/// Takes over the call being handled: what the handler returns is ignored, and the call is answered
/// by [`Codec::reply`](crate::Codec::reply) later, from a callback say. A token that is not answered
/// by the call's deadline ends the call like any other.
///
/// # Errors
///
/// What is being handled is no call, or was taken over before.
pub fn defer() -> Result<Token, DeferError> {
    host::defer()
}
