//! Where a running system listens: a socket in a folder that its user alone can open.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// As many bytes fit into the address of a socket.
const LONGEST: usize = 107;

/// The socket of the system of that name, to ask it. Nobody else could have put it there.
pub(crate) fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = socket(name)?;
    match ours(folder(&path)) {
        Err(Failure::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(no_system(name, &path))
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok(path),
    }
}

pub(crate) fn no_system(name: &str, path: &Path) -> Failure {
    let path = path.display();
    Failure::NoSystem(format!(
        "no system {name:?} runs, none listens at {path}: start one with `castcall run`"
    ))
}

/// The socket of that name, for us alone as long as the lock is held, which is given up even by a
/// process that is killed.
pub(crate) fn take(name: &str) -> Result<(PathBuf, File), Failure> {
    let path = socket(name)?;
    match DirBuilder::new().mode(0o700).create(folder(&path)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let why = "is where sockets are kept, and can't be made: set XDG_RUNTIME_DIR";
            let folder = folder(&path).display();
            return Err(Failure::failed(format!("{folder} {why} to a folder of yours ({error})")));
        }
        _ => {}
    }
    ours(folder(&path))?;
    let lock = path.with_extension("lock");
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&lock).map_err(Failure::file(&lock))?;
    match file.try_lock() {
        Ok(()) => Ok((path, file)),
        Err(TryLockError::WouldBlock) => {
            let why = "a system of that name runs already: choose another with --name";
            Err(Failure::failed(format!("{name}: {why}")))
        }
        Err(TryLockError::Error(error)) => Err(Failure::file(lock)(error)),
    }
}

fn socket(name: &str) -> Result<PathBuf, Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let why = "at most 64 letters, digits, `-` and `_`";
        return Err(Failure::failed(format!("{name:?} is no name of a system: {why}")));
    }
    let mine = rustix::process::geteuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if !runtime.is_empty() => PathBuf::from(runtime).join("castcall"),
        _ => std::env::temp_dir().join(format!("castcall-{mine}")),
    };
    let path = folder.join(name).with_extension("sock");
    match path.as_os_str().as_bytes().len() {
        length if length > LONGEST => Err(Failure::failed(format!(
            "{} has {length} bytes, and a socket's path has at most {LONGEST}: set XDG_RUNTIME_DIR \
             to a folder with a shorter path",
            path.display(),
        ))),
        _ => Ok(path),
    }
}

fn folder(socket: &Path) -> &Path {
    socket.parent().unwrap_or(socket)
}

/// Somebody else may have made it, in a folder that everybody writes to.
fn ours(folder: &Path) -> Result<(), Failure> {
    let about = folder.symlink_metadata().map_err(Failure::file(folder))?;
    let mine = rustix::process::geteuid().as_raw();
    if !about.is_dir() || about.uid() != mine || about.mode() & 0o077 != 0 {
        let why = "is not a folder that its user alone can open";
        return Err(Failure::failed(format!("{} {why}", folder.display())));
    }
    Ok(())
}
