//! A state directory as its users see it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_core::{
    ComponentId, DeadLetter, DeadLetterId, DeadLetterReason, Pattern, TargetPattern, Timestamp,
    Topic,
};
use castcall_state::{
    DeadLetterFilter, DeadLetterLimits, FlushError, OpenError, StateConfig, StateDirectory,
};

fn id(text: &str) -> ComponentId {
    ComponentId::new(text).unwrap()
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn letter(to: &str, text: &str) -> DeadLetter {
    DeadLetter {
        from: id("sender"),
        to: id(to),
        topic: Some(Topic::new("a.b").unwrap()),
        payload: Bytes::copy_from_slice(text.as_bytes()),
        sent: Timestamp::from_unix_nanos(1),
        died: Timestamp::from_unix_nanos(2),
        reason: DeadLetterReason::Crashed,
        attempts: 1,
        trace: None,
        mismatch: None,
    }
}

fn open(path: &Path) -> StateDirectory {
    StateDirectory::open(path, StateConfig::default()).unwrap()
}

fn listed(state: &StateDirectory, component: &str) -> Vec<(String, Option<String>)> {
    let of = state.subscriptions_of(&id(component)).into_iter();
    of.map(|s| (s.pattern.to_string(), s.group.map(|g| g.to_string()))).collect()
}

fn plain(pattern: &str) -> (String, Option<String>) {
    (pattern.to_owned(), None)
}

#[tokio::test]
async fn what_was_flushed_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/state");
    let state = open(&path);
    assert_eq!(state.path(), path);
    state.subscribed(&id("a"), &pattern("x.*"), None).unwrap();
    state.subscribed(&id("a"), &pattern("x.*"), None).unwrap();
    state.subscribed(&id("a"), &pattern("x.*"), Some("g")).unwrap();
    state.subscribed(&id("a"), &pattern("y"), Some("")).unwrap();
    state.subscribed(&id("b"), &pattern("y"), None).unwrap();
    state.subscribed(&id("c"), &pattern("y"), None).unwrap();
    let first = state.dead_letters().add(letter("a", "one"));
    let second = state.dead_letters().add(letter("b", "two"));
    state.flush().await.unwrap();
    let status = state.status();
    assert_eq!((status.pending_subscriptions, status.pending_letters), (0, 0));
    assert!(status.error.is_none() && !status.closed && status.unreadable == 0);
    assert!(status.commits > 0 && status.last_commit.unwrap() <= Timestamp::now());

    assert_eq!(state.unsubscribed(&id("a"), &pattern("x.*")), 2);
    assert_eq!(state.unsubscribed(&id("a"), &pattern("x.*")), 0);
    assert_eq!(state.unsubscribed(&id("nobody"), &pattern("x.*")), 0);
    assert_eq!(state.unloaded(&id("b")), 1);
    assert_eq!(state.unloaded(&id("b")), 0);
    assert_eq!(state.dead_letters().take(first).unwrap().payload, "one");
    state.close().await.unwrap();
    assert!(matches!(state.flush().await, Err(FlushError::Closed)));
    assert!(matches!(state.close_blocking(), Err(FlushError::Closed)));
    assert!(state.status().closed);

    // The other handle is still there.
    let again = open(&path);
    assert_eq!(listed(&again, "a"), [plain("y")]);
    assert_eq!(again.subscriptions().len(), 2);
    let letters = again.dead_letters();
    assert_eq!(letters.list(&DeadLetterFilter::new(), None, 10), [(second, letter("b", "two"))]);
    assert_eq!(letters.add(letter("a", "three")), DeadLetterId(second.0 + 1));
    assert!(format!("{again:?}").contains("state"));
}

#[test]
fn dropping_it_flushes() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    drop(state);
    assert_eq!(listed(&open(folder.path()), "a"), [plain("x")]);
}

#[test]
fn changes_are_durable_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    state.dead_letters().add(letter("a", "one"));
    let began = Instant::now();
    while state.status().commits == 0 || state.status().pending_letters > 0 {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(state.status().pending_subscriptions, 0);
}

#[tokio::test]
async fn a_flush_that_is_dropped_disturbs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    for n in 0..200 {
        state.subscribed(&id("a"), &pattern(&format!("x{n}")), None).unwrap();
        let flush = state.flush();
        let _ = tokio::time::timeout(Duration::from_micros(n * 10), flush).await;
    }
    let both = tokio::join!(state.flush(), state.flush());
    assert!(both.0.is_ok() && both.1.is_ok());
    assert_eq!(state.status().pending_subscriptions, 0);
}

#[test]
fn ids_never_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = DeadLetterId(0);
    for _ in 0..4 {
        let state = open(folder.path());
        let clone = state.dead_letters().clone();
        for _ in 0..3 {
            let id = clone.add(letter("a", "x"));
            assert!(id > last);
            last = id;
        }
        assert!(clone.take_matching(&DeadLetterFilter::new(), usize::MAX).len() >= 3);
        state.close_blocking().unwrap();
        // After the end, in memory alone: far from what comes next.
        assert!(clone.add(letter("a", "x")).0 > last.0 + 1_000_000);
    }
    assert_eq!(last, DeadLetterId(12));
}

#[test]
fn other_limits_drop_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let ids: Vec<_> = (0..10).map(|_| state.dead_letters().add(letter("a", "x"))).collect();
    state.close_blocking().unwrap();
    let mut config = StateConfig::default();
    config.dead_letters = DeadLetterLimits::new(4, 1 << 20);
    let state = StateDirectory::open(folder.path(), config.clone()).unwrap();
    assert_eq!(state.dead_letters().dropped(), 6);
    drop(state);
    let state = StateDirectory::open(folder.path(), config).unwrap();
    let letters = state.dead_letters();
    assert_eq!(letters.dropped(), 0);
    let left: Vec<_> =
        letters.list(&DeadLetterFilter::new(), None, 99).into_iter().map(|l| l.0).collect();
    assert_eq!(left, ids[6..]);
}

#[test]
fn subscriptions_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = StateConfig::default();
    config.max_subscriptions = 2;
    let state = StateDirectory::open(folder.path(), config).unwrap();
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    state.subscribed(&id("a"), &pattern("x"), Some("g")).unwrap();
    state.subscribed(&id("a"), &pattern("x"), None).unwrap();
    let error = state.subscribed(&id("b"), &pattern("x"), None).unwrap_err();
    assert_eq!(error.limit, 2);
    state.unsubscribed(&id("a"), &pattern("x"));
    state.subscribed(&id("b"), &pattern("x"), None).unwrap();
}

#[test]
fn letters_are_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let letters = state.dead_letters();
    let ids = ["shop/a", "shop/b", "mail", "mail"].map(|to| letters.add(letter(to, to)));
    let shop = DeadLetterFilter::new().target("shop/*".parse::<TargetPattern>().unwrap());
    let poison = DeadLetterFilter::new().reason(DeadLetterReason::Poison);
    assert_eq!(letters.list(&shop, None, 10).len(), 2);
    assert_eq!(letters.list(&shop, Some(ids[0]), 10), [(ids[1], letter("shop/b", "shop/b"))]);
    assert!(letters.list(&poison, None, 10).is_empty());
    state.flush_blocking().unwrap();

    let taken = letters.take(ids[0]).unwrap();
    assert_eq!(letters.get(ids[0]), None);
    state.flush_blocking().unwrap();
    assert!(letters.put_back(ids[0], DeadLetter { attempts: 2, ..taken.clone() }));
    assert!(!letters.put_back(ids[0], taken.clone()));
    assert!(!letters.put_back(DeadLetterId(99), taken.clone()));
    assert!(!letters.put_back(DeadLetterId(0), taken));
    let mail = DeadLetterFilter::new().target(TargetPattern::from(&id("mail")));
    assert_eq!(letters.take_matching(&mail, 1).len(), 1);
    state.close_blocking().unwrap();

    let state = open(folder.path());
    let all = state.dead_letters().list(&DeadLetterFilter::new(), None, 10);
    assert_eq!(all.iter().map(|l| l.0).collect::<Vec<_>>(), [ids[0], ids[1], ids[3]]);
    assert_eq!(all[0].1.attempts, 2);
}

// ---- what keeps it from opening

#[test]
fn is_for_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    match StateDirectory::open(folder.path(), StateConfig::default()) {
        Err(error @ OpenError::InUse { process, .. }) => {
            assert_eq!(process, Some(std::process::id()));
            assert!(error.to_string().contains("in use by process"));
        }
        other => panic!("{other:?}"),
    }
    drop(state);
    open(folder.path());
}

/// This test is also the other process, if it is told a directory.
#[test]
fn another_process_keeps_it_until_it_is_killed() {
    const PLACE: &str = "CASTCALL_STATE_HELD_BY_ANOTHER";
    if let Some(path) = std::env::var_os(PLACE) {
        let _state = open(Path::new(&path));
        fs::write(Path::new(&path).join("opened"), "").unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "another_process_keeps_it_until_it_is_killed"])
        .env(PLACE, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !folder.path().join("opened").exists() {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
    let error = refused(folder.path());
    assert!(
        matches!(error, OpenError::InUse { process, .. } if process == Some(other.id())),
        "{error:?}"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    open(folder.path());
}

#[test]
#[cfg(unix)]
fn is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    drop(open(&path));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let names: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 3);
    for name in names {
        assert_eq!(mode(&name), 0o600, "{name:?}");
    }
}

fn refused(path: &Path) -> OpenError {
    StateDirectory::open(path, StateConfig::default()).unwrap_err()
}

#[test]
fn a_file_is_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(refused(&file), OpenError::Create { .. }));
    assert!(matches!(refused(&file.join("state")), OpenError::Create { .. }));
    assert_eq!(fs::read(&file).unwrap(), b"x");
}

#[test]
fn a_directory_in_place_of_a_file_is_an_error() {
    for name in ["lock", "format", "state.redb"] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        fs::remove_file(folder.path().join(name)).unwrap();
        fs::create_dir(folder.path().join(name)).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Io { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(name));
    }
}

/// Nobody may write to `/proc/self`, root included.
#[test]
#[cfg(target_os = "linux")]
fn a_place_that_takes_nothing_is_an_error() {
    let error = refused(Path::new("/proc/self/state"));
    assert!(matches!(error, OpenError::Create { .. }), "{error:?}");
    let error = refused(Path::new("/proc/self"));
    assert!(matches!(error, OpenError::Io { .. } | OpenError::ReadOnly { .. }), "{error:?}");
}

#[test]
#[cfg(unix)]
fn a_read_only_directory_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(path.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write anywhere");
        return;
    }
    assert!(matches!(refused(&path), OpenError::ReadOnly { .. }));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_newer_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let (format, database) = (folder.path().join("format"), folder.path().join("state.redb"));
    fs::write(&format, "2\n").unwrap();
    let before = fs::read(&database).unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::NewerFormat { found: 2, known: 1, .. }), "{error:?}");
    assert_eq!(fs::read(&database).unwrap(), before);
    for damaged in ["", "0", "x", "-1"] {
        fs::write(&format, damaged).unwrap();
        let error = refused(folder.path());
        assert!(matches!(&error, OpenError::Corrupt { file, .. } if *file == format), "{error:?}");
    }
    fs::remove_file(&format).unwrap();
    assert!(matches!(refused(folder.path()), OpenError::Corrupt { .. }));
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[test]
fn a_crash_while_it_was_made_is_no_matter() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("format"), "1\n").unwrap();
    fs::write(folder.path().join("state.redb.new"), "half a database").unwrap();
    fs::write(folder.path().join("format.new"), "").unwrap();
    drop(open(folder.path()));
    open(folder.path());
}

#[test]
fn a_vanished_database_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    fs::write(folder.path().join("state.redb"), "").unwrap();
    assert!(matches!(refused(folder.path()), OpenError::Corrupt { .. }));
}
