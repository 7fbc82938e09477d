//! What one component may do.

use std::fmt;
use std::sync::Arc;

use castcall_core::{ComponentId, Pattern, Topic};

use crate::rule::{Compiled, CompiledRule};
use crate::set::{Form, PatternSet};

/// What one component may do: what it asks for and some rule grants, less what a rule revokes.
/// Made by [`Policy::rights`](crate::Policy::rights), and as of one
/// [generation](Rights::generation) of that policy.
///
/// A question costs by the segments of the name and by how many rules are for this component, not
/// by how many patterns or rules there are: see the crate's benchmark. It does not check the
/// generation: [`Policy::refresh`](crate::Policy::refresh) first, once for each send.
pub struct Rights {
    generation: u64,
    component: ComponentId,
    pub(crate) asked: Arc<Compiled>,
    /// Shared with the policy and with the rights of others that they are for. Never changed.
    pub(crate) rules: Box<[Arc<CompiledRule>]>,
}

/// What a component may send to one target: to be remembered beside the route there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetRights {
    /// Whether it may cast to it.
    pub cast: bool,
    /// Whether it may call it.
    pub call: bool,
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights")
            .field("generation", &self.generation)
            .field("component", &self.component)
            .finish_non_exhaustive()
    }
}

impl Rights {
    pub(crate) fn new(
        generation: u64,
        component: ComponentId,
        asked: Arc<Compiled>,
        rules: Box<[Arc<CompiledRule>]>,
    ) -> Self {
        Self { generation, component, asked, rules }
    }

    /// By rules of another generation.
    pub(crate) fn renewed(&self, generation: u64, rules: Box<[Arc<CompiledRule>]>) -> Self {
        Self::new(generation, self.component.clone(), Arc::clone(&self.asked), rules)
    }

    /// Whether these very rules are what it is made by. Rules that somebody holds are replaced, not
    /// changed; and as it holds its own, no other can have come to stand at their place in memory.
    pub(crate) fn is_by(&self, rules: &[Arc<CompiledRule>]) -> bool {
        self.rules.len() == rules.len()
            && self.rules.iter().zip(rules).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The [generation of the policy](crate::Policy::generation) that these are of.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whose they are.
    #[must_use]
    pub fn component(&self) -> &ComponentId {
        &self.component
    }

    /// Whether it may cast to `target`. The form of the id is not checked: one that is out of form
    /// is allowed, or not, by the patterns all the same.
    #[must_use]
    pub fn may_cast(&self, target: &str) -> bool {
        self.may(|of| &of.cast, target)
    }

    /// Whether it may call `target`. The form of the id is not checked.
    #[must_use]
    pub fn may_call(&self, target: &str) -> bool {
        self.may(|of| &of.call, target)
    }

    /// Both, to be remembered beside the route to `target` for as long as
    /// [`Policy::refresh`](crate::Policy::refresh) says `false`.
    #[must_use]
    pub fn to_target(&self, target: &str) -> TargetRights {
        TargetRights { cast: self.may_cast(target), call: self.may_call(target) }
    }

    /// Whether it may publish to `topic`.
    #[must_use]
    pub fn may_publish(&self, topic: &Topic) -> bool {
        self.may(|of| &of.publish, topic.as_str())
    }

    /// Whether it may subscribe to `pattern`: that lies within one pattern that it asks for, and
    /// within one that is granted, and has nothing in common with one that is revoked.
    #[must_use]
    pub fn may_subscribe(&self, pattern: &Pattern) -> bool {
        self.asked.subscribe.covering(pattern).is_some()
            && self.rules.iter().any(|rule| rule.granted.subscribe.covering(pattern).is_some())
            && !self
                .rules
                .iter()
                .any(|rule| rule.revoked.subscribe.overlapping(pattern, |_| true).is_some())
    }

    /// Whether it may be given what is published to `topic`. To be asked at each delivery, so that
    /// revoking works on what is subscribed.
    #[must_use]
    pub fn may_receive(&self, topic: &Topic) -> bool {
        self.may(|of| &of.subscribe, topic.as_str())
    }

    #[inline]
    fn may<P: Form>(&self, list: impl Fn(&Compiled) -> &PatternSet<P>, name: &str) -> bool {
        list(&self.asked).matches(name)
            && self.rules.iter().any(|rule| list(&rule.granted).matches(name))
            && !self.rules.iter().any(|rule| list(&rule.revoked).matches(name))
    }
}
