//! The power goes off at any write: what was flushed is there, and nothing is there in half.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use castcall_core::{DeadLetter, DeadLetterId};
use fastrand::Rng;
use proptest::prelude::*;

use super::disk::Disk;
use super::{id, letter, pattern};
use crate::{DeadLetterFilter, DeadLetterLimits, StateConfig, StateDirectory, StoredSubscription};

/// What it should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    subscriptions: BTreeSet<(String, String, String)>,
    letters: BTreeMap<u64, DeadLetter>,
}

const ROOM: usize = 12;

impl Model {
    fn of(state: &StateDirectory) -> Self {
        let key = |s: StoredSubscription| {
            let group = s.group.as_deref().unwrap_or_default().to_owned();
            (s.component.to_string(), s.pattern.to_string(), group)
        };
        let letters = state.dead_letters().list(&DeadLetterFilter::new(), None, usize::MAX);
        Self {
            subscriptions: state.subscriptions().into_iter().map(key).collect(),
            letters: letters.into_iter().map(|(id, letter)| (id.0, letter)).collect(),
        }
    }

    fn evict(&mut self) {
        while self.letters.len() > ROOM {
            self.letters.pop_first();
        }
    }
}

/// One life of the process.
struct Life {
    state: StateDirectory,
    model: Model,
    /// What it held after each change since the last flush, and then.
    since: Vec<Model>,
    taken: Vec<(DeadLetterId, DeadLetter)>,
    last_id: u64,
}

impl Life {
    fn act(&mut self, rng: &mut Rng) {
        let component = format!("c{}", rng.u32(..3));
        let pattern_text = format!("p{}", rng.u32(..3));
        let group = ["", "g", "h"][rng.usize(..3)];
        let (component_id, pattern) = (id(&component), pattern(&pattern_text));
        let subscriptions = &mut self.model.subscriptions;
        let letters = self.state.dead_letters();
        match rng.u32(..12) {
            0..4 => {
                self.state.subscribed(&component_id, &pattern, Some(group)).unwrap();
                subscriptions.insert((component, pattern_text, group.to_owned()));
            }
            4 | 5 => {
                self.state.unsubscribed(&component_id, &pattern);
                subscriptions.retain(|(c, p, _)| (c, p) != (&component, &pattern_text));
            }
            6 => {
                self.state.unloaded(&component_id);
                subscriptions.retain(|(c, ..)| *c != component);
            }
            7 | 8 => {
                let new = letter(&component, rng.usize(..9000));
                let id = letters.add(new.clone()).0;
                assert!(id > self.last_id, "{id} comes after {}", self.last_id);
                self.last_id = id;
                self.model.letters.insert(id, new);
            }
            9 | 10 => {
                let ids: Vec<_> = self.model.letters.keys().copied().collect();
                if let Some(id) = rng.choice(ids) {
                    let taken = letters.take(DeadLetterId(id)).unwrap();
                    assert_eq!(self.model.letters.remove(&id), Some(taken.clone()));
                    self.taken.push((DeadLetterId(id), taken));
                }
            }
            _ => {
                if let Some((id, mut letter)) = self.taken.pop() {
                    letter.attempts += 1;
                    assert!(letters.put_back(id, letter.clone()));
                    self.model.letters.insert(id.0, letter);
                }
            }
        }
        self.model.evict();
        self.since.push(self.model.clone());
    }

    /// `false` if the power is off.
    fn flush(&mut self) -> bool {
        let flushed = self.state.flush_blocking().is_ok();
        if flushed {
            self.since = vec![self.model.clone()];
        }
        flushed
    }
}

fn config() -> StateConfig {
    StateConfig {
        commit_interval: Duration::from_micros(200),
        dead_letters: DeadLetterLimits::new(ROOM, usize::MAX),
        backoff: Duration::from_micros(100),
        ..StateConfig::default()
    }
}

fn lives(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut disk = Disk::new();
    let mut since = vec![Model::default()];
    let mut last_id = 0;
    for life in 0..4 {
        let steps = [20, 100, 1000][rng.usize(..3)];
        disk.die_after(rng.u64(..steps));
        let opened = StateDirectory::open_source(disk.source(), config());
        if let Ok(state) = opened {
            let model = Model::of(&state);
            let same = |one: &Model| one.subscriptions == model.subscriptions;
            assert!(since.iter().any(same), "life {life}: subscriptions {model:#?} of {since:#?}");
            let same = |one: &Model| one.letters == model.letters;
            assert!(since.iter().any(same), "life {life}: letters {model:#?} of {since:#?}");
            let mut life =
                Life { state, model: model.clone(), since: vec![model], taken: vec![], last_id };
            for _ in 0..rng.u32(..120) {
                life.act(&mut rng);
                if rng.u32(..8) == 0 && !life.flush() {
                    break;
                }
            }
            if rng.bool() {
                life.flush();
            }
            // What it still writes when it is dropped may get through.
            drop(life.state);
            (since, last_id) = (life.since, life.last_id);
        }
        disk = disk.after_power_loss(&mut rng);
    }
    let state = StateDirectory::open_source(disk.source(), config());
    state.unwrap_or_else(|error| panic!("the power is on: {error}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("CASTCALL_CRASHES").map_or(300, |n| n.parse().unwrap())
    ))]

    #[test]
    fn what_was_flushed_survives_a_power_loss(seed: u64) {
        lives(seed);
    }
}
