//! Who is in which queue group.

use std::hash::RandomState;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::group::Group;
use crate::leaf::is_sparse;
use crate::member::{Circle, Member};

/// All groups that have members.
#[derive(Debug)]
pub(crate) struct Rosters<S> {
    /// SipHash: guests choose the names.
    groups: HashMap<Group, Roster<S>, RandomState>,
    next: u64,
}

#[derive(Debug)]
struct Roster<S> {
    circle: Arc<Circle>,
    /// By the number of the subscriber.
    members: HashMap<u64, Joined<S>, FixedState>,
}

#[derive(Debug)]
struct Joined<S> {
    member: Arc<Member<S>>,
    patterns: usize,
}

impl<S> Default for Rosters<S> {
    fn default() -> Self {
        Self { groups: HashMap::default(), next: 0 }
    }
}

impl<S: Clone> Rosters<S> {
    /// Counts one more pattern with which a subscriber is a member.
    pub(crate) fn join(&mut self, group: &Group, number: u64, subscriber: &S) -> Arc<Member<S>> {
        let roster = self.groups.entry(group.clone()).or_insert_with_key(|name| {
            self.next += 1;
            let circle = Arc::new(Circle::new(self.next, name.clone()));
            Roster { circle, members: HashMap::default() }
        });
        let joined = roster.members.entry(number).or_insert_with(|| {
            let member = Member::new(number, subscriber.clone(), roster.circle.clone());
            Joined { member: Arc::new(member), patterns: 0 }
        });
        joined.patterns += 1;
        joined.member.clone()
    }

    /// Counts one pattern less, and forgets the member with its last, the group with its last
    /// member. Returns the member: where the last `Arc` is dropped is the caller's to say.
    pub(crate) fn leave(&mut self, group: &Group, number: u64) -> Option<Arc<Member<S>>> {
        let roster = self.groups.get_mut(group)?;
        let Entry::Occupied(mut joined) = roster.members.entry(number) else { return None };
        joined.get_mut().patterns -= 1;
        if joined.get().patterns > 0 {
            return Some(joined.get().member.clone());
        }
        let member = joined.remove().member;
        if roster.members.is_empty() {
            self.groups.remove(group);
            if is_sparse(self.groups.len(), self.groups.capacity()) {
                self.groups.shrink_to_fit();
            }
        } else if is_sparse(roster.members.len(), roster.members.capacity()) {
            roster.members.shrink_to_fit();
        }
        Some(member)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stays_until_its_last_pattern() {
        let mut rosters = Rosters::default();
        let group = Group::new("g").unwrap();
        let member = rosters.join(&group, 1, &"one");
        assert!(Arc::ptr_eq(&member, &rosters.join(&group, 1, &"one")));
        let other = rosters.join(&group, 2, &"two");
        assert!(Arc::ptr_eq(&member.circle, &other.circle));

        assert!(rosters.leave(&group, 1).is_some());
        assert!(Arc::ptr_eq(&member, &rosters.join(&group, 1, &"one")));
        assert!(rosters.leave(&group, 1).is_some());
        assert!(rosters.leave(&group, 1).is_some());
        assert!(rosters.leave(&group, 1).is_none());
        assert!(rosters.leave(&group, 2).is_some());
        assert!(rosters.is_empty());
        assert!(rosters.leave(&group, 2).is_none());
    }

    #[test]
    fn a_group_that_comes_again_is_another() {
        let mut rosters = Rosters::default();
        let group = Group::new("g").unwrap();
        let before = rosters.join(&group, 1, &());
        rosters.leave(&group, 1);
        assert_ne!(before.key(), rosters.join(&group, 1, &()).key());
    }
}
