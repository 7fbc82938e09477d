//! What the integration tests share: fixtures, settings, waiting, and two native peers.

pub mod differential;
mod gate;
mod recorder;
mod settings;
mod stage;
mod text;
mod wait;

pub use gate::Gate;
pub use recorder::{Outcome, Record, Recorder};
pub use settings::{execution, mailbox, memory, restart};
pub use stage::{Stage, fixture, fixture_bytes, fixture_path, lane};
pub use text::{MAIN, responder};
pub use wait::{PATIENCE, eventually, eventually_async};
