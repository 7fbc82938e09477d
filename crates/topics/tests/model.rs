//! Any sequence of changes and messages, against a list that is searched from end to end.

use std::collections::{BTreeMap, BTreeSet};

use castcall_core::{Pattern, Topic};
use castcall_topics::{Group, Matches, SubscriptionTable};
use proptest::prelude::*;

type Who = u8;

#[derive(Debug, Clone)]
enum Step {
    Subscribe(Pattern, Option<Group>, Who),
    Unsubscribe(Pattern, Who),
    Remove(Who),
    /// With those who refuse.
    Publish(Topic, BTreeSet<Who>),
}

#[derive(Default)]
struct Naive(Vec<(Pattern, Option<Group>, Who)>);

impl Naive {
    fn drop_where(&mut self, doomed: impl Fn(&Pattern, Who) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|(pattern, _, who)| !doomed(pattern, *who));
        before - self.0.len()
    }

    fn matching(&self, topic: &Topic) -> (BTreeSet<Who>, BTreeMap<Group, BTreeSet<Who>>) {
        let mut plain = BTreeSet::new();
        let mut groups = BTreeMap::<_, BTreeSet<_>>::new();
        for (_, group, who) in self.0.iter().filter(|(pattern, ..)| pattern.matches(topic)) {
            match group {
                None => plain.insert(*who),
                Some(group) => groups.entry(group.clone()).or_default().insert(*who),
            };
        }
        (plain, groups)
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let pattern = || "[ab*](\\.[ab*]){0,3}".prop_map(|text| Pattern::new(text).unwrap());
    let topic = "[ab](\\.[ab]){0,4}".prop_map(|text| Topic::new(text).unwrap());
    let group = prop::option::of("[gh]".prop_map(|text| Group::new(text).unwrap()));
    let who = 0..5u8;
    prop_oneof![
        6 => (pattern(), group, who.clone()).prop_map(|(p, g, w)| Step::Subscribe(p, g, w)),
        2 => (pattern(), who.clone()).prop_map(|(p, w)| Step::Unsubscribe(p, w)),
        1 => who.clone().prop_map(Step::Remove),
        6 => (topic, prop::collection::btree_set(who, 0..4))
            .prop_map(|(t, full)| Step::Publish(t, full)),
    ]
}

fn publish(
    table: &SubscriptionTable<Who>,
    naive: &Naive,
    topic: &Topic,
    full: &BTreeSet<Who>,
    matches: &mut Matches<Who>,
) -> Result<(), TestCaseError> {
    let (plain, groups) = naive.matching(topic);
    table.matching(topic, matches);

    prop_assert_eq!(matches.plain().len(), plain.len());
    prop_assert_eq!(&matches.plain().copied().collect::<BTreeSet<_>>(), &plain);
    let mut found = BTreeMap::new();
    for (group, members) in matches.groups() {
        let count = members.len();
        let members: BTreeSet<_> = members.copied().collect();
        prop_assert_eq!(members.len(), count);
        prop_assert!(found.insert(group.clone(), members).is_none());
    }
    prop_assert_eq!(&found, &groups);

    let mut offers = Vec::new();
    let handed = matches.hand_out(|offer| {
        offers.push((*offer.subscriber, offer.group.cloned(), offer.last));
        !full.contains(offer.subscriber)
    });
    let asked: BTreeSet<_> = offers.iter().map(|(who, ..)| *who).collect();
    prop_assert_eq!(asked.len(), offers.len(), "nobody is asked twice");
    let as_plain: BTreeSet<_> =
        offers.iter().filter(|(_, group, _)| group.is_none()).map(|(who, ..)| *who).collect();
    prop_assert_eq!(&as_plain, &plain);
    let takers: BTreeSet<_> = asked.difference(full).copied().collect();
    prop_assert_eq!(handed.taken, takers.len());

    let mut lost = plain.intersection(full).count();
    for (group, members) in &groups {
        let own: Vec<_> = offers.iter().filter(|(_, g, _)| g.as_ref() == Some(group)).collect();
        prop_assert!(own.iter().all(|(who, ..)| members.contains(who)));
        if members.is_disjoint(&takers) {
            prop_assert!(members.is_subset(&asked), "not served only if all refused");
            lost += usize::from(!own.is_empty());
            prop_assert_eq!(own.last().map(|(.., last)| *last).unwrap_or(true), true);
        }
        if !members.is_disjoint(&plain.intersection(&takers).copied().collect()) {
            prop_assert!(own.is_empty(), "served by a plain copy");
        }
        let (ahead, end) = own.split_at(own.len().saturating_sub(1));
        prop_assert!(ahead.iter().all(|(who, _, last)| full.contains(who) && !last));
        prop_assert!(end.iter().all(|(who, _, last)| takers.contains(who) || *last));
    }
    prop_assert_eq!(handed.lost, lost);
    Ok(())
}

proptest! {
    #[test]
    fn does_as_the_naive_list_does(steps in prop::collection::vec(steps(), 1..80)) {
        let table = SubscriptionTable::new();
        let mut naive = Naive::default();
        let mut matches = Matches::new();
        for step in steps {
            match step {
                Step::Subscribe(pattern, group, who) => {
                    let added = match &group {
                        None => table.subscribe(&pattern, who),
                        Some(group) => table.subscribe_group(&pattern, group, who),
                    };
                    let row = (pattern, group, who);
                    prop_assert_eq!(added, !naive.0.contains(&row));
                    if added {
                        naive.0.push(row);
                    }
                }
                Step::Unsubscribe(pattern, who) => {
                    let dropped = naive.drop_where(|p, w| *p == pattern && w == who);
                    prop_assert_eq!(table.unsubscribe(&pattern, &who), dropped > 0);
                }
                Step::Remove(who) => {
                    let dropped = naive.drop_where(|_, w| w == who);
                    prop_assert_eq!(table.remove(&who), dropped);
                }
                Step::Publish(topic, full) => {
                    publish(&table, &naive, &topic, &full, &mut matches)?;
                }
            }
            prop_assert_eq!(table.len(), naive.0.len());
            for who in 0..5 {
                let mut rows: Vec<_> = naive.0.iter().filter(|row| row.2 == who).collect();
                rows.sort();
                let rows: Vec<_> = rows.into_iter().map(|(p, g, _)| (p.clone(), g.clone())).collect();
                prop_assert_eq!(table.count_of(&who), rows.len());
                prop_assert_eq!(table.subscriptions_of(&who), rows);
            }
        }
    }
}
