//! A set of patterns that answers for all of them at once.

use castcall_core::{Pattern, TargetPattern};

use crate::trie::Trie;

/// A kind of pattern.
pub(crate) trait Form: AsRef<str> + Clone + Ord {
    const SEPARATOR: char;

    fn covers(&self, narrower: &Self) -> bool;
}

impl Form for TargetPattern {
    const SEPARATOR: char = '/';

    fn covers(&self, narrower: &Self) -> bool {
        self.covers(narrower)
    }
}

impl Form for Pattern {
    const SEPARATOR: char = '.';

    fn covers(&self, narrower: &Self) -> bool {
        self.covers(narrower)
    }
}

/// Patterns of one kind, each once.
#[derive(Debug, Clone)]
pub(crate) struct PatternSet<P>(Trie<P>);

impl<P: Form> Default for PatternSet<P> {
    fn default() -> Self {
        Self(Trie::new(P::SEPARATOR))
    }
}

impl<P: Form> PatternSet<P> {
    pub(crate) fn add(&mut self, patterns: &[P]) {
        for pattern in patterns {
            self.0.get_or_insert_with(pattern.as_ref(), || pattern.clone());
        }
    }

    /// Takes out every pattern that one of `wide` covers.
    pub(crate) fn remove_within(&mut self, wide: &[P]) {
        for wide in wide {
            let mut within = Vec::new();
            self.0.overlapping(wide.as_ref(), |pattern| {
                if wide.covers(pattern) {
                    within.push(pattern.clone());
                }
                false
            });
            for pattern in within {
                self.0.remove(pattern.as_ref());
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.find(name).is_some()
    }

    /// Some pattern that stands for `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&P> {
        self.0.find(name)
    }

    /// Some pattern that covers `narrow`.
    pub(crate) fn covering(&self, narrow: &P) -> Option<&P> {
        self.0.covering(narrow.as_ref())
    }

    /// Some pattern that stands for a name that `pattern` stands for too, of those that `counts`.
    pub(crate) fn overlapping(&self, pattern: &P, counts: impl Fn(&P) -> bool) -> Option<&P> {
        let mut found = None;
        self.0.overlapping(pattern.as_ref(), |overlapping| {
            let counts = counts(overlapping);
            found = counts.then_some(overlapping);
            counts
        });
        found
    }

    /// All, in order.
    pub(crate) fn to_vec(&self) -> Vec<P> {
        let mut all = Vec::with_capacity(self.len());
        self.0.for_each(|pattern| all.push(pattern.clone()));
        all.sort_unstable();
        all
    }

    /// The pattern that goes along with `text` for most segments, and for how many, if any does for
    /// one; of equals, the first in order. Looks at all: for people.
    pub(crate) fn nearest(&self, text: &str) -> Option<(usize, &P)> {
        let mut nearest: Option<(usize, &P)> = None;
        self.0.for_each(|pattern| {
            let common = pattern.as_ref().split(P::SEPARATOR).zip(text.split(P::SEPARATOR));
            let common = common.take_while(|(one, other)| one == other || *one == "*").count();
            let nearer = nearest
                .is_none_or(|(most, best)| common > most || (common == most && pattern < best));
            if common > 0 && nearer {
                nearest = Some((common, pattern));
            }
        });
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> TargetPattern {
        text.parse().unwrap()
    }

    fn set(patterns: &[&str]) -> PatternSet<TargetPattern> {
        let mut set = PatternSet::default();
        set.add(&patterns.iter().copied().map(target).collect::<Vec<_>>());
        set
    }

    #[test]
    fn what_is_within_goes() {
        let mut set = set(&["a/b", "a/*", "a/b/*", "a", "b", "*/b"]);
        set.remove_within(&[target("a/*")]);
        assert_eq!(set.to_vec(), ["*/b", "a", "b"].map(target));
        set.remove_within(&[target("*")]);
        assert_eq!((set.len(), set.to_vec()), (0, vec![]));
    }

    #[test]
    fn overlapping_ones_that_count() {
        let set = set(&["a/b/*", "c/*"]);
        let overlapping = |text: &str| set.overlapping(&target(text), |_| true).cloned();
        assert_eq!(overlapping("a/b/c"), Some(target("a/b/*")));
        assert_eq!(overlapping("a/*/c"), Some(target("a/b/*")));
        assert_eq!(overlapping("a/*"), Some(target("a/b/*")));
        assert_eq!(overlapping("d"), None);
        assert_eq!(set.overlapping(&target("*"), |p| p.as_str() == "c/*"), Some(&target("c/*")));
        assert_eq!(set.overlapping(&target("*"), |_| false), None);
    }

    #[test]
    fn the_nearest_shares_most() {
        let set = set(&["a/b/c", "a/b/d", "a/*/x/y", "x/y", "a/z"]);
        assert_eq!(set.nearest("a/b/e"), Some((2, &target("a/*/x/y"))));
        assert_eq!(set.nearest("x"), Some((1, &target("x/y"))));
        assert_eq!(set.nearest("q/b/c"), None);
    }
}
