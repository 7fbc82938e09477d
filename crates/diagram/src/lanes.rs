//! Who has a lane of their own.

use std::collections::HashMap;

use crate::names::{Name, Names};
use crate::record::{Kind, Record};

/// More lanes nobody can read.
const MOST: usize = 200;

/// The number of a lane, from 0.
pub(crate) type Lane = usize;

/// Components, in the order in which they appear.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    components: Vec<Name>,
    places: HashMap<Name, usize>,
    /// How many lanes; the last is that of all others, if there are more components.
    most: usize,
}

impl Lanes {
    pub(crate) fn of(records: &[Record], most: usize) -> Self {
        let mut lanes = Self { most: most.clamp(2, MOST), ..Self::default() };
        for record in records {
            let [who, whom] = seen(record);
            lanes.add(who);
            lanes.add(whom);
        }
        lanes
    }

    fn add(&mut self, name: Option<Name>) {
        if let Some(name) = name
            && !self.places.contains_key(&name)
        {
            self.places.insert(name, self.components.len());
            self.components.push(name);
        }
    }

    pub(crate) fn components(&self) -> impl Iterator<Item = Name> {
        self.components.iter().copied()
    }

    /// How many lanes there are.
    pub(crate) fn count(&self) -> usize {
        self.components.len().min(self.most)
    }

    /// How many components are in the last lane together, if not one.
    pub(crate) fn others(&self) -> usize {
        if self.components.len() > self.most { self.components.len() - self.most + 1 } else { 0 }
    }

    pub(crate) fn of_name(&self, name: Name) -> Option<Lane> {
        self.places.get(&name).map(|&place| place.min(self.most - 1))
    }

    pub(crate) fn titles(&self, names: &Names) -> Vec<String> {
        let alone = if self.others() > 0 { self.count() - 1 } else { self.count() };
        let mut titles: Vec<_> =
            self.components[..alone].iter().map(|&name| names.get(name).to_owned()).collect();
        if self.others() > 0 {
            titles.push(format!("{} others", self.others()));
        }
        titles
    }
}

/// The components that a record is about. What was asked for and denied is any text, and what is
/// granted may be to a pattern.
fn seen(record: &Record) -> [Option<Name>; 2] {
    match record.kind {
        Kind::Send
        | Kind::Delivery
        | Kind::CallEnd
        | Kind::HandlerError
        | Kind::DeadLetter
        | Kind::Cancel => [record.who, record.whom],
        Kind::Subscribe | Kind::Unsubscribe | Kind::Denial => [record.who, None],
        Kind::Load | Kind::Unload | Kind::Restart | Kind::Failure => [None, record.whom],
        Kind::CapabilityChange | Kind::Dropped => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_beyond_share_the_last_lane() {
        let mut names = Names::default();
        let mut lanes = Lanes { most: 3, ..Lanes::default() };
        for id in ["a", "b", "a", "c"] {
            lanes.add(Some(names.add(id)));
        }
        assert_eq!(
            (lanes.titles(&names), lanes.others()),
            (vec!["a".into(), "b".into(), "c".into()], 0)
        );
        for id in ["d", "e"] {
            lanes.add(Some(names.add(id)));
        }
        assert_eq!((lanes.count(), lanes.others()), (3, 3));
        assert_eq!(lanes.titles(&names), ["a", "b", "3 others"]);
        let lane = |id| lanes.of_name(names.find(id).unwrap());
        assert_eq!(["a", "b", "c", "d", "e"].map(lane), [0, 1, 2, 2, 2].map(Some));
    }
}
