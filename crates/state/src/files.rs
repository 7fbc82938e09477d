//! The files of a state directory.
//!
//! `lock` is held as long as the directory is open, and names the process. `format` is the number
//! of the format, as text. `state.redb` is the database; it is made under another name, so that
//! it is never there in half.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use redb::Database;

use crate::database::{self, Opener};
use crate::error::OpenError;
use crate::fault::{Fault, guarded};

/// The newest format that is known here.
pub(crate) const FORMAT: u32 = 1;

const LOCK: &str = "lock";
const FORMAT_FILE: &str = "format";
const DATABASE: &str = "state.redb";

/// A directory that nobody else has open.
#[derive(Debug)]
pub(crate) struct Claim {
    directory: PathBuf,
    /// Released when it is dropped, or the process ends in whatever way.
    _lock: File,
}

impl Claim {
    /// Makes the directory if it is not there, and takes it.
    pub(crate) fn new(directory: &Path) -> Result<Self, OpenError> {
        make_directory(directory)?;
        let path = directory.join(LOCK);
        let at = |source: io::Error| OpenError::new(&path, source.into());
        let mut lock = options().create(true).truncate(false).open(&path).map_err(at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = lock.read_to_string(&mut text);
                let process = text.trim().parse().ok();
                return Err(OpenError::InUse { path: directory.into(), process });
            }
            Err(TryLockError::Error(source)) => return Err(at(source)),
        }
        // For whoever finds it in use.
        let named = lock.set_len(0).and_then(|()| lock.rewind());
        named.and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(at)?;
        Ok(Self { directory: directory.into(), _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// Checks the format, and makes the database if there is none.
    pub(crate) fn prepare(&self) -> Result<(), OpenError> {
        let database = self.database();
        let fault = |path: &Path, fault: Fault| OpenError::new(path, fault);
        let found = database.try_exists().map_err(|error| fault(&database, error.into()))?;
        self.check_format(found)?;
        if !found {
            let new = self.directory.join("state.redb.new");
            make_database(&new).map_err(|error| fault(&new, error))?;
            let named = fs::rename(&new, &database).and_then(|()| sync(&self.directory));
            named.map_err(|error| fault(&database, error.into()))?;
        }
        Ok(())
    }

    fn check_format(&self, database: bool) -> Result<(), OpenError> {
        let path = self.directory.join(FORMAT_FILE);
        let at = |source: io::Error| OpenError::new(&path, source.into());
        let corrupt = |what: &str| OpenError::new(&path, Fault::Corrupt(what.to_owned()));
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim_end().parse::<u32>() {
                Ok(0) | Err(_) => Err(corrupt("it is no number of a format")),
                Ok(found) if found > FORMAT => {
                    let path = self.directory.clone();
                    Err(OpenError::NewerFormat { path, found, known: FORMAT })
                }
                Ok(_) => Ok(()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if database {
                    return Err(corrupt("it is missing"));
                }
                let new = path.with_extension("new");
                let mut file = options().create(true).truncate(true).open(&new).map_err(at)?;
                writeln!(file, "{FORMAT}").and_then(|()| file.sync_all()).map_err(at)?;
                fs::rename(&new, &path).and_then(|()| sync(&self.directory)).map_err(at)
            }
            Err(error) => Err(at(error)),
        }
    }

    pub(crate) fn opener(&self) -> Opener {
        let path = self.database();
        Box::new(move || open_database(&path))
    }
}

/// Never makes one: a file that vanished is an error, not an empty database.
fn open_database(path: &Path) -> Result<Database, Fault> {
    let file = options().open(path)?;
    if file.metadata()?.len() == 0 {
        return Err(Fault::Corrupt("it is empty".to_owned()));
    }
    guarded(|| Ok(database::builder().create_file(file).map_err(redb::Error::from)?))
}

fn make_database(path: &Path) -> Result<(), Fault> {
    // One that was left half made is begun anew.
    let file = options().create(true).truncate(true).open(path)?;
    let database = database::builder().create_file(file).map_err(redb::Error::from)?;
    database::prepare(&database)
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(path);
    // Best effort: a crash soon after may lose the whole directory, and then all that was in it.
    let synced = made.and_then(|()| sync(path.parent().unwrap_or(path)));
    synced.map_err(|source| match Fault::from(source) {
        Fault::DiskFull(source) => OpenError::DiskFull { path: path.into(), source },
        Fault::ReadOnly(source) | Fault::Io(source) => {
            OpenError::Create { path: path.into(), source }
        }
        other => OpenError::new(path, other),
    })
}

/// To read and write, and for this user alone where it is made.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    let here = Path::new(".");
    let directory = if directory.as_os_str().is_empty() { here } else { directory };
    // Elsewhere a directory can't be opened like a file, and names are durable by themselves.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
