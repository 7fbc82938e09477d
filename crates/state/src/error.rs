//! What can go wrong, an enum for each operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::fault::Fault;

/// A state directory can't be opened. Nothing that was stored is changed or deleted to get it open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory is not there and can't be made, or what is there is no directory. Give
    /// another path, or make the directory, for this user alone.
    #[error("{} is no directory and can't be made one: {source}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It may be read and not written. Give this user the right to write, or mount it so.
    #[error("{} can't be written: {source}", path.display())]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open, or this one has it open already. Stop that one, or give each
    /// a directory of its own.
    #[error("{} is in use{}", path.display(), by(*process))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that says it has it open, if that could be read.
        process: Option<u32>,
    },
    /// A file is damaged, or is not what it should be. Look at the disk. Put back a copy of the
    /// whole directory, or move the directory away to start without what was in it: the run-time
    /// subscriptions are then made anew by whoever makes them, the dead letters are lost.
    #[error("{} is damaged ({what}); put back a copy, or move it away to start empty", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// A newer castcall has written it. Use that one, or another directory.
    #[error("{} has format {found}, and this version knows up to {known}", path.display())]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The format that it has.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// The disk, or this user's share of it, is full. Make room.
    #[error("no room for {}: {source}", path.display())]
    DiskFull {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused something else. What it says is in the source.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn by(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" by process {id}"))
}

impl OpenError {
    pub(crate) fn new(path: impl Into<PathBuf>, fault: Fault) -> Self {
        let path = path.into();
        match fault {
            Fault::InUse => Self::InUse { path, process: None },
            Fault::Corrupt(what) => Self::Corrupt { file: path, what },
            Fault::ReadOnly(source) => Self::ReadOnly { path, source },
            Fault::DiskFull(source) => Self::DiskFull { path, source },
            Fault::Io(source) => Self::Io { path, source },
        }
    }
}

/// What was changed could not be made durable. It is all in force, is kept in memory, and is tried
/// again; what was flushed before is on disk as it was.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The disk, or this user's share of it, is full. Make room: the next try comes by itself.
    #[error("no room for {}: {source}", file.display())]
    DiskFull {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The file may not be written any more. Give the right back: the next try comes by itself.
    #[error("{} can't be written: {source}", file.display())]
    ReadOnly {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The file was damaged while it was open. Look at the disk; what is in memory is whole, but a
    /// restart will not find it.
    #[error("{} is damaged ({what})", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// The system refused something else. The next try comes by itself.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The directory was closed. What was changed since is in memory alone; open it again.
    #[error("the state directory is closed")]
    Closed,
}

impl FlushError {
    pub(crate) fn new(file: PathBuf, fault: Fault) -> Self {
        match fault {
            Fault::Corrupt(what) => Self::Corrupt { file, what },
            Fault::ReadOnly(source) => Self::ReadOnly { file, source: source.into() },
            Fault::DiskFull(source) => Self::DiskFull { file, source: source.into() },
            Fault::Io(source) => Self::Io { file, source: source.into() },
            Fault::InUse => {
                let source = io::Error::new(io::ErrorKind::ResourceBusy, "in use by another");
                Self::Io { file, source: source.into() }
            }
        }
    }
}

/// There are as many subscriptions as may be held: [`crate::StateConfig::max_subscriptions`].
/// Refuse the subscription; quotas of components should be such that this never happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there are {limit} subscriptions, and no more may be held")]
pub struct TooManySubscriptions {
    /// How many may be held.
    pub limit: usize,
}
