//! Tells the oracle what the broker lets go of, and what is to be kept.

use std::sync::{Arc, OnceLock, Weak};

use castcall_broker::{Group, Ledger};
use castcall_core::{ComponentId, DeadLetter, Pattern};

use super::dice::Note;
use super::stage::Stage;

/// The chaos' ledger: made before the stage, and told of it afterwards.
#[derive(Default)]
pub(super) struct Notes(OnceLock<Weak<Stage>>);

impl Notes {
    pub(super) fn go_to(&self, stage: &Arc<Stage>) {
        let _ = self.0.set(Arc::downgrade(stage));
    }

    fn stage(&self) -> Option<Arc<Stage>> {
        self.0.get()?.upgrade()
    }
}

impl Ledger for Notes {
    fn dead_letter(&self, letter: DeadLetter) {
        let Some(stage) = self.stage() else { return };
        let number = Note::read(&letter.payload).map_or(0, |note| note.number);
        let now = stage.wall();
        stage.state.lock().oracle.died(number, &letter, now, &|uid| stage.life(uid));
    }

    fn subscribed(&self, component: &ComponentId, pattern: &Pattern, group: Option<&Group>) {
        let Some(stage) = self.stage() else { return };
        let subscription = (pattern.clone(), group.map(|group| group.as_str().to_owned()));
        stage.state.lock().oracle.ledger_subscribed(component.as_str(), subscription);
    }

    fn unsubscribed(&self, component: &ComponentId, pattern: &Pattern) {
        let Some(stage) = self.stage() else { return };
        stage.state.lock().oracle.ledger_unsubscribed(component.as_str(), pattern);
    }

    fn unloaded(&self, component: &ComponentId) {
        let Some(stage) = self.stage() else { return };
        stage.state.lock().oracle.ledger_unloaded(component.as_str());
    }
}
