//! What the system or the database says, sorted by what is to be done about it.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why something on disk did not work.
#[derive(Debug)]
pub(crate) enum Fault {
    InUse,
    Corrupt(String),
    ReadOnly(io::Error),
    DiskFull(io::Error),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::DiskFull(error),
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied => Self::ReadOnly(error),
            // The database says so of a file that is none, or ends too early.
            Kind::InvalidData | Kind::UnexpectedEof => Self::Corrupt(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Corrupt(other.to_string()),
        }
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would now be one of the database, which is caught and becomes an
/// error that says what it said. Ask it in a program's panic hook, which hears of each panic before
/// it is caught, and say nothing.
#[must_use]
pub fn panic_is_an_error() -> bool {
    GUARDED.get()
}

/// Runs what touches the database. A damaged file can make that panic, which must end neither the
/// program nor the thread that writes.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let outer = GUARDED.replace(true);
    // Whatever was being changed in the database is given up together with it.
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    match result {
        Ok(result) => result,
        Err(panic) => Err(Fault::Corrupt(said(&*panic))),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the database panicked: {}", text.unwrap_or("it did not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn sorts_what_the_system_says() {
        let of = |kind: ErrorKind| Fault::from(io::Error::from(kind));
        assert!(matches!(of(ErrorKind::StorageFull), Fault::DiskFull(_)));
        assert!(matches!(of(ErrorKind::QuotaExceeded), Fault::DiskFull(_)));
        assert!(matches!(of(ErrorKind::ReadOnlyFilesystem), Fault::ReadOnly(_)));
        assert!(matches!(of(ErrorKind::PermissionDenied), Fault::ReadOnly(_)));
        assert!(matches!(of(ErrorKind::UnexpectedEof), Fault::Corrupt(_)));
        assert!(matches!(of(ErrorKind::TimedOut), Fault::Io(_)));
        assert!(matches!(Fault::from(redb::Error::DatabaseAlreadyOpen), Fault::InUse));
        assert!(matches!(Fault::from(redb::Error::PreviousIo), Fault::Corrupt(_)));
    }

    #[test]
    fn a_panic_is_a_damaged_file() {
        let what = |result: Result<(), Fault>| match result {
            Err(Fault::Corrupt(what)) => what,
            other => panic!("{other:?}"),
        };
        let plain = guarded(|| {
            assert!(panic_is_an_error());
            panic!("plain")
        });
        assert!(what(plain).ends_with(": plain"));
        assert!(!panic_is_an_error());
        assert!(what(guarded(|| panic!("with {}", 1))).ends_with(": with 1"));
        assert!(what(guarded(|| std::panic::panic_any(1))).ends_with("did not say why"));
    }
}
