//! A cache of compiled code, in a directory that only this user can write to.
//!
//! Compiled code is run as it is: whoever can write it runs whatever they like, with all rights of
//! this process. So the directory is trusted for its owner and its rights and for nothing else, and
//! everything is done by way of one handle to it, so that no other can be put in its place. The
//! checksum finds what is damaged; against somebody who can write there it is no help.

#[cfg(unix)]
mod directory;
#[cfg(not(unix))]
mod nowhere;

use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use directory::Directory;
#[cfg(not(unix))]
use nowhere::Directory;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::bounds::CompileLimits;

/// Changes with the form of the files.
const MAGIC: &[u8] = b"castcall code 1\n";
const SUM: usize = 32;

/// Compiled code in a directory, so that the same component need not be compiled again.
///
/// Entries are named by the component's bytes, the version and settings of the compiler, and the
/// [`CompileLimits`]. Damaged or foreign ones are not used. When there is too much, what has not been
/// used for longest goes.
#[derive(Debug)]
pub struct CodeCache {
    directory: Directory,
    max_bytes: u64,
}

/// A directory that can't be a cache of compiled code.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It can't be made or opened: give another path.
    #[error("the code cache {} can't be opened: {source}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than this user may write there, and what is written there is run: give it to this
    /// user (`chown`), for this user alone (`chmod 700`), and delete what is in it.
    #[error("the code cache {} is not safe: {what}", path.display())]
    Insecure {
        /// The directory.
        path: PathBuf,
        /// Who may write.
        what: &'static str,
    },
    /// This system has no rights of files that are understood here.
    #[error("there is no code cache on this system")]
    Unsupported,
}

/// An entry that is not used, or not made.
#[derive(Debug, Error)]
pub(crate) enum EntryError {
    #[error("{name}: {source}")]
    Io { name: String, source: io::Error },
    #[error("{name} is not safe: {what}")]
    Insecure { name: String, what: &'static str },
    #[error("{name} is damaged")]
    Damaged { name: String },
    #[error("{name}: {reason}")]
    Refused { name: String, reason: String },
}

/// What is compiled.
pub(crate) trait Code: Sized {
    /// Which of them, and what else it is made by: part of an entry's name.
    const KIND: &'static str;

    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;

    /// # Safety
    ///
    /// The bytes are what [`Code::serialize`] has made.
    #[allow(unsafe_code, reason = "wasmtime can't look at what it has compiled")]
    unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self>;
}

impl Code for Component {
    const KIND: &'static str = "component";

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        Self::serialize(self)
    }

    #[allow(unsafe_code, reason = "as the trait says")]
    unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self> {
        // SAFETY: as the caller says.
        unsafe { Self::deserialize(engine, code) }
    }
}

/// The modules of a component, in their order, each behind its length.
impl Code for Vec<Module> {
    const KIND: &'static str = concat!(
        "modules for ",
        include_str!("core_lane/contract.rs"),
        // What is in the cache is not validated again.
        include_str!("core_lane/signature.rs"),
    );

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        let mut all = Vec::new();
        for module in self {
            let code = module.serialize()?;
            all.extend((code.len() as u64).to_le_bytes());
            all.extend(code);
        }
        Ok(all)
    }

    #[allow(unsafe_code, reason = "as the trait says")]
    unsafe fn deserialize(engine: &Engine, mut code: &[u8]) -> wasmtime::Result<Self> {
        let mut modules = Self::new();
        while let Some((length, rest)) = code.split_first_chunk() {
            let length = usize::try_from(u64::from_le_bytes(*length))?;
            let (module, rest) = rest
                .split_at_checked(length)
                .ok_or_else(|| wasmtime::format_err!("a module is cut off"))?;
            // SAFETY: as the caller says: each was serialized by itself.
            modules.push(unsafe { Module::deserialize(engine, module) }?);
            code = rest;
        }
        Ok(modules)
    }
}

/// The name of an entry.
pub(crate) struct Key([u8; SUM]);

impl Key {
    fn name(&self) -> String {
        hex(&self.0)
    }
}

impl CodeCache {
    /// Opens the directory, and makes it, for this user alone, if it is not there; its parents too.
    /// `max_bytes` bounds its files together.
    ///
    /// # Errors
    ///
    /// It can't be made, is no directory, is another user's, or others may write there. On systems
    /// other than Unix: always.
    pub fn open(path: impl AsRef<Path>, max_bytes: u64) -> Result<Self, CacheError> {
        let directory = Directory::open(path.as_ref())?;
        Ok(Self { directory, max_bytes })
    }

    pub(crate) fn key<C: Code>(&self, engine: &Engine, limits: &CompileLimits, wasm: &[u8]) -> Key {
        let mut hasher = Sha(Sha256::new());
        hasher.write(MAGIC);
        C::KIND.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        limits.hash(&mut hasher);
        hasher.0.update(Sha256::digest(wasm));
        Key(hasher.0.finalize().into())
    }

    /// Takes an entry, if there is one that is whole.
    pub(crate) fn load<C: Code>(
        &self,
        engine: &Engine,
        key: &Key,
    ) -> Result<Option<C>, EntryError> {
        let name = key.name();
        let Some(bytes) = self.directory.read(&name, self.max_bytes)? else { return Ok(None) };
        let Some(code) = checked(key, &bytes) else { return Err(EntryError::Damaged { name }) };
        // SAFETY: these bytes are what `Code::serialize` made, of the same kind, whole and unchanged (the sum is
        // that of these very bytes, which are in memory by now), if they were written by `store`.
        // Nobody but this user could have written others: the directory and the file are this
        // user's, and nobody else may write to either, which `Directory` has checked on the handles
        // that were read from. What this user's other processes write is trusted as they are:
        // they can change this process anyway.
        #[allow(unsafe_code, reason = "as above")]
        let code = unsafe { C::deserialize(engine, code) };
        match code {
            Ok(code) => Ok(Some(code)),
            Err(error) => Err(EntryError::Refused { name, reason: format!("{error:#}") }),
        }
    }

    /// Makes an entry, and room for it.
    pub(crate) fn store<C: Code>(&self, compiled: &C, key: &Key) -> Result<(), EntryError> {
        let name = key.name();
        let code = compiled.serialize().map_err(|error| EntryError::Refused {
            name: name.clone(),
            reason: format!("{error:#}"),
        })?;
        let size = (MAGIC.len() + SUM + code.len()) as u64;
        if size > self.max_bytes {
            tracing::debug!(name, size, "compiled code is larger than the whole cache");
            return Ok(());
        }
        self.directory.write(&name, &[MAGIC, &sum(key, &code), &code])?;
        self.directory.shrink(self.max_bytes, &name)
    }
}

/// What an entry holds, if it is whole and this key's.
fn checked<'a>(key: &Key, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (found, code) = bytes.strip_prefix(MAGIC)?.split_at_checked(SUM)?;
    (found == sum(key, code)).then_some(code)
}

fn sum(key: &Key, code: &[u8]) -> [u8; SUM] {
    Sha256::new().chain_update(key.0).chain_update(code).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hashes whatever can be hashed, without losing any of it.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let sum: [u8; SUM] = self.0.clone().finalize().into();
        sum.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(all(test, unix))]
mod tests;
