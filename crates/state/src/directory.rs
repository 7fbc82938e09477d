//! A state directory, for those who use it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use castcall_core::{ComponentId, Pattern, Timestamp};
use parking_lot::Mutex;

use crate::config::StateConfig;
use crate::database::{self, Opener};
use crate::error::{FlushError, OpenError, TooManySubscriptions};
use crate::fault::{Fault, guarded};
use crate::files::Claim;
use crate::letters::DeadLetters;
use crate::signal::Signal;
use crate::store::{IDS_AHEAD, Store};
use crate::subscriptions::{StoredSubscription, Subscriptions};
use crate::writer::Writer;

/// What survives a restart of the process: the subscriptions made at run time, and the dead
/// letters.
///
/// Everything is answered from memory, and a change is in force when its method has returned, some
/// hundred nanoseconds later: **no method but the flushing ones waits for the disk**. One thread
/// of its own writes the changes, together: with the default interval within 50 ms, where the disk
/// takes no longer than 10 ms to sync (a commit syncs twice). What was flushed survives a SIGKILL at any moment.
///
/// When the disk fails, changes are kept and tried again; memory stays bounded, since only what
/// each subscription and letter is to be in the end is kept.
///
/// Dropping it tries once more to write all that is pending, and waits for that try;
/// [`StateDirectory::close`] says what came of it.
///
/// ```
/// use castcall_core::{ComponentId, Pattern};
/// use castcall_state::{StateConfig, StateDirectory};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("state");
/// let (shop, orders) = (ComponentId::new("shop")?, Pattern::new("orders.*")?);
///
/// let state = StateDirectory::open(&path, StateConfig::default())?;
/// state.subscribed(&shop, &orders, None)?;
/// state.flush_blocking()?;
/// drop(state);
///
/// let state = StateDirectory::open(&path, StateConfig::default())?;
/// assert_eq!(state.subscriptions_of(&shop)[0].pattern, orders);
/// # Ok(())
/// # }
/// ```
pub struct StateDirectory {
    path: PathBuf,
    subscriptions: Arc<Mutex<Subscriptions>>,
    letters: DeadLetters,
    signal: Arc<Signal>,
    unreadable: u64,
    writer: Option<JoinHandle<()>>,
}

/// How a state directory is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StateStatus {
    /// How many subscriptions are to be written or deleted.
    pub pending_subscriptions: usize,
    /// How many dead letters are to be written or deleted.
    pub pending_letters: usize,
    /// Why the last commit failed; none once one has succeeded since. As long as there is one,
    /// what changes is not durable, and the operator should be told.
    pub error: Option<FlushError>,
    /// When the last commit succeeded; none if there was none since the opening.
    pub last_commit: Option<Timestamp>,
    /// How many commits succeeded since the opening.
    pub commits: u64,
    /// How many entries on disk have a form that is not known here: a newer version wrote them.
    /// They are left where they are.
    pub unreadable: u64,
    /// Nothing is written any more.
    pub closed: bool,
}

impl StateDirectory {
    /// Opens the directory, and makes it, for this user alone, if it is not there. Its parents are
    /// made too.
    ///
    /// Reads all that is there, checks each byte of it, and writes once: takes some milliseconds
    /// for each MiB. A database that was cut off by a crash is repaired here. The directory is
    /// this process's alone until it is closed or the process ends.
    ///
    /// # Errors
    ///
    /// The directory can't be made, is read-only, in use, damaged, of a newer version; the disk is
    /// full, or the system refuses something else. Nothing is deleted to get it open.
    pub fn open(path: impl AsRef<Path>, config: StateConfig) -> Result<Self, OpenError> {
        let claim = Claim::new(path.as_ref())?;
        claim.prepare()?;
        let (opener, file) = (claim.opener(), claim.database());
        let source = Source { path: path.as_ref().into(), file, opener, claim: Some(claim) };
        Self::open_source(source, config)
    }

    pub(crate) fn open_source(mut source: Source, config: StateConfig) -> Result<Self, OpenError> {
        let fault = |fault: Fault| OpenError::new(&source.file, fault);
        let mut database = (source.opener)().map_err(fault)?;
        let contents = guarded(|| {
            database::check(&mut database)?;
            let contents = database::load(&database)?;
            let Some(ids) = contents.next.checked_add(IDS_AHEAD) else {
                return Err(Fault::Corrupt("its ids are used up".to_owned()));
            };
            database::set_aside(&database, ids)?;
            Ok(contents)
        });
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => {
                // After a panic in it, its end may panic too.
                let _ = guarded(|| {
                    drop(database);
                    Ok(())
                });
                return Err(fault(error));
            }
        };
        let signal = Arc::new(Signal::new(config.commit_interval));
        let subscriptions = Subscriptions::new(config.max_subscriptions, contents.subscriptions);
        let subscriptions = Arc::new(Mutex::new(subscriptions));
        let store = Store::durable(config.dead_letters, contents.letters, contents.next);
        let letters = DeadLetters::durable(store, signal.clone());
        let writer = Writer {
            database: Some(database),
            opener: source.opener,
            file: source.file.clone(),
            claim: source.claim,
            signal: signal.clone(),
            subscriptions: subscriptions.clone(),
            letters: letters.clone(),
            backoff: config.backoff,
            max_backoff: config.max_backoff,
            had_letters: false,
        };
        let thread = thread::Builder::new().name("castcall-state".to_owned());
        let writer = thread
            .spawn(move || writer.run())
            .map_err(|error| OpenError::new(&source.path, Fault::Io(error)))?;
        Ok(Self {
            path: source.path,
            subscriptions,
            letters,
            signal,
            unreadable: contents.unreadable,
            writer: Some(writer),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its dead letters. A clone lives on when the directory is closed, in memory alone.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters
    }

    // ---- subscriptions

    /// `component` is subscribed to `pattern`, plain or in a group. Subscribing twice is one
    /// subscription. A plain one to the same pattern, and one in another group, is another.
    ///
    /// The form of the group's name is the caller's business; an empty one is none.
    ///
    /// # Errors
    ///
    /// There are too many, of all components together.
    pub fn subscribed(
        &self,
        component: &ComponentId,
        pattern: &Pattern,
        group: Option<&str>,
    ) -> Result<(), TooManySubscriptions> {
        let new = StoredSubscription {
            component: component.clone(),
            pattern: pattern.clone(),
            group: group.filter(|group| !group.is_empty()).map(Arc::from),
        };
        self.change(|subscriptions| subscriptions.subscribe(new)).map(drop)
    }

    /// What `component` has to this very pattern has ended, plain and in whatever groups. Returns
    /// how many subscriptions that were.
    pub fn unsubscribed(&self, component: &ComponentId, pattern: &Pattern) -> usize {
        self.change(|subscriptions| subscriptions.unsubscribe(component, pattern))
    }

    /// `component` was unloaded, which ends all of its subscriptions. Returns how many.
    pub fn unloaded(&self, component: &ComponentId) -> usize {
        self.change(|subscriptions| subscriptions.unload(component))
    }

    /// All subscriptions, in the order of their components: right after the opening, those that
    /// were stored.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<StoredSubscription> {
        self.subscriptions.lock().all()
    }

    /// All subscriptions of `component`, in the order of their patterns.
    #[must_use]
    pub fn subscriptions_of(&self, component: &ComponentId) -> Vec<StoredSubscription> {
        self.subscriptions.lock().of(component)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Subscriptions) -> T) -> T {
        let mut subscriptions = self.subscriptions.lock();
        let result = change(&mut subscriptions);
        let tell = subscriptions.tell();
        drop(subscriptions);
        if tell {
            self.signal.changed();
        }
        result
    }

    // ---- durability

    /// Waits until everything that was changed before, here and in the dead letters, is durable.
    /// Does not wait for the interval to pass: one commit, after the one that runs.
    ///
    /// Needs no runtime. Cancel safe: what was asked for is done whether or not it is waited for.
    ///
    /// # Errors
    ///
    /// It could not be written. It is kept, and tried again; another flush tries at once.
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.signal.wait(self.signal.ask(false)).await
    }

    /// [`StateDirectory::flush`], for a thread that may wait.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn flush_blocking(&self) -> Result<(), FlushError> {
        self.signal.wait_blocking(self.signal.ask(false))
    }

    /// Flushes, and lets go of the directory: when this has returned `Ok`, it may be opened again.
    /// What is changed after that, or meanwhile by others, is in force in memory alone.
    ///
    /// Cancel safe: it is closed whether or not that is waited for.
    ///
    /// # Errors
    ///
    /// It could not be written. The directory stays open, and everything goes on; or it was closed
    /// before.
    pub async fn close(&self) -> Result<(), FlushError> {
        self.signal.wait(self.signal.ask(true)).await
    }

    /// [`StateDirectory::close`], for a thread that may wait.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn close_blocking(&self) -> Result<(), FlushError> {
        self.signal.wait_blocking(self.signal.ask(true))
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> StateStatus {
        let progress = self.signal.progress();
        StateStatus {
            pending_subscriptions: self.subscriptions.lock().pending(),
            pending_letters: self.letters.store().pending(),
            error: progress.last_error(),
            last_commit: progress.last_commit,
            commits: progress.commits,
            unreadable: self.unreadable,
            closed: progress.closed,
        }
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        self.signal.give_up();
        if let Some(writer) = self.writer.take() {
            // It catches what panics; if it did nevertheless, there is nobody to be told.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for StateDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDirectory")
            .field("path", &self.path)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// What a state directory is opened from.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) opener: Opener,
    pub(crate) claim: Option<Claim>,
}
