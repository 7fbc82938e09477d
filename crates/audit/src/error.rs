//! What can go wrong when an audit is opened or flushed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why an audit was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file can't be made or written: make its folder, or correct its rights or the path; or
    /// choose [`OnFailure::Run`](crate::OnFailure::Run) to run without it meanwhile.
    #[error("the audit file {} can't be written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another audit, of this process or another, writes to that file: give each its own.
    #[error("the audit file {} is in use", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// Both streams have one path: give each its own.
    #[error("the stream of denials needs a file of its own")]
    SameFile,
    /// The queue is shorter than 16 records or longer than 2^24: choose a length between.
    #[error("a queue of {queue} records: it may have from 16 to 16777216")]
    Queue {
        /// What was asked for.
        queue: usize,
    },
    /// Files would be put aside too soon: set
    /// [`rotate_at`](crate::AuditConfig::rotate_at) to
    /// [`MIN_ROTATE_AT`](crate::AuditConfig::MIN_ROTATE_AT) or more.
    #[error("files can't be put aside after {rotate_at} bytes: 65536 is the least")]
    RotateAt {
        /// What was asked for.
        rotate_at: u64,
    },
    /// The writer's thread could not be started: the machine has no room for one more.
    #[error("the audit's thread can't be started")]
    Thread(#[source] io::Error),
}

/// Why not everything was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlushError {
    /// A stream can't be written; it is tried again by itself. See that the disk has room, and
    /// [`Audit::status`](crate::Audit::status).
    #[error("the audit can't be written: {reason}")]
    Failing {
        /// What the system says.
        reason: String,
    },
    /// The audit has been closed: flush before.
    #[error("the audit is closed")]
    Closed,
}
