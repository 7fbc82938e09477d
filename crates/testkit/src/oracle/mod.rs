//! What castcall promises about calls, casts and published messages, watched from outside.
//!
//! An [`Oracle`] is told what components and the world around them did and saw, and compares it
//! with what the promises allow. It routes and times nothing itself: it knows when a call was
//! made, what was answered, when its deadline was, and so what must have become of it. The first
//! promise that was not kept stays as its [`Breach`].
//!
//! Numbers of promises: 1 exactly one callback; 2 one FIFO, entered once at a time, no callback
//! lost; 3 no callback before the send has returned; 4 deadlines; 5 only the owner cancels; 6 late
//! answers are orphans; 7 what has ended is not delivered; 8 crashes, stops and failures; 9 the
//! requester's end; 10 nested deadlines; 11 nothing leaks, and counters add up. Of casts and
//! published messages: 12 every copy is handled or a dead letter that tells the truth, once;
//! 13 what a component crashed with is given again, next and no more often than it should be;
//! 14 who crashes a component too often is cut off from it, and nobody else; 15 who is subscribed
//! gets a copy, and of a group one member; 16 no more waits than may.

mod calls;
#[cfg(test)]
mod cast_tests;
mod casts;
mod ends;
mod events;
mod letters;
mod peers;
mod poison;
mod sweep;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod topic_tests;
mod topics;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use castcall_core::RequestId;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

pub use calls::NewCall;
pub use casts::{Given, NewCast};
pub use events::{What, brief};
pub use peers::{Inst, Rules, Uid};
pub use poison::InHand;
pub use sweep::Life;
pub use topics::Subscription;

use calls::Call;
use casts::Cast;
use events::Event;
use peers::{InstRecord, PeerRecord};
use topics::Ledgers;

/// How many events are kept for the report.
const KEPT: usize = 40;

type Map<K, V> = HashMap<K, V, FixedState>;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which: 1 to 16.
    pub promise: u8,
    /// How.
    pub what: String,
}

/// How much happened, to be compared with the broker's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls whose send returned `ok`.
    pub calls: u64,
    /// Casts whose send returned `ok`.
    pub casts: u64,
    /// Copies of published messages, by what `publish` returned.
    pub copies: u64,
    /// Messages published.
    pub published: u64,
    /// Sends of all kinds that were refused.
    pub refused: u64,
    /// Casts and copies that handlers were given for the first time.
    pub casts_handled: u64,
    /// Casts and copies that they were given again.
    pub redelivered: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Of those, how many were dropped for lack of room.
    pub dropped: u64,
    /// Calls that ended so, as far as anybody was told.
    pub calls_dropped: u64,
    /// Times that a sender was cut off.
    pub cut_off: u64,
    /// Instances that crashed.
    pub crashes: u64,
    /// Instances that started after the first.
    pub restarts: u64,
    /// Errors that handlers returned.
    pub handler_errors: u64,
    /// Errors that callbacks returned.
    pub callback_errors: u64,
    /// Calls that handlers were given.
    pub calls_handled: u64,
    /// Callbacks made.
    pub callbacks: u64,
    /// Calls answered in time.
    pub answered: u64,
    /// Attempts to cancel what was another's.
    pub denied_cancels: u64,
    /// Answers that came too late.
    pub orphans: u64,
}

/// Knows what was promised.
#[derive(Debug, Default)]
pub struct Oracle {
    breach: Option<Breach>,
    log: VecDeque<Event>,
    step: u64,
    elapsed: Duration,
    /// Counts everything that is told: one goes before the other.
    seq: u64,
    /// `seq` at the last sweep.
    swept: u64,
    number: u64,
    peers: Vec<PeerRecord>,
    instances: Vec<InstRecord>,
    calls: Map<u64, Call>,
    ids: Map<RequestId, u64>,
    /// Calls whose callback may still come.
    live: BTreeSet<u64>,
    /// Deadlines that have not been seen to by an expiry.
    due: BTreeSet<(Instant, u64)>,
    /// Some component has crashed since the last sweep.
    crashed: bool,
    /// Those that are not gone.
    here: BTreeSet<Uid>,
    /// Calls to be found out of the table at the next sweep.
    gone: Vec<u64>,
    casts: Map<u64, Cast>,
    /// Copies that are neither handled nor dead letters.
    unsettled: BTreeSet<(Uid, u64)>,
    /// Whose mailboxes have room for what is being sent.
    roomy: Vec<Uid>,
    /// Copies that must be dead letters at the end of the step.
    owed: Vec<(Uid, u64)>,
    /// Calls that must have ended by then.
    cut: Vec<u64>,
    ledgers: Ledgers,
    tally: Tally,
}

impl Oracle {
    /// Makes an oracle that knows of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first promise that was not kept.
    #[must_use]
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_ref()
    }

    /// Notes that a promise was not kept.
    pub fn broken(&mut self, promise: u8, what: impl Into<String>) {
        let what = what.into();
        self.breach.get_or_insert(Breach { promise, what });
    }

    /// The last events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.log.iter().map(|event| event.describe(&self.peers)).collect()
    }

    /// How much has happened.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// A number for a message, to be told again by whoever is given that message.
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// From here on it is this step, and this late.
    pub fn step(&mut self, step: u64, elapsed: Duration) {
        (self.step, self.elapsed) = (step, elapsed);
    }

    /// Notes something for the report.
    pub fn note(&mut self, who: Uid, what: What) {
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        let (step, elapsed) = (self.step, self.elapsed);
        self.log.push_back(Event { step, elapsed, who, what });
    }

    /// A send was refused that was neither a cast nor a publish.
    pub fn call_refused(&mut self) {
        self.tally.refused += 1;
    }

    /// A handler, or else a callback, returns an error.
    pub fn returns_error(&mut self, handler: bool) {
        self.tally.handler_errors += u64::from(handler);
        self.tally.callback_errors += u64::from(!handler);
    }

    /// An instance crashes in its `shutdown`.
    pub fn crashes_at_the_end(&mut self) {
        self.tally.crashes += 1;
    }

    fn tick(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Something was taken out of a mailbox that was put in between `first` and `last`.
    fn taken(&mut self, uid: Uid, first: u64, last: u64, number: u64) {
        let floor = &mut self.peers[uid as usize].floor;
        if last < *floor {
            self.broken(2, format!("#{number} was overtaken in the mailbox"));
            return;
        }
        *floor = (*floor).max(first);
    }
}
