//! What outlives components, and the process: dead letters, and subscriptions made at run time.

use castcall_broker::Ledger;
use castcall_core::{ComponentId, DeadLetter, Pattern};
use castcall_state::{DeadLetterLimits, DeadLetters, FlushError, StateDirectory};
use castcall_topics::Group;

/// Keeps in memory, and in a state directory if there is one.
pub(crate) struct Keeper {
    directory: Option<StateDirectory>,
    letters: DeadLetters,
}

impl Keeper {
    pub(crate) fn new(directory: Option<StateDirectory>, limits: DeadLetterLimits) -> Self {
        let letters = match &directory {
            Some(directory) => directory.dead_letters().clone(),
            None => DeadLetters::in_memory(limits),
        };
        Self { directory, letters }
    }

    pub(crate) fn letters(&self) -> &DeadLetters {
        &self.letters
    }

    pub(crate) fn directory(&self) -> Option<&StateDirectory> {
        self.directory.as_ref()
    }

    /// What a component subscribed to in an earlier process.
    pub(crate) fn restored(&self, component: &ComponentId) -> Vec<(Pattern, Option<Group>)> {
        let Some(directory) = &self.directory else { return Vec::new() };
        let stored = directory.subscriptions_of(component).into_iter();
        stored
            .filter_map(|stored| match stored.group.as_deref().map(Group::new).transpose() {
                Ok(group) => Some((stored.pattern, group)),
                Err(error) => {
                    tracing::error!(%component, %error, "a stored subscription is left out");
                    None
                }
            })
            .collect()
    }

    pub(crate) async fn flush(&self) -> Result<(), FlushError> {
        match &self.directory {
            Some(directory) => directory.flush().await,
            None => Ok(()),
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(directory) = &self.directory {
            report(directory.close().await);
        }
    }

    pub(crate) fn close_blocking(&self) {
        if let Some(directory) = &self.directory
            && !directory.status().closed
        {
            report(directory.close_blocking());
        }
    }
}

fn report(closed: Result<(), FlushError>) {
    if let Err(error) = closed {
        tracing::error!(%error, "the state directory could not be closed");
    }
}

impl Ledger for Keeper {
    fn dead_letter(&self, letter: DeadLetter) {
        self.letters.add(letter);
    }

    fn subscribed(&self, component: &ComponentId, pattern: &Pattern, group: Option<&Group>) {
        if let Some(directory) = &self.directory
            && let Err(error) = directory.subscribed(component, pattern, group.map(Group::as_str))
        {
            tracing::error!(%component, %pattern, %error, "a subscription will not be restored");
        }
    }

    fn unsubscribed(&self, component: &ComponentId, pattern: &Pattern) {
        if let Some(directory) = &self.directory {
            directory.unsubscribed(component, pattern);
        }
    }

    fn unloaded(&self, component: &ComponentId) {
        if let Some(directory) = &self.directory {
            directory.unloaded(component);
        }
    }
}
