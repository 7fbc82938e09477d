//! How an audit does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::sink::{Failure, StreamName};

/// What an audit has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// Lines written, to both streams.
    pub written: u64,
    /// Records that found no room in a queue, and were counted in the stream instead. Never
    /// denials.
    pub dropped: u64,
    /// Records that could not be written in time because their stream failed, and were counted in
    /// it, or will be. Of denials that is their copy in the stream of all records only.
    pub lost: u64,
    /// Attempts that were denied, whether by themselves or in a count.
    pub denials: u64,
    /// How often writing has begun to fail.
    pub failures: u64,
    /// Whether a stream fails now.
    pub failing: bool,
    /// What was wrong last.
    pub last_error: Option<String>,
}

/// The numbers that the writer keeps.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    pub(crate) written: AtomicU64,
    pub(crate) lost: AtomicU64,
    failures: AtomicU64,
    failing: [AtomicBool; 2],
    last_error: Mutex<Option<String>>,
}

impl Cells {
    pub(crate) fn fails(&self, failure: &Failure) {
        self.failing[failure.stream as usize].store(true, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.last_error.lock() = Some(format!("{}: {}", failure.stream, failure.error));
    }

    pub(crate) fn works(&self, stream: StreamName) {
        self.failing[stream as usize].store(false, Ordering::Relaxed);
    }

    /// What is wrong now.
    pub(crate) fn wrong(&self) -> Option<String> {
        let failing = self.failing.iter().any(|failing| failing.load(Ordering::Relaxed));
        failing.then(|| self.last_error.lock().clone().unwrap_or_default())
    }

    pub(crate) fn status(&self) -> Status {
        Status {
            written: self.written.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            failing: self.wrong().is_some(),
            last_error: self.last_error.lock().clone(),
            ..Status::default()
        }
    }
}
