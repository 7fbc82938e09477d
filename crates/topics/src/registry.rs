//! What the lock guards: the trie, and the same subscriptions by subscriber.

use std::collections::BTreeSet;
use std::hash::{Hash, RandomState};
use std::ops::Bound;
use std::sync::Arc;

use castcall_core::Pattern;
use hashbrown::HashMap;

use crate::group::Group;
use crate::leaf::is_sparse;
use crate::member::Member;
use crate::roster::Rosters;
use crate::trie::Node;

/// One subscription, apart from whose it is. `None` sorts first: a pattern's subscriptions stand
/// together, the plain one ahead.
pub(crate) type Subscription = (Pattern, Option<Group>);

/// What was removed. To be dropped without the lock: dropping a subscriber may run code of the
/// user's, and that may call the table.
#[derive(Debug)]
pub(crate) struct Removed<S> {
    subscribers: Vec<S>,
    members: Vec<Arc<Member<S>>>,
}

impl<S> Default for Removed<S> {
    fn default() -> Self {
        Self { subscribers: Vec::new(), members: Vec::new() }
    }
}

#[derive(Debug)]
struct Record {
    /// Never given twice by one table.
    number: u64,
    /// A tree for its order: all groups of one pattern are a range.
    subscriptions: BTreeSet<Subscription>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Registry<S> {
    pub(crate) root: Node<S>,
    records: HashMap<S, Record, RandomState>,
    rosters: Rosters<S>,
    next: u64,
    len: usize,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            records: HashMap::default(),
            rosters: Rosters::default(),
            next: 0,
            len: 0,
        }
    }
}

impl<S: Clone + Eq + Hash> Registry<S> {
    pub(crate) fn subscribe(
        &mut self,
        pattern: &Pattern,
        group: Option<&Group>,
        subscriber: &S,
    ) -> bool {
        let key = (pattern.clone(), group.cloned());
        let number = if let Some(record) = self.records.get_mut(subscriber) {
            if !record.subscriptions.insert(key) {
                return false;
            }
            record.number
        } else {
            self.next += 1;
            let record = Record { number: self.next, subscriptions: BTreeSet::from([key]) };
            self.records.insert(subscriber.clone(), record);
            self.next
        };
        self.len += 1;
        let leaf = self.root.leaf_of(pattern);
        match group {
            None => leaf.add(number, subscriber.clone()),
            Some(group) => leaf.add_member(self.rosters.join(group, number, subscriber)),
        }
        true
    }

    /// Removes what `subscriber` has to `pattern`, and returns how much that was.
    pub(crate) fn unsubscribe(
        &mut self,
        pattern: &Pattern,
        subscriber: &S,
        removed: &mut Removed<S>,
    ) -> usize {
        let from = Bound::Included((pattern.clone(), None));
        self.remove_range(subscriber, from, usize::MAX, |found| found == pattern, removed).0
    }

    /// Removes up to `most` of a subscriber's subscriptions that come after `after`. Returns how
    /// many, and the last of them if there may be more.
    pub(crate) fn remove_some(
        &mut self,
        subscriber: &S,
        after: Option<Subscription>,
        most: usize,
        removed: &mut Removed<S>,
    ) -> (usize, Option<Subscription>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (count, last) = self.remove_range(subscriber, from, most, |_| true, removed);
        (count, last.filter(|_| count == most))
    }

    fn remove_range(
        &mut self,
        subscriber: &S,
        from: Bound<Subscription>,
        most: usize,
        belongs: impl Fn(&Pattern) -> bool,
        removed: &mut Removed<S>,
    ) -> (usize, Option<Subscription>) {
        let Some(record) = self.records.get_mut(subscriber) else { return (0, None) };
        let doomed: Vec<_> = record
            .subscriptions
            .range((from, Bound::Unbounded))
            .take(most)
            .take_while(|(pattern, _)| belongs(pattern))
            .cloned()
            .collect();
        let number = record.number;
        for subscription in &doomed {
            record.subscriptions.remove(subscription);
        }
        if record.subscriptions.is_empty() {
            self.forget(subscriber, removed);
        }
        for (pattern, group) in &doomed {
            self.take_out(pattern, group.as_ref(), number, removed);
        }
        (doomed.len(), doomed.into_iter().next_back())
    }

    fn forget(&mut self, subscriber: &S, removed: &mut Removed<S>) {
        if let Some((key, _)) = self.records.remove_entry(subscriber) {
            removed.subscribers.push(key);
        }
        if is_sparse(self.records.len(), self.records.capacity()) {
            self.records.shrink_to_fit();
        }
    }

    fn take_out(
        &mut self,
        pattern: &Pattern,
        group: Option<&Group>,
        number: u64,
        removed: &mut Removed<S>,
    ) {
        self.len -= 1;
        if let Some(group) = group {
            let Some(member) = self.rosters.leave(group, number) else { return };
            removed.members.extend(
                self.root.prune(pattern, |leaf| leaf.remove_member(member.key())).flatten(),
            );
            removed.members.push(member);
        } else {
            removed
                .subscribers
                .extend(self.root.prune(pattern, |leaf| leaf.remove(number)).flatten());
        }
    }

    pub(crate) fn subscriptions_of(&self, subscriber: &S) -> Vec<Subscription> {
        self.records
            .get(subscriber)
            .map_or_else(Vec::new, |record| record.subscriptions.iter().cloned().collect())
    }

    pub(crate) fn count_of(&self, subscriber: &S) -> usize {
        self.records.get(subscriber).map_or(0, |record| record.subscriptions.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing at all is kept.
    #[cfg(test)]
    pub(crate) fn is_bare(&self) -> bool {
        self.root.is_empty() && self.records.is_empty() && self.rosters.is_empty() && self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn unsubscribing_ends_all_groups_of_that_pattern_only() {
        let mut registry = Registry::default();
        let group = Group::new("g").unwrap();
        registry.subscribe(&pattern("a"), None, &1);
        registry.subscribe(&pattern("a"), Some(&group), &1);
        registry.subscribe(&pattern("a.b"), Some(&group), &1);
        registry.subscribe(&pattern("a"), None, &2);

        let mut removed = Removed::default();
        assert_eq!(registry.unsubscribe(&pattern("a"), &1, &mut removed), 2);
        assert_eq!(registry.unsubscribe(&pattern("a"), &1, &mut removed), 0);
        assert_eq!(registry.subscriptions_of(&1), [(pattern("a.b"), Some(group))]);
        assert_eq!(registry.len(), 2);
        registry.unsubscribe(&pattern("a.b"), &1, &mut removed);
        registry.unsubscribe(&pattern("a"), &2, &mut removed);
        assert!(registry.is_bare());
    }

    #[test]
    fn removing_goes_on_where_it_stopped() {
        let mut registry = Registry::default();
        for n in 0..10 {
            registry.subscribe(&pattern(&format!("n{n}")), None, &1);
        }
        let mut removed = Removed::default();
        let (count, after) = registry.remove_some(&1, None, 4, &mut removed);
        assert_eq!((count, &after), (4, &Some((pattern("n3"), None))));
        // What comes back behind the point reached is not part of what was to be removed.
        registry.subscribe(&pattern("n0"), None, &1);
        let (count, after) = registry.remove_some(&1, after, 4, &mut removed);
        assert_eq!(count, 4);
        assert_eq!(registry.remove_some(&1, after, 4, &mut removed), (2, None));
        assert_eq!(registry.subscriptions_of(&1), [(pattern("n0"), None)]);
    }
}
