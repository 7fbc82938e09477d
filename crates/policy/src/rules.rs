//! All rules of a policy, found by the ids that they are for.

use std::sync::Arc;

use castcall_core::{ComponentId, TargetPattern};

use crate::Policy;
use crate::capabilities::Capabilities;
use crate::error::PolicyError;
use crate::rule::{CompiledRule, Rule};
use crate::set::Form;
use crate::trie::Trie;

/// Each method that fails has changed nothing.
#[derive(Debug)]
pub(crate) struct Rules {
    by_who: Trie<Arc<CompiledRule>>,
    /// In all rules.
    patterns: usize,
}

impl Rules {
    fn empty() -> Self {
        Self { by_who: Trie::new(TargetPattern::SEPARATOR), patterns: 0 }
    }

    /// `host` has everything.
    pub(crate) fn new() -> Self {
        let mut rules = Self::empty();
        rules.put(for_host());
        rules
    }

    /// Everybody has everything.
    pub(crate) fn open() -> Self {
        let mut rules = Self::new();
        let all = Capabilities::all();
        for everybody in &all.cast {
            rules.edit(everybody, |rule| rule.grant(&all));
        }
        rules
    }

    pub(crate) fn from_rules(rules: impl IntoIterator<Item = Rule>) -> Result<Self, PolicyError> {
        let mut all = Self::empty();
        for rule in rules {
            let rule = CompiledRule::try_from(rule)?;
            if all.by_who.get(rule.who.as_str()).is_some() {
                return Err(PolicyError::DuplicateRule { who: rule.who });
            }
            all.put(rule);
            all.check_room(0, 0)?;
        }
        let host = for_host();
        if all.by_who.get(host.who.as_str()).is_none() {
            all.put(host);
        }
        Ok(all)
    }

    pub(crate) fn get(&self, who: &TargetPattern) -> Option<&CompiledRule> {
        self.by_who.get(who.as_str()).map(|rule| &**rule)
    }

    pub(crate) fn for_each(&self, mut visit: impl FnMut(&CompiledRule)) {
        self.by_who.for_each(|rule| visit(rule));
    }

    /// The rules that are for `component`.
    pub(crate) fn of(&self, component: &ComponentId) -> Box<[Arc<CompiledRule>]> {
        let mut found = Vec::new();
        self.by_who.visit(component.as_str(), |rule| found.push(Arc::clone(rule)));
        found.into()
    }

    pub(crate) fn grant(
        &mut self,
        who: &TargetPattern,
        more: &Capabilities,
    ) -> Result<(), PolicyError> {
        if let Some(rule) = self.get(who) {
            rule.check_grant(more)?;
        }
        self.check_room(more.count(), 0)?;
        self.edit(who, |rule| rule.grant(more));
        Ok(())
    }

    /// There is always room to revoke.
    pub(crate) fn revoke(&mut self, who: &TargetPattern, less: &Capabilities) {
        self.edit(who, |rule| rule.revoke(less));
    }

    pub(crate) fn set(
        &mut self,
        who: &TargetPattern,
        granted: &Capabilities,
    ) -> Result<(), PolicyError> {
        let before = self.get(who).map_or(0, CompiledRule::count);
        self.check_room(granted.count(), before)?;
        let mut rule = CompiledRule::new(who);
        rule.grant(granted);
        self.remove(who);
        self.put(rule);
        Ok(())
    }

    pub(crate) fn remove(&mut self, who: &TargetPattern) -> bool {
        let Some(rule) = self.by_who.remove(who.as_str()) else { return false };
        self.patterns -= rule.count();
        true
    }

    /// In no other's place.
    fn put(&mut self, rule: CompiledRule) {
        self.patterns += rule.count();
        let who = rule.who.clone();
        self.by_who.get_or_insert_with(who.as_str(), || Arc::new(rule));
    }

    /// Changes a copy, if somebody's rights hold the rule as it is.
    fn edit(&mut self, who: &TargetPattern, edit: impl FnOnce(&mut CompiledRule)) {
        let make = || Arc::new(CompiledRule::new(who));
        let rule = Arc::make_mut(self.by_who.get_or_insert_with(who.as_str(), make));
        self.patterns -= rule.count();
        edit(rule);
        self.patterns += rule.count();
    }

    fn check_room(&self, more: usize, less: usize) -> Result<(), PolicyError> {
        let room = self.patterns - less + more <= Policy::MAX_PATTERNS;
        if room { Ok(()) } else { Err(PolicyError::TooManyPatterns) }
    }
}

fn for_host() -> CompiledRule {
    let mut rule = CompiledRule::new(&TargetPattern::from(&ComponentId::host()));
    rule.grant(&Capabilities::all());
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_count() {
        let who: TargetPattern = "a/*".parse().unwrap();
        let cast = |pattern: &str| Capabilities::none().with_cast(pattern.parse().unwrap());
        let mut rules = Rules::new();
        assert_eq!(rules.patterns, 4);
        rules.grant(&who, &cast("x")).unwrap();
        rules.grant(&who, &cast("x")).unwrap();
        rules.grant(&who, &cast("x/y")).unwrap();
        assert_eq!(rules.patterns, 6);
        rules.revoke(&who, &cast("x/*"));
        assert_eq!(rules.patterns, 6);
        rules.revoke(&who, &cast("*"));
        assert_eq!(rules.patterns, 6);
        rules.set(&who, &cast("z")).unwrap();
        assert_eq!(rules.patterns, 5);
        assert!(rules.remove(&who) && !rules.remove(&who));
        assert_eq!(rules.patterns, 4);
    }

    #[test]
    fn has_an_end() {
        let who: TargetPattern = "a".parse().unwrap();
        let one = Capabilities::none().with_cast("x".parse().unwrap());
        let mut rules = Rules::new();
        rules.grant(&who, &one).unwrap();
        rules.patterns = Policy::MAX_PATTERNS;
        assert_eq!(rules.grant(&who, &one), Err(PolicyError::TooManyPatterns));
        let two = one.clone().with_call("x".parse().unwrap());
        assert_eq!(rules.set(&who, &two), Err(PolicyError::TooManyPatterns));
        assert!(rules.get(&who).is_some());
        assert_eq!(rules.set(&who, &one), Ok(()));
        rules.revoke(&who, &two);
        assert_eq!(rules.patterns, Policy::MAX_PATTERNS + 1);
    }
}
