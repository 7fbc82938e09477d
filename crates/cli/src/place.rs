//! Where a running system listens: a socket in a folder that its user alone can open.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use crate::exit::Failure;

/// The socket of the system of that name; its folder is there then, and is ours alone.
pub(crate) fn socket(name: &str) -> Result<PathBuf, Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let why = "at most 64 letters, digits, `-` and `_`";
        return Err(Failure::failed(format!("{name:?} is no name of a system: {why}")));
    }
    let folder = folder()?;
    Ok(folder.join(name).with_extension("sock"))
}

fn folder() -> Result<PathBuf, Failure> {
    let mine = rustix::process::geteuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if !runtime.is_empty() => PathBuf::from(runtime).join("castcall"),
        _ => std::env::temp_dir().join(format!("castcall-{mine}")),
    };
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Failure::File { path: folder, source: error });
        }
        _ => {}
    }
    // Somebody else may have made it, in a folder that everybody writes to.
    let about = folder.symlink_metadata();
    let about = about.map_err(|source| Failure::File { path: folder.clone(), source })?;
    if !about.is_dir() || about.uid() != mine || about.mode() & 0o077 != 0 {
        let why = "is not a folder that its user alone can open";
        return Err(Failure::failed(format!("{} {why}", folder.display())));
    }
    Ok(folder)
}
