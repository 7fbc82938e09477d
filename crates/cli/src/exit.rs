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
    /// It was asked, and ended.
    #[error("the system has ended before it had answered")]
    Ended,
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// What should be read can't be.
    #[error("standard input: {0}")]
    Input(io::Error),
    /// What should be said can't be written.
    #[error("standard output: {0}")]
    Output(io::Error),
    /// The terminal, a socket or a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    pub(crate) fn failed(why: impl ToString) -> Self {
        Self::Failed(why.to_string())
    }

    /// For what happens to that file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_)
            | Self::File { .. }
            | Self::Input(_)
            | Self::Output(_)
            | Self::Io(_) => 1,
            Self::NotInOrder(_) => 3,
            Self::NoSystem(_) => 4,
            Self::Ended => 5,
        })
    }
}
