//! Who sent what to whom, and what was denied: the audit log of castcall.
//!
//! An [`Audit`] takes one record for each thing that happens and writes it as a line of JSON, on a
//! thread of its own. What the lines say, field by field, stands in `docs/audit.md`. Payloads are
//! never in them.
//!
//! * [`Audit::record`] is for what happens often: sends, deliveries, ends of calls. It is called
//!   on the sender's own path, so it neither waits nor allocates: a [`Record`] of 72 bytes goes to a
//!   queue of this thread's own. If that is full, the record is dropped and counted, and the count
//!   stands in the stream, in its place.
//! * [`Audit::note`] is for what is rare: components loaded, restarted, capabilities changed.
//! * [`Audit::deny`] is for what was denied. None of it is lost: the first few of the same denial in
//!   a second are recorded, and one record has the exact count of the rest.
//!
//! This crate knows nothing of mailboxes, policies or WebAssembly, and reads no wall clock: when
//! something happened is an argument. [`Audit`] has an example.
//!
//! # Order
//!
//! Of one thread, records stand in the order in which it made them. Of two, they stand as the writer
//! found them, up to [`interval`](AuditConfig::interval) apart, so a delivery may stand before its
//! send; sort by `at` where that matters, which is as fine as the clock of who records. Notes and
//! denials come by ways of their own, and are in order among themselves.

mod audit;
mod cache;
mod config;
mod denial;
mod error;
mod file;
mod floods;
mod line;
mod name;
mod note;
mod record;
mod ring;
mod sink;
mod status;
mod stream;
#[cfg(test)]
mod testing;
mod why;
mod writer;

pub use audit::Audit;
pub use cache::{NameCache, Named};
pub use config::{AuditConfig, FailureHook, Fsync, Level, OnFailure};
pub use denial::Denial;
pub use error::{FlushError, OpenError};
pub use name::Name;
pub use note::{Note, NoteKind};
pub use record::{Kind, Record, What};
pub use sink::{Failure, MemorySink, Sink, Sinks, StreamName, WriterSink};
pub use status::Status;
pub use why::Why;
