//! A host for tests that are not WebAssembly: one for each thread, and it keeps what it is told.
//!
//! ```
//! use castcall_guest::{Cbor, ComponentError, Handler, cast, encode, mock};
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! impl Handler for Greeter {
//!     type Codec = Cbor;
//!     type Request = String;
//!     type Response = String;
//!
//!     fn handle(&mut self, _: &str, name: String) -> Result<String, ComponentError> {
//!         cast("journal", &name)?;
//!         Ok(format!("Hello, {name}!"))
//!     }
//! }
//!
//! let answer = mock::handle(&mut Greeter, "shop/web", &encode("Ada")?)?;
//! assert_eq!(answer, encode("Hello, Ada!")?);
//! let journal = mock::Sent::Cast { target: "journal".into(), message: encode("Ada")? };
//! assert_eq!(mock::take_sent(), [journal]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::error::{
    CancelError, ComponentError, DeferError, MessagingError, ReplyError, RequestError,
};
use crate::{Callback, Handler, RequestId, Token, TraceContext, Usage, dispatch};

/// What a guest has asked its host for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the function was given")]
pub enum Sent {
    /// A cast.
    Cast { target: String, message: Vec<u8> },
    /// A call, and the id that it got.
    Call { target: String, message: Vec<u8>, timeout_ms: u64, id: RequestId },
    /// A cancel.
    Cancel { id: RequestId },
    /// A publish.
    Publish { topic: String, message: Vec<u8> },
    /// A subscription, plain or in a group.
    Subscribe { pattern: String, group: Option<String> },
    /// The end of one.
    Unsubscribe { pattern: String },
    /// A call taken over, and the number of its token.
    Defer { token: u64 },
    /// The answer to it.
    Reply { token: u64, answer: Result<Vec<u8>, ComponentError> },
}

/// The message being handled, for [`context`](crate::context).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub sender: Option<String>,
    /// When, in nanoseconds since 1970.
    pub timestamp: Option<u64>,
    /// Where it was published.
    pub topic: Option<String>,
    /// The id of the call.
    pub request_id: Option<String>,
    /// How long the requester still waits.
    pub remaining_ms: Option<u64>,
    /// Whether it does not any more.
    pub is_cancelled: bool,
    /// Its trace.
    pub trace: Option<TraceContext>,
}

#[derive(Default)]
struct Host {
    sent: Vec<Sent>,
    refuse: Option<MessagingError>,
    current: Message,
    usage: Usage,
    ids: u64,
    /// Calls that were neither cancelled nor called back.
    pending: Vec<RequestId>,
    tokens: u64,
}

std::thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

fn host<T>(f: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with(|host| f(&mut host.borrow_mut()))
}

/// What was asked for since the last time, in its order.
#[must_use]
pub fn take_sent() -> Vec<Sent> {
    host(|host| core::mem::take(&mut host.sent))
}

/// Refuses what is sent, published or subscribed to next, once.
pub fn refuse_next(error: MessagingError) {
    host(|host| host.refuse = Some(error));
}

/// Sets what is known of the message being handled.
pub fn set_message(message: Message) {
    host(|host| host.current = message);
}

/// Sets what the component uses.
pub fn set_usage(usage: Usage) {
    host(|host| host.usage = usage);
}

/// Gives a handler a message as the host would, and returns the message that it answers with.
///
/// # Errors
///
/// The handler's, or what becomes of a message that it can't read.
pub fn handle<H: Handler>(
    handler: &mut H,
    sender: &str,
    message: &[u8],
) -> Result<Vec<u8>, ComponentError> {
    dispatch::handle(handler, sender, message)
}

/// Brings the end of a call as the host would.
///
/// # Errors
///
/// The callback's.
pub fn callback<C: Callback>(
    guest: &mut C,
    id: &RequestId,
    result: Result<Vec<u8>, RequestError>,
) -> Result<(), ComponentError> {
    host(|host| host.pending.retain(|pending| pending != id));
    dispatch::callback(guest, id, result)
}

type Done<T> = Result<T, MessagingError>;

fn send<T>(f: impl FnOnce(&mut Host) -> T) -> Done<T> {
    host(|host| match host.refuse.take() {
        Some(error) => Err(error),
        None => Ok(f(host)),
    })
}

pub(crate) fn send_message(target: &str, message: &[u8]) -> Done<()> {
    let (target, message) = (target.to_string(), message.to_vec());
    send(|host| host.sent.push(Sent::Cast { target, message }))
}

pub(crate) fn send_request(target: &str, message: &[u8], timeout_ms: u64) -> Done<RequestId> {
    let (target, message) = (target.to_string(), message.to_vec());
    send(|host| {
        host.ids += 1;
        let id = RequestId(format!("00000000-0000-4000-8000-{:012x}", host.ids));
        host.pending.push(id.clone());
        host.sent.push(Sent::Call { target, message, timeout_ms, id: id.clone() });
        id
    })
}

pub(crate) fn cancel_request(id: &str) -> Result<(), CancelError> {
    let id = RequestId(id.to_string());
    host(|host| {
        let at = host.pending.iter().position(|pending| *pending == id);
        host.pending.swap_remove(at.ok_or(CancelError::NotFound)?);
        host.sent.push(Sent::Cancel { id });
        Ok(())
    })
}

pub(crate) fn publish(topic: &str, message: &[u8]) -> Done<u32> {
    let (topic, message) = (topic.to_string(), message.to_vec());
    send(|host| {
        host.sent.push(Sent::Publish { topic, message });
        1
    })
}

pub(crate) fn subscribe(pattern: &str) -> Done<()> {
    let pattern = pattern.to_string();
    send(|host| host.sent.push(Sent::Subscribe { pattern, group: None }))
}

pub(crate) fn subscribe_group(pattern: &str, group: &str) -> Done<()> {
    let (pattern, group) = (pattern.to_string(), Some(group.to_string()));
    send(|host| host.sent.push(Sent::Subscribe { pattern, group }))
}

pub(crate) fn unsubscribe(pattern: &str) -> Done<bool> {
    let pattern = pattern.to_string();
    send(|host| {
        host.sent.push(Sent::Unsubscribe { pattern });
        true
    })
}

pub(crate) fn self_id() -> String {
    "mock".to_string()
}

pub(crate) fn usage() -> Usage {
    host(|host| host.usage)
}

pub(crate) fn sender() -> Option<String> {
    host(|host| host.current.sender.clone())
}

pub(crate) fn timestamp() -> Option<u64> {
    host(|host| host.current.timestamp)
}

pub(crate) fn topic() -> Option<String> {
    host(|host| host.current.topic.clone())
}

pub(crate) fn request_id() -> Option<String> {
    host(|host| host.current.request_id.clone())
}

pub(crate) fn remaining_ms() -> Option<u64> {
    host(|host| host.current.remaining_ms)
}

pub(crate) fn is_cancelled() -> bool {
    host(|host| host.current.is_cancelled)
}

pub(crate) fn trace_context() -> Option<TraceContext> {
    host(|host| host.current.trace.clone())
}

/// What is handled is a call if [`Message::request_id`] is set.
pub(crate) fn defer() -> Result<Token, DeferError> {
    host(|host| {
        if host.current.request_id.is_none() {
            return Err(DeferError::NotACall);
        }
        host.tokens += 1;
        host.sent.push(Sent::Defer { token: host.tokens });
        Ok(Token(host.tokens))
    })
}

pub(crate) fn reply(
    token: Token,
    answer: Result<Vec<u8>, ComponentError>,
) -> Result<(), ReplyError> {
    host(|host| {
        if !(1..=host.tokens).contains(&token.0) {
            return Err(ReplyError::UnknownToken);
        }
        host.sent.push(Sent::Reply { token: token.0, answer });
        Ok(())
    })
}
