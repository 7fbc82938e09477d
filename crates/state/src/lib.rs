//! What survives a restart of castcall: run-time subscriptions and dead letters, in a directory.
//!
//! A [`StateDirectory`] is told what becomes of subscriptions, holds the [`DeadLetters`], and has
//! both again when it is opened the next time. [`DeadLetters`] alone, without a directory, last as
//! long as the process.
//!
//! ```
//! use castcall_core::{ComponentId, Pattern};
//! use castcall_state::{StateConfig, StateDirectory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("state");
//! let state = StateDirectory::open(&path, StateConfig::default())?;
//! // In force at once, and durable within 50 ms.
//! state.subscribed(&ComponentId::new("mailer")?, &Pattern::new("orders.*")?, Some("workers"))?;
//! // Durable now.
//! state.flush().await?;
//! state.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! 1. No method but the flushing ones waits for the disk. Memory is bounded, also while the disk
//!    fails.
//! 2. What was changed before a flush that returned `Ok` is there after whatever happens to the
//!    process, and, as far as the disk keeps what it says it has, to the machine.
//! 3. What was not flushed is there as well, or not at all; nothing is there in half, and nothing
//!    that was never said.
//! 4. An id of a dead letter is not given out twice, whether or not the letter was ever written.
//! 5. Nothing is ever deleted to get a directory open. A file that is damaged is an error that
//!    says which file it is.
//!
//! # Files
//!
//! `lock`, held while the directory is open; `format`, the number of the format; `state.redb`, a
//! [redb](https://www.redb.org) database. To save a copy, close the directory first.

mod config;
mod database;
mod directory;
mod error;
mod fault;
mod files;
mod filter;
mod letters;
mod record;
mod signal;
mod store;
mod subscriptions;
#[cfg(test)]
mod tests;
mod writer;

pub use config::StateConfig;
pub use directory::{StateDirectory, StateStatus};
pub use error::{FlushError, OpenError, TooManySubscriptions};
pub use fault::panic_is_an_error;
pub use filter::DeadLetterFilter;
pub use letters::{DeadLetterLimits, DeadLetters};
pub use subscriptions::StoredSubscription;
