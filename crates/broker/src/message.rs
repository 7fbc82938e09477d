//! What stands in a mailbox.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use castcall_core::{ComponentId, RequestError, RequestId, Timestamp, Topic, TraceContext};
use castcall_correlation::Ticket;

/// Tells components, and their instances, apart. A number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(pub(crate) u64);

/// The call that a message belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallRef {
    pub(crate) id: RequestId,
    pub(crate) ticket: Ticket,
    pub(crate) deadline: Instant,
}

/// A cast, a call or a published message, as its receiver sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// Who sent it; stamped by the host.
    pub sender: ComponentId,
    /// What it says.
    pub payload: Bytes,
    /// The topic it was published to; `None` if it was addressed.
    pub topic: Option<Topic>,
    /// When it was accepted, to about a millisecond.
    pub timestamp: Timestamp,
    /// The trace that it belongs to.
    pub trace: Option<Arc<TraceContext>>,
    pub(crate) call: Option<CallRef>,
    /// Its times are measured, and its timestamp is exact.
    pub(crate) measured: bool,
    /// It was decided that it is not traced, nor what follows from it.
    pub(crate) untraced: bool,
}

impl Message {
    /// The id of the call; `None` if it is no call.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        self.call.map(|call| call.id)
    }

    /// When the call ends at the latest; `None` if it is no call.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.call.map(|call| call.deadline)
    }
}

/// The end of a call, on its way to who made it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Callback {
    /// What `send_request` returned.
    pub request_id: RequestId,
    /// The answer, or why there is none.
    pub result: Result<Bytes, RequestError>,
    /// The trace that the call belonged to.
    pub trace: Option<Arc<TraceContext>>,
    /// As the call was.
    pub(crate) untraced: bool,
    /// The instance that asked.
    pub(crate) owner: Key,
}

impl Callback {
    /// Bytes of the answer, if it brings one.
    pub(crate) fn answer_len(&self) -> usize {
        self.result.as_ref().map_or(0, Bytes::len)
    }
}

#[derive(Debug)]
pub(crate) enum Item {
    Message(Message),
    Callback(Callback),
}
