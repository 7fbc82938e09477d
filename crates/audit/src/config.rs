//! What can be set, and its defaults.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::sink::Failure;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Level {
    /// Nothing.
    Off,
    /// What was denied, into the stream of denials alone.
    Denials,
    /// Everything; denials into their own stream as well.
    #[default]
    All,
}

/// What to do if a file can't be written when the audit is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFailure {
    /// Refuse to open.
    #[default]
    Refuse,
    /// Open, say so in the log and in [`Status`](crate::Status), and keep trying.
    Run,
}

/// When what was written is forced to the disk. A file that was written and not forced survives
/// the end of the process, and not that of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fsync {
    /// Never.
    Never,
    /// By [`Audit::flush`](crate::Audit::flush) and at the end.
    #[default]
    OnFlush,
    /// So often besides, if there was something to write.
    Every(Duration),
}

/// Told, on the writer's thread, each time a stream begins to fail: a host that would rather stop
/// than run without its audit stops then.
#[derive(Clone)]
pub struct FailureHook(pub(crate) Arc<dyn Fn(&Failure) + Send + Sync>);

impl FailureHook {
    /// Wraps a function. It must not wait for the audit.
    pub fn new(hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for FailureHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailureHook")
    }
}

/// Settings of an audit.
///
/// ```
/// use castcall_audit::{AuditConfig, Level};
///
/// let mut config = AuditConfig::new("/var/log/castcall/audit.jsonl");
/// config.level = Level::Denials;
/// assert_eq!(config.denials_path.to_str(), Some("/var/log/castcall/audit-denials.jsonl"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuditConfig {
    /// What is recorded. Default: everything.
    pub level: Level,
    /// The file of all records. Its folder must be there.
    pub path: PathBuf,
    /// The file of denials. Default: the name of `path` with `-denials` before its extension.
    pub denials_path: PathBuf,
    /// A file is put aside, and another begun, before it would get longer than this, in bytes; at
    /// least [`AuditConfig::MIN_ROTATE_AT`]. Default: 128 MiB.
    pub rotate_at: u64,
    /// How many files that were put aside are kept, of each stream. Default: 8.
    pub keep: u32,
    /// How many records may wait for the writer, for each thread that records: 72 bytes each. From
    /// 16 to 2^24. Default: 8,192.
    pub queue: usize,
    /// How long a record waits at most until it is written, while there is much to write; after a
    /// pause it may be ten times that. Default: 5 ms.
    pub interval: Duration,
    /// How many times in a second the same denial is recorded by itself; the rest of them is one
    /// record with their count. Default: 10.
    pub first_per_second: u32,
    /// To how many targets in a second the denials of one component are told apart. Those to more
    /// are counted together, with `*` for the target. Default: 64.
    pub targets_per_second: u32,
    /// What to do if a file can't be written at the start. Default: refuse.
    pub on_failure: OnFailure,
    /// Told when a stream begins to fail later. Default: nobody; the log says so in any case.
    pub failure_hook: Option<FailureHook>,
    /// When files are forced to the disk. Default: by a flush, and at the end.
    pub fsync: Fsync,
}

impl AuditConfig {
    /// The least that [`rotate_at`](Self::rotate_at) may be: 64 KiB, what is written at once.
    pub const MIN_ROTATE_AT: u64 = 64 << 10;

    /// The defaults, with files of that name.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            level: Level::default(),
            denials_path: denials_beside(&path),
            path,
            rotate_at: 128 << 20,
            keep: 8,
            queue: 8_192,
            interval: Duration::from_millis(5),
            first_per_second: 10,
            targets_per_second: 64,
            on_failure: OnFailure::default(),
            failure_hook: None,
            fsync: Fsync::default(),
        }
    }
}

/// `audit.jsonl` in the working folder.
impl Default for AuditConfig {
    fn default() -> Self {
        Self::new("audit.jsonl")
    }
}

fn denials_beside(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("-denials");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_lie_beside_the_rest() {
        let denials = |path: &str| AuditConfig::new(path).denials_path;
        assert_eq!(denials("a/b.jsonl"), Path::new("a/b-denials.jsonl"));
        assert_eq!(denials("log"), Path::new("log-denials"));
        assert_eq!(AuditConfig::default().path, Path::new("audit.jsonl"));
        assert_eq!(AuditConfig::default().level, Level::All);
    }

    #[test]
    fn a_config_can_be_printed() {
        let failure_hook = Some(FailureHook::new(|_| {}));
        let config = AuditConfig { failure_hook, ..AuditConfig::default() };
        assert!(format!("{config:?}").contains("FailureHook"));
    }
}
