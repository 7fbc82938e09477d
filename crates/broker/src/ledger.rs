//! What is to outlive a component, or the process, and who keeps it.

use castcall_core::{ComponentId, DeadLetter, Pattern};
use castcall_topics::Group;

/// Keeps what the broker lets go of: dead letters, and the subscriptions made at run time.
///
/// Called on the way of messages, perhaps with a guest on the stack: an implementation hands over
/// to somebody else and never waits. By default, nothing is kept.
pub trait Ledger: Send + Sync + 'static {
    /// A message that was accepted and will not be handled.
    fn dead_letter(&self, letter: DeadLetter) {
        let _ = letter;
    }

    /// A component subscribed, at run time, to what it was not subscribed to before.
    fn subscribed(&self, component: &ComponentId, pattern: &Pattern, group: Option<&Group>) {
        let _ = (component, pattern, group);
    }

    /// A component ended its subscriptions to `pattern`, in whatever groups.
    fn unsubscribed(&self, component: &ComponentId, pattern: &Pattern) {
        let _ = (component, pattern);
    }

    /// A component was unloaded, and with it its subscriptions. Not called when the system ends.
    fn unloaded(&self, component: &ComponentId) {
        let _ = component;
    }
}

/// Keeps nothing.
pub(crate) struct Forgetful;

impl Ledger for Forgetful {}
