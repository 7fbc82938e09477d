//! The one thread that writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redb::Database;

use crate::database::{self, Opener};
use crate::error::FlushError;
use crate::fault::{Fault, guarded};
use crate::files::Claim;
use crate::letters::DeadLetters;
use crate::signal::{Job, Signal};
use crate::store::{BatchLimit, LetterBatch, Store};
use crate::subscriptions::Subscriptions;

pub(crate) struct Writer {
    /// None after a failed commit: the database has to be opened again.
    pub(crate) database: Option<Database>,
    pub(crate) opener: Opener,
    pub(crate) file: PathBuf,
    /// None where there are no files.
    pub(crate) claim: Option<Claim>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) subscriptions: Arc<Mutex<Subscriptions>>,
    pub(crate) letters: DeadLetters,
    pub(crate) backoff: Duration,
    pub(crate) max_backoff: Duration,
    /// Whether the last commit had letters in it.
    pub(crate) had_letters: bool,
}

/// What a commit did.
struct Done {
    committed: bool,
    /// There were more letters than one commit takes.
    more: bool,
}

impl Writer {
    pub(crate) fn run(mut self) {
        let mut backoff = self.backoff;
        loop {
            let job = self.signal.next_job();
            let ended = match self.attempt(job) {
                Ok(done) => {
                    backoff = self.backoff;
                    if job.close {
                        // Whoever waits for it may open the directory again at once.
                        self.release();
                    }
                    self.signal.succeeded(job, done.committed, done.more);
                    job.close
                }
                Err(fault) => {
                    self.drop_database();
                    let error = FlushError::new(self.file.clone(), fault);
                    self.signal.failed(job, error, backoff);
                    backoff = (backoff * 2).min(self.max_backoff);
                    job.give_up
                }
            };
            if ended {
                self.release();
                return self.signal.closed();
            }
        }
    }

    fn attempt(&mut self, job: Job) -> Result<Done, Fault> {
        self.reopen()?;
        let subscriptions = self.subscriptions.lock().take_batch();
        // Subscriptions are promised to be durable soon. Letters have every other commit.
        let alone = !job.everything && self.had_letters && !subscriptions.is_empty();
        let (letters, more) = if alone { (None, true) } else { self.gather(job) };
        self.had_letters = letters.as_ref().is_some_and(|letters| !letters.is_empty());
        if subscriptions.is_empty() && !self.had_letters && !job.close {
            return Ok(Done { committed: false, more });
        }
        let result = match &self.database {
            Some(database) => {
                guarded(|| database::commit(database, &subscriptions, letters.as_ref()))
            }
            None => unreachable!("it was just opened"),
        };
        let ok = result.is_ok();
        let end = if ok { Subscriptions::committed } else { Subscriptions::failed };
        end(&mut self.subscriptions.lock(), subscriptions);
        if let Some(letters) = letters {
            let end = if ok { Store::committed } else { Store::failed };
            end(&mut self.letters.store(), &letters);
        }
        result.map(|()| Done { committed: true, more })
    }

    /// Takes the letters that are to be written, without keeping others from the lock for long;
    /// and whether there are more.
    fn gather(&self, job: Job) -> (Option<LetterBatch>, bool) {
        let limit = if job.everything { BatchLimit::NONE } else { BatchLimit::SHORT };
        let mut store = self.letters.store();
        let mut letters = store.begin(limit);
        let mut more = store.gather(&mut letters, limit);
        drop(store);
        while more && !letters.is_full(limit) {
            more = self.letters.store().gather(&mut letters, limit);
        }
        if job.close {
            letters.ids = self.letters.store().leave_ids();
        }
        let more = more || letters.delete.len() == limit.deletes;
        (Some(letters), more)
    }

    /// After a failed commit: opens the database, and finds out what of it is there.
    fn reopen(&mut self) -> Result<(), Fault> {
        if self.database.is_some() {
            return Ok(());
        }
        let database = (self.opener)()?;
        let contents = guarded(|| database::load(&database));
        self.database = Some(database);
        let contents = contents?;
        self.subscriptions.lock().reconcile(&contents.subscriptions);
        let letters = contents.letters.into_keys().collect();
        self.letters.store().reconcile(&letters);
        Ok(())
    }

    fn drop_database(&mut self) {
        let database = self.database.take();
        // After a panic in it, its end may panic too.
        let _ = guarded(|| {
            drop(database);
            Ok(())
        });
    }

    fn release(&mut self) {
        self.drop_database();
        self.claim = None;
    }
}
