//! The seam between a castcall system and what lies beyond it.
//!
//! A system delivers by itself what is for its own components; that path knows nothing of this
//! crate. What is addressed to nobody here, and a copy of everything that is published, becomes a
//! [`Parcel`] and goes to the system's [`Adapter`]; what others send comes in through its
//! [`Endpoint`]. An adapter may be a wire, a broker such as NATS, or the [`Hub`] that links systems
//! of one process, which is the first one and the measure for others.
//!
//! # What an adapter owes
//!
//! * A parcel says everything: nothing about it must be looked up where it came from.
//! * Nothing here waits. An adapter with a wire hands over to a thread or task of its own, and keeps
//!   its queue bounded: [`Refused`] gives back what found no room.
//! * `Ok` from [`Adapter::send`] means accepted, not delivered. A call that can't be delivered then
//!   ends by its [`Reply`], as soon as that is known; who asked waits no longer than its deadline
//!   in any case. A cast that can't is logged by who lost it.
//! * Parcels from one sender to one target stay in order.
//!
//! ```
//! use castcall_adapter::{Destination, Parcel};
//! use castcall_core::{ComponentId, Timestamp};
//!
//! let parcel = Parcel {
//!     from: "shop/orders".parse()?,
//!     to: Destination::Component("billing/invoices".parse()?),
//!     payload: (&b"\x51\xa0"[..]).into(),
//!     codec: Some(0x51),
//!     sent: Timestamp::now(),
//!     call: None,
//!     trace: None,
//!     served_groups: Vec::new(),
//! };
//! assert_eq!(parcel.to.to_string(), "billing/invoices");
//! # Ok::<(), castcall_core::InvalidComponentId>(())
//! ```

mod hub;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_core::{
    ComponentId, CorrelationId, MessagingError, Pattern, RequestError, Timestamp, Topic,
    TraceContext,
};

pub use hub::{Hub, HubAdapter};

/// A message between systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Who sent it; stamped by the system that it comes from.
    pub from: ComponentId,
    /// Where it goes.
    pub to: Destination,
    /// What it says: the whole envelope.
    pub payload: Bytes,
    /// The multicodec code that the payload begins with; `None` if it is no envelope.
    pub codec: Option<u64>,
    /// When it was sent, by the clock of the system that it comes from.
    pub sent: Timestamp,
    /// Present if it is a call.
    pub call: Option<Call>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
    /// Queue groups of which a member has the message already; for others it is not.
    pub served_groups: Vec<Box<str>>,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To one component.
    Component(ComponentId),
    /// To whoever is subscribed.
    Topic(Topic),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(id) => id.fmt(f),
            Self::Topic(topic) => topic.fmt(f),
        }
    }
}

/// What makes a parcel a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Ties the answer to it.
    pub id: CorrelationId,
    /// How long who asked will wait from now on. Clocks of two machines differ, so that this is
    /// a length and not a time; what the way takes comes off at the side that asked.
    pub remaining: Duration,
}

/// Takes the outcome of a call, once. Dropped uncalled, the call ends by its deadline.
pub type Reply = Box<dyn FnOnce(Result<Bytes, RequestError>) + Send>;

/// A parcel that was not taken. Its reply is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Why.
    #[source]
    pub error: MessagingError,
    /// What was to be sent.
    pub payload: Bytes,
}

/// Carries parcels away from a system.
///
/// All but [`Adapter::attach`], [`Adapter::send`] and [`Adapter::publish`] may be left as they are.
pub trait Adapter: Send + Sync + 'static {
    /// The system that uses it. Called once, before everything else. To be kept weakly, or let go
    /// of in [`Adapter::detach`].
    fn attach(&self, system: Arc<dyn Endpoint>);

    /// The system has shut down.
    fn detach(&self) {}

    /// Carries an addressed parcel. `reply` is there if it is a call.
    ///
    /// # Errors
    ///
    /// It is known already that it can't be delivered, or there is no room; it has gone nowhere.
    /// `component-not-found` if nobody beyond is known to have that id.
    fn send(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Refused>;

    /// Carries a published parcel, and says how many have got it, as far as that is known.
    fn publish(&self, parcel: Parcel) -> u32;

    /// Who made this call has given it up.
    fn cancel(&self, call: CorrelationId) {
        let _ = call;
    }

    /// A component can be sent to in this system.
    fn loaded(&self, component: &ComponentId) {
        let _ = component;
    }

    /// It can't any more.
    fn unloaded(&self, component: &ComponentId) {
        let _ = component;
    }

    /// Somebody in this system subscribed. Once for each component and subscription: who needs to
    /// know the first and the last, counts.
    fn subscribed(&self, pattern: &Pattern, group: Option<&str>) {
        let _ = (pattern, group);
    }

    /// Somebody ended a subscription.
    fn unsubscribed(&self, pattern: &Pattern, group: Option<&str>) {
        let _ = (pattern, group);
    }
}

/// Takes parcels into a system.
pub trait Endpoint: Send + Sync {
    /// Whether a component of that id is here.
    fn knows(&self, component: &ComponentId) -> bool;

    /// Puts an addressed parcel into its target's mailbox. `reply` takes the outcome of a call; it
    /// is called on the thread that ends the call, and should hand over.
    ///
    /// # Errors
    ///
    /// It was refused, as a send from here would be.
    fn deliver(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Refused>;

    /// Gives a published parcel to who is subscribed here, and says how many that were. Groups
    /// that have members here are added to the parcel's.
    fn publish(&self, parcel: &mut Parcel) -> u32;

    /// Ends a call that came in through this endpoint and has not ended.
    fn cancel(&self, call: CorrelationId);
}

/// How a call ends that another system refused, where a send could not be told.
#[must_use]
pub fn refusal_as_end(error: &MessagingError, target: &ComponentId) -> RequestError {
    match error {
        MessagingError::ComponentNotFound => RequestError::ComponentNotFound(target.clone()),
        MessagingError::MailboxFull => RequestError::Dropped,
        MessagingError::PayloadTooLarge { .. }
        | MessagingError::InvalidMessage
        | MessagingError::CodecNotAccepted(_) => RequestError::InvalidPayload(error.to_string()),
        _ => RequestError::Unavailable,
    }
}
