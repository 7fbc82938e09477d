//! What the store of letters knows of the disk, against a disk that is a map.

use std::collections::{BTreeMap, BTreeSet};

use castcall_core::DeadLetter;
use fastrand::Rng;
use proptest::prelude::*;

use super::letter;
use crate::store::{BatchLimit, IDS_AHEAD, LetterBatch, Store};
use crate::{DeadLetterFilter, DeadLetterLimits};

const ROOM: usize = 20;

struct Play {
    store: Store,
    disk: BTreeMap<u64, DeadLetter>,
    reserved: u64,
    taken: Vec<(u64, DeadLetter)>,
    last: u64,
}

impl Play {
    fn change(&mut self, rng: &mut Rng) {
        match rng.u32(..4) {
            0 | 1 => {
                let (id, _) = self.store.add(letter("a", rng.usize(..99)));
                assert!(id > self.last && id < self.reserved);
                self.last = id;
            }
            2 => {
                let ids: Vec<_> =
                    self.store.matching(&DeadLetterFilter::new(), 0).map(|(id, _)| id.0).collect();
                if let Some(id) = rng.choice(ids) {
                    self.taken.push((id, self.store.take(id).unwrap()));
                }
            }
            _ => {
                if !self.taken.is_empty() {
                    let (id, mut letter) = self.taken.swap_remove(rng.usize(..self.taken.len()));
                    letter.attempts += 1;
                    assert!(self.store.put_back(id, letter).0);
                }
            }
        }
    }

    fn changes(&mut self, rng: &mut Rng) {
        for _ in 0..rng.u32(..12) {
            self.change(rng);
        }
    }

    /// A commit that succeeds, or fails, with changes in between. Whether all was taken.
    fn commit(&mut self, rng: &mut Rng, quiet: bool) -> bool {
        let some = |rng: &mut Rng| rng.usize(1..20);
        let limit = BatchLimit {
            chunk: rng.usize(1..5),
            ..if quiet {
                BatchLimit::NONE
            } else {
                BatchLimit { deletes: some(rng), letters: some(rng), ..BatchLimit::SHORT }
            }
        };
        let mut batch = self.store.begin(limit);
        while self.store.gather(&mut batch, limit) && !batch.is_full(limit) {
            if !quiet {
                self.changes(rng);
            }
        }
        if !quiet {
            self.changes(rng);
        }
        let fails = !quiet && rng.u32(..4) == 0;
        if !fails || rng.bool() {
            self.write(&batch);
        }
        if fails {
            self.store.failed(&batch);
            self.changes(rng);
            let on_disk: BTreeSet<u64> = self.disk.keys().copied().collect();
            self.store.reconcile(&on_disk);
        } else {
            self.store.committed(&batch);
        }
        // What is put back and gone again since the last commit may be noted, though the disk has
        // never seen it.
        let known = self.store.count() * 2 + self.disk.len() + batch.delete.len();
        assert!(self.store.pending() <= known + 60, "it grows");
        // Nothing stays on disk that nobody will remove. How much there is to remove depends on the
        // limits, which are drawn here: as few as one a commit.
        let least = self.disk.len().saturating_sub(self.store.count());
        assert!(self.store.pending() >= least, "{} on disk for ever", self.disk.len());
        !fails
    }

    fn write(&mut self, batch: &LetterBatch) {
        for id in &batch.delete {
            self.disk.remove(id);
        }
        self.disk.extend(batch.add.iter().cloned());
        self.reserved = batch.ids;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("CASTCALL_LEDGERS").map_or(500, |n| n.parse().unwrap())
    ))]

    #[test]
    fn the_disk_gets_to_be_what_memory_is(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let limits = DeadLetterLimits::new(ROOM, usize::MAX);
        let mut play = Play {
            store: Store::durable(limits, BTreeMap::new(), 1),
            disk: BTreeMap::new(),
            reserved: 1 + IDS_AHEAD,
            taken: Vec::new(),
            last: 0,
        };
        for _ in 0..rng.u32(..30) {
            play.changes(&mut rng);
            play.commit(&mut rng, false);
            if rng.u32(..4) == 0 {
                // A flush.
                prop_assert!(play.commit(&mut rng, true));
                let filter = DeadLetterFilter::new();
                let memory = play.store.matching(&filter, 0);
                let memory: BTreeMap<_, _> = memory.map(|(id, l)| (id.0, l.clone())).collect();
                prop_assert_eq!(&play.disk, &memory);
                prop_assert_eq!(play.store.pending(), 0);
            }
        }
    }
}
