//! The same denial again and again: its first few are recorded, the rest is counted.

use std::collections::HashMap;

use crate::denial::{Denial, Denied};
use crate::line::cut;
use crate::name::Name;
use crate::record::{About, What};
use crate::why::Why;

/// The denials of one second, by who tried what, and to whom.
///
/// Bounded by the number of components: of each, so many targets are told apart, and the rest is
/// `*`.
#[derive(Debug)]
pub(crate) struct Floods {
    first: u32,
    targets: usize,
    senders: HashMap<u32, Sender>,
}

#[derive(Debug)]
struct Sender {
    name: Name,
    targets: HashMap<Box<str>, Vec<Tally>>,
    /// To other targets.
    others: Vec<Tally>,
}

/// Of one action, and one reason to deny it.
#[derive(Debug)]
struct Tally {
    what: What,
    why: Why,
    /// Recorded one by one.
    recorded: u32,
    /// And not.
    repeated: u64,
    since: u64,
    until: u64,
}

impl Floods {
    /// Records `first` of each denial, and tells `targets` of each component apart.
    pub(crate) fn new(first: u32, targets: u32) -> Self {
        Self { first, targets: targets as usize, senders: HashMap::new() }
    }

    /// Whether to record this one by itself; otherwise it has been counted. `room`: whether it
    /// could be.
    pub(crate) fn admit(&mut self, denial: &Denial<'_>, room: bool) -> bool {
        let sender = self.senders.entry(denial.who.index).or_insert_with(|| Sender {
            name: denial.who.clone(),
            targets: HashMap::new(),
            others: Vec::new(),
        });
        let whom = cut(denial.whom);
        let known = sender.targets.contains_key(whom);
        let (tallies, first) = if known || sender.targets.len() < self.targets {
            if !known {
                sender.targets.insert(whom.into(), Vec::new());
            }
            (sender.targets.get_mut(whom).unwrap_or(&mut sender.others), self.first)
        } else {
            (&mut sender.others, 0)
        };
        let same = |tally: &&mut Tally| tally.what == denial.what && tally.why == denial.why;
        if let Some(tally) = tallies.iter_mut().find(same) {
            return tally.count(denial.at.as_unix_nanos(), room && tally.recorded < first);
        }
        let at = denial.at.as_unix_nanos();
        let (what, why) = (denial.what, denial.why);
        let mut tally = Tally { what, why, recorded: 0, repeated: 0, since: at, until: at };
        let recorded = tally.count(at, room && first > 0);
        tallies.push(tally);
        recorded
    }

    /// Ends the second.
    pub(crate) fn end(&mut self) -> Counts {
        Counts(std::mem::take(&mut self.senders))
    }
}

/// What was counted in a second.
#[derive(Default)]
pub(crate) struct Counts(HashMap<u32, Sender>);

impl Counts {
    /// One for each denial that was not only recorded, in order of time.
    pub(crate) fn into_denied(self) -> Vec<Denied> {
        let mut counted = Vec::new();
        for sender in self.0.into_values() {
            let others = (Box::from("*"), sender.others);
            for (whom, tallies) in sender.targets.into_iter().chain([others]) {
                for tally in tallies.into_iter().filter(|tally| tally.repeated > 0) {
                    counted.push(Denied {
                        at: tally.until,
                        who: sender.name.clone(),
                        what: tally.what,
                        whom: whom.clone(),
                        why: tally.why,
                        about: About::default(),
                        repeated: Some((tally.repeated, tally.since)),
                    });
                }
            }
        }
        counted.sort_by_key(|denied| denied.at);
        counted
    }
}

impl Tally {
    fn count(&mut self, at: u64, record: bool) -> bool {
        if record {
            self.recorded += 1;
            return true;
        }
        if self.repeated == 0 {
            self.since = at;
        }
        self.repeated += 1;
        self.until = self.until.max(at);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Sort, Table};
    use castcall_core::Timestamp;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn denial<'a>(at: u64, who: &'a Name, what: What, whom: &'a str) -> Denial<'a> {
        Denial::new(Timestamp::from_unix_nanos(at), who, what, whom)
    }

    #[test]
    fn the_first_are_recorded_and_the_rest_counted() {
        let name = Arc::new(Table::default()).name(1, Sort::Component, "a");
        let mut floods = Floods::new(2, 8);
        let admitted: Vec<_> =
            (0..5).map(|at| floods.admit(&denial(at, &name, What::Cast, "b"), true)).collect();
        assert_eq!(admitted, [true, true, false, false, false]);
        // Another action, and another reason, are another denial.
        assert!(floods.admit(&denial(9, &name, What::Call, "b"), true));
        assert!(floods.admit(&denial(9, &name, What::Cast, "b").why(Why::Poison), true));
        let counted = floods.end().into_denied();
        assert_eq!(counted.len(), 1);
        assert_eq!((counted[0].repeated, counted[0].at), (Some((3, 2)), 4));
        assert_eq!(&*counted[0].whom, "b");
        assert!(floods.end().into_denied().is_empty());
        assert!(floods.admit(&denial(9, &name, What::Cast, "b"), true));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let name = Arc::new(Table::default()).name(1, Sort::Component, "a");
        let mut floods = Floods::new(2, 8);
        assert!(!floods.admit(&denial(1, &name, What::Cast, "b"), false));
        assert!(floods.admit(&denial(2, &name, What::Cast, "b"), true));
        assert_eq!(floods.end().into_denied()[0].repeated, Some((1, 1)));
    }

    #[test]
    fn targets_without_end_are_counted_together() {
        let name = Arc::new(Table::default()).name(1, Sort::Component, "a");
        let mut floods = Floods::new(1, 3);
        let targets: Vec<_> = (0..1_000).map(|n| format!("t{n}")).collect();
        let recorded = targets
            .iter()
            .filter(|target| floods.admit(&denial(1, &name, What::Cast, target), true))
            .count();
        assert_eq!(recorded, 3);
        let counted = floods.end().into_denied();
        assert_eq!(counted.len(), 1);
        assert_eq!((&*counted[0].whom, counted[0].repeated), ("*", Some((997, 1))));
    }

    proptest! {
        /// Whatever is denied, to whomever, with room or without, and whenever seconds end.
        #[test]
        fn none_is_lost(
            first in 0_u32..4,
            targets in 0_u32..4,
            denials in prop::collection::vec(
                (0_usize..3, 0_usize..3, 0_u8..8, any::<bool>(), 0_u8..20), 0..300),
        ) {
            let table = Arc::new(Table::default());
            let names: Vec<_> =
                ["a", "b", "c"].iter().map(|id| table.name(1, Sort::Component, id)).collect();
            let mut floods = Floods::new(first, targets);
            let mut model = HashMap::<(u32, What), u64>::new();
            let mut seen = HashMap::<(u32, What), u64>::new();
            let (mut at, mut total) = (0, 0);
            let end = |floods: &mut Floods, seen: &mut HashMap<_, u64>| {
                let mut keys = std::collections::HashSet::new();
                for denied in floods.end().into_denied() {
                    let (count, since) = denied.repeated.unwrap();
                    assert!(count > 0 && since <= denied.at);
                    assert!(keys.insert((denied.who.index, denied.whom, denied.what)));
                    *seen.entry((denied.who.index, denied.what)).or_default() += count;
                }
            };
            for (who, what, whom, room, ends) in denials {
                (at, total) = (at + 1, total + 1);
                let (who, what) = (&names[who], What::ALL[what]);
                *model.entry((who.index, what)).or_default() += 1;
                let recorded = floods.admit(&denial(at, who, what, &format!("t{whom}")), room);
                prop_assert!(room || !recorded);
                if recorded {
                    *seen.entry((who.index, what)).or_default() += 1;
                }
                if ends == 0 {
                    end(&mut floods, &mut seen);
                }
            }
            end(&mut floods, &mut seen);
            prop_assert_eq!(seen.values().sum::<u64>(), total);
            prop_assert_eq!(seen, model);
        }
    }
}
