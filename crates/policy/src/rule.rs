//! Rules, as data and compiled.

use castcall_core::{Pattern, TargetPattern};
use serde::{Deserialize, Serialize};

use crate::capabilities::{Capabilities, Capability};
use crate::error::PolicyError;
use crate::set::{Form, PatternSet};

/// What a policy says of one component, or of all whose ids a pattern stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// Whom it is for.
    pub who: TargetPattern,
    /// What they have.
    #[serde(default)]
    pub granted: Capabilities,
    /// What they do not have, whichever rule grants it.
    #[serde(default)]
    pub revoked: Capabilities,
}

impl Rule {
    /// Grants and revokes nothing.
    #[must_use]
    pub fn new(who: TargetPattern) -> Self {
        Self { who, granted: Capabilities::none(), revoked: Capabilities::none() }
    }

    /// The rule, with these granted in place of what was.
    #[must_use]
    pub fn granting(mut self, granted: Capabilities) -> Self {
        self.granted = granted;
        self
    }

    /// The rule, with these revoked in place of what was.
    #[must_use]
    pub fn revoking(mut self, revoked: Capabilities) -> Self {
        self.revoked = revoked;
        self
    }
}

/// [`Capabilities`], ready to be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    pub(crate) cast: PatternSet<TargetPattern>,
    pub(crate) call: PatternSet<TargetPattern>,
    pub(crate) publish: PatternSet<Pattern>,
    pub(crate) subscribe: PatternSet<Pattern>,
}

impl Compiled {
    pub(crate) fn new(capabilities: &Capabilities) -> Self {
        let mut compiled = Self::default();
        compiled.add(capabilities);
        compiled
    }

    fn add(&mut self, more: &Capabilities) {
        self.cast.add(&more.cast);
        self.call.add(&more.call);
        self.publish.add(&more.publish);
        self.subscribe.add(&more.subscribe);
    }

    fn remove_within(&mut self, wide: &Capabilities) {
        self.cast.remove_within(&wide.cast);
        self.call.remove_within(&wide.call);
        self.publish.remove_within(&wide.publish);
        self.subscribe.remove_within(&wide.subscribe);
    }

    fn count(&self) -> usize {
        self.cast.len() + self.call.len() + self.publish.len() + self.subscribe.len()
    }

    fn to_capabilities(&self) -> Capabilities {
        Capabilities {
            cast: self.cast.to_vec(),
            call: self.call.to_vec(),
            publish: self.publish.to_vec(),
            subscribe: self.subscribe.to_vec(),
        }
    }
}

/// A [`Rule`], ready to be asked. What is revoked outranks what is granted.
#[derive(Debug, Clone)]
pub(crate) struct CompiledRule {
    pub(crate) who: TargetPattern,
    pub(crate) granted: Compiled,
    pub(crate) revoked: Compiled,
}

impl CompiledRule {
    pub(crate) fn new(who: &TargetPattern) -> Self {
        Self { who: who.clone(), granted: Compiled::default(), revoked: Compiled::default() }
    }

    /// Grants, and lifts the revocations within what is granted. Check
    /// [`CompiledRule::check_grant`] first.
    pub(crate) fn grant(&mut self, more: &Capabilities) {
        self.revoked.remove_within(more);
        self.granted.add(more);
    }

    /// Revokes, and forgets the grants within what is revoked.
    pub(crate) fn revoke(&mut self, less: &Capabilities) {
        self.granted.remove_within(less);
        self.revoked.add(less);
    }

    /// How many patterns, granted and revoked.
    pub(crate) fn count(&self) -> usize {
        self.granted.count() + self.revoked.count()
    }

    pub(crate) fn to_rule(&self) -> Rule {
        Rule {
            who: self.who.clone(),
            granted: self.granted.to_capabilities(),
            revoked: self.revoked.to_capabilities(),
        }
    }

    /// Looks for a revocation that would stay, in whole or in part, if `more` were granted.
    pub(crate) fn check_grant(&self, more: &Capabilities) -> Result<(), PolicyError> {
        self.check(more, Clash::Overlap)
    }

    fn check(&self, granted: &Capabilities, clash: Clash) -> Result<(), PolicyError> {
        let revoked = &self.revoked;
        self.check_list(Capability::Cast, &granted.cast, &revoked.cast, clash)?;
        self.check_list(Capability::Call, &granted.call, &revoked.call, clash)?;
        self.check_list(Capability::Publish, &granted.publish, &revoked.publish, clash)?;
        self.check_list(Capability::Subscribe, &granted.subscribe, &revoked.subscribe, clash)
    }

    fn check_list<P: Form>(
        &self,
        capability: Capability,
        granted: &[P],
        revoked: &PatternSet<P>,
        clash: Clash,
    ) -> Result<(), PolicyError> {
        // What any of the grants covers is lifted.
        let stays = |revoked: &P| !granted.iter().any(|granted| granted.covers(revoked));
        for pattern in granted {
            let clashing = match clash {
                Clash::Overlap => revoked.overlapping(pattern, stays),
                Clash::Within => revoked.covering(pattern),
            };
            if let Some(revoked) = clashing {
                return Err(PolicyError::Contradictory {
                    who: self.who.clone(),
                    capability,
                    granted: pattern.as_ref().to_owned(),
                    revoked: revoked.as_ref().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// What a grant must not do to a revocation of the same rule.
#[derive(Clone, Copy)]
enum Clash {
    /// Leave some of it, where the grant comes later.
    Overlap,
    /// Lie within it, where both are said at once.
    Within,
}

impl TryFrom<Rule> for CompiledRule {
    type Error = PolicyError;

    fn try_from(rule: Rule) -> Result<Self, PolicyError> {
        rule.granted.check()?;
        rule.revoked.check()?;
        let mut compiled = Self::new(&rule.who);
        compiled.revoked.add(&rule.revoked);
        compiled.check(&rule.granted, Clash::Within)?;
        compiled.granted.add(&rule.granted);
        Ok(compiled)
    }
}
