//! Audits in files.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use castcall_audit::{
    Audit, AuditConfig, Denial, FailureHook, Kind, Level, Note, NoteKind, OnFailure, OpenError,
    Record, StreamName, What,
};
use castcall_core::{ComponentId, Timestamp};
use serde_json::Value;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("castcall-audit-files-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn config(&self) -> AuditConfig {
        AuditConfig::new(self.0.join("audit.jsonl"))
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.0.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn id(text: &str) -> ComponentId {
    ComponentId::new(text).unwrap()
}

fn load() -> Note {
    Note::new(NoteKind::Load, Timestamp::now()).whom("a")
}

#[test]
fn two_files_that_are_added_to() {
    let folder = Folder::new("two");
    for _ in 0..2 {
        let audit = Audit::open(&folder.config()).unwrap();
        audit.note(load());
        audit.deny(Denial::new(Timestamp::now(), &audit.name(&id("a")), What::Cast, "b"));
        audit.close().unwrap();
    }
    let kinds = |name: &str| -> Vec<(u64, String)> {
        let lines = folder.lines(name);
        let kind = |line: &Value| line["kind"].as_str().unwrap().to_owned();
        lines.iter().map(|line| (line["n"].as_u64().unwrap(), kind(line))).collect()
    };
    let (load, denial) = ("load".to_owned(), "denial".to_owned());
    let once = [(1, load), (2, denial.clone())];
    assert_eq!(kinds("audit.jsonl"), [once.clone(), once].concat());
    assert_eq!(kinds("audit-denials.jsonl"), [(1, denial.clone()), (1, denial)]);
}

#[test]
fn denials_alone_are_one_file() {
    let folder = Folder::new("one");
    let mut config = folder.config();
    config.level = Level::Denials;
    let audit = Audit::open(&config).unwrap();
    audit.deny(Denial::new(Timestamp::now(), &audit.name(&id("a")), What::Cast, "b"));
    drop(audit);
    assert_eq!(folder.lines("audit-denials.jsonl").len(), 1);
    assert!(!config.path.exists());
    config.level = Level::Off;
    config.path = folder.0.join("off.jsonl");
    config.denials_path = folder.0.join("off-denials.jsonl");
    assert_eq!(Audit::open(&config).unwrap().level(), Level::Off);
    assert!(!config.denials_path.exists());
}

#[test]
fn files_are_put_aside_whole() {
    let folder = Folder::new("rotate");
    let mut config = folder.config();
    (config.rotate_at, config.keep) = (AuditConfig::MIN_ROTATE_AT, 100);
    let audit = Audit::open(&config).unwrap();
    let who = audit.name(&id("a"));
    for n in 0..20_000 {
        let record = Record::new(Kind::Send, Timestamp::now(), &who).what(What::Cast).size(n);
        audit.record(record);
        if n % 4_000 == 0 {
            audit.flush().unwrap();
        }
    }
    audit.close().unwrap();
    let mut names: Vec<_> = (1..=100).rev().map(|n| format!("audit.jsonl.{n}")).collect();
    names.retain(|name| folder.0.join(name).exists());
    assert!(names.len() > 10, "{names:?}");
    names.push("audit.jsonl".to_owned());
    let mut n = 0;
    for name in names {
        assert!(fs::metadata(folder.0.join(&name)).unwrap().len() <= config.rotate_at);
        for line in folder.lines(&name) {
            n += 1;
            assert_eq!(line["n"], n);
        }
    }
    assert!(n >= 20_000 - audit.status().dropped);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = Folder::new("sense");
    let refused = |change: &dyn Fn(&mut AuditConfig)| {
        let mut config = folder.config();
        change(&mut config);
        Audit::open(&config).unwrap_err()
    };
    let error = refused(&|config| config.rotate_at = 1);
    assert!(matches!(error, OpenError::RotateAt { rotate_at: 1 }), "{error}");
    let error = refused(&|config| config.denials_path = config.path.clone());
    assert!(matches!(error, OpenError::SameFile), "{error}");
    let error = refused(&|config| config.queue = 15);
    assert!(matches!(error, OpenError::Queue { queue: 15 }), "{error}");
    let error = refused(&|config| config.path = folder.0.join("nowhere/audit.jsonl"));
    assert!(matches!(error, OpenError::File { .. }), "{error}");
    let _first = Audit::open(&folder.config()).unwrap();
    let error = refused(&|config| config.on_failure = OnFailure::Run);
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[test]
fn runs_without_a_file_if_asked_to_and_says_so() {
    let folder = Folder::new("run");
    let mut config = AuditConfig::new(folder.0.join("not-yet/audit.jsonl"));
    config.on_failure = OnFailure::Run;
    let told = Arc::new(AtomicU32::new(0));
    config.failure_hook = Some(FailureHook::new({
        let told = Arc::clone(&told);
        move |failure| {
            assert!(matches!(failure.stream, StreamName::All | StreamName::Denials));
            told.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let audit = Audit::open(&config).unwrap();
    audit.note(load());
    assert!(audit.flush().is_err());
    assert_eq!(told.load(Ordering::SeqCst), 1);
    assert!(audit.status().failing);
    fs::create_dir(folder.0.join("not-yet")).unwrap();
    audit.note(load());
    audit.flush().unwrap();
    assert_eq!(folder.lines("not-yet/audit.jsonl").len(), 2);
    let status = audit.status();
    assert_eq!((status.failing, status.failures, status.lost), (false, 1, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_survived_and_counted() {
    let folder = Folder::new("full");
    let mut config = folder.config();
    config.path = "/dev/full".into();
    let Ok(audit) = Audit::open(&config) else { return };
    audit.note(load());
    assert!(audit.flush().is_err());
    assert!(audit.close().is_err());
    assert_eq!((audit.status().lost, audit.status().written), (1, 0));
}
