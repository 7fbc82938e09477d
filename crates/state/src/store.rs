//! Dead letters in memory: the truth, and what of it the disk does not know yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use castcall_core::{DeadLetter, DeadLetterId};

use crate::filter::DeadLetterFilter;
use crate::letters::DeadLetterLimits;

/// How many ids are set aside on disk ahead of those given out. None of them comes again after a
/// crash; at a million letters a second that lasts for 11 days without a single commit.
pub(crate) const IDS_AHEAD: u64 = 1_000_000_000_000;

pub(crate) struct Store {
    letters: BTreeMap<u64, DeadLetter>,
    limits: DeadLetterLimits,
    bytes: usize,
    dropped: u64,
    next: u64,
    ledger: Option<Ledger>,
}

/// What the disk does not know yet.
///
/// Ids below `written` are on disk, but for `rewrite`; those from there on are not, but that a
/// commit may have failed, or run still, for those below `attempted`. So a letter that comes and
/// goes between two commits leaves nothing here, and what is here is bounded by what is on disk,
/// in memory, and put back since the last commit.
#[derive(Default)]
struct Ledger {
    written: u64,
    attempted: u64,
    /// Ids below this are not given out by the next run.
    reserved: u64,
    rewrite: BTreeSet<u64>,
    delete: BTreeSet<u64>,
    /// How much of the last two the commit that runs is about.
    in_flight: usize,
    /// Whether the writer has been told that there is something.
    told: bool,
}

/// What one commit writes.
pub(crate) struct LetterBatch {
    pub(crate) delete: Vec<u64>,
    pub(crate) add: Vec<(u64, DeadLetter)>,
    /// Where the next run's ids start, at the earliest.
    pub(crate) ids: u64,
    /// Where the letters that are new to the disk go on.
    cursor: u64,
    /// How much `add` takes, in bytes.
    bytes: usize,
}

impl LetterBatch {
    pub(crate) fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.add.is_empty()
    }

    fn push(&mut self, id: u64, letter: &DeadLetter) {
        self.bytes += weight(letter);
        self.add.push((id, letter.clone()));
    }

    pub(crate) fn is_full(&self, limit: BatchLimit) -> bool {
        self.add.len() >= limit.letters || self.bytes >= limit.bytes
    }
}

/// What was pushed out by the limits, to be dropped when the lock is not held any more.
#[derive(Default)]
pub(crate) struct Evicted {
    first: Option<DeadLetter>,
    rest: Vec<DeadLetter>,
}

impl Store {
    pub(crate) fn in_memory(limits: DeadLetterLimits) -> Self {
        let letters = BTreeMap::new();
        Self { letters, limits, bytes: 0, dropped: 0, next: 1, ledger: None }
    }

    /// With what is on disk. `next` is the first id that was never given out; as many as
    /// [`IDS_AHEAD`] from there on must be set aside on disk.
    pub(crate) fn durable(
        limits: DeadLetterLimits,
        letters: BTreeMap<u64, DeadLetter>,
        next: u64,
    ) -> Self {
        let bytes = letters.values().map(weight).sum();
        let reserved = next + IDS_AHEAD;
        let ledger = Ledger { written: next, attempted: next, reserved, ..Ledger::default() };
        let mut store = Self { letters, limits, bytes, dropped: 0, next, ledger: Some(ledger) };
        // They may have been other limits then.
        let _ = store.evict();
        store
    }

    pub(crate) fn add(&mut self, letter: DeadLetter) -> (u64, Evicted) {
        let id = self.next;
        self.next += 1;
        self.bytes += weight(&letter);
        self.letters.insert(id, letter);
        (id, self.evict())
    }

    /// `false`, and nothing happens, if the id was never given out or is there.
    pub(crate) fn put_back(&mut self, id: u64, letter: DeadLetter) -> (bool, Evicted) {
        if id == 0 || id >= self.next || self.letters.contains_key(&id) {
            return (false, Evicted::default());
        }
        self.bytes += weight(&letter);
        self.letters.insert(id, letter);
        if let Some(ledger) = &mut self.ledger
            && id < ledger.attempted
        {
            ledger.delete.remove(&id);
            ledger.rewrite.insert(id);
        }
        (true, self.evict())
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<DeadLetter> {
        let letter = self.letters.remove(&id)?;
        self.forget(id, &letter);
        Some(letter)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&DeadLetter> {
        self.letters.get(&id)
    }

    /// Those that `filter` means, after `after`.
    pub(crate) fn matching<'a>(
        &'a self,
        filter: &'a DeadLetterFilter,
        after: u64,
    ) -> impl Iterator<Item = (DeadLetterId, &'a DeadLetter)> {
        let letters = self.letters.range((Bound::Excluded(after), Bound::Unbounded));
        let meant = letters.filter(|(_, letter)| filter.matches(letter));
        meant.map(|(id, letter)| (DeadLetterId(*id), letter))
    }

    pub(crate) fn count(&self) -> usize {
        self.letters.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn limits(&self) -> DeadLetterLimits {
        self.limits
    }

    fn evict(&mut self) -> Evicted {
        let mut evicted = Evicted::default();
        while self.letters.len() > self.limits.count || self.bytes > self.limits.bytes {
            let Some((id, letter)) = self.letters.pop_first() else { break };
            self.forget(id, &letter);
            self.dropped += 1;
            match &mut evicted.first {
                first @ None => *first = Some(letter),
                Some(_) => evicted.rest.push(letter),
            }
        }
        evicted
    }

    /// What was there is gone.
    fn forget(&mut self, id: u64, letter: &DeadLetter) {
        self.bytes -= weight(letter);
        if let Some(ledger) = &mut self.ledger
            && id < ledger.attempted
        {
            ledger.rewrite.remove(&id);
            ledger.delete.insert(id);
        }
    }

    // ---- what the writer asks

    /// Whether the writer is to be told that something changed: once until it has looked.
    pub(crate) fn tell(&mut self) -> bool {
        self.ledger.as_mut().is_some_and(|ledger| !std::mem::replace(&mut ledger.told, true))
    }

    /// How many letters are to be written or deleted.
    pub(crate) fn pending(&self) -> usize {
        self.ledger.as_ref().map_or(0, |ledger| {
            let new = self.letters.range(ledger.written..).count();
            new + ledger.rewrite.len() + ledger.delete.len() + ledger.in_flight
        })
    }

    /// Begins a batch, with what is to be deleted.
    pub(crate) fn begin(&mut self, limit: BatchLimit) -> LetterBatch {
        let cursor = self.ledger.as_ref().map_or(0, |ledger| ledger.written);
        let ids = self.next + IDS_AHEAD;
        let mut batch = LetterBatch { delete: Vec::new(), add: Vec::new(), ids, cursor, bytes: 0 };
        if let Some(ledger) = &mut self.ledger {
            ledger.told = false;
            if ledger.delete.len() <= limit.deletes {
                batch.delete = std::mem::take(&mut ledger.delete).into_iter().collect();
            } else {
                batch.delete = ledger.delete.iter().copied().take(limit.deletes).collect();
                ledger.delete.retain(|id| batch.delete.last().is_none_or(|last| id > last));
            }
            ledger.in_flight = batch.delete.len();
        }
        batch
    }

    /// Adds some more letters to it, unless it has `limit` of them or of bytes. `false` once there
    /// are none left.
    pub(crate) fn gather(&mut self, batch: &mut LetterBatch, limit: BatchLimit) -> bool {
        let Some(ledger) = &mut self.ledger else { return false };
        let mut room = limit.chunk;
        while room > 0 && !batch.is_full(limit) {
            let Some(id) = ledger.rewrite.pop_first() else { break };
            let Some(letter) = self.letters.get(&id) else { continue };
            room -= 1;
            ledger.in_flight += 1;
            batch.push(id, letter);
        }
        for (&id, letter) in self.letters.range(batch.cursor..) {
            if room == 0 || batch.is_full(limit) {
                return true;
            }
            room -= 1;
            ledger.attempted = ledger.attempted.max(id + 1);
            batch.cursor = id + 1;
            batch.push(id, letter);
        }
        !ledger.rewrite.is_empty()
    }

    /// It was committed.
    pub(crate) fn committed(&mut self, batch: &LetterBatch) {
        if let Some(ledger) = &mut self.ledger {
            ledger.written = ledger.written.max(batch.cursor);
            ledger.reserved = batch.ids;
            ledger.in_flight = 0;
        }
    }

    /// It was not, or that is not known.
    pub(crate) fn failed(&mut self, batch: &LetterBatch) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.in_flight = 0;
        ledger.delete.extend(batch.delete.iter().filter(|id| !self.letters.contains_key(id)));
        let old = batch.add.iter().map(|(id, _)| *id).filter(|id| *id < ledger.written);
        ledger.rewrite.extend(old.filter(|id| self.letters.contains_key(id)));
    }

    /// These are on disk, whatever was thought.
    pub(crate) fn reconcile(&mut self, on_disk: &BTreeSet<u64>) {
        let Some(ledger) = &mut self.ledger else { return };
        let gone = on_disk.iter().filter(|id| !self.letters.contains_key(id));
        ledger.delete = gone.copied().collect();
        // All others are new to the disk anyway.
        ledger.rewrite.retain(|id| *id < ledger.written);
        let below = self.letters.range(..ledger.written).map(|(id, _)| *id);
        ledger.rewrite.extend(below.filter(|id| !on_disk.contains(id)));
        let last = on_disk.last().map_or(0, |id| id + 1);
        ledger.attempted = ledger.written.max(last);
    }

    /// Ids from now on are ones that the next run is not going to give out. Returns where that is
    /// to start.
    pub(crate) fn leave_ids(&mut self) -> u64 {
        let next = self.next;
        if let Some(ledger) = &self.ledger {
            // Half of them: the directory may stay open, and be closed again.
            self.next += ledger.reserved.saturating_sub(next) / 2;
        }
        next
    }
}

/// How much one commit takes.
#[derive(Clone, Copy)]
pub(crate) struct BatchLimit {
    pub(crate) deletes: usize,
    pub(crate) letters: usize,
    pub(crate) bytes: usize,
    /// How many letters are gathered under one lock.
    pub(crate) chunk: usize,
}

impl BatchLimit {
    /// That of a commit which nobody waits for: it must be short, so that subscriptions are durable
    /// soon while letters pour in. The rest comes with the next.
    pub(crate) const SHORT: Self =
        Self { deletes: 2_048, letters: 512, bytes: 256 << 10, chunk: 256 };

    /// That of a commit which has to take everything.
    pub(crate) const NONE: Self =
        Self { deletes: usize::MAX, letters: usize::MAX, bytes: usize::MAX, ..Self::SHORT };
}

/// What a letter counts for, in bytes: see [`DeadLetterLimits::bytes`].
fn weight(letter: &DeadLetter) -> usize {
    let topic = letter.topic.as_ref().map_or(0, |topic| topic.as_str().len());
    let mismatch = letter.mismatch.as_ref().map_or(0, |_| DeadLetterLimits::MISMATCH);
    DeadLetterLimits::OVERHEAD
        + mismatch
        + letter.payload.len()
        + letter.from.as_str().len()
        + letter.to.as_str().len()
        + topic
}
