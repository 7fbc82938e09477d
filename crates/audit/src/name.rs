//! Names by number: a record carries four bytes for each, and the writer knows the text.
//!
//! A number is free again once its last [`Name`] is gone *and* the writer has since emptied all
//! queues: what was recorded with it was recorded before.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// What kind of thing a name is for: says under which key it stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(unreachable_pub, reason = "a sealed trait speaks of it")]
pub enum Sort {
    Component,
    Topic,
    Pattern,
    Group,
}

/// No name.
pub(crate) const NOBODY: u32 = u32::MAX;

/// The name of a component, topic, pattern or group, ready to be recorded: made once, by
/// [`Audit::name`](crate::Audit::name) or [`Audit::group`](crate::Audit::group), and kept. A clone is cheap.
#[derive(Clone)]
pub struct Name {
    /// Which audit's table it stands in; 0: of an audit that is off.
    pub(crate) audit: u32,
    pub(crate) index: u32,
    entry: Option<Arc<Entry>>,
}

impl Name {
    /// A name for an audit that is off.
    pub(crate) const NONE: Self = Self { audit: 0, index: NOBODY, entry: None };

    /// One that stands for nobody in the audit of that number.
    pub(crate) fn nobody(audit: u32) -> Self {
        Self { audit, ..Self::NONE }
    }

    pub(crate) fn text(&self) -> &str {
        self.entry.as_ref().map_or("?", |entry| &entry.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.text()).finish()
    }
}

struct Entry {
    index: u32,
    sort: Sort,
    text: Arc<str>,
    table: Arc<Table>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut names = self.table.0.lock();
        // The same name may have been asked for again since, and have a new number.
        let known = &mut names.known[self.sort as usize];
        if known.get(&self.text).is_some_and(|(index, _)| *index == self.index) {
            known.remove(&self.text);
        }
        names.retired.push(self.index);
    }
}

/// All names of one audit.
#[derive(Default)]
pub(crate) struct Table(Mutex<Names>);

type Known = HashMap<Arc<str>, (u32, Weak<Entry>)>;

#[derive(Default)]
struct Names {
    /// By [`Sort`].
    known: [Known; 4],
    texts: Vec<Option<(Sort, Arc<str>)>>,
    /// Without a [`Name`], perhaps still in a queue.
    retired: Vec<u32>,
    free: Vec<u32>,
}

impl Table {
    /// `audit`: the number of the audit that it belongs to.
    pub(crate) fn name(self: &Arc<Self>, audit: u32, sort: Sort, text: &str) -> Name {
        let mut names = self.0.lock();
        let known = names.known[sort as usize].get(text);
        if let Some(entry) = known.and_then(|(_, entry)| entry.upgrade()) {
            return Name { audit, index: entry.index, entry: Some(entry) };
        }
        let text: Arc<str> = text.into();
        let held = Some((sort, Arc::clone(&text)));
        let index = if let Some(index) = names.free.pop() {
            names.texts[index as usize] = held;
            index
        } else {
            names.texts.push(held);
            // Four thousand million names would have filled the memory before.
            u32::try_from(names.texts.len() - 1).unwrap_or(NOBODY)
        };
        let entry = Arc::new(Entry { index, sort, text, table: Arc::clone(self) });
        let known = (index, Arc::downgrade(&entry));
        names.known[sort as usize].insert(Arc::clone(&entry.text), known);
        Name { audit, index, entry: Some(entry) }
    }
}

/// The writer's view of a [`Table`]: asks it only for numbers that it has not seen.
pub(crate) struct Texts {
    table: Arc<Table>,
    seen: Vec<Option<(Sort, Arc<str>)>>,
}

impl Texts {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self { table, seen: Vec::new() }
    }

    pub(crate) fn get(&mut self, index: u32) -> Option<(Sort, &str)> {
        let at = index as usize;
        if index == NOBODY {
            return None;
        }
        if self.seen.get(at).is_none_or(Option::is_none) {
            let names = self.table.0.lock();
            if self.seen.len() < names.texts.len() {
                self.seen.resize(names.texts.len(), None);
            }
            *self.seen.get_mut(at)? = names.texts.get(at)?.clone();
        }
        self.seen.get(at)?.as_ref().map(|(sort, text)| (*sort, &**text))
    }

    /// The numbers that nobody records any more. To be [freed](Texts::free) once all that was in
    /// the queues when this was asked has been taken out.
    pub(crate) fn retired(&self) -> Vec<u32> {
        std::mem::take(&mut self.table.0.lock().retired)
    }

    pub(crate) fn free(&mut self, retired: &[u32]) {
        if retired.is_empty() {
            return;
        }
        let mut names = self.table.0.lock();
        for &index in retired {
            let at = index as usize;
            if let Some(seen) = self.seen.get_mut(at) {
                *seen = None;
            }
            if let Some(text) = names.texts.get_mut(at) {
                *text = None;
                names.free.push(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_number_as_long_as_it_is_held() {
        let table = Arc::new(Table::default());
        let mut texts = Texts::new(Arc::clone(&table));
        let a = table.name(1, Sort::Component, "a");
        let again = table.name(1, Sort::Component, "a");
        let topic = table.name(1, Sort::Topic, "a");
        assert_eq!(a.index, again.index);
        assert_ne!(a.index, topic.index);
        assert_eq!(texts.get(a.index), Some((Sort::Component, "a")));
        assert_eq!(texts.get(topic.index), Some((Sort::Topic, "a")));
        assert_eq!(format!("{a:?}"), "Name(\"a\")");
        drop(a);
        assert!(texts.retired().is_empty());
        let index = again.index;
        drop(again);
        // It may be in a queue yet.
        assert_ne!(table.name(1, Sort::Component, "b").index, index);
        let retired = texts.retired();
        assert!(retired.contains(&index));
        assert_eq!(texts.get(index), Some((Sort::Component, "a")));
        texts.free(&retired);
        assert_eq!(texts.get(index), None);
        let c = table.name(1, Sort::Pattern, "c");
        let d = table.name(1, Sort::Group, "d");
        assert!(c.index == index || d.index == index);
        assert_eq!(texts.get(c.index), Some((Sort::Pattern, "c")));
        assert_eq!(texts.get(d.index), Some((Sort::Group, "d")));
    }

    #[test]
    fn who_is_asked_for_again_gets_a_new_number_and_keeps_it() {
        let table = Arc::new(Table::default());
        let texts = Texts::new(Arc::clone(&table));
        for _ in 0..3 {
            let first = table.name(1, Sort::Component, "a");
            let index = first.index;
            drop(first);
            let second = table.name(1, Sort::Component, "a");
            assert_ne!(second.index, index);
            assert_eq!(table.name(1, Sort::Component, "a").index, second.index);
        }
        assert_eq!(texts.retired().len(), 6);
    }

    #[test]
    fn nobody_has_no_text() {
        let mut texts = Texts::new(Arc::default());
        assert_eq!(texts.get(NOBODY), None);
        assert_eq!(texts.get(7), None);
        texts.free(&[7]);
        assert_eq!(Name::NONE.text(), "?");
    }
}
