//! The seam behind which a guest is entered. Nothing on this side of it knows how.
//!
//! The unit is the turn, not the message: an instance is given an [`Inbox`] and empties it. So an
//! implementation may stay inside its guest from one message to the next.

use castcall_core::{ComponentError, CrashCode};
use thiserror::Error;

use crate::context::Context;
use crate::inbox::Inbox;
use crate::message::Message;

/// One running copy of a component.
pub trait Instance: Send {
    /// Called once, before everything else, with the manifest's configuration.
    ///
    /// # Errors
    ///
    /// The component refuses to run, or crashes.
    fn init(&mut self, config: &[(String, String)]) -> Result<(), StartError>;

    /// Handles what [`Inbox::next`] gives, until it gives nothing more.
    ///
    /// # Errors
    ///
    /// The guest crashed. The instance is not used again.
    fn run(&mut self, inbox: &mut Inbox) -> Result<(), CrashCode>;

    /// After a crash in [`Instance::run`]: the message that the guest crashed with, so that it can
    /// be given to the next instance, or kept as a dead letter. Without it only a number is left.
    fn take_in_hand(&mut self) -> Option<Message>;

    /// Called last, when the component is stopped in order.
    ///
    /// # Errors
    ///
    /// The guest crashed.
    fn shutdown(&mut self) -> Result<(), CrashCode>;
}

/// Makes the instances of one component, one after the other.
pub trait Factory: Send + Sync + 'static {
    /// Makes an instance that acts through `context`. Runs on a worker.
    ///
    /// # Errors
    ///
    /// The guest crashed while it was being made, or there was no room for it.
    fn instantiate(&self, context: Context) -> Result<Box<dyn Instance>, StartError>;
}

/// Why an instance did not start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its `init` returned an error: mend its configuration.
    #[error("init refused: {0}")]
    Refused(ComponentError),
    /// It crashed, in `init` or before.
    #[error("crashed at its start: {0}")]
    Crashed(CrashCode),
    /// There was no room for it: raise the limit, or unload something.
    #[error("no room for another instance")]
    NoRoom,
    /// It was stopped before it had started.
    #[error("stopped before it had started")]
    Stopped,
}
