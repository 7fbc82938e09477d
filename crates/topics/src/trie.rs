//! The trie of patterns, one level per segment.

use std::hash::RandomState;

use castcall_core::{Pattern, Topic};
use hashbrown::HashMap;

use crate::leaf::{Leaf, is_sparse};

/// What patterns with one prefix go on with.
///
/// A topic visits a node for each prefix of it that, with some segments replaced by `*`, begins a
/// pattern: what matches, and what would if the topic went on otherwise, but nothing that has
/// already differed.
#[derive(Debug)]
pub(crate) struct Node<S> {
    /// SipHash: guests choose the segments.
    literals: HashMap<String, Self, RandomState>,
    /// Behind a `*` that is not last.
    star: Option<Box<Self>>,
    /// Patterns that end here.
    here: Option<Box<Leaf<S>>>,
    /// Patterns that end with a `*` after here: one segment more, or several.
    beyond: Option<Box<Leaf<S>>>,
}

impl<S> Default for Node<S> {
    fn default() -> Self {
        Self { literals: HashMap::default(), star: None, here: None, beyond: None }
    }
}

impl<S> Node<S> {
    /// The leaf of a pattern, made if need be.
    pub(crate) fn leaf_of(&mut self, pattern: &Pattern) -> &mut Leaf<S> {
        let mut node = self;
        let mut segments = pattern.segments().peekable();
        while let Some(segment) = segments.next() {
            node = if segment != "*" {
                node.literals.entry_ref(segment).or_default()
            } else if segments.peek().is_some() {
                node.star.get_or_insert_default()
            } else {
                return node.beyond.get_or_insert_default();
            };
        }
        node.here.get_or_insert_default()
    }

    /// Changes the leaf of a pattern, if there is one, and prunes what is empty then.
    pub(crate) fn prune<R>(
        &mut self,
        pattern: &Pattern,
        change: impl FnOnce(&mut Leaf<S>) -> R,
    ) -> Option<R> {
        self.prune_along(pattern.segments(), change)
    }

    fn prune_along<'a, R>(
        &mut self,
        mut segments: impl Iterator<Item = &'a str> + Clone,
        change: impl FnOnce(&mut Leaf<S>) -> R,
    ) -> Option<R> {
        let Some(segment) = segments.next() else {
            return change_leaf(&mut self.here, change);
        };
        if segment != "*" {
            let child = self.literals.get_mut(segment)?;
            let result = child.prune_along(segments, change);
            if child.is_empty() {
                self.literals.remove(segment);
                if is_sparse(self.literals.len(), self.literals.capacity()) {
                    self.literals.shrink_to_fit();
                }
            }
            result
        } else if segments.clone().next().is_some() {
            let child = self.star.as_mut()?;
            let result = child.prune_along(segments, change);
            if child.is_empty() {
                self.star = None;
            }
            result
        } else {
            change_leaf(&mut self.beyond, change)
        }
    }

    /// Visits the leaves of all patterns that match, each once.
    pub(crate) fn visit(&self, topic: &Topic, mut visit: impl FnMut(&Leaf<S>)) {
        self.visit_along(topic.segments(), &mut visit);
    }

    // As deep as the topic has segments, which the grammar bounds.
    fn visit_along<'a>(
        &self,
        mut segments: impl Iterator<Item = &'a str> + Clone,
        visit: &mut impl FnMut(&Leaf<S>),
    ) {
        let Some(segment) = segments.next() else {
            if let Some(leaf) = &self.here {
                visit(leaf);
            }
            return;
        };
        if let Some(leaf) = &self.beyond {
            visit(leaf);
        }
        if let Some(child) = &self.star {
            child.visit_along(segments.clone(), visit);
        }
        // An empty map would hash all the same.
        if !self.literals.is_empty()
            && let Some(child) = self.literals.get(segment)
        {
            child.visit_along(segments, visit);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.literals.is_empty()
            && self.star.is_none()
            && self.here.is_none()
            && self.beyond.is_none()
    }
}

fn change_leaf<S, R>(
    leaf: &mut Option<Box<Leaf<S>>>,
    change: impl FnOnce(&mut Leaf<S>) -> R,
) -> Option<R> {
    let found = leaf.as_mut()?;
    let result = change(found);
    if found.is_empty() {
        *leaf = None;
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    impl<S> Node<S> {
        /// Itself and all below it.
        fn count(&self) -> usize {
            1 + self.literals.values().map(Self::count).sum::<usize>()
                + self.star.as_ref().map_or(0, |star| star.count())
        }
    }

    /// The nodes that a set of patterns needs: one for each prefix, less a last `*`.
    fn needed(patterns: &BTreeSet<Pattern>) -> usize {
        let mut prefixes = BTreeSet::from([String::new()]);
        for pattern in patterns {
            let text = pattern.as_str();
            let stem = text.strip_suffix('*').unwrap_or(text);
            let mut prefix = String::new();
            for segment in stem.split('.').filter(|segment| !segment.is_empty()) {
                prefix = format!("{prefix}.{segment}");
                prefixes.insert(prefix.clone());
            }
        }
        prefixes.len()
    }

    fn patterns() -> impl Strategy<Value = Pattern> {
        "[ab*](\\.[ab*]){0,3}".prop_map(|text| Pattern::new(text).unwrap())
    }

    fn topics() -> impl Strategy<Value = Topic> {
        "[ab](\\.[ab]){0,4}".prop_map(|text| Topic::new(text).unwrap())
    }

    #[test]
    fn pruning_what_is_not_there_changes_nothing() {
        let mut root = Node::default();
        root.leaf_of(&Pattern::new("a.*.c").unwrap()).add(1, ());
        for absent in ["a", "a.*", "a.*.*", "a.*.c.d", "*", "b", "*.b"] {
            let absent = Pattern::new(absent).unwrap();
            assert_eq!(root.prune(&absent, |leaf| leaf.remove(1)), None);
            assert_eq!(root.count(), 4);
        }
    }

    #[test]
    fn a_wide_node_gives_memory_back() {
        let mut root = Node::default();
        let pattern = |n| Pattern::new(format!("n{n}")).unwrap();
        for n in 0..10_000 {
            root.leaf_of(&pattern(n)).add(1, ());
        }
        for n in 0..9_990 {
            root.prune(&pattern(n), |leaf| leaf.remove(1));
        }
        assert!(root.literals.capacity() <= 128, "{}", root.literals.capacity());
    }

    proptest! {
        #[test]
        fn finds_what_matches_and_keeps_no_node_too_many(
            steps in prop::collection::vec((any::<bool>(), patterns()), 1..60),
            topics in prop::collection::vec(topics(), 1..6),
        ) {
            let mut root = Node::default();
            let mut model = BTreeSet::new();
            for (add, pattern) in steps {
                if add {
                    root.leaf_of(&pattern).add(7, pattern.clone());
                    model.insert(pattern);
                } else {
                    let removed = root.prune(&pattern, |leaf| leaf.remove(7)).flatten();
                    prop_assert_eq!(removed.is_some(), model.remove(&pattern));
                }
                prop_assert_eq!(root.count(), needed(&model));
            }
            for topic in topics {
                let mut found = Vec::new();
                root.visit(&topic, |leaf| found.extend(leaf.plain().map(|(_, p)| p.clone())));
                found.sort();
                let expected: Vec<_> =
                    model.iter().filter(|pattern| pattern.matches(&topic)).cloned().collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
