//! Mailboxes, routing, calls, topics and supervision.
//!
//! A [`Broker`] knows components and native peers by id, each with a bounded mailbox, and moves
//! messages between them. It has no thread and no timer of its own: a [`Scheduler`] runs whoever
//! is [`Ready`], and somebody calls [`Broker::expire`] when it is due. So the same code runs on a
//! thread pool, and in a test that moves time by hand.
//!
//! How a component is entered is behind one seam, [`Instance`]: this crate knows nothing of
//! WebAssembly.
//!
//! A message goes from [`Context::send_message`] through [`send`](crate) into the target's
//! mailbox, wakes the target if it was idle, is taken in a batch by its turn, given out by
//! [`Inbox::next`], handled by the [`Instance`], and answered by [`Inbox::finish`], which gives the
//! answer of a call to the mailbox of who asked.

mod audited;
mod beyond;
mod broker;
mod budget;
mod clock;
mod config;
mod context;
mod dead_letters;
mod guard;
mod handle;
mod inbox;
mod instance;
mod ledger;
#[cfg(test)]
#[cfg(loom)]
mod loom_tests;
mod mailbox;
mod message;
mod native;
mod on_end;
mod peer;
mod poison;
mod routes;
mod send;
mod spans;
mod stats;
mod supervise;
mod sync;
mod timings;
mod turn;

pub use beyond::AttachError;
pub use broker::{AddError, Broker, Handlers, Scheduler, WeakBroker};
pub use castcall_audit::Audit;
pub use castcall_correlation::PendingCounts;
pub use castcall_policy::{Action, Capabilities, Explanation, Policy, QuotaError, Quotas, Rate};
pub use castcall_topics::Group;
pub use clock::{Clock, ManualClock};
pub use config::{BrokerConfig, MailboxConfig, Overflow, PeerConfig, RestartConfig, RestartPolicy};
pub use context::{Context, DeferError, Interrupt, MessageRate, ReplyError, Usage};
pub use dead_letters::{ResendError, ResendRefusal};
pub use handle::{CallError, ComponentHandle, SendError};
pub use inbox::{Inbox, Work};
pub use instance::{Factory, Instance, StartError};
pub use ledger::Ledger;
pub use mailbox::Depth;
pub use message::{Callback, Message};
pub use native::{NativePeer, native_factory};
pub use peer::PeerState;
pub use send::Payload;
pub use spans::{Follows, Tracer, Tracing};
pub use stats::MessagingStats;
pub use timings::{Latencies, Latency};
pub use turn::Ready;
