//! What a process does to a state directory, the same each time by its seed, and what the
//! directory should hold after each change.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use castcall_core::{Bytes, ComponentId, DeadLetter, DeadLetterReason, Pattern, Timestamp};
use castcall_state::{DeadLetterFilter, DeadLetterLimits, StateConfig, StateDirectory};
use fastrand::Rng;

/// How many letters there is room for. Few enough that what one commit writes is gathered in one
/// go: the directory then holds what it held after one of the changes.
const ROOM: usize = 60;

pub(super) fn config() -> StateConfig {
    let mut config = StateConfig::default();
    config.dead_letters = DeadLetterLimits::new(ROOM, usize::MAX);
    config
}

/// What a directory holds. Letters are known by a number of their own, their *mark*, which stands
/// in their payload and grows as their ids do.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) subscriptions: BTreeSet<(String, String, String)>,
    /// By mark: how often it was tried, and its id, which only who reads a directory knows.
    letters: BTreeMap<u64, (u32, u64)>,
    last_mark: u64,
}

impl Model {
    pub(super) fn read(state: &StateDirectory) -> Result<Self> {
        let mut model = Self::default();
        for subscription in state.subscriptions() {
            let group = subscription.group.as_deref().unwrap_or_default().to_owned();
            let (component, pattern) = (subscription.component, subscription.pattern);
            model.subscriptions.insert((component.to_string(), pattern.to_string(), group));
        }
        for (id, found) in state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX) {
            let head = found.payload.first_chunk().context("a letter without a mark")?;
            let mark = u64::from_le_bytes(*head);
            anyhow::ensure!(found == letter(mark, found.attempts), "letter {mark} is damaged");
            anyhow::ensure!(mark > model.last_mark, "letter {mark} has the id of an older one");
            model.letters.insert(mark, (found.attempts, id.0));
            model.last_mark = mark;
        }
        Ok(model)
    }

    /// Ids are compared if both know them.
    pub(super) fn same_letters(&self, found: &Self) -> bool {
        self.letters.len() == found.letters.len()
            && self.letters.iter().zip(&found.letters).all(|(one, other)| {
                let ((mark, (tries, id)), (other_mark, (other_tries, other_id))) = (one, other);
                (mark, tries) == (other_mark, other_tries) && (*id == 0 || id == other_id)
            })
    }

    /// The ids of its letters, by their marks.
    pub(super) fn ids(&self) -> BTreeMap<u64, u64> {
        self.letters.iter().map(|(mark, (_, id))| (*mark, *id)).collect()
    }
}

/// The letter with this mark.
pub(super) fn letter(mark: u64, attempts: u32) -> DeadLetter {
    let mut rng = Rng::with_seed(mark);
    let mut payload = vec![0; 8 + rng.usize(..6000)];
    rng.fill(&mut payload);
    payload[..8].copy_from_slice(&mark.to_le_bytes());
    let id = |id: &str| ComponentId::new(id).expect("it is an id");
    DeadLetter {
        from: id("from"),
        to: id("to"),
        topic: None,
        payload: Bytes::from(payload),
        sent: Timestamp::from_unix_nanos(mark),
        died: Timestamp::from_unix_nanos(mark + 1),
        reason: DeadLetterReason::Crashed,
        attempts,
        trace: None,
        mismatch: None,
    }
}

/// A change, said in words that a directory and a model understand.
pub(super) enum Change {
    Subscribe(ComponentId, Pattern, &'static str),
    Unsubscribe(ComponentId, Pattern),
    Unload(ComponentId),
    Add {
        mark: u64,
    },
    Take {
        mark: u64,
    },
    /// What was taken and tried once more.
    PutBack {
        mark: u64,
        attempts: u32,
    },
}

pub(super) struct Script {
    pub(super) model: Model,
    rng: Rng,
    next_mark: u64,
    /// A letter in nobody's store: its mark, tries, and id if that is known.
    taken: Option<(u64, u32, u64)>,
}

impl Script {
    pub(super) fn new(seed: u64, model: Model) -> Self {
        // Marks of letters that were never written come again; with other seeds, so do no two
        // letters that differ.
        let next_mark = model.last_mark + 1;
        Self { model, rng: Rng::with_seed(seed), next_mark, taken: None }
    }

    /// The next change, made in the model.
    pub(super) fn change(&mut self) -> Change {
        let component = ComponentId::new(format!("c{}", self.rng.u32(..5))).expect("an id");
        let pattern = Pattern::new(format!("p.{}.*", self.rng.u32(..20))).expect("a pattern");
        let group = ["", "", "g", "h"][self.rng.usize(..4)];
        let (c, p) = (component.to_string(), pattern.to_string());
        let subscriptions = &mut self.model.subscriptions;
        match self.rng.u32(..20) {
            0..8 => {
                subscriptions.insert((c, p, group.to_owned()));
                Change::Subscribe(component, pattern, group)
            }
            8..12 => {
                subscriptions.retain(|(of, to, _)| (of, to) != (&c, &p));
                Change::Unsubscribe(component, pattern)
            }
            12 => {
                subscriptions.retain(|(of, ..)| *of != c);
                Change::Unload(component)
            }
            13..16 => self.add(),
            other => {
                if let Some((mark, attempts, id)) = self.taken.take()
                    && other < 19
                {
                    self.model.letters.insert(mark, (attempts, id));
                    self.evict();
                    return Change::PutBack { mark, attempts };
                }
                let marks: Vec<u64> = self.model.letters.keys().copied().collect();
                let Some(mark) = self.rng.choice(marks) else { return self.add() };
                let (attempts, id) = self.model.letters.remove(&mark).expect("it was chosen");
                self.taken = Some((mark, attempts + 1, id));
                Change::Take { mark }
            }
        }
    }

    fn add(&mut self) -> Change {
        let mark = self.next_mark;
        self.next_mark += 1;
        self.model.letters.insert(mark, (1, 0));
        self.evict();
        Change::Add { mark }
    }

    fn evict(&mut self) {
        if self.model.letters.len() > ROOM {
            self.model.letters.pop_first();
        }
    }

    /// Whether to flush after this change.
    pub(super) fn flushes(seed: u64, done: u64) -> bool {
        Rng::with_seed(seed ^ done.wrapping_mul(0x9e37_79b9)).u32(..25) == 0
    }
}
