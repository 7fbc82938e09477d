//! The subscriptions to one pattern.

use std::sync::Arc;

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use crate::member::Member;

/// By numbers that the table gives, so that nobody can choose colliding keys; dense to read, and
/// without gaps after a removal.
type Numbered<K, V> = IndexMap<K, V, FixedState>;

/// Who is subscribed to one pattern, plainly and in groups.
#[derive(Debug)]
pub(crate) struct Leaf<S> {
    plain: Numbered<u64, S>,
    members: Numbered<(u64, u64), Arc<Member<S>>>,
}

impl<S> Default for Leaf<S> {
    fn default() -> Self {
        Self { plain: Numbered::default(), members: Numbered::default() }
    }
}

impl<S> Leaf<S> {
    pub(crate) fn add(&mut self, number: u64, subscriber: S) {
        self.plain.insert(number, subscriber);
    }

    pub(crate) fn add_member(&mut self, member: Arc<Member<S>>) {
        self.members.insert(member.key(), member);
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<S> {
        let removed = self.plain.swap_remove(&number);
        if is_sparse(self.plain.len(), self.plain.capacity()) {
            self.plain.shrink_to_fit();
        }
        removed
    }

    pub(crate) fn remove_member(&mut self, key: (u64, u64)) -> Option<Arc<Member<S>>> {
        let removed = self.members.swap_remove(&key);
        if is_sparse(self.members.len(), self.members.capacity()) {
            self.members.shrink_to_fit();
        }
        removed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.members.is_empty()
    }

    pub(crate) fn plain(&self) -> impl ExactSizeIterator<Item = (u64, &S)> {
        self.plain.iter().map(|(number, subscriber)| (*number, subscriber))
    }

    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Arc<Member<S>>> {
        self.members.values()
    }
}

/// Whether a map that was large should give memory back. Rare enough to cost little per removal.
pub(crate) fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > 64 && len < capacity / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_memory_back() {
        let mut leaf = Leaf::default();
        for number in 0..10_000 {
            leaf.add(number, number);
        }
        for number in 0..9_990 {
            assert_eq!(leaf.remove(number), Some(number));
        }
        assert!(leaf.plain.capacity() <= 128, "{}", leaf.plain.capacity());
        assert_eq!(leaf.plain().len(), 10);
        assert_eq!(leaf.remove(0), None);
    }
}
