//! Subscriptions in memory: the truth, and what of it the disk does not know yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use castcall_core::{ComponentId, Pattern};

use crate::error::TooManySubscriptions;

/// A subscription that was made at run time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredSubscription {
    /// Who is subscribed.
    pub component: ComponentId,
    /// To what.
    pub pattern: Pattern,
    /// In which queue group, if in one. As it was given: its form is not looked at here.
    pub group: Option<Arc<str>>,
}

/// Plain, or in a group.
type Kind = (Pattern, Option<Arc<str>>);

#[derive(Clone, Copy)]
struct Slot {
    present: bool,
    /// It is on disk, or a commit has tried to put it there.
    stored: bool,
}

pub(crate) struct Subscriptions {
    of: BTreeMap<ComponentId, BTreeMap<Kind, Slot>>,
    /// How many are present.
    count: usize,
    limit: usize,
    /// What is to be written or deleted. Bounded: each is present, or on disk.
    dirty: BTreeSet<StoredSubscription>,
    /// How many the commit that runs is about.
    in_flight: usize,
    /// Whether the writer has been told that there is something.
    told: bool,
}

/// What one commit writes: whether each is to be there.
pub(crate) type SubscriptionBatch = Vec<(StoredSubscription, bool)>;

impl Subscriptions {
    pub(crate) fn new(limit: usize, stored: impl IntoIterator<Item = StoredSubscription>) -> Self {
        let mut of: BTreeMap<_, BTreeMap<Kind, Slot>> = BTreeMap::new();
        let mut count = 0;
        for StoredSubscription { component, pattern, group } in stored {
            let slot = Slot { present: true, stored: true };
            of.entry(component).or_default().insert((pattern, group), slot);
            count += 1;
        }
        Self { of, count, limit, dirty: BTreeSet::new(), in_flight: 0, told: false }
    }

    /// `Ok(false)` if it is there already.
    pub(crate) fn subscribe(
        &mut self,
        new: StoredSubscription,
    ) -> Result<bool, TooManySubscriptions> {
        let kind = (new.pattern.clone(), new.group.clone());
        let slot = self.of.get(&new.component).and_then(|kinds| kinds.get(&kind)).copied();
        if slot.is_some_and(|slot| slot.present) {
            return Ok(false);
        }
        if self.count >= self.limit {
            return Err(TooManySubscriptions { limit: self.limit });
        }
        let stored = slot.is_some_and(|slot| slot.stored);
        let kinds = self.of.entry(new.component.clone()).or_default();
        kinds.insert(kind, Slot { present: true, stored });
        self.count += 1;
        self.dirty.insert(new);
        Ok(true)
    }

    /// Ends what `component` has to this very pattern, in whatever groups. Returns how many.
    pub(crate) fn unsubscribe(&mut self, component: &ComponentId, pattern: &Pattern) -> usize {
        let Some(kinds) = self.of.get(component) else { return 0 };
        let same = kinds.range((pattern.clone(), None)..).take_while(|((p, _), _)| p == pattern);
        let ended: Vec<Kind> = present(same).collect();
        self.end(component, ended)
    }

    /// Ends all that `component` has. Returns how many.
    pub(crate) fn unload(&mut self, component: &ComponentId) -> usize {
        let Some(kinds) = self.of.get(component) else { return 0 };
        let ended: Vec<Kind> = present(kinds.iter()).collect();
        self.end(component, ended)
    }

    fn end(&mut self, component: &ComponentId, ended: Vec<Kind>) -> usize {
        let Some(kinds) = self.of.get_mut(component) else { return 0 };
        let count = ended.len();
        for kind in ended {
            let stored = kinds.get(&kind).is_some_and(|slot| slot.stored);
            let (pattern, group) = kind.clone();
            let key = StoredSubscription { component: component.clone(), pattern, group };
            if stored {
                kinds.insert(kind, Slot { present: false, stored });
                self.dirty.insert(key);
            } else {
                // The disk has never heard of it.
                kinds.remove(&kind);
                self.dirty.remove(&key);
            }
        }
        if kinds.is_empty() {
            self.of.remove(component);
        }
        self.count -= count;
        count
    }

    pub(crate) fn all(&self) -> Vec<StoredSubscription> {
        self.of.iter().flat_map(|(component, kinds)| listed(component, kinds)).collect()
    }

    pub(crate) fn of(&self, component: &ComponentId) -> Vec<StoredSubscription> {
        let kinds = self.of.get_key_value(component);
        kinds.into_iter().flat_map(|(component, kinds)| listed(component, kinds)).collect()
    }

    // ---- what the writer asks

    /// Whether the writer is to be told that something changed: once until it has looked.
    pub(crate) fn tell(&mut self) -> bool {
        !self.dirty.is_empty() && !std::mem::replace(&mut self.told, true)
    }

    /// How many are to be written or deleted.
    pub(crate) fn pending(&self) -> usize {
        self.dirty.len() + self.in_flight
    }

    /// All that the disk does not know yet.
    pub(crate) fn take_batch(&mut self) -> SubscriptionBatch {
        self.told = false;
        let dirty = std::mem::take(&mut self.dirty);
        let mut batch = SubscriptionBatch::with_capacity(dirty.len());
        for key in dirty {
            let present = match self.slot(&key) {
                Some(slot) => {
                    slot.stored = true;
                    slot.present
                }
                None => false,
            };
            batch.push((key, present));
        }
        self.in_flight = batch.len();
        batch
    }

    fn slot(&mut self, key: &StoredSubscription) -> Option<&mut Slot> {
        let kind = (key.pattern.clone(), key.group.clone());
        self.of.get_mut(&key.component)?.get_mut(&kind)
    }

    /// It was committed.
    pub(crate) fn committed(&mut self, batch: SubscriptionBatch) {
        self.in_flight = 0;
        for (key, written) in batch {
            // Changed once more meanwhile, it is looked at after the next commit.
            let gone = !written && self.slot(&key).is_some_and(|slot| !slot.present);
            if gone && !self.dirty.contains(&key) {
                self.remove_slot(key);
            }
        }
    }

    fn remove_slot(&mut self, key: StoredSubscription) {
        if let Some(kinds) = self.of.get_mut(&key.component) {
            kinds.remove(&(key.pattern, key.group));
            if kinds.is_empty() {
                self.of.remove(&key.component);
            }
        }
    }

    /// It was not, or that is not known.
    pub(crate) fn failed(&mut self, batch: SubscriptionBatch) {
        self.in_flight = 0;
        self.dirty.extend(batch.into_iter().map(|(key, _)| key));
    }

    /// These are on disk, whatever was thought.
    pub(crate) fn reconcile(&mut self, on_disk: &BTreeSet<StoredSubscription>) {
        for key in on_disk {
            match self.slot(key) {
                Some(slot) => slot.stored = true,
                None => {
                    self.dirty.insert(key.clone());
                }
            }
        }
        let missing = self.all().into_iter().filter(|key| !on_disk.contains(key));
        self.dirty.extend(missing);
    }
}

fn present<'a>(kinds: impl Iterator<Item = (&'a Kind, &'a Slot)>) -> impl Iterator<Item = Kind> {
    kinds.filter(|(_, slot)| slot.present).map(|(kind, _)| kind.clone())
}

fn listed(
    component: &ComponentId,
    kinds: &BTreeMap<Kind, Slot>,
) -> impl Iterator<Item = StoredSubscription> {
    present(kinds.iter()).map(|(pattern, group)| StoredSubscription {
        component: component.clone(),
        pattern,
        group,
    })
}
