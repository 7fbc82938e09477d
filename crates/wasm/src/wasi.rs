//! What a component may use of the machine through WASI 0.2.

#[cfg(feature = "wasi")]
mod host;
#[cfg(feature = "wasi")]
mod log;
mod need;
#[cfg(feature = "wasi")]
mod wait;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[cfg(feature = "wasi")]
pub(crate) use host::{WasiState, link};
pub(crate) use need::check_imports;

/// Without the feature there is no such state.
#[cfg(not(feature = "wasi"))]
pub(crate) type WasiState = std::convert::Infallible;

/// What a component may use of the machine through WASI 0.2. By default nothing: then it may not
/// even import `wasi:*`.
///
/// As soon as anything is granted, `wasi:io`, `wasi:cli`, `wasi:filesystem` and `wasi:sockets` can
/// be imported, since the libraries of most languages do so whether they use them or not. What is
/// not granted of them is empty, or refuses: no variables, no arguments, no folders, an input that
/// is at its end, an output that goes nowhere, sockets that are denied. `wasi:clocks` and
/// `wasi:random` have no way to say no, so a component that imports their functions ungranted is
/// refused when it is loaded.
///
/// ```
/// use castcall_wasm::{Access, Wasi};
///
/// let mut wasi = Wasi::default();
/// wasi.clocks = true;
/// let wasi = wasi.env("LANG", "C").folder("/srv/data", "/data", Access::ReadOnly);
/// assert!(!wasi.is_nothing() && !wasi.network);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Wasi {
    /// Environment variables, and their values.
    pub env: BTreeMap<String, String>,
    /// Folders that it may open.
    pub folders: Vec<Folder>,
    /// `wasi:clocks`: what time it is, and waiting. What it waits counts as what it runs: see
    /// [`Limits::execution`](crate::Limits::execution).
    pub clocks: bool,
    /// `wasi:random`: random numbers, at most 1 MiB at once.
    pub random: bool,
    /// Standard output and error, to the log: line by line, as events of `tracing` with the target
    /// `castcall::guest`.
    pub stdio: bool,
    /// `wasi:sockets`: TCP, UDP and name lookups, all of the network that the host reaches.
    pub network: bool,
}

/// A folder of the host under a path of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folder {
    /// The folder. Nothing outside of it can be opened, by `..` or by a symbolic link either.
    pub host: PathBuf,
    /// The path that the guest opens it by.
    pub guest: String,
    /// Whether it may be changed.
    pub access: Access,
}

/// What may be done with a [`Folder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Access {
    /// Files may be read and listed.
    #[default]
    ReadOnly,
    /// Files may be made, changed and removed too. How much they hold is not limited.
    ReadWrite,
}

/// A folder that can't be opened.
#[derive(Debug, Error)]
#[error("the folder {} (its {guest}) can't be opened: {source}", host.display())]
#[non_exhaustive]
pub struct FolderError {
    /// The folder.
    pub host: PathBuf,
    /// The path that the guest would open it by.
    pub guest: String,
    /// What the system says.
    pub source: io::Error,
}

impl Wasi {
    /// Adds an environment variable. The last value of a name holds.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Adds a folder of the host under a path of the guest, as `/data`.
    #[must_use]
    pub fn folder(
        mut self,
        host: impl Into<PathBuf>,
        guest: impl Into<String>,
        access: Access,
    ) -> Self {
        self.folders.push(Folder { host: host.into(), guest: guest.into(), access });
        self
    }

    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Looks whether all folders can be opened now.
    pub(crate) fn check_folders(&self) -> Result<(), FolderError> {
        for folder in &self.folders {
            if let Err(source) = std::fs::read_dir(&folder.host) {
                let (host, guest) = (folder.host.clone(), folder.guest.clone());
                return Err(FolderError { host, guest, source });
            }
        }
        Ok(())
    }
}
