//! Names that one owner has asked for before.

use std::collections::HashMap;
use std::hash::Hash;

use castcall_core::{ComponentId, Pattern, Topic};

use crate::audit::Audit;
use crate::name::{Name, Sort};

/// What has a [`Name`]: ids, topics and patterns.
pub trait Named: private::Sealed {}

impl Named for ComponentId {}
impl Named for Topic {}
impl Named for Pattern {}

pub(crate) mod private {
    pub trait Sealed: Clone + Eq + std::hash::Hash {
        #[doc(hidden)]
        fn parts(&self) -> (super::Sort, &str);
    }
}

impl private::Sealed for ComponentId {
    fn parts(&self) -> (Sort, &str) {
        (Sort::Component, self.as_str())
    }
}

impl private::Sealed for Topic {
    fn parts(&self) -> (Sort, &str) {
        (Sort::Topic, self.as_str())
    }
}

impl private::Sealed for Pattern {
    fn parts(&self) -> (Sort, &str) {
        (Sort::Pattern, self.as_str())
    }
}

/// The [`Name`]s of those that a component hears from, or of the topics that it hears: had without
/// the audit's lock from the second time on. The last one is compared first: some 5 ns.
///
/// For one owner, such as what empties a mailbox, and for one audit. Holds at most
/// [`NameCache::LIMIT`] names, and keeps those in memory; [clear](NameCache::clear) it when
/// components are unloaded.
///
/// ```
/// use castcall_audit::{Audit, NameCache};
/// use castcall_core::ComponentId;
///
/// let audit = Audit::off();
/// let mut senders = NameCache::default();
/// let id: ComponentId = "shop/orders".parse()?;
/// let name = senders.get(&audit, &id);
/// # let _ = name;
/// # Ok::<(), castcall_core::InvalidComponentId>(())
/// ```
#[derive(Debug)]
pub struct NameCache<K> {
    last: Option<(K, Name)>,
    all: HashMap<K, Name>,
}

impl<K> NameCache<K> {
    /// How many names are remembered. At one more, all are forgotten, and asked for anew.
    pub const LIMIT: usize = 1_024;

    /// What [`NameCache::get`] was asked for last, if it has not been forgotten since.
    #[must_use]
    pub fn last(&self) -> Option<&Name> {
        self.last.as_ref().map(|(_, name)| name)
    }

    /// Forgets all names.
    pub fn clear(&mut self) {
        self.last = None;
        self.all.clear();
    }
}

impl<K> Default for NameCache<K> {
    fn default() -> Self {
        Self { last: None, all: HashMap::new() }
    }
}

impl<K: Named + Hash> NameCache<K> {
    /// The name of `key`.
    #[inline]
    pub fn get(&mut self, audit: &Audit, key: &K) -> &Name {
        if !audit.is_on() {
            return const { &Name::NONE };
        }
        let hit = self.last.as_ref().is_some_and(|(last, _)| last == key);
        if !hit {
            let name = self.find(audit, key);
            self.last = Some((key.clone(), name));
        }
        self.last.as_ref().map_or(const { &Name::NONE }, |(_, name)| name)
    }

    #[cold]
    fn find(&mut self, audit: &Audit, key: &K) -> Name {
        if let Some(name) = self.all.get(key) {
            return name.clone();
        }
        if self.all.len() >= Self::LIMIT {
            self.all.clear();
        }
        let name = audit.name(key);
        self.all.insert(key.clone(), name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuditConfig;
    use crate::sink::{MemorySink, Sinks};

    #[test]
    fn remembers_so_many() {
        let sinks = Sinks { all: Some(Box::new(MemorySink::new())), denials: None };
        let audit = Audit::to(&AuditConfig::default(), sinks).unwrap();
        let mut cache = NameCache::default();
        let id = |n: usize| ComponentId::new(format!("c{n}")).unwrap();
        for n in 0..NameCache::<ComponentId>::LIMIT {
            assert_eq!(cache.get(&audit, &id(n)).text(), id(n).as_str());
        }
        let known = cache.get(&audit, &id(3)).index;
        assert_eq!(cache.get(&audit, &id(3)).index, known);
        assert_eq!(cache.all.len(), NameCache::<ComponentId>::LIMIT);
        cache.get(&audit, &id(5_000));
        assert_eq!(cache.all.len(), 1);
        cache.clear();
        assert!(cache.all.is_empty() && cache.last.is_none());
        assert_eq!(cache.get(&Audit::off(), &id(1)).text(), "?");
    }
}
