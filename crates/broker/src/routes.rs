//! Where an instance has sent before, and whether it may.

use std::sync::Arc;

use castcall_audit::Name;
use castcall_core::{ComponentId, MessagingError, Topic};
use castcall_policy::{Rights, TargetRights};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::peer::Peer;

/// How many routes a context remembers. Beyond that it forgets them all and begins anew.
const MAX_ROUTES: usize = 1024;

/// Where a component has sent before, and that it may: saves the registry's lock, the check of the
/// id's form, and the policy.
pub(crate) struct Routes {
    generation: u64,
    rights: Arc<Rights>,
    /// Most components send to the same one again.
    last: Option<Route>,
    known: HashMap<ComponentId, Route, FixedState>,
    /// The topic published to last, and whether it may.
    topic: Option<(Topic, bool, Name)>,
}

#[derive(Clone)]
struct Route {
    peer: Arc<Peer>,
    rights: TargetRights,
}

impl Routes {
    pub(crate) fn new(sender: &Peer) -> Self {
        Self {
            generation: sender.broker.generation(),
            rights: sender.guard.rights(sender.broker.policy()),
            last: None,
            known: HashMap::with_hasher(FixedState::default()),
            topic: None,
        }
    }

    /// Forgets what may be true no more.
    #[inline]
    fn refresh(&mut self, sender: &Peer) {
        let broker = &sender.broker;
        // Something was unloaded: its routes must not keep it in memory, or alive.
        let generation = broker.generation();
        if broker.policy().refresh(&mut self.rights) || generation != self.generation {
            self.forget(generation);
        }
    }

    #[cold]
    fn forget(&mut self, generation: u64) {
        self.generation = generation;
        self.last = None;
        self.known.clear();
        self.topic = None;
    }

    /// The way to `target`, if the sender may go it; that is said before whether it is there.
    pub(crate) fn resolve(
        &mut self,
        sender: &Peer,
        target: &str,
        may: impl FnOnce(TargetRights) -> bool,
    ) -> Result<&Arc<Peer>, MessagingError> {
        self.refresh(sender);
        let hit = self.last.as_ref().is_some_and(|last| last.peer.id == *target);
        if hit {
            let last = self.last.as_ref().ok_or(MessagingError::ComponentNotFound)?;
            return if may(last.rights) {
                Ok(&last.peer)
            } else {
                Err(MessagingError::CapabilityDenied)
            };
        }
        let route = self.look_up(sender, target, may)?;
        Ok(&self.last.insert(route).peer)
    }

    #[cold]
    fn look_up(
        &mut self,
        sender: &Peer,
        target: &str,
        may: impl FnOnce(TargetRights) -> bool,
    ) -> Result<Route, MessagingError> {
        let known = self.known.get(target);
        let rights = known.map_or_else(|| self.rights.to_target(target), |route| route.rights);
        if !may(rights) {
            return Err(MessagingError::CapabilityDenied);
        }
        if let Some(route) = known {
            return Ok(route.clone());
        }
        let route = Route { peer: sender.broker.route(target)?, rights };
        if self.known.len() >= MAX_ROUTES {
            self.known.clear();
        }
        self.known.insert(route.peer.id.clone(), route.clone());
        Ok(route)
    }

    /// The topic of that name, and how the audit knows it, if the sender may publish to it.
    pub(crate) fn topic(
        &mut self,
        sender: &Peer,
        name: &str,
    ) -> Result<(&Topic, &Name), MessagingError> {
        self.refresh(sender);
        if self.topic.as_ref().is_none_or(|(topic, ..)| topic.as_str() != name) {
            let topic = Topic::new(name).map_err(|_| MessagingError::InvalidTopic)?;
            let may = self.rights.may_publish(&topic);
            let name = sender.broker.auditor.audit.name(&topic);
            self.topic = Some((topic, may, name));
        }
        match &self.topic {
            Some((topic, true, name)) => Ok((topic, name)),
            _ => Err(MessagingError::CapabilityDenied),
        }
    }
}
