//! What can be wrong with a recording.

use std::io;

/// A recording could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input failed.
    #[error("the recording could not be read")]
    Io(#[from] io::Error),
    /// A line is of a version of the audit's schema that this crate does not know.
    #[error("line {line}: version {version} of the audit's schema is not known, only 1 is")]
    Version {
        /// Its number, from 1.
        line: u64,
        /// What it says.
        version: u64,
    },
    /// There are lines, and none of them is a record of an audit.
    #[error("none of the {lines} lines is a record of an audit")]
    NoRecord {
        /// How many lines there are that are not empty.
        lines: u64,
    },
}
