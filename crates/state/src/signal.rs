//! Between those who change and wait, and the one thread that writes.

use std::time::{Duration, Instant};

use castcall_core::Timestamp;
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::error::FlushError;

/// Where the writer has got to. A flush is a number; all changes made before it was asked for
/// belong to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Flushes up to here are done.
    done: u64,
    /// Those up to here have been tried, and why the last try failed.
    failed: Option<(u64, FlushError)>,
    /// Nothing is written any more.
    pub(crate) closed: bool,
    pub(crate) commits: u64,
    pub(crate) last_commit: Option<Timestamp>,
}

impl Progress {
    /// What has become of a flush, if that is known yet.
    fn of(&self, flush: u64) -> Option<Result<(), FlushError>> {
        if self.done >= flush {
            return Some(Ok(()));
        }
        match &self.failed {
            Some((tried, error)) if *tried >= flush => Some(Err(error.clone())),
            _ if self.closed => Some(Err(FlushError::Closed)),
            _ => None,
        }
    }

    pub(crate) fn last_error(&self) -> Option<FlushError> {
        self.failed.as_ref().map(|(_, error)| error.clone())
    }
}

#[derive(Default)]
struct Control {
    /// When the first change was made that has not been looked at.
    changed: Option<Instant>,
    /// Nothing is tried before, but a flush.
    retry_at: Option<Instant>,
    flush: u64,
    /// How far flushes have been tried.
    tried: u64,
    close: bool,
    give_up: bool,
}

/// What the writer is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    /// All flushes up to this one.
    pub(crate) flush: u64,
    /// Whether somebody waits for it, so that it has to be everything.
    pub(crate) everything: bool,
    /// It is to be the last one, if it succeeds.
    pub(crate) close: bool,
    /// It is to be the last one even if it fails.
    pub(crate) give_up: bool,
}

pub(crate) struct Signal {
    control: Mutex<Control>,
    work: Condvar,
    progress: watch::Sender<Progress>,
    /// For those who wait without a runtime.
    done: Condvar,
    interval: Duration,
}

impl Signal {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            control: Mutex::default(),
            work: Condvar::new(),
            progress: watch::Sender::new(Progress::default()),
            done: Condvar::new(),
            interval,
        }
    }

    // ---- those who change and wait

    pub(crate) fn changed(&self) {
        let mut control = self.control.lock();
        if control.changed.is_none() {
            control.changed = Some(Instant::now());
            self.work.notify_one();
        }
    }

    /// Asks for a flush, which is also the last commit if `close`.
    pub(crate) fn ask(&self, close: bool) -> u64 {
        let mut control = self.control.lock();
        control.flush += 1;
        control.close |= close;
        self.work.notify_one();
        control.flush
    }

    pub(crate) async fn wait(&self, flush: u64) -> Result<(), FlushError> {
        let mut progress = self.progress.subscribe();
        loop {
            if let Some(result) = progress.borrow_and_update().of(flush) {
                return result;
            }
            // The sender is in `self`.
            let _ = progress.changed().await;
        }
    }

    pub(crate) fn wait_blocking(&self, flush: u64) -> Result<(), FlushError> {
        let mut control = self.control.lock();
        loop {
            if let Some(result) = self.progress.borrow().of(flush) {
                return result;
            }
            self.done.wait(&mut control);
        }
    }

    /// One last try, whatever comes of it.
    pub(crate) fn give_up(&self) {
        let mut control = self.control.lock();
        control.give_up = true;
        self.work.notify_one();
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    // ---- the writer

    /// Waits until there is something to do.
    pub(crate) fn next_job(&self) -> Job {
        let mut control = self.control.lock();
        loop {
            let Control { flush, tried, close, give_up, .. } = *control;
            let due = control.changed.map(|at| control.retry_at.unwrap_or(at + self.interval));
            let now = Instant::now();
            if flush > tried || give_up || due.is_some_and(|due| due <= now) {
                control.changed = None;
                control.close = false;
                let everything = flush > tried || give_up;
                return Job { flush, everything, close: close || give_up, give_up };
            }
            match due {
                Some(due) => drop(self.work.wait_until(&mut control, due)),
                None => self.work.wait(&mut control),
            }
        }
    }

    /// All that was to be done by `job` is on disk. `more`: there is more to do, not asked for.
    pub(crate) fn succeeded(&self, job: Job, committed: bool, more: bool) {
        let mut control = self.control.lock();
        control.retry_at = None;
        if more {
            control.changed.get_or_insert_with(Instant::now);
        }
        if job.everything {
            control.tried = control.tried.max(job.flush);
        }
        self.progress.send_modify(|progress| {
            if job.everything {
                progress.done = progress.done.max(job.flush);
            }
            progress.failed = None;
            if committed {
                progress.commits += 1;
                progress.last_commit = Some(Timestamp::now());
            }
        });
        self.done.notify_all();
    }

    /// It is not, and is tried again in a while.
    pub(crate) fn failed(&self, job: Job, error: FlushError, backoff: Duration) {
        let mut control = self.control.lock();
        let now = Instant::now();
        control.changed.get_or_insert(now);
        control.retry_at = Some(now + backoff);
        control.tried = control.tried.max(job.flush);
        self.progress.send_modify(|progress| progress.failed = Some((job.flush, error)));
        self.done.notify_all();
    }

    /// The writer has ended.
    pub(crate) fn closed(&self) {
        let _control = self.control.lock();
        self.progress.send_modify(|progress| progress.closed = true);
        self.done.notify_all();
    }
}
