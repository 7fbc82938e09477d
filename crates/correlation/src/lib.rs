//! The pending calls of castcall: who waits for which answer, and until when.
//!
//! Needs neither WebAssembly nor a broker. Nothing in it waits, so all of it is plain functions.
//!
//! * [`CorrelationTracker`] is the convenient one: requests by [`ComponentId`], answers into a
//!   [`ResponseSink`], expiry by itself where a tokio runtime is (feature `tokio`, on by default).
//! * [`ResponseManager`] keeps commands whose response goes elsewhere: to a [`ReplyPath`], which is
//!   a component, a topic, or an address of your own. It accepts or rejects responses with a reason.
//! * [`PendingTable`] is what both stand on, without clock or runtime: the caller says what time it
//!   is, and does with an ended call what it likes.
//!
//! A call ends exactly once: whoever removes its entry wins, everybody else finds nothing.
//!
//! [`ComponentId`]: castcall_core::ComponentId

mod alarm;
mod call;
mod counts;
#[cfg(feature = "tokio")]
mod driver;
mod entry;
mod epoch;
mod key_index;
mod owners;
mod recent;
mod request;
mod response;
mod shard;
mod sink;
mod slab;
mod sync;
mod table;
mod tracker;
mod wheel;

pub use alarm::AlarmAlreadySet;
pub use counts::PendingCounts;
pub use entry::{
    CallOutcome, CancelRefusal, Entry, PendingCall, RegisterError, Resolution, Ticket,
};
pub use epoch::deadline_after;
pub use request::PendingRequest;
pub use response::{
    InvalidReplyPath, OpaquePath, PendingResponse, PendingResponseSnapshot, RegisterResponseError,
    RejectedResponse, ReplyPath, ReplyPathError, ResponseConfig, ResponseManager,
    ResponseManagerBuilder, ResponseRequired, ResponseStatus, TimeoutDetail, TimeoutKind,
    TimeoutResponse,
};
pub use sink::ResponseSink;
pub use table::PendingTable;
pub use tracker::{CorrelationTracker, RegisterPendingError, ResolveError, TrackerLimits};
