//! A seeded simulation of castcall, in virtual time.
//!
//! * [`Simulation`] runs your native peers, or any components, on one thread with a clock that
//!   stands still until it is moved. What runs next is random and follows from a seed: a run that
//!   went wrong can be made again.
//! * [`chaos`] is such a simulation of components that do everything there is to do, wrongly too,
//!   beside an [`oracle`] that knows what castcall promises about calls, casts and topics, and
//!   watches whether it keeps it.

pub mod chaos;
pub mod oracle;
mod scheduler;
mod simulation;
mod task;

pub use castcall_broker::CallError;
pub use scheduler::SimScheduler;
pub use simulation::{AddPeerError, Simulation};
pub use task::Task;
