//! The table, to be shared between threads.

use std::hash::Hash;
use std::sync::PoisonError;

use castcall_core::{Pattern, Topic};
use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

use crate::group::Group;
use crate::matches::Matches;
use crate::registry::{Registry, Removed};

/// How much of a subscriber is removed before readers get a chance.
const REMOVED_AT_ONCE: usize = 64;

/// Who is subscribed to what.
///
/// `S` is a subscriber, or a handle to one: a number, an id, an `Arc`. It is cloned once for each
/// message that it is a match of, so a clone should be cheap. Subscribers that are equal are one;
/// which of their clones is handed out is not said. `Clone`, `Eq` and `Hash` of `S` run under the
/// table's lock and must not call the table; `Drop` may.
///
/// A change is in force when the method has returned. Readers don't hold one another up, and a
/// change holds them up for some microseconds (now and then for longer, when a map grows).
#[derive(Debug)]
pub struct SubscriptionTable<S> {
    /// Sharded: readers of a plain lock would pass one cache line around, which took two of them
    /// twice as long. A change takes every shard, for some 0.1 µs more.
    registry: ShardedLock<Registry<S>>,
}

impl<S> Default for SubscriptionTable<S> {
    fn default() -> Self {
        Self { registry: ShardedLock::new(Registry::default()) }
    }
}

impl<S> SubscriptionTable<S> {
    // Only a panic of the subscriber's own `Clone`, `Eq` or `Hash` poisons: that costs at most what
    // was being changed, which is no reason to refuse everybody else.
    fn read(&self) -> ShardedLockReadGuard<'_, Registry<S>> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> ShardedLockWriteGuard<'_, Registry<S>> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Clone + Eq + Hash> SubscriptionTable<S> {
    /// A table without subscriptions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes to every topic that `pattern` matches. `false` if it was so already.
    pub fn subscribe(&self, pattern: &Pattern, subscriber: S) -> bool {
        self.write().subscribe(pattern, None, &subscriber)
    }

    /// Subscribes as a member of `group`. `false` if it was so already.
    ///
    /// A plain subscription to the same pattern, and one in another group, is another
    /// subscription.
    pub fn subscribe_group(&self, pattern: &Pattern, group: &Group, subscriber: S) -> bool {
        self.write().subscribe(pattern, Some(group), &subscriber)
    }

    /// Ends what `subscriber` has to this very pattern, plain and in groups. `false` if that was
    /// nothing.
    pub fn unsubscribe(&self, pattern: &Pattern, subscriber: &S) -> bool {
        let mut removed = Removed::default();
        let count = self.write().unsubscribe(pattern, subscriber, &mut removed);
        count > 0
    }

    /// Ends all subscriptions of `subscriber` and returns how many there were.
    ///
    /// Takes time for what it has, not for what others have, and lets readers in between. What is
    /// subscribed in its name *while* this runs may stay or go.
    pub fn remove(&self, subscriber: &S) -> usize {
        let mut total = 0;
        let mut after = None;
        loop {
            let mut removed = Removed::default();
            let (count, last) =
                self.write().remove_some(subscriber, after, REMOVED_AT_ONCE, &mut removed);
            total += count;
            if last.is_none() {
                return total;
            }
            after = last;
        }
    }

    /// Finds who gets what is published to `topic`, into `matches`, in place of what that held.
    ///
    /// Allocates nothing once `matches` has grown to what it is used for.
    pub fn matching(&self, topic: &Topic, matches: &mut Matches<S>) {
        matches.clear();
        self.read().root.visit(topic, |leaf| matches.collect(leaf));
        matches.arrange();
    }

    /// All subscriptions of `subscriber`, in the order of their patterns.
    #[must_use]
    pub fn subscriptions_of(&self, subscriber: &S) -> Vec<(Pattern, Option<Group>)> {
        self.read().subscriptions_of(subscriber)
    }

    /// How many subscriptions `subscriber` has. Costs a look-up.
    #[must_use]
    pub fn count_of(&self, subscriber: &S) -> usize {
        self.read().count_of(subscriber)
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;
    use std::sync::{Arc, Weak};

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn subscribing_twice_is_one_subscription() {
        let table = SubscriptionTable::new();
        let group = Group::new("g").unwrap();
        assert!(table.subscribe(&pattern("a"), 1));
        assert!(!table.subscribe(&pattern("a"), 1));
        assert!(table.subscribe_group(&pattern("a"), &group, 1));
        assert!(!table.subscribe_group(&pattern("a"), &group, 1));
        assert_eq!((table.len(), table.count_of(&1), table.count_of(&2)), (2, 2, 0));
        assert!(table.unsubscribe(&pattern("a"), &1));
        assert!(!table.unsubscribe(&pattern("a"), &1));
        assert!(table.is_empty());
    }

    #[test]
    fn removing_leaves_nothing() {
        let table = SubscriptionTable::new();
        let group = Group::new("g").unwrap();
        for n in 0..1_000 {
            table.subscribe(&pattern(&format!("a.*.n{n}.*")), 1);
            table.subscribe_group(&pattern(&format!("*.n{n}")), &group, 1);
        }
        assert_eq!(table.remove(&1), 2_000);
        assert_eq!(table.remove(&1), 0);
        assert!(table.read().is_bare());
    }

    /// A subscriber whose end calls the table.
    struct Owner(Weak<SubscriptionTable<Handle>>);

    #[derive(Clone)]
    struct Handle(Arc<Owner>);

    impl Drop for Owner {
        fn drop(&mut self) {
            if let Some(table) = self.0.upgrade() {
                table.subscribe(&pattern("farewell"), Handle(Arc::new(Self(Weak::new()))));
            }
        }
    }

    impl PartialEq for Handle {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    impl Eq for Handle {}

    impl Hash for Handle {
        fn hash<H: Hasher>(&self, state: &mut H) {
            Arc::as_ptr(&self.0).hash(state);
        }
    }

    #[test]
    fn a_subscriber_may_call_the_table_when_dropped() {
        let table = Arc::new(SubscriptionTable::new());
        let owner = Handle(Arc::new(Owner(Arc::downgrade(&table))));
        let group = Group::new("g").unwrap();
        table.subscribe(&pattern("a"), owner.clone());
        table.subscribe_group(&pattern("a"), &group, owner.clone());
        let mut matches = Matches::new();
        table.matching(&Topic::new("a").unwrap(), &mut matches);

        assert_eq!(table.remove(&owner), 2);
        drop(owner);
        assert_eq!(table.len(), 0);
        matches.clear();
        assert_eq!(table.len(), 1);

        let owner = Handle(Arc::new(Owner(Arc::downgrade(&table))));
        table.subscribe(&pattern("a"), owner.clone());
        let unowned = Handle(Arc::new(Owner(Weak::new())));
        table.subscribe(&pattern("a"), unowned.clone());
        table.remove(&unowned);
        // The table's own clones are the last ones.
        let key = owner.0.clone();
        drop(owner);
        let key = Handle(key);
        assert!(table.unsubscribe(&pattern("a"), &key));
    }
}
