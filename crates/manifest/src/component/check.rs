//! What each value may be by itself, and not together with the others.

use super::{ComponentManifest, RestartPolicy};
use crate::problem::ProblemKind;
use crate::read::{Entries, Reader};
use crate::scalar::show_duration;

/// Notes what contradicts itself. `entries` is where it is written, or where something is put
/// over it.
pub(crate) fn check(reader: &mut Reader, entries: &Entries<'_>, manifest: &ComponentManifest) {
    subscriptions(reader, entries, manifest);
    backoff(reader, entries, manifest);
    poison(reader, entries, manifest);
}

fn subscriptions(reader: &mut Reader, entries: &Entries<'_>, manifest: &ComponentManifest) {
    let asked = &manifest.capabilities.subscribe;
    let place = entries.whereabouts(&["topics", "subscribe"]);
    for subscription in &manifest.topics.subscribe {
        let pattern = &subscription.pattern;
        if !asked.iter().any(|asked| asked.covers(pattern)) {
            let message = format!(
                "it subscribes to `{pattern}`, and no pattern of `capabilities.subscribe` covers that"
            );
            let problem = reader
                .problem(ProblemKind::Contradiction, place.clone(), message)
                .suggest(format!("add \"{pattern}\" to `capabilities.subscribe`"));
            reader.note(problem);
        }
    }
    let count = manifest.topics.subscribe.len();
    let quota = manifest.quotas.subscriptions;
    if count > quota as usize {
        let message =
            format!("it has {count} subscriptions, and `quotas.subscriptions` is {quota}");
        let place = entries.written(&["quotas", "subscriptions"]).or(place);
        let problem = reader.problem(ProblemKind::Contradiction, place, message);
        reader.note(problem.expected(format!("at least {count}")));
    }
}

fn backoff(reader: &mut Reader, entries: &Entries<'_>, manifest: &ComponentManifest) {
    let backoff = &manifest.restart.backoff;
    if backoff.max < backoff.initial {
        let (initial, max) = (show_duration(backoff.initial), show_duration(backoff.max));
        let message = format!("the longest wait, {max}, is shorter than the first, {initial}");
        let place = entries
            .written(&["restart", "backoff", "max"])
            .or_else(|| entries.whereabouts(&["restart", "backoff", "initial"]));
        let problem = reader.problem(ProblemKind::Contradiction, place, message);
        reader.note(problem.expected("`max` to be at least `initial`"));
    }
}

/// Only where the threshold is written: a component that may restart twice needs none.
fn poison(reader: &mut Reader, entries: &Entries<'_>, manifest: &ComponentManifest) {
    let restart = &manifest.restart;
    let written = entries.written(&["restart", "poison-threshold"]);
    if written.is_some()
        && restart.policy != RestartPolicy::Never
        && restart.poison_threshold > restart.max_restarts
    {
        let message = format!(
            "a sender is cut off after {} crashes, and the component has failed after {}",
            restart.poison_threshold,
            u64::from(restart.max_restarts) + 1,
        );
        let problem = reader
            .problem(ProblemKind::Contradiction, written, message)
            .expected(format!("at most `max-restarts`, {}", restart.max_restarts));
        reader.note(problem);
    }
}
