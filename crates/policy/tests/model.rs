//! A policy under changes, against a list of rules that is read from front to back.
#![cfg(not(loom))]

use std::collections::BTreeMap;
use std::sync::Arc;

use castcall_core::{ComponentId, Pattern, TargetPattern, Topic};
use castcall_policy::{Action, Capabilities, Policy, PolicyError, Rights, RightsCell, Rule};
use proptest::prelude::*;

/// What the documentation says, without any cleverness.
#[derive(Debug, Default)]
struct Model(BTreeMap<TargetPattern, Rule>);

impl Model {
    fn rule(&mut self, who: &TargetPattern) -> &mut Rule {
        self.0.entry(who.clone()).or_insert_with(|| Rule::new(who.clone()))
    }

    fn grant(&mut self, who: &TargetPattern, more: &Capabilities) {
        let rule = self.rule(who);
        subtract(&mut rule.revoked, more);
        add(&mut rule.granted, more);
    }

    fn revoke(&mut self, who: &TargetPattern, less: &Capabilities) {
        let rule = self.rule(who);
        subtract(&mut rule.granted, less);
        add(&mut rule.revoked, less);
    }

    fn of<'m>(&'m self, id: &'m ComponentId) -> impl Iterator<Item = &'m Rule> + Clone {
        self.0.values().filter(|rule| rule.who.matches(id))
    }

    fn may_cast(&self, id: &ComponentId, asked: &Capabilities, target: &ComponentId) -> bool {
        let any = |list: &[TargetPattern]| list.iter().any(|pattern| pattern.matches(target));
        any(&asked.cast)
            && self.of(id).any(|rule| any(&rule.granted.cast))
            && !self.of(id).any(|rule| any(&rule.revoked.cast))
    }

    fn may_receive(&self, id: &ComponentId, asked: &Capabilities, topic: &Topic) -> bool {
        let any = |list: &[Pattern]| list.iter().any(|pattern| pattern.matches(topic));
        any(&asked.subscribe)
            && self.of(id).any(|rule| any(&rule.granted.subscribe))
            && !self.of(id).any(|rule| any(&rule.revoked.subscribe))
    }

    fn may_subscribe(&self, id: &ComponentId, asked: &Capabilities, to: &Pattern) -> bool {
        let any = |list: &[Pattern]| list.iter().any(|pattern| pattern.covers(to));
        any(&asked.subscribe)
            && self.of(id).any(|rule| any(&rule.granted.subscribe))
            && !self.of(id).any(|rule| rule.revoked.subscribe.iter().any(|by| overlap(by, to)))
    }
}

fn subtract(from: &mut Capabilities, wide: &Capabilities) {
    from.cast.retain(|pattern| !wide.cast.iter().any(|wide| wide.covers(pattern)));
    from.subscribe.retain(|pattern| !wide.subscribe.iter().any(|wide| wide.covers(pattern)));
}

fn add(to: &mut Capabilities, more: &Capabilities) {
    to.cast.extend(more.cast.iter().cloned());
    to.cast.sort();
    to.cast.dedup();
    to.subscribe.extend(more.subscribe.iter().cloned());
    to.subscribe.sort();
    to.subscribe.dedup();
}

/// Whether some topic is matched by both.
fn overlap(one: &Pattern, other: &Pattern) -> bool {
    fn go(one: &[&str], other: &[&str]) -> bool {
        match (one, other) {
            ([], []) => true,
            (["*"], [_, ..]) | ([_, ..], ["*"]) => true,
            ([a, one @ ..], [b, other @ ..]) => {
                (a == b || *a == "*" || *b == "*") && go(one, other)
            }
            _ => false,
        }
    }
    go(&one.segments().collect::<Vec<_>>(), &other.segments().collect::<Vec<_>>())
}

#[derive(Debug, Clone)]
enum Step {
    Grant(TargetPattern, Capabilities),
    Revoke(TargetPattern, Capabilities),
    Set(TargetPattern, Capabilities),
    Remove(TargetPattern),
    Reload,
}

fn targets() -> impl Strategy<Value = TargetPattern> {
    "[ab*](/[ab*]){0,2}".prop_map(|text| text.parse().unwrap())
}

fn topics() -> impl Strategy<Value = Pattern> {
    "[ab*](\\.[ab*]){0,2}".prop_map(|text| text.parse().unwrap())
}

fn capabilities(most: usize) -> impl Strategy<Value = Capabilities> {
    let cast = prop::collection::btree_set(targets(), 0..=most);
    let subscribe = prop::collection::btree_set(topics(), 0..=most);
    (cast, subscribe).prop_map(|(cast, subscribe)| {
        let mut capabilities = Capabilities::none();
        capabilities.cast = cast.into_iter().collect();
        capabilities.subscribe = subscribe.into_iter().collect();
        capabilities
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (targets(), capabilities(2)).prop_map(|(who, more)| Step::Grant(who, more)),
        2 => (targets(), capabilities(2)).prop_map(|(who, less)| Step::Revoke(who, less)),
        1 => (targets(), capabilities(2)).prop_map(|(who, all)| Step::Set(who, all)),
        1 => targets().prop_map(Step::Remove),
        1 => Just(Step::Reload),
    ]
}

fn apply(step: &Step, policy: &Policy, model: &mut Model) -> Result<(), TestCaseError> {
    let before = policy.generation();
    let changed = match step {
        Step::Grant(who, more) => match policy.grant(who, more) {
            Ok(()) => {
                model.grant(who, more);
                true
            }
            Err(PolicyError::Empty { .. }) => {
                prop_assert!(more.is_none());
                false
            }
            Err(error) => {
                prop_assert!(matches!(error, PolicyError::Contradictory { .. }), "{}", error);
                // It would not have been granted in full.
                let mut revoked = model.rule(who).revoked.clone();
                subtract(&mut revoked, more);
                let overlapping = |by: &TargetPattern, to: &TargetPattern| {
                    let topic = |p: &TargetPattern| p.as_str().replace('/', ".").parse();
                    overlap(&topic(by).unwrap(), &topic(to).unwrap())
                };
                let casts =
                    more.cast.iter().any(|p| revoked.cast.iter().any(|r| overlapping(r, p)));
                let topics =
                    more.subscribe.iter().any(|p| revoked.subscribe.iter().any(|r| overlap(r, p)));
                prop_assert!(casts || topics);
                false
            }
        },
        Step::Revoke(who, less) => match policy.revoke(who, less) {
            Ok(()) => {
                model.revoke(who, less);
                true
            }
            Err(error) => {
                prop_assert!(less.is_none(), "{}", error);
                false
            }
        },
        Step::Set(who, all) => {
            policy.set(who, all).unwrap();
            model.0.remove(who);
            model.grant(who, all);
            true
        }
        Step::Remove(who) => {
            let removed = policy.remove(who);
            prop_assert_eq!(removed, model.0.remove(who).is_some());
            removed
        }
        Step::Reload => {
            policy.replace(policy.rules()).unwrap();
            true
        }
    };
    prop_assert_eq!(policy.generation(), before + u64::from(changed));
    Ok(())
}

fn compare(model: &Model, asked: &Capabilities, rights: &Arc<Rights>) -> Result<(), TestCaseError> {
    let id = rights.component();
    for target in ["a", "b", "c", "a/a", "a/b", "b/a/b", "c/a", "a/b/c", "a/b/c/a"] {
        let target: ComponentId = target.parse().unwrap();
        let expected = model.may_cast(id, asked, &target);
        prop_assert_eq!(rights.may_cast(target.as_str()), expected);
        prop_assert_eq!(rights.to_target(target.as_str()).cast, expected);
        prop_assert!(!rights.may_call(target.as_str()));
        let explanation = rights.explain(Action::Cast(&target));
        prop_assert_eq!(explanation.is_allowed(), expected, "{}", explanation);

        let topic: Topic = target.as_str().replace('/', ".").parse().unwrap();
        let expected = model.may_receive(id, asked, &topic);
        prop_assert_eq!(rights.may_receive(&topic), expected);
        prop_assert!(!rights.may_publish(&topic));
        prop_assert_eq!(rights.explain(Action::Receive(&topic)).is_allowed(), expected);
    }
    for pattern in ["a", "*", "a.*", "*.a", "*.*", "a.b.*", "a.*.b", "*.b.a", "c.*", "b.b.b.*"] {
        let pattern: Pattern = pattern.parse().unwrap();
        let expected = model.may_subscribe(id, asked, &pattern);
        prop_assert_eq!(rights.may_subscribe(&pattern), expected);
        prop_assert_eq!(rights.explain(Action::Subscribe(&pattern)).is_allowed(), expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn says_what_a_list_of_rules_says(
        steps in prop::collection::vec(steps(), 1..12),
        asked in capabilities(4),
        id in "[ab](/[ab]){0,2}",
    ) {
        let (policy, mut model) = (Policy::new(), Model::default());
        let id: ComponentId = id.parse().unwrap();
        let mut rights = policy.rights(&id, &asked);
        let cell = RightsCell::new(Arc::clone(&rights));
        for step in steps {
            apply(&step, &policy, &mut model)?;
            let before = Arc::clone(&rights);
            let void = policy.refresh(&mut rights);
            prop_assert_eq!(rights.generation(), policy.generation());
            if !void {
                // What was remembered holds on.
                compare(&model, &asked, &before)?;
            }
            compare(&model, &asked, &rights)?;
            compare(&model, &asked, &policy.rights(&id, &asked))?;
            compare(&model, &asked, &cell.get(&policy))?;
            cell.with(&policy, |now| assert_eq!(now.generation(), policy.generation()));
            for rule in policy.rules() {
                prop_assert_eq!(policy.rule(&rule.who), Some(rule));
            }
        }
    }
}
