//! How the command ends.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

/// Why it did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// What was asked was refused, or failed.
    #[error("{0}")]
    Failed(String),
    /// A manifest, or a component, is not in order.
    #[error("{0}")]
    NotInOrder(String),
    /// No such system.
    #[error("{0}")]
    NoSystem(String),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// Standard input or output, or a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    pub(crate) fn failed(why: impl ToString) -> Self {
        Self::Failed(why.to_string())
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::File { .. } | Self::Io(_) => 1,
            Self::NotInOrder(_) => 3,
            Self::NoSystem(_) => 4,
        })
    }
}
