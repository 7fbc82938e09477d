//! Grants that do nothing, and subscriptions that nothing grants: in order, and worth a look.

use castcall_core::{Pattern, TargetPattern};

use super::Grants;
use crate::component::ComponentManifest;
use crate::problem::ProblemKind;
use crate::read::{Entries, Reader};

/// Warns of grants of what the component does not ask for.
pub(super) fn look_for_use(
    reader: &mut Reader,
    entries: &Entries<'_>,
    grants: &Grants,
    component: &ComponentManifest,
) {
    let asked = &component.capabilities;
    let mut warn = |path: &[&str], granted: &str| {
        let message = format!("`{}` is granted {granted}, and does not ask for it", component.id);
        let problem = reader
            .problem(ProblemKind::NotAsked, entries.whereabouts(path), message)
            .suggest(format!("remove it, or ask for it in `{}` of its manifest", asks(path)))
            .warning();
        reader.note(problem);
    };
    let targets = |granted: &[TargetPattern], asked: &[TargetPattern]| {
        let granted = granted.iter().map(TargetPattern::segments);
        unused(granted, asked.iter().map(TargetPattern::segments), "/")
    };
    let topics = |granted: &[Pattern], asked: &[Pattern]| {
        let granted = granted.iter().map(Pattern::segments);
        unused(granted, asked.iter().map(Pattern::segments), ".")
    };
    for (key, unused) in [
        ("cast", targets(&grants.cast, &asked.cast)),
        ("call", targets(&grants.call, &asked.call)),
        ("publish", topics(&grants.publish, &asked.publish)),
        ("subscribe", topics(&grants.subscribe, &asked.subscribe)),
    ] {
        unused.iter().for_each(|pattern| warn(&[key], &format!("{key} `{pattern}`")));
    }
    let (given, wanted) = (&grants.wasi, &asked.wasi);
    for (key, idle) in [
        ("env", given.env.keys().any(|name| !wanted.env.contains_key(name))),
        ("dirs", given.dirs.iter().any(|dir| wanted.dirs.iter().all(|own| own.guest != dir.guest))),
        ("clocks", given.clocks && !wanted.clocks),
        ("random", given.random && !wanted.random),
        ("stdio", given.stdio && !wanted.stdio),
        ("network", given.network && !wanted.network),
    ] {
        if idle {
            warn(&["wasi", key], &format!("`wasi.{key}`"));
        }
    }
}

/// Where a component asks for what such a key of its grants gives.
fn asks(path: &[&str]) -> String {
    format!("capabilities.{}", path.join("."))
}

/// Warns of subscriptions that will be refused when the component starts.
pub(super) fn look_for_subscriptions(
    reader: &mut Reader,
    entries: &Entries<'_>,
    grants: &Grants,
    component: &ComponentManifest,
) {
    for subscription in &component.topics.subscribe {
        let pattern = &subscription.pattern;
        if !grants.subscribe.iter().any(|granted| granted.covers(pattern)) {
            let message = format!(
                "`{}` subscribes to `{pattern}` from the start, and is not granted that",
                component.id
            );
            let place = entries.whereabouts(&["grants", "subscribe"]);
            let problem = reader
                .problem(ProblemKind::NotGranted, place, message)
                .suggest(format!("add \"{pattern}\" to `grants.subscribe`"))
                .warning();
            reader.note(problem);
        }
    }
}

/// The patterns that have nothing in common with any of those asked for.
fn unused<'a, G, A>(
    granted: impl Iterator<Item = G>,
    asked: impl Iterator<Item = A> + Clone,
    separator: &str,
) -> Vec<String>
where
    G: Iterator<Item = &'a str> + Clone,
    A: Iterator<Item = &'a str>,
{
    granted
        .filter(|granted| !asked.clone().any(|asked| overlap(granted.clone(), asked)))
        .map(|granted| granted.collect::<Vec<_>>().join(separator))
        .collect()
}

/// Whether there is a name that both patterns stand for.
fn overlap<'a>(one: impl Iterator<Item = &'a str>, other: impl Iterator<Item = &'a str>) -> bool {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) => {
                // One or more segments, where the other has at least one.
                let open = (left == "*" && one.peek().is_none())
                    || (right == "*" && other.peek().is_none());
                if open {
                    return true;
                }
                if left != right && left != "*" && right != "*" {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use castcall_core::Topic;
    use proptest::prelude::*;

    use super::*;

    fn overlaps(one: &str, other: &str) -> bool {
        let (one, other) = (Pattern::new(one).unwrap(), Pattern::new(other).unwrap());
        overlap(one.segments(), other.segments())
    }

    #[test]
    fn patterns_that_share_a_name() {
        assert!(overlaps("*", "a.b") && overlaps("a.*", "a.b.c") && overlaps("a.*.c", "a.b.*"));
        assert!(overlaps("*.b", "a.*") && overlaps("a", "a"));
        assert!(!overlaps("a.*", "a") && !overlaps("a.b", "a.c") && !overlaps("a.*.c", "a.b"));
        assert!(!overlaps("a.*.c", "a.b.d"));
    }

    proptest! {
        #[test]
        fn a_name_of_both_is_an_overlap(
            one in "[ab*](\\.[ab*]){0,3}",
            other in "[ab*](\\.[ab*]){0,3}",
            topic in "[ab](\\.[ab]){0,3}",
        ) {
            let topic = Topic::new(topic).unwrap();
            let both = [&one, &other].iter().all(|text| Pattern::new(text).unwrap().matches(&topic));
            prop_assert!(!both || overlaps(&one, &other));
            prop_assert_eq!(overlaps(&one, &other), overlaps(&other, &one));
        }
    }
}
