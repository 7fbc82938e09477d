//! Which way each component is entered that was loaded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use castcall_core::ComponentId;
use castcall_wasm::Lane;

/// By component. Those that are gone stay until there are as many of them as of others, so that
/// keeping one costs the same however many there are.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lanes: HashMap<ComponentId, Lane>,
    /// How many there are before those that are gone are looked for.
    most: usize,
}

const FEW: usize = 16;

impl Lanes {
    pub(crate) fn keep(
        &self,
        id: ComponentId,
        lane: Lane,
        is_there: impl Fn(&ComponentId) -> bool,
    ) {
        let mut kept = self.kept();
        if kept.lanes.len() >= kept.most {
            kept.lanes.retain(|id, _| is_there(id));
            kept.most = FEW.max(2 * kept.lanes.len());
        }
        kept.lanes.insert(id, lane);
    }

    pub(crate) fn forget(&self, id: &ComponentId) {
        self.kept().lanes.remove(id);
    }

    pub(crate) fn of(&self, id: &str) -> Option<Lane> {
        self.kept().lanes.get(id).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in between can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_gone_are_not_kept_for_ever() {
        let lanes = Lanes::default();
        let id = |number: usize| ComponentId::new(format!("guest/{number}")).unwrap();
        let last = |id: &ComponentId| id.as_str() == "guest/999";
        for number in 0..2_000 {
            lanes.keep(id(number), Lane::Core, last);
        }
        assert_eq!(lanes.of("guest/999"), Some(Lane::Core));
        assert_eq!(lanes.of("guest/0"), None);
        assert!(lanes.kept().lanes.len() <= FEW + 1);
        lanes.forget(&id(999));
        assert_eq!(lanes.of("guest/999"), None);
    }
}
