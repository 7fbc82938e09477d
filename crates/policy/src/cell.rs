//! Rights that several threads ask.

use std::sync::Arc;

use crate::policy::Policy;
use crate::rights::Rights;
use crate::sync::RwLock;

/// The rights of one component, asked by many threads: those that deliver to it, or that share a
/// handle of it. Whoever sends on one thread at a time holds an `Arc<Rights>` of its own instead,
/// and saves the lock.
///
/// ```
/// use castcall_core::{ComponentId, Topic};
/// use castcall_policy::{Capabilities, Policy, RightsCell};
///
/// let policy = Policy::new();
/// let id: ComponentId = "shop/orders".parse()?;
/// let topics = Capabilities::none().with_subscribe("orders.*".parse()?);
/// policy.grant(&(&id).into(), &topics)?;
/// let cell = RightsCell::new(policy.rights(&id, &topics));
///
/// let topic: Topic = "orders.eu".parse()?;
/// assert!(cell.with(&policy, |rights| rights.may_receive(&topic)));
/// policy.revoke(&"shop/*".parse()?, &topics)?;
/// assert!(!cell.with(&policy, |rights| rights.may_receive(&topic)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RightsCell(RwLock<Arc<Rights>>);

impl RightsCell {
    /// Begins with these.
    #[must_use]
    pub fn new(rights: Arc<Rights>) -> Self {
        Self(RwLock::new(rights))
    }

    /// Asks the rights as of now: no older than every change of `policy` that has returned. Takes a
    /// read lock for as long as `ask` runs, which must not call the cell.
    pub fn with<R>(&self, policy: &Policy, ask: impl FnOnce(&Rights) -> R) -> R {
        // The load comes before the lock, so what is found may be newer still.
        let generation = policy.generation();
        let rights = self.0.read();
        if rights.generation() >= generation {
            return ask(&rights);
        }
        let mut newer = Arc::clone(&rights);
        drop(rights);
        policy.refresh(&mut newer);
        let answer = ask(&newer);
        let mut rights = self.0.write();
        if newer.generation() > rights.generation() {
            *rights = newer;
        }
        answer
    }

    /// The rights as of now.
    #[must_use]
    pub fn get(&self, policy: &Policy) -> Arc<Rights> {
        let mut rights = Arc::clone(&self.0.read());
        policy.refresh(&mut rights);
        rights
    }
}
