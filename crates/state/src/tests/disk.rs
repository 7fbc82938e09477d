//! A disk in memory that fails and forgets as it is told.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;
use redb::StorageBackend;

use crate::database;
use crate::directory::Source;
use crate::fault::{Fault, guarded};

/// What is written in one go, or not at all.
const SECTOR: usize = 512;

/// A disk. A clone is the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// As a reader sees it.
    now: Vec<u8>,
    /// As it was when it was last synced.
    synced: Vec<u8>,
    /// What was done since.
    since: Vec<Step>,
    /// How many more steps succeed, and how those after them fail.
    fails_after: Option<(u64, io::ErrorKind)>,
    /// After so many more steps, the power is off.
    dies_after: Option<u64>,
    steps: u64,
    /// How long a sync takes.
    slow: Option<std::time::Duration>,
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Step {
    fn on(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                let at = usize::try_from(*at).unwrap();
                if bytes.len() < at + data.len() {
                    bytes.resize(at + data.len(), 0);
                }
                bytes[at..at + data.len()].copy_from_slice(data);
            }
            Self::Length(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
        }
    }
}

impl Disk {
    /// With an empty database on it.
    pub(crate) fn new() -> Self {
        let disk = Self::default();
        let database = database::builder().create_with_backend(disk.backend()).unwrap();
        database::prepare(&database).unwrap();
        drop(database);
        disk
    }

    pub(crate) fn source(&self) -> Source {
        let disk = self.clone();
        Source {
            path: PathBuf::from("disk"),
            file: PathBuf::from("disk/state.redb"),
            opener: Box::new(move || {
                let builder = database::builder();
                let database = guarded(|| {
                    Ok(builder.create_with_backend(disk.backend()).map_err(redb::Error::from)?)
                });
                database.map_err(|error| match error {
                    // Real files say what the system says.
                    Fault::Corrupt(what) if disk.fails() => Fault::Io(io::Error::other(what)),
                    other => other,
                })
            }),
            claim: None,
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        Backend(self.clone())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().now.clone()
    }

    pub(crate) fn with(bytes: Vec<u8>) -> Self {
        let state = State { now: bytes.clone(), synced: bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Somebody else writes to it.
    pub(crate) fn replace(&self, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        state.since.clear();
        (state.now, state.synced) = (bytes.clone(), bytes);
    }

    /// From so many steps on, everything that writes fails.
    pub(crate) fn fail_after(&self, steps: u64, kind: io::ErrorKind) {
        self.0.lock().fails_after = Some((steps, kind));
    }

    pub(crate) fn heal(&self) {
        self.0.lock().fails_after = None;
    }

    fn fails(&self) -> bool {
        self.0.lock().fails_after.is_some_and(|(left, _)| left == 0)
    }

    pub(crate) fn slow(&self, sync: std::time::Duration) {
        self.0.lock().slow = Some(sync);
    }

    /// The power goes off after so many steps.
    pub(crate) fn die_after(&self, steps: u64) {
        self.0.lock().dies_after = Some(steps);
    }

    /// How many steps it has seen.
    pub(crate) fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    /// What is found when the power is back: of what was not synced, any sectors.
    pub(crate) fn after_power_loss(&self, rng: &mut Rng) -> Self {
        let state = self.0.lock();
        let mut bytes = state.synced.clone();
        // All, none, or each as it comes.
        let kept = [0, 50, 90, 100][rng.usize(..4)];
        for step in &state.since {
            match step {
                Step::Length(_) => {
                    if rng.u32(..100) < kept {
                        step.on(&mut bytes);
                    }
                }
                Step::Write(at, data) => {
                    for (n, sector) in data.chunks(SECTOR).enumerate() {
                        if rng.u32(..100) < kept {
                            let at = at + (n * SECTOR) as u64;
                            Step::Write(at, sector.to_vec()).on(&mut bytes);
                        }
                    }
                }
            }
        }
        Self::with(bytes)
    }
}

#[derive(Debug)]
pub(crate) struct Backend(Disk);

impl Backend {
    fn step(&self, step: Option<Step>) -> io::Result<()> {
        let mut state = self.0.0.lock();
        state.steps += 1;
        match &mut state.dies_after {
            Some(0) => return Err(io::Error::other("the power is off")),
            Some(left) => *left -= 1,
            None => {}
        }
        match &mut state.fails_after {
            Some((0, kind)) => return Err((*kind).into()),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        match step {
            Some(step) => {
                step.on(&mut state.now);
                state.since.push(step);
            }
            None => {
                if let Some(time) = state.slow {
                    std::thread::sleep(time);
                }
                state.synced = state.now.clone();
                state.since.clear();
            }
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.0.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.0.lock();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(out.len());
        let bytes = state.now.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step(Some(Step::Length(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step(Some(Step::Write(offset, data.to_vec())))
    }
}
