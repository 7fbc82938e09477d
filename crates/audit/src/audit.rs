//! The audit, as those who record see it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::cache::Named;
use crate::config::{AuditConfig, Level, OnFailure};
use crate::denial::{Denial, Denied};
use crate::error::{FlushError, OpenError};
use crate::file::FileSink;
use crate::floods::Floods;
use crate::name::{NOBODY, Name, Sort, Table, Texts};
use crate::note::Note;
use crate::record::Record;
use crate::ring::{Drops, Rings};
use crate::sink::{Sink, Sinks, StreamName, Tapped};
use crate::status::{Cells, Status};
use crate::stream::Stream;
use crate::writer::{Asked, MAX_DENIALS, MAX_NOTES, Shared, Slow, Writer};

/// Numbers audits; 0 is one that is off.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Where to record what happens. Clones are the same audit; when the last one goes, what was
/// recorded is written, and the files are closed.
///
/// Recording never waits: what finds no room is counted.
///
/// ```
/// use castcall_audit::{Audit, AuditConfig, Kind, MemorySink, Record, Sinks, What};
/// use castcall_core::{ComponentId, Timestamp};
///
/// let lines = MemorySink::new();
/// let sinks = Sinks { all: Some(Box::new(lines.clone())), denials: None };
/// let audit = Audit::to(&AuditConfig::default(), sinks)?;
///
/// let orders = audit.name(&ComponentId::new("shop/orders")?);
/// let stock = audit.name(&ComponentId::new("shop/stock")?);
/// let at = Timestamp::from_unix_nanos(1_785_000_000_000_000_000);
/// audit.record(Record::new(Kind::Send, at, &orders).what(What::Cast).whom(&stock).size(64));
/// audit.flush()?;
/// assert_eq!(
///     lines.lines(),
///     [concat!(
///         r#"{"v":1,"n":1,"at":"2026-07-25T17:20:00.000000Z","kind":"send","#,
///         r#""who":"shop/orders","what":"cast","whom":"shop/stock","size":64}"#,
///     )]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Audit {
    level: Level,
    id: u32,
    handle: Option<Arc<Handle>>,
}

/// Goes with the last [`Audit`].
struct Handle {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// One that records nothing, and costs a comparison.
    #[must_use]
    pub const fn off() -> Self {
        Self { level: Level::Off, id: 0, handle: None }
    }

    /// Opens the files, and starts the writer's thread. Adds to files that are there.
    ///
    /// # Errors
    ///
    /// A file can't be written and [`OnFailure::Refuse`] is asked for, or another audit writes to
    /// it; the configuration makes no sense; there is no thread.
    pub fn open(config: &AuditConfig) -> Result<Self, OpenError> {
        Self::open_tapped(config, None)
    }

    /// Opens the files, and writes each line of the stream of all to `tap` too. What the tap says
    /// about failures is logged, and no reason to stop.
    ///
    /// # Errors
    ///
    /// As [`Audit::open`].
    pub fn open_tapped(
        config: &AuditConfig,
        tap: Option<Box<dyn Sink>>,
    ) -> Result<Self, OpenError> {
        if config.rotate_at < AuditConfig::MIN_ROTATE_AT {
            return Err(OpenError::RotateAt { rotate_at: config.rotate_at });
        }
        if config.path == config.denials_path {
            return Err(OpenError::SameFile);
        }
        let sink = |path| -> Result<Option<Box<dyn Sink>>, OpenError> {
            let mut file = FileSink::new(path, config.rotate_at, config.keep);
            match file.open() {
                Err(OpenError::File { path, source }) if config.on_failure == OnFailure::Run => {
                    let path = path.display();
                    tracing::error!(%path, error = %source, "the audit file can't be written");
                }
                opened => opened?,
            }
            Ok(Some(Box::new(file)))
        };
        let mut sinks = Sinks::default();
        if config.level != Level::Off {
            sinks.denials = sink(&config.denials_path)?;
        }
        if config.level == Level::All {
            sinks.all = match (sink(&config.path)?, tap) {
                (Some(file), Some(tap)) => Some(Box::new(Tapped { file, tap })),
                (file, _) => file,
            };
        }
        Self::to(config, sinks)
    }

    /// Records to these sinks instead of files. What has no sink is not recorded; denials then are
    /// in the stream of all records only.
    ///
    /// # Errors
    ///
    /// The queue's length makes no sense, or there is no thread.
    pub fn to(config: &AuditConfig, sinks: Sinks) -> Result<Self, OpenError> {
        if !(16..=1 << 24).contains(&config.queue) {
            return Err(OpenError::Queue { queue: config.queue });
        }
        let all = sinks.all.filter(|_| config.level == Level::All);
        let level = match (&all, &sinks.denials) {
            (Some(_), _) => Level::All,
            (None, Some(_)) if config.level != Level::Off => Level::Denials,
            _ => return Ok(Self::off()),
        };
        let shared = Arc::new(Shared {
            rings: Arc::new(Rings::new(config.queue)),
            names: Arc::new(Table::default()),
            slow: Mutex::new(Slow {
                floods: Floods::new(config.first_per_second, config.targets_per_second),
                denials: VecDeque::new(),
                denied: 0,
                notes: VecDeque::new(),
            }),
            notes_dropped: Drops::default(),
            cells: Arc::new(Cells::default()),
            asked: Mutex::new(Asked::default()),
            done: Condvar::new(),
        });
        let stream = |name| {
            let (cells, hook) = (Arc::clone(&shared.cells), config.failure_hook.clone());
            move |sink| Stream::new(name, sink, cells, hook)
        };
        let writer = Writer {
            shared: Arc::clone(&shared),
            texts: Texts::new(Arc::clone(&shared.names)),
            outlets: Vec::new(),
            all: all.map(stream(StreamName::All)),
            denials: sinks.denials.map(stream(StreamName::Denials)),
            interval: config.interval,
            fsync: config.fsync,
        };
        let thread = thread::Builder::new().name("castcall-audit".to_owned());
        let writer = thread.spawn(|| writer.run()).map_err(OpenError::Thread)?;
        let handle = Handle { shared, writer: Mutex::new(Some(writer)) };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { level, id, handle: Some(Arc::new(handle)) })
    }

    /// Whether all is recorded. Ask before making a [`Record`].
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.level == Level::All
    }

    /// What is recorded.
    #[inline]
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The name of a component, topic or pattern, to be kept by who records it again and again:
    /// this takes a lock. Of an audit that is off it is empty and costs nothing.
    #[must_use]
    pub fn name<K: Named>(&self, key: &K) -> Name {
        let (sort, text) = key.parts();
        self.named(sort, text)
    }

    /// The name of a queue group: segments as in an id.
    #[must_use]
    pub fn group(&self, group: &str) -> Name {
        self.named(Sort::Group, group)
    }

    /// A name for who is not known: it is `?` in records.
    #[must_use]
    pub fn nobody(&self) -> Name {
        Name::nobody(self.id)
    }

    fn named(&self, sort: Sort, text: &str) -> Name {
        match &self.handle {
            Some(handle) => handle.shared.names.name(self.id, sort, text),
            None => Name::NONE,
        }
    }

    /// Records what happens often. Never waits, and allocates nothing but this thread's queue, the
    /// first time; finds it full: counts.
    #[inline]
    pub fn record(&self, record: Record<'_>) {
        if let (Level::All, Some(handle)) = (self.level, &self.handle) {
            let mut event = record.event;
            if record.mixed || record.audit != self.id {
                // The numbers are another table's: better without names than with wrong ones.
                (event.who, event.whom, event.topic) = (NOBODY, NOBODY, NOBODY);
            }
            handle.shared.rings.push(self.id, event);
        }
    }

    /// Records what is rare. Takes a lock that is held for some ten nanoseconds.
    pub fn note(&self, note: Note) {
        if let (Level::All, Some(handle)) = (self.level, &self.handle) {
            let mut slow = handle.shared.slow.lock();
            if slow.notes.len() < MAX_NOTES {
                slow.notes.push_back(note);
            } else {
                handle.shared.notes_dropped.add(note.at);
            }
        }
    }

    /// Records what was denied, or counts it. Takes a lock that is held for some hundred
    /// nanoseconds.
    pub fn deny(&self, denial: Denial<'_>) {
        let Some(handle) = &self.handle else { return };
        let nobody = Name::NONE;
        let denial = match denial.who.audit == self.id {
            true => denial,
            false => Denial { who: &nobody, ..denial },
        };
        let mut slow = handle.shared.slow.lock();
        slow.denied += 1;
        let room = slow.denials.len() < MAX_DENIALS;
        if slow.floods.admit(&denial, room) {
            slow.denials.push_back(Denied {
                at: denial.at.as_unix_nanos(),
                who: denial.who.clone(),
                what: denial.what,
                whom: crate::line::cut(denial.whom).into(),
                why: denial.why,
                about: denial.about,
                repeated: None,
            });
        }
    }

    /// Writes what was recorded before this was called, by this thread or, in the sense of memory
    /// order, before. Blocks for some milliseconds, or as long as the sinks do. Denials that are
    /// being counted are written when their second is over.
    ///
    /// # Errors
    ///
    /// A stream can't be written, or the audit is closed.
    pub fn flush(&self) -> Result<(), FlushError> {
        let Some(Handle { shared, .. }) = self.handle.as_deref() else { return Ok(()) };
        let mut asked = shared.asked.lock();
        asked.flushes += 1;
        let mine = asked.flushes;
        drop(asked);
        shared.rings.waker.wake();
        let mut asked = shared.asked.lock();
        while asked.flushed < mine && !asked.closed {
            shared.done.wait(&mut asked);
        }
        if asked.flushed < mine {
            return Err(FlushError::Closed);
        }
        drop(asked);
        self.wrong()
    }

    /// Writes what was recorded, counts included, and ends the writer, for all clones. What is
    /// recorded meanwhile or later may be missing, uncounted. Blocks as [`Audit::flush`] does.
    /// Closing twice is closing once.
    ///
    /// # Errors
    ///
    /// A stream can't be written; what is missing is in [`Status::lost`].
    pub fn close(&self) -> Result<(), FlushError> {
        if let Some(handle) = &self.handle {
            handle.close();
        }
        self.wrong()
    }

    fn wrong(&self) -> Result<(), FlushError> {
        let wrong = self.handle.as_ref().and_then(|handle| handle.shared.cells.wrong());
        wrong.map_or(Ok(()), |reason| Err(FlushError::Failing { reason }))
    }

    /// How it does.
    #[must_use]
    pub fn status(&self) -> Status {
        let Some(Handle { shared, .. }) = self.handle.as_deref() else { return Status::default() };
        let mut status = shared.cells.status();
        status.dropped = shared.rings.dropped() + shared.notes_dropped.total();
        status.denials = shared.slow.lock().denied;
        status
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self::off()
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Handle {
    fn close(&self) {
        let Some(writer) = self.writer.lock().take() else { return };
        self.shared.asked.lock().close = true;
        self.shared.rings.waker.wake();
        // The last handle may go on the writer's own thread, in a hook.
        if writer.thread().id() != thread::current().id() {
            let _ = writer.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}
