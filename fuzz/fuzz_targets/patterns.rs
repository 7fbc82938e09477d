//! Topics and patterns of both kinds: what they match, against the rule said naively, and that
//! what covers another matches whatever that does.
#![no_main]

use castcall_core::{ComponentId, Pattern, TargetPattern, Topic};
use libfuzzer_sys::fuzz_target;

/// A `*` that is last stands for one segment or more, another for exactly one.
fn matches(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["*"], name) => !name.is_empty(),
        ([one, pattern @ ..], [other, name @ ..]) => {
            (*one == "*" || one == other) && matches(pattern, name)
        }
        _ => false,
    }
}

fn topics(name: &str, one: &str, other: &str) {
    let Ok(one) = one.parse::<Pattern>() else { return };
    assert_eq!(one.to_string().parse(), Ok(one.clone()));
    assert!(one.covers(&one));
    let other = other.parse::<Pattern>();
    if let Ok(topic) = name.parse::<Topic>() {
        let split = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (pattern, segments) = (split(one.as_str()), split(topic.as_str()));
        let pattern: Vec<_> = pattern.iter().map(String::as_str).collect();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        assert_eq!(one.matches(&topic), matches(&pattern, &segments));
        if let Ok(other) = &other
            && one.covers(other)
            && other.matches(&topic)
        {
            assert!(one.matches(&topic));
        }
    }
}

fn targets(name: &str, one: &str, other: &str) {
    let Ok(one) = one.parse::<TargetPattern>() else { return };
    assert_eq!(one.to_string().parse(), Ok(one.clone()));
    assert!(one.covers(&one));
    let other = other.parse::<TargetPattern>();
    if let Ok(id) = name.parse::<ComponentId>() {
        let pattern: Vec<_> = one.segments().collect();
        let segments: Vec<_> = id.as_str().split('/').collect();
        assert_eq!(one.matches(&id), matches(&pattern, &segments));
        assert_eq!(one.covers(&TargetPattern::from(&id)), one.matches(&id));
        if let Ok(other) = &other
            && one.covers(other)
            && other.matches(&id)
        {
            assert!(one.matches(&id));
        }
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (name, one, other) = (next(), next(), next());
    topics(name, one, other);
    targets(name, one, other);
});
