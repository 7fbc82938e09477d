//! The directory of the cache, by one handle, and the rights of what is in it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::{CacheError, EntryError, SUM};

/// What a file is called while it is written.
const UNFINISHED: &str = "unfinished-";

#[derive(Debug)]
pub(super) struct Directory {
    handle: OwnedFd,
    /// Files that were begun.
    begun: AtomicU64,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        let failed = |source: io::Error| CacheError::Open { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        match fs::mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || {
            let handle = fs::openat(CWD, path, flags, Mode::empty())?;
            let stat = fs::fstat(&handle)?;
            Ok::<_, Errno>((handle, stat))
        };
        let (handle, stat) = open().map_err(|error| failed(error.into()))?;
        if let Some(what) = unsafe_for(&stat) {
            return Err(CacheError::Insecure { path: path.to_owned(), what });
        }
        let directory = Self { handle, begun: AtomicU64::new(0) };
        directory.sweep().map_err(failed)?;
        Ok(directory)
    }

    /// Reads a file of at most so many bytes, if it is there and nobody else may write it. It counts
    /// as used now.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, EntryError> {
        let failed = |source| EntryError::Io { name: name.to_owned(), source };
        // A pipe would not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = match fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        };
        let stat = fs::fstat(&handle).map_err(|error| failed(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(EntryError::Insecure { name: name.to_owned(), what: "it is no file" });
        }
        if let Some(what) = unsafe_for(&stat) {
            return Err(EntryError::Insecure { name: name.to_owned(), what });
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0).min(most);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let file = File::from(handle);
        (&file).take(most).read_to_end(&mut bytes).map_err(failed)?;
        if let Err(error) = fs::futimens(&file, &now()) {
            tracing::debug!(%error, name, "a use of cached code is not noted");
        }
        Ok(Some(bytes))
    }

    /// Makes a file of these parts, which is there as a whole or not at all.
    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> Result<(), EntryError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{UNFINISHED}{}-{number}", std::process::id());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let write = || {
            let handle = fs::openat(&self.handle, &unfinished, flags, Mode::RUSR | Mode::WUSR)?;
            let mut file = File::from(handle);
            for part in parts {
                file.write_all(part)?;
            }
            // Finer than the time of writing, by which files would be as old as each other.
            fs::futimens(&file, &now())?;
            fs::renameat(&self.handle, &unfinished, &self.handle, name)?;
            Ok(())
        };
        write().map_err(|source| {
            // It may not have been made.
            let _ = fs::unlinkat(&self.handle, &unfinished, AtFlags::empty());
            EntryError::Io { name: name.to_owned(), source }
        })
    }

    /// Deletes what has not been used for longest until the rest has at most so many bytes, but not
    /// `kept`.
    pub(super) fn shrink(&self, most: u64, kept: &str) -> Result<(), EntryError> {
        let failed = |source| EntryError::Io { name: "the directory".to_owned(), source };
        let mut files = self.files().map_err(failed)?;
        files.sort_by_key(|file| file.used);
        let mut all: u64 = files.iter().map(|file| file.size).sum();
        for file in files {
            if all <= most {
                break;
            }
            if file.name != kept {
                self.delete(&file.name).map_err(failed)?;
                all -= file.size;
            }
        }
        Ok(())
    }

    /// Deletes what was left unfinished.
    fn sweep(&self) -> io::Result<()> {
        for file in self.files()? {
            if file.name.starts_with(UNFINISHED) {
                self.delete(&file.name)?;
            }
        }
        Ok(())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All files that are this cache's by their name.
    fn files(&self) -> io::Result<Vec<Found>> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if !is_ours(name) {
                continue;
            }
            let stat = match fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Gone meanwhile.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                files.push(Found {
                    name: name.to_owned(),
                    size: u64::try_from(stat.st_size).unwrap_or(0),
                    used: (stat.st_mtime.into(), stat.st_mtime_nsec.into()),
                });
            }
        }
        Ok(files)
    }
}

fn is_ours(name: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.starts_with(UNFINISHED) || (name.len() == 2 * SUM && name.bytes().all(is_hex))
}

struct Found {
    name: String,
    size: u64,
    /// Seconds and nanoseconds.
    used: (i128, i128),
}

/// Why it is not this user's alone to write, if it is not.
fn unsafe_for(stat: &Stat) -> Option<&'static str> {
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Some("it is another user's");
    }
    let others = (Mode::WGRP | Mode::WOTH).as_raw_mode();
    (stat.st_mode & others != 0).then_some("others may write to it")
}

fn now() -> Timestamps {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timespec {
        tv_sec: since.as_secs().try_into().unwrap_or(0),
        tv_nsec: since.subsec_nanos().into(),
    };
    Timestamps { last_access: now, last_modification: now }
}
