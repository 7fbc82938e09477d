//! A trie of patterns, one level per segment, with a value at each pattern.
//!
//! All questions cost by the segments of what is asked about and by the patterns that begin like
//! it, not by how many patterns there are. One node is visited at most once per question.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Patterns over segments joined by one separator, each with a value.
#[derive(Debug, Clone)]
pub(crate) struct Trie<V> {
    separator: char,
    root: Node<V>,
    len: usize,
}

/// What patterns with one prefix go on with.
#[derive(Debug, Clone)]
struct Node<V> {
    /// Seeded at random, and not SipHash: guests choose what is looked up, but what stands in here
    /// comes from manifests and the host.
    literals: HashMap<String, Self, RandomState>,
    /// Behind a `*` that is not last.
    star: Option<Box<Self>>,
    /// Of the pattern that ends here.
    here: Option<V>,
    /// Of the pattern that ends with a `*` after here: one segment more, or several.
    beyond: Option<V>,
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { literals: HashMap::default(), star: None, here: None, beyond: None }
    }
}

impl<V> Trie<V> {
    pub(crate) fn new(separator: char) -> Self {
        Self { separator, root: Node::default(), len: 0 }
    }

    /// How many patterns.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The value of this very pattern, made if need be.
    pub(crate) fn get_or_insert_with(
        &mut self,
        pattern: &str,
        value: impl FnOnce() -> V,
    ) -> &mut V {
        let mut node = &mut self.root;
        let mut segments = pattern.split(self.separator).peekable();
        let place = loop {
            let Some(segment) = segments.next() else { break &mut node.here };
            node = if segment != "*" {
                node.literals.entry_ref(segment).or_default()
            } else if segments.peek().is_some() {
                node.star.get_or_insert_default()
            } else {
                break &mut node.beyond;
            };
        };
        self.len += usize::from(place.is_none());
        place.get_or_insert_with(value)
    }

    /// The value of this very pattern.
    pub(crate) fn get(&self, pattern: &str) -> Option<&V> {
        let mut node = &self.root;
        let mut segments = pattern.split(self.separator).peekable();
        while let Some(segment) = segments.next() {
            node = if segment != "*" {
                node.literals.get(segment)?
            } else if segments.peek().is_some() {
                node.star.as_deref()?
            } else {
                return node.beyond.as_ref();
            };
        }
        node.here.as_ref()
    }

    /// Takes this very pattern out, and prunes what is empty then.
    pub(crate) fn remove(&mut self, pattern: &str) -> Option<V> {
        let removed = self.root.remove(pattern.split(self.separator));
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// The value of some pattern that stands for `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&V> {
        // Everything is granted, and nothing is, so often that splitting isn't worth it.
        if self.root.beyond.is_some() || self.len == 0 {
            return self.root.beyond.as_ref();
        }
        let mut found = None;
        self.root.matching(name.split(self.separator), &mut |value| {
            found = Some(value);
            true
        });
        found
    }

    /// Visits the values of all patterns that stand for `name`.
    pub(crate) fn visit<'t>(&'t self, name: &str, mut visit: impl FnMut(&'t V)) {
        self.root.matching(name.split(self.separator), &mut |value| {
            visit(value);
            false
        });
    }

    /// The value of some pattern that stands for every name that `narrow` stands for.
    pub(crate) fn covering(&self, narrow: &str) -> Option<&V> {
        self.root.covering(narrow.split(self.separator))
    }

    /// Visits the values of the patterns that stand for some name that `pattern` stands for too,
    /// until `visit` says that it has enough. Costs by how many there are.
    pub(crate) fn overlapping<'t>(&'t self, pattern: &str, mut visit: impl FnMut(&'t V) -> bool) {
        self.root.overlapping(pattern.split(self.separator), &mut visit);
    }

    /// Visits all, in no order.
    pub(crate) fn for_each<'t>(&'t self, mut visit: impl FnMut(&'t V)) {
        self.root.all_below(&mut |value| {
            visit(value);
            false
        });
    }
}

/// Depth of all recursion: the segments of a pattern or name, which its grammar bounds to 64.
/// Names that a guest made up descend no deeper than the patterns do.
impl<V> Node<V> {
    fn is_empty(&self) -> bool {
        self.literals.is_empty()
            && self.star.is_none()
            && self.here.is_none()
            && self.beyond.is_none()
    }

    fn remove<'a>(&mut self, mut segments: impl Iterator<Item = &'a str> + Clone) -> Option<V> {
        let Some(segment) = segments.next() else { return self.here.take() };
        if segment != "*" {
            let child = self.literals.get_mut(segment)?;
            let removed = child.remove(segments);
            if child.is_empty() {
                self.literals.remove(segment);
            }
            removed
        } else if segments.clone().next().is_some() {
            let child = self.star.as_mut()?;
            let removed = child.remove(segments);
            if child.is_empty() {
                self.star = None;
            }
            removed
        } else {
            self.beyond.take()
        }
    }

    fn matching<'t, 'a>(
        &'t self,
        mut segments: impl Iterator<Item = &'a str> + Clone,
        visit: &mut impl FnMut(&'t V) -> bool,
    ) -> bool {
        let Some(segment) = segments.next() else {
            return self.here.as_ref().is_some_and(visit);
        };
        if let Some(value) = &self.beyond
            && visit(value)
        {
            return true;
        }
        // An empty map would hash all the same.
        if !self.literals.is_empty()
            && let Some(child) = self.literals.get(segment)
            && child.matching(segments.clone(), visit)
        {
            return true;
        }
        self.star.as_ref().is_some_and(|child| child.matching(segments, visit))
    }

    fn covering<'a>(&self, mut narrow: impl Iterator<Item = &'a str> + Clone) -> Option<&V> {
        let Some(segment) = narrow.next() else { return self.here.as_ref() };
        if self.beyond.is_some() {
            return self.beyond.as_ref();
        }
        if segment != "*"
            && let Some(child) = self.literals.get(segment)
            && let Some(found) = child.covering(narrow.clone())
        {
            return Some(found);
        }
        // A last `*` is one segment or more, where one that goes on is exactly one.
        if segment == "*" && narrow.clone().next().is_none() {
            return None;
        }
        self.star.as_ref()?.covering(narrow)
    }

    fn overlapping<'t, 'a>(
        &'t self,
        mut segments: impl Iterator<Item = &'a str> + Clone,
        visit: &mut impl FnMut(&'t V) -> bool,
    ) -> bool {
        let Some(segment) = segments.next() else {
            return self.here.as_ref().is_some_and(visit);
        };
        if let Some(value) = &self.beyond
            && visit(value)
        {
            return true;
        }
        if segment == "*" {
            let last = segments.clone().next().is_none();
            return self.children().any(|child| {
                if last {
                    child.all_below(visit)
                } else {
                    child.overlapping(segments.clone(), visit)
                }
            });
        }
        if let Some(child) = self.literals.get(segment)
            && child.overlapping(segments.clone(), visit)
        {
            return true;
        }
        self.star.as_ref().is_some_and(|child| child.overlapping(segments, visit))
    }

    fn all_below<'t>(&'t self, visit: &mut impl FnMut(&'t V) -> bool) -> bool {
        self.here.iter().chain(&self.beyond).any(&mut *visit)
            || self.children().any(|child| child.all_below(visit))
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        self.literals.values().chain(self.star.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use castcall_core::{Pattern, Topic};
    use proptest::prelude::*;

    use super::*;

    impl<V> Node<V> {
        fn count(&self) -> usize {
            1 + self.children().map(Self::count).sum::<usize>()
        }
    }

    fn patterns() -> impl Strategy<Value = Pattern> {
        "[ab*](\\.[ab*]){0,3}".prop_map(|text| Pattern::new(text).unwrap())
    }

    fn topics() -> impl Strategy<Value = Topic> {
        "[abc](\\.[abc]){0,4}".prop_map(|text| Topic::new(text).unwrap())
    }

    fn trie(patterns: &BTreeSet<Pattern>) -> Trie<Pattern> {
        let mut trie = Trie::new('.');
        for pattern in patterns {
            trie.get_or_insert_with(pattern.as_str(), || pattern.clone());
        }
        trie
    }

    /// Some names of each shape that a pattern over `a` and `b` can tell apart.
    fn witnesses(pattern: &Pattern) -> Vec<Topic> {
        let mut texts = vec![String::new()];
        let mut segments = pattern.segments().peekable();
        while let Some(segment) = segments.next() {
            let choices: &[&str] = if segment == "*" { &["a", "b", "c"] } else { &[segment] };
            let last = segments.peek().is_none();
            texts = texts
                .iter()
                .flat_map(|text| choices.iter().map(move |choice| format!("{text}.{choice}")))
                .collect();
            if last && segment == "*" {
                let mut longer = texts.clone();
                for _ in 0..3 {
                    longer = longer
                        .iter()
                        .flat_map(|text| ["a", "b", "c"].map(|more| format!("{text}.{more}")))
                        .collect();
                    texts.extend(longer.iter().cloned());
                }
            }
        }
        texts.iter().map(|text| Topic::new(&text[1..]).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn says_what_a_list_of_patterns_says(
            set in prop::collection::btree_set(patterns(), 0..12),
            removed in prop::collection::vec(patterns(), 0..6),
            names in prop::collection::vec(topics(), 6),
            asked in prop::collection::vec(patterns(), 6),
        ) {
            let mut model = set.clone();
            let mut trie = trie(&set);
            for pattern in &removed {
                prop_assert_eq!(
                    trie.remove(pattern.as_str()).is_some(),
                    model.remove(pattern),
                );
            }
            prop_assert_eq!(trie.len(), model.len());
            let mut all = BTreeSet::new();
            trie.for_each(|pattern| { all.insert(pattern.clone()); });
            prop_assert_eq!(&all, &model);

            for name in &names {
                let expected: BTreeSet<_> =
                    model.iter().filter(|pattern| pattern.matches(name)).cloned().collect();
                let mut found = BTreeSet::new();
                trie.visit(name.as_str(), |pattern| { found.insert(pattern.clone()); });
                prop_assert_eq!(&found, &expected);
                let one = trie.find(name.as_str());
                prop_assert_eq!(one.is_some(), !expected.is_empty());
                prop_assert!(one.is_none_or(|pattern| expected.contains(pattern)));
            }
            for pattern in &asked {
                prop_assert_eq!(trie.get(pattern.as_str()), model.get(pattern));
                let covering = trie.covering(pattern.as_str());
                prop_assert_eq!(covering.is_some(), model.iter().any(|p| p.covers(pattern)));
                prop_assert!(covering.is_none_or(|found| found.covers(pattern)));

                let names = witnesses(pattern);
                let expected: BTreeSet<_> =
                    model.iter().filter(|p| names.iter().any(|n| p.matches(n))).cloned().collect();
                let mut found = BTreeSet::new();
                trie.overlapping(pattern.as_str(), |pattern| !found.insert(pattern.clone()));
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn keeps_no_node_too_many(set in prop::collection::btree_set(patterns(), 0..20)) {
            let mut trie = trie(&set);
            for pattern in &set {
                prop_assert!(trie.remove(pattern.as_str()).is_some_and(|removed| removed == *pattern));
            }
            prop_assert_eq!(trie.root.count(), 1);
        }
    }

    #[test]
    fn a_star_in_a_name_is_no_wildcard() {
        let mut trie = Trie::new('/');
        trie.get_or_insert_with("a/b", || ());
        assert!(trie.find("a/*").is_none() && trie.find("*").is_none() && trie.find("").is_none());
        trie.get_or_insert_with("a/*/c", || ());
        assert!(trie.find("a/*/c").is_some() && trie.find("a/b/c/").is_none());
    }

    #[test]
    fn enough_is_enough() {
        let mut trie = Trie::new('/');
        for pattern in ["*", "a", "a/*", "*/b", "a/*/c"] {
            trie.get_or_insert_with(pattern, || ());
        }
        for pattern in ["a", "*", "a/b", "a/b/c", "*/c"] {
            let mut seen = 0;
            trie.overlapping(pattern, |()| {
                seen += 1;
                true
            });
            assert_eq!(seen, 1, "{pattern}");
        }
    }
}
