//! What a guest can use of the machine: exactly what is asked for and granted.

use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use castcall::manifests::ApplicationManifest;
use castcall::wasm::{CompileError, FolderError};
use castcall::{
    Access, CallError, Component, CrashCode, LoadError, RequestError, RestartConfig, System, Wasi,
};
use castcall_integration_tests::{PATIENCE, Stage, eventually, execution, fixture, fixture_path};

const ENDED: CallError = CallError::Failed(RequestError::Crashed(CrashCode::ExecutionLimit));

// Error codes of `wasi:filesystem/types` and `wasi:sockets/network`.
const NO_ENTRY: u32 = 20;
const NOT_PERMITTED: u32 = 31;
const READ_ONLY: u32 = 33;
const ACCESS_DENIED: u32 = 1;

fn clocks() -> Wasi {
    let mut wasi = Wasi::default();
    wasi.clocks = true;
    wasi
}

fn random() -> Wasi {
    let mut wasi = Wasi::default();
    wasi.random = true;
    wasi
}

fn both() -> Wasi {
    let mut wasi = clocks();
    wasi.random = true;
    wasi
}

/// Loads a fixture with these grants, and has it refused.
async fn refused(name: &str, wasi: Wasi) -> (CompileError, String) {
    let stage = Stage::new();
    let error = stage.load("culprit", fixture(name).wasi(wasi)).await.unwrap_err();
    let text = error.to_string();
    let LoadError::Compile { source, .. } = error else { panic!("{error:?}") };
    assert!(stage.component("culprit").is_none());
    (source, text)
}

/// A stage with `guest`, a `wasi-files` that is granted this.
async fn with_files(wasi: Wasi) -> Stage {
    let stage = Stage::new();
    stage.add_with("guest", fixture("wasi-files").wasi(wasi)).await;
    stage
}

/// The code and message with which the guest fails.
async fn failure(stage: &Stage, what: &str) -> (u32, String) {
    match stage.ask("guest", what).await {
        Err(CallError::Failed(RequestError::ProcessingFailed { code, message })) => (code, message),
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn without_a_grant_every_import_is_refused_by_name() {
    for name in ["wasi-clock", "wasi-files"] {
        let (error, text) = refused(name, Wasi::default()).await;
        let CompileError::NotGranted { import, .. } = &error else { panic!("{error:?}") };
        assert!(import.starts_with("wasi:"), "{import}");
        assert!(text.contains("culprit") && text.contains(import), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[tokio::test]
async fn clocks_and_random_numbers_are_each_refused_by_name() {
    for (granted, import, needs) in [
        (random(), "wasi:clocks/monotonic-clock@0.2.0", "clocks"),
        (clocks(), "wasi:random/random@0.2.0", "random"),
    ] {
        let (error, text) = refused("wasi-clock", granted).await;
        let CompileError::NotGranted { import: found, needs: why } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((found.as_str(), *why), (import, needs));
        assert!(text.contains(import) && text.contains(needs), "{text}");
    }
}

#[tokio::test]
async fn clocks_and_random_numbers_can_be_used_when_granted() {
    let stage = Stage::new();
    stage.add_with("guest", fixture("wasi-clock").wasi(both())).await;
    assert_eq!(stage.tell("guest", "now").await, "done");
    let random = async || stage.call("guest", "random", PATIENCE).await.unwrap();
    let (one, other) = (random().await, random().await);
    assert_eq!((one.len(), other.len()), (8, 8));
    assert_ne!(one, other);

    for wait in ["sleep", "poll"] {
        let start = Instant::now();
        assert_eq!(stage.tell("guest", format!("{wait} 30")).await, "done");
        assert!(start.elapsed() >= Duration::from_millis(30), "{wait}: {:?}", start.elapsed());
    }
    // More than may be there at once: each is given back.
    assert_eq!(stage.tell("guest", "wake 3000").await, "done");
    assert_eq!(stage.stats_of("guest").crashes, 0);
}

#[tokio::test]
async fn who_waits_holds_nobody_up_and_is_ended_at_its_limit() {
    let stage = Stage::build(System::builder().workers(1));
    stage.add("echo", "echo-handler").await;
    let limit = Duration::from_millis(800);
    for what in ["sleep", "poll"] {
        let waiters: Vec<_> = (0..3).map(|number| format!("{what}er-{number}")).collect();
        for id in &waiters {
            let component = fixture("wasi-clock").wasi(both()).limits(execution(limit));
            stage.add_with(id, component).await;
        }
        let start = Instant::now();
        let calls: Vec<_> = waiters
            .iter()
            .map(|id| {
                let (stage, id) = (stage.clone(), id.clone());
                tokio::spawn(async move { stage.ask(&id, format!("{what} 3600000")).await })
            })
            .collect();
        for id in &waiters {
            let waiter = stage.handle(id);
            eventually("the wait", || waiter.stats().calls_handled == 1).await;
        }
        // All of them wait on the only worker.
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        assert!(start.elapsed() < limit, "{:?}", start.elapsed());
        assert_eq!(stage.stats().crashes, if what == "sleep" { 0 } else { 3 });

        for call in calls {
            assert_eq!(call.await.unwrap().unwrap_err(), ENDED);
            // No earlier, and not much later: a wait takes no CPU time for others to take.
            let took = start.elapsed();
            assert!(took >= limit && took < limit * 5, "{what}: ended after {took:?}");
        }
        for id in &waiters {
            assert_eq!(stage.tell(id, "now").await, "done", "restarted");
        }
    }
}

#[tokio::test]
async fn who_hoards_is_ended() {
    let stage = Stage::new();
    stage.add_with("guest", fixture("wasi-clock").wasi(both())).await;
    // A pollable takes two places, itself and what it waits for.
    assert_eq!(stage.tell("guest", "hoard 400").await, "done");
    let ended = stage.ask("guest", "hoard 200").await.unwrap_err();
    assert_eq!(ended, CallError::Failed(RequestError::Crashed(CrashCode::Trap)));
    // They ended with the instance.
    assert_eq!(stage.tell("guest", "hoard 400").await, "done");
}

#[tokio::test]
async fn short_waits_add_up_to_the_limit() {
    let stage = Stage::new();
    let limit = Duration::from_millis(300);
    let component = fixture("wasi-clock").wasi(both()).limits(execution(limit));
    stage.add_with("guest", component).await;
    // Each message by itself keeps to it, whatever there was before.
    for _ in 0..4 {
        assert_eq!(stage.tell("guest", "sleep 120").await, "done");
    }
    assert_eq!(stage.ask("guest", "wake 100000000").await.unwrap_err(), ENDED);
}

#[tokio::test]
async fn when_there_are_no_more_threads_who_waits_longest_is_ended() {
    let stage = Stage::build(System::builder().workers(1).max_threads(2));
    stage.add("echo", "echo-handler").await;
    let limit = Duration::from_secs(60);
    let start = Instant::now();
    for id in ["eldest", "next"] {
        let component = fixture("wasi-clock").wasi(both()).limits(execution(limit));
        stage.add_with(id, component).await;
    }
    let eldest = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.ask("eldest", "sleep 3600000").await })
    };
    eventually("its own thread", || stage.workers().detachments == 1).await;
    stage.cast("next", "sleep 3600000").unwrap();
    assert_eq!(eldest.await.unwrap().unwrap_err(), ENDED);
    assert!(start.elapsed() < limit / 2, "before its own limit");
    assert_eq!(stage.tell("echo", "goes on").await, "goes on");
}

#[tokio::test]
async fn variables_are_those_that_are_granted() {
    let stage = with_files(Wasi::default().env("LANG", "C").env("EMPTY", "")).await;
    assert_eq!(stage.tell("guest", "env").await, "EMPTY=\nLANG=C\n");
    assert_eq!(stage.tell("guest", "dirs").await, "");
    // Nothing of the host's, which has some.
    assert!(std::env::vars().count() > 0);
    let stage = with_files(random()).await;
    assert_eq!(stage.tell("guest", "env").await, "");
}

#[tokio::test]
async fn folders_are_read_and_written_as_granted() {
    let folder = tempfile::tempdir().unwrap();
    let (open, shut) = (folder.path().join("open"), folder.path().join("shut"));
    for folder in [&open, &shut] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("file"), "content").unwrap();
    }
    let wasi = Wasi::default().folder(&open, "/data", Access::ReadWrite).folder(
        &shut,
        "/shut",
        Access::ReadOnly,
    );
    let stage = with_files(wasi).await;
    assert_eq!(stage.tell("guest", "dirs").await, "/data\n/shut\n");

    assert_eq!(stage.tell("guest", "read 0 file").await, "content");
    assert_eq!(stage.tell("guest", "write 0 new some text").await, "done");
    assert_eq!(std::fs::read_to_string(open.join("new")).unwrap(), "some text");
    assert_eq!(stage.tell("guest", "stat 0 new").await, "done");
    assert_eq!(failure(&stage, "read 0 nowhere").await, (NO_ENTRY, "open".to_owned()));

    assert_eq!(stage.tell("guest", "read 1 file").await, "content");
    for name in ["new", "file"] {
        let (code, what) = failure(&stage, &format!("write 1 {name} text")).await;
        assert!(code == READ_ONLY || code == NOT_PERMITTED, "{name}: {code}");
        assert_eq!(what, "open");
    }
    assert_eq!(std::fs::read_to_string(shut.join("file")).unwrap(), "content");
    assert!(!shut.join("new").exists());
    assert_eq!(failure(&stage, "read 2 file").await, (0, "no such folder".to_owned()));
}

#[tokio::test]
#[cfg(unix)]
async fn no_path_leads_out_of_a_folder() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir_all(inside.join("deep")).unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    std::fs::write(inside.join("file"), "content").unwrap();
    symlink("../secret", inside.join("up")).unwrap();
    symlink(folder.path().join("secret"), inside.join("absolute")).unwrap();
    symlink("..", inside.join("parent")).unwrap();
    symlink("file", inside.join("within")).unwrap();
    let stage = with_files(Wasi::default().folder(&inside, "/", Access::ReadWrite)).await;

    assert_eq!(stage.tell("guest", "read 0 deep/../file").await, "content");
    assert_eq!(stage.tell("guest", "read 0 within").await, "content");
    let absolute = folder.path().join("secret");
    let absolute = absolute.to_str().unwrap();
    for path in ["../secret", "deep/../../secret", "up", "absolute", "parent/secret", absolute] {
        for what in ["read", "stat", "write"] {
            let (code, _) = failure(&stage, &format!("{what} 0 {path}")).await;
            assert_eq!(code, NOT_PERMITTED, "{what} {path}");
        }
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("secret")).unwrap(), "secret");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for host in [&gone, &file] {
        let wasi = Wasi::default().folder(host, "/data", Access::ReadOnly);
        let (error, text) = refused("wasi-files", wasi).await;
        let CompileError::Folder(FolderError { host: named, guest, .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!((named, guest.as_str()), (host, "/data"));
        assert!(text.contains(host.to_str().unwrap()) && text.contains("/data"), "{text}");
    }
}

#[tokio::test]
async fn a_folder_that_has_gone_keeps_new_instances_away_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let wasi = Wasi::default().folder(&data, "/data", Access::ReadOnly);
    let mut restart = RestartConfig::default();
    restart.max_restarts = 1_000_000;
    restart.max_backoff = Duration::from_millis(20);
    let stage = Stage::new();
    let limits = execution(Duration::from_millis(100));
    let component = fixture("wasi-files").wasi(wasi).restart(restart).limits(limits);
    let guest = stage.add_with("guest", component).await;
    std::fs::remove_dir(&data).unwrap();
    // An answer longer than its buffer ends it.
    stage.cast("guest", "print x").unwrap();
    stage.cast("guest", format!("print {}", "x".repeat(5_000))).unwrap();
    eventually("crashes at the start", || guest.stats().crashes >= 3).await;
    std::fs::create_dir(&data).unwrap();
    assert_eq!(stage.tell("guest", "dirs").await, "/data\n");
}

#[tokio::test]
async fn sockets_are_denied_unless_granted() {
    let stage = with_files(random()).await;
    assert_eq!(failure(&stage, "socket").await, (ACCESS_DENIED, "socket".to_owned()));
    let mut wasi = Wasi::default();
    wasi.network = true;
    let stage = with_files(wasi).await;
    assert_eq!(stage.tell("guest", "socket").await, "done");
}

/// Keeps what guests write to the log: component, stream, text.
struct Log(Mutex<Vec<(String, String, String)>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl Log {
    /// Sees to it that all of this process's logging comes here.
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(&LOG).unwrap());
    }

    fn of(&self, component: &str) -> Vec<(String, String)> {
        let lines = self.0.lock().unwrap();
        let of = lines.iter().filter(|(id, ..)| id == component);
        of.map(|(_, stream, text)| (stream.clone(), text.clone())).collect()
    }
}

#[derive(Default)]
struct Fields {
    component: String,
    stream: String,
    message: String,
}

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "component" => self.component = text,
            "stream" => self.stream = text,
            "message" => self.message = text,
            _ => {}
        }
    }
}

impl tracing::Subscriber for &'static Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "castcall::guest"
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { component, stream, message } = fields;
        self.0.lock().unwrap().push((component, stream, message));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn what_a_guest_prints_is_logged_line_by_line() {
    Log::listen();
    let stage = Stage::new();
    let mut wasi = Wasi::default();
    wasi.stdio = true;
    stage.add_with("shop/talker", fixture("wasi-files").wasi(wasi)).await;
    // Not granted: it goes nowhere.
    stage.add_with("shop/silent", fixture("wasi-files").wasi(random())).await;
    for (text, id) in [("one\ntw", "talker"), ("o\n", "talker"), ("hidden\n", "silent")] {
        let id = format!("shop/{id}");
        assert_eq!(stage.tell(&id, format!("print {text}")).await, "done");
    }
    let forged = "\x1b[2J 12:00 INFO component=bank: all is well\r\n";
    assert_eq!(stage.tell("shop/talker", format!("print {forged}")).await, "done");
    assert_eq!(stage.tell("shop/talker", "print the end").await, "done");
    assert!(stage.handle("shop/talker").stop(PATIENCE).await);

    let stdout = |text: &str| ("stdout".to_owned(), text.to_owned());
    let expected = [
        stdout("one"),
        stdout("two"),
        stdout(r"\u{1b}[2J 12:00 INFO component=bank: all is well"),
        // When the instance ends.
        stdout("the end"),
    ];
    eventually("the last line", || LOG.of("shop/talker").len() == 4).await;
    assert_eq!(LOG.of("shop/talker"), expected);
    assert_eq!(LOG.of("shop/silent"), []);
    assert_eq!(LOG.of("bank"), []);
}

#[tokio::test]
async fn a_guest_that_floods_the_log_is_cut_short() {
    Log::listen();
    let stage = Stage::new();
    let mut wasi = Wasi::default();
    wasi.stdio = true;
    stage.add_with("shop/flood", fixture("wasi-files").wasi(wasi)).await;
    let start = Instant::now();
    for _ in 0..50 {
        let text = format!("print {}", "\n".repeat(1_000));
        assert_eq!(stage.tell("shop/flood", text).await, "done");
    }
    assert!(stage.handle("shop/flood").stop(PATIENCE).await);
    // 100 in each second that began, and one line for what was left out of each.
    let most = 101 * (2 + usize::try_from(start.elapsed().as_secs()).unwrap());
    let told = || LOG.of("shop/flood").iter().any(|(_, text)| text.contains("left out"));
    eventually("what was left out", told).await;
    let lines = LOG.of("shop/flood").len();
    assert!((101..=most).contains(&lines), "{lines} of 50,000, at most {most}");
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// An application with one component, which asks for `asks` and is granted `grants`.
fn application(folder: &Path, guest: &str, asks: &str, grants: &str) -> ApplicationManifest {
    std::fs::copy(fixture_path(guest), folder.join("guest.wasm")).unwrap();
    let component = format!("id = \"guest\"\nwasm = \"guest.wasm\"\n[capabilities.wasi]\n{asks}\n");
    write(folder, "Component.toml", &component);
    let entry = "[components.guest]\nmanifest = \"Component.toml\"\n";
    let text = format!(
        "{entry}[components.guest.grants.wasi]\n{grants}\n[peers.host]\ncast = [\"*\"]\ncall = [\"*\"]\n"
    );
    write(folder, "app.toml", &text);
    let loaded = ApplicationManifest::load(folder.join("app.toml"));
    loaded.unwrap_or_else(|error| panic!("{}", error.render()))
}

async fn run(application: &ApplicationManifest) -> Result<Stage, LoadError> {
    let stage = Stage::guarded(System::builder().workers(2).application(application).unwrap());
    stage.load_application(application).await?;
    Ok(stage)
}

#[tokio::test]
async fn what_manifest_and_application_agree_on_holds() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mine", "granted"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        write(&folder.path().join(name), "name", name);
    }
    let asks = r#"
env = { LANG = "C", SECRET = "asked", MINE = "mine" }
dirs = [
    { host = "mine", guest = "/data", access = "read-write" },
    { host = "mine", guest = "/not-granted" },
]
network = true
"#;
    let grants = r#"
env = { LANG = "granted", OTHER = "not asked for" }
dirs = [{ host = "granted", guest = "/data" }]
clocks = true
"#;
    let stage = run(&application(folder.path(), "wasi-files", asks, grants)).await.unwrap();
    assert_eq!(stage.tell("guest", "env").await, "LANG=granted\n");
    assert_eq!(stage.tell("guest", "dirs").await, "/data\n");
    assert_eq!(stage.tell("guest", "read 0 name").await, "granted");
    let (code, _) = failure(&stage, "write 0 name text").await;
    assert!(code == READ_ONLY || code == NOT_PERMITTED, "{code}");
    assert_eq!(failure(&stage, "socket").await.0, ACCESS_DENIED);
}

#[tokio::test]
async fn a_variable_without_a_value_is_the_hosts() {
    let folder = tempfile::tempdir().unwrap();
    // Cargo sets this one for every test.
    let name = "CARGO_PKG_NAME";
    let value = std::env::var(name).unwrap();
    let env = format!("env = [\"{name}\", \"CASTCALL_IS_NOT_SET\"]");
    let stage = run(&application(folder.path(), "wasi-files", &env, &env)).await.unwrap();
    assert_eq!(stage.tell("guest", "env").await, format!("{name}={value}\n"));
}

#[tokio::test]
async fn asking_alone_and_granting_alone_give_nothing() {
    let both = "clocks = true\nrandom = true";
    for (asks, grants) in [(both, ""), ("", both), (both, "clocks = true"), ("random = true", both)]
    {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&application(folder.path(), "wasi-clock", asks, grants)).await.unwrap_err();
        let LoadError::Compile { id, source } = error else { panic!("{error:?}") };
        assert_eq!(id, "guest");
        assert!(matches!(source, CompileError::NotGranted { .. }), "{asks} / {grants}: {source:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let stage = run(&application(folder.path(), "wasi-clock", both, both)).await.unwrap();
    assert_eq!(stage.tell("guest", "now").await, "done");
    // Who loads a manifest alone has nobody to grant.
    let stage = Stage::new();
    let error = stage.load_manifest(folder.path().join("Component.toml")).await.unwrap_err();
    assert!(matches!(error, LoadError::Compile { source: CompileError::NotGranted { .. }, .. }));
}

#[tokio::test]
async fn a_folder_is_opened_by_rust_hosts_too() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "file", "content");
    let stage = Stage::new();
    let wasi = Wasi::default().folder(folder.path(), "/data", Access::ReadOnly);
    let bytes = std::fs::read(fixture_path("wasi-files")).unwrap();
    stage.add_with("guest", Component::bytes(bytes).wasi(wasi)).await;
    assert_eq!(stage.tell("guest", "read 0 file").await, "content");
}
