//! Components that do everything there is to do, wrongly too, watched by an
//! [`Oracle`](crate::oracle::Oracle).
//!
//! Casts, calls with every timeout, publishing and subscribing, cancelling one's own, others' and
//! nobody's calls, taking calls over and answering them late, twice or never; errors, crashes and
//! panics in messages, callbacks and `init`, and messages that crash whoever is given them; small
//! mailboxes with every policy, and now and then too little room for all of them; from outside,
//! stops, new components of the same id, senders that are cut off and readmitted, futures dropped
//! midway, clocks that jump; and at last a shutdown, or the broker let go of, with calls pending.

mod actor;
mod audit;
mod deeds;
mod dice;
mod finale;
mod ledger;
mod outside;
mod sends;
mod stage;
mod world;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use world::World;

/// One run of chaos.
#[derive(Debug, Clone, Copy)]
pub struct Chaos {
    seed: u64,
    calls: u64,
}

/// What a run without a broken promise did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Calls made.
    pub calls: u64,
    /// Casts made, and copies of published messages.
    pub casts: u64,
    /// Callbacks made.
    pub callbacks: u64,
    /// Casts and copies that became dead letters.
    pub dead_letters: u64,
    /// Casts and copies given again after a crash.
    pub redelivered: u64,
    /// Senders cut off.
    pub cut_off: u64,
    /// Steps taken.
    pub steps: u64,
    /// Virtual time that passed.
    pub elapsed: Duration,
}

/// A promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Makes the same run again, with the same number of calls.
    pub seed: u64,
    /// When.
    pub step: u64,
    /// Which: see [`crate::oracle`].
    pub promise: u8,
    /// How.
    pub what: String,
    /// What went before, oldest first.
    pub events: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, promise, what, events } = self;
        writeln!(f, "promise {promise} broken at step {step} of seed {seed}: {what}")?;
        events.iter().try_for_each(|event| writeln!(f, "  {event}"))
    }
}

impl Error for Broken {}

impl Chaos {
    /// A run of some thousand calls.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, calls: 2_000 }
    }

    /// Makes it end after about so many calls.
    #[must_use]
    pub fn calls(self, calls: u64) -> Self {
        Self { calls, ..self }
    }

    /// Runs, and panics at the first broken promise with the seed, the step, and what went before.
    ///
    /// # Panics
    ///
    /// A promise was broken.
    pub fn run(self) -> Report {
        self.try_run().unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// Runs.
    ///
    /// # Errors
    ///
    /// A promise was broken.
    pub fn try_run(self) -> Result<Report, Box<Broken>> {
        let mut world = World::new(self.seed);
        world.stir(self.calls)?;
        world.settle()?;
        world.stir(self.calls + self.calls / 10)?;
        world.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_ends_the_run_and_is_told_with_what_went_before() {
        let mut world = World::new(9);
        world.stir(20).unwrap();
        let step = world.step + 1;
        world.stage.state.lock().oracle.broken(7, "on purpose");
        let broken = world.stir(1_000).unwrap_err();
        assert_eq!((broken.seed, broken.step, broken.promise), (9, step, 7));
        assert!(!broken.events.is_empty());
        let told = broken.to_string();
        let mut lines = told.lines();
        let first = format!("promise 7 broken at step {step} of seed 9: on purpose");
        assert_eq!(lines.next(), Some(first.as_str()));
        assert!(lines.eq(broken.events.iter().map(|event| format!("  {event}"))));
    }
}
