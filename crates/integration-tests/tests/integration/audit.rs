//! What the audit says of what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use castcall::adapter::Hub;
use castcall::audit::{Audit, AuditConfig, Level, MemorySink, OnFailure, Sinks};
use castcall::{
    BuildError, Capabilities, MailboxConfig, Overflow, PeerState, Policy, RestartConfig, System,
};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, fixture, fixture_path, lane, mailbox, restart,
};
use serde_json::Value;

/// An audit into memory, and its two streams.
struct Lines {
    audit: Audit,
    all: MemorySink,
    denials: MemorySink,
}

impl Lines {
    fn new(level: Level) -> Self {
        let (all, denials) = (MemorySink::new(), MemorySink::new());
        let mut config = AuditConfig::default();
        config.level = level;
        config.queue = 1 << 16;
        let sinks =
            Sinks { all: Some(Box::new(all.clone())), denials: Some(Box::new(denials.clone())) };
        Self { audit: Audit::to(&config, sinks).unwrap(), all, denials }
    }

    fn builder(&self) -> castcall::SystemBuilder {
        System::builder().workers(2).audit_to(self.audit.clone())
    }

    fn all(&self) -> Vec<Value> {
        self.audit.flush().unwrap();
        parsed(&self.all)
    }

    /// Those of one kind, each as `who what whom/topic/pattern why`, in their order.
    fn of_kind(&self, kind: &str) -> Vec<String> {
        let of_kind = |line: &&Value| line["kind"] == kind;
        self.all().iter().filter(of_kind).map(told).collect()
    }
}

fn parsed(sink: &MemorySink) -> Vec<Value> {
    sink.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(line: &Value) -> String {
    let fields = ["who", "what", "whom", "topic", "pattern", "group", "why"];
    let said: Vec<_> = fields.iter().filter_map(|field| line[field].as_str()).collect();
    said.join(" ")
}

fn count(lines: &[Value], kind: &str, what: &str) -> u64 {
    let same = |line: &&Value| line["kind"] == kind && (what.is_empty() || line["what"] == what);
    lines.iter().filter(same).count() as u64
}

#[tokio::test]
async fn a_call_can_be_followed_from_its_send_to_its_callback() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    let id = stage.request("echo", 5_000, "hello").await;
    stage.results(1).await;
    let all = lines.all();
    let story: BTreeMap<_, _> = all
        .iter()
        .filter(|line| line["request_id"] == *id)
        .map(|line| {
            assert!(line["at"].as_str().unwrap().ends_with('Z'));
            let size = line["size"].as_u64().map_or(String::new(), |size| format!(" {size}"));
            let what = line["what"].as_str().unwrap_or_default();
            let kind = format!("{} {what}", line["kind"].as_str().unwrap());
            (kind, told(line) + &size)
        })
        .collect();
    let expected = [
        ("call-end ", "requester echo answered 5"),
        ("delivery call", "requester call echo 5"),
        ("delivery callback", "requester callback requester 5"),
        ("send call", "requester call echo 5"),
    ];
    assert_eq!(story, expected.map(|(kind, said)| (kind.to_owned(), said.to_owned())).into());
    assert!(!all.iter().any(|line| line.to_string().contains("hello")), "payloads are never in it");
}

/// Microseconds since midnight.
fn micros(line: &Value) -> i64 {
    let time = &line["at"].as_str().unwrap()["2026-07-25T".len()..];
    let numbers = time.trim_end_matches('Z').split([':', '.']).map(|part| part.parse().unwrap());
    numbers.zip([3_600_000_000, 60_000_000, 1_000_000, 1]).map(|(n, unit): (i64, _)| n * unit).sum()
}

#[tokio::test]
async fn stamps_stand_in_the_order_of_cause_and_effect() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    stage.add("deferrer", "deferrer").await;
    // One that ends when nothing else has happened for long, and some with pauses between them.
    let late = stage.request("deferrer", 300, "hold").await;
    stage.results(1).await;
    let mut ids = vec![late.clone()];
    for round in 0..30 {
        ids.push(stage.request("echo", 5_000, "hello").await);
        stage.results(2 + round).await;
        tokio::time::sleep(Duration::from_millis(round)).await;
    }
    let all = lines.all();
    let at = |id: &str, kind: &str, what: &str| {
        let same = |line: &&Value| line["request_id"] == *id && line["kind"] == kind;
        let mut lines = all.iter().filter(same).filter(|line| line["what"].as_str() == Some(what));
        micros(lines.next().unwrap_or_else(|| panic!("{kind} {what} of {id}")))
    };
    let end = |id: &str| {
        let is_end = |line: &&Value| line["request_id"] == *id && line["kind"] == "call-end";
        micros(all.iter().find(is_end).unwrap())
    };
    for id in &ids {
        let stamps = [
            at(id, "send", "call"),
            at(id, "delivery", "call"),
            end(id),
            at(id, "delivery", "callback"),
        ];
        assert!(stamps.is_sorted() || stamps[0] > stamps[3] + 3_600_000_000, "{id}: {stamps:?}");
    }
    // A tick is 1 ms.
    let waited = end(&late) - at(&late, "send", "call");
    assert!(!(0..299_000).contains(&waited), "it ended after {waited} us");
}

#[tokio::test]
async fn lives_of_components_are_recorded() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    let trapper = fixture("trapping-handler").restart(restart(1, Duration::from_millis(1)));
    stage.add_with("trapper", trapper).await;
    stage.policy().grant(&"shop/*".parse().unwrap(), &Capabilities::all()).unwrap();
    for end in ["unreachable", "stack"] {
        let _ = stage.ask("trapper", end).await;
        let settled = || {
            matches!(stage.handle("trapper").state(), PeerState::Running | PeerState::Failed)
                && stage.stats_of("trapper").crashes > u64::from(end == "stack")
        };
        eventually("restarted, or failed", settled).await;
    }
    let refused = stage.load("none", fixture("no-handle-message")).await;
    refused.unwrap_err();
    assert!(stage.handle("trapper").stop(PATIENCE).await);
    assert_eq!(lines.of_kind("load"), ["host trapper"]);
    assert_eq!(lines.of_kind("restart"), ["trapper trap"]);
    assert_eq!(lines.of_kind("failure"), ["trapper given-up", "host none other"]);
    assert_eq!(lines.of_kind("unload"), ["host trapper"]);
    assert_eq!(lines.of_kind("capability-change"), ["host shop/*"]);
    let incarnations: Vec<_> =
        lines.all().iter().filter_map(|line| line["incarnation"].as_u64()).collect();
    assert!(incarnations.len() == 2 && incarnations[0] < incarnations[1], "{incarnations:?}");
}

#[tokio::test]
async fn topics_cancels_and_errors_are_recorded() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("rejecting", "rejecting-handler").await;
    stage.add_native("listener", &Recorder::new()).await;
    stage.handle("listener").subscribe_group("news.*", "readers").unwrap();
    assert_eq!(stage.tell("requester", "subscribe news.eu").await, "ok");
    assert_eq!(stage.tell("requester", "publish news.eu hello").await, "2");
    assert_eq!(stage.tell("requester", "unsubscribe news.eu").await, "true");
    assert_eq!(stage.tell("requester", "cast rejecting x").await, "ok");
    eventually("the cast is refused", || stage.stats_of("rejecting").handler_errors == 1).await;
    let gate = Gate::new();
    stage.add_native("slow", &gate).await;
    let id = stage.request("slow", 60_000, "hold").await;
    assert_eq!(stage.tell("requester", format!("cancel {id}")).await, "ok");
    gate.open();
    let heard = || stage.stats_of("listener").casts_handled == 1;
    eventually("the listener has its copy", heard).await;
    assert_eq!(
        lines.of_kind("subscribe"),
        ["listener news.* readers", "requester news.eu"].map(String::from),
    );
    assert_eq!(lines.of_kind("unsubscribe"), ["requester news.eu"]);
    assert_eq!(lines.of_kind("cancel"), ["requester slow"]);
    assert_eq!(lines.of_kind("handler-error"), ["requester cast rejecting failed"]);
    let ends = lines.of_kind("call-end");
    assert!(ends.contains(&"requester slow cancelled".to_owned()), "{ends:?}");
    let sends = lines.of_kind("send");
    assert!(sends.contains(&"requester publish news.eu".to_owned()), "{sends:?}");
    let deliveries = lines.of_kind("delivery");
    for whom in ["requester", "listener"] {
        let delivery = format!("requester publish {whom} news.eu");
        assert!(deliveries.contains(&delivery), "{delivery}: {deliveries:?}");
    }
}

/// By what name, in which mode, denials are told.
#[tokio::test]
async fn denials_have_a_stream_of_their_own() {
    for level in [Level::All, Level::Denials] {
        let lines = Lines::new(level);
        let granted = Capabilities::none().with_call("echo".parse().unwrap());
        let policy = Policy::new();
        policy.grant(&"requester".parse().unwrap(), &granted).unwrap();
        let stage = Stage::guarded(lines.builder().policy(policy));
        stage.add("requester", "callback-receiver-component").await;
        stage.add("echo", "echo-handler").await;
        let held = stage.clone();
        let mine = tokio::spawn(async move { held.ask("echo", "x").await });
        mine.await.unwrap().unwrap();
        for what in ["cast echo a", "call bank/vault 9 abc", "publish news x", "subscribe *"] {
            stage.ask("requester", what).await.unwrap_err();
        }
        assert_eq!(stage.outcome("echo", 5_000, "fine").await, "ok fine");
        lines.audit.flush().unwrap();
        let denials = parsed(&lines.denials);
        assert_eq!(
            denials.iter().map(told).collect::<Vec<_>>(),
            [
                "requester cast echo capability-denied",
                "requester call bank/vault capability-denied",
                "requester publish news capability-denied",
                "requester subscribe * capability-denied",
            ],
        );
        assert_eq!(denials[1]["size"], 3);
        let all = parsed(&lines.all);
        match level {
            Level::All => assert_eq!(count(&all, "denial", ""), 4),
            _ => assert_eq!(all, [] as [Value; 0]),
        }
    }
}

#[tokio::test]
async fn cancels_of_others_calls_and_poison_are_denials() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("stranger", "callback-receiver-component").await;
    let gate = Gate::new();
    stage.add_native("slow", &gate).await;
    stage.add_with("trapper", fixture("trapping-handler").poison_limit(1)).await;
    let id = stage.request("slow", 60_000, "hold").await;
    assert_eq!(stage.tell("stranger", format!("cancel {id}")).await, "not-owner");
    gate.open();
    assert_eq!(stage.tell("requester", "cast trapper unreachable").await, "ok");
    let cut_off = || stage.stats_of("trapper").cut_off == 1;
    eventually("the requester is cut off", cut_off).await;
    stage.ask("requester", "cast trapper unreachable").await.unwrap_err();
    let denials = lines.of_kind("denial");
    assert_eq!(denials, ["stranger cancel not-owner", "requester cast trapper poison"]);
    let all = lines.all();
    let cancel = all.iter().find(|line| line["what"] == "cancel" && line["kind"] == "denial");
    assert_eq!(cancel.unwrap()["request_id"], *id);
    assert_eq!(lines.of_kind("dead-letter"), ["requester cast trapper poison"]);
}

/// A flood is not lost, and does not flood.
#[tokio::test]
async fn the_count_of_a_flood_of_denials_is_exact() {
    let lines = Lines::new(Level::Denials);
    let stage = Stage::guarded(lines.builder());
    stage.add_with("importer", fixture("importer").restart(RestartConfig::default())).await;
    let denied = || stage.stats_of("importer").denied;
    for n in 1..=3 {
        // Each is an instance that tries until it is ended for it.
        let _ = stage.cast("importer", 100_000_u64.to_le_bytes().to_vec());
        eventually("it was ended", || stage.stats_of("importer").crashes == n).await;
        let up = || stage.handle("importer").state() == PeerState::Running;
        eventually("it is up again", up).await;
    }
    let tried = denied();
    assert!(tried >= 100, "{tried}");
    drop(stage);
    lines.audit.close().unwrap();
    let lines = parsed(&lines.denials);
    let counted: u64 = lines.iter().map(|line| line["repeated"].as_u64().unwrap_or(1)).sum();
    assert_eq!(counted, tried);
    assert!(lines.len() < 50, "{}", lines.len());
}

/// Whatever happens, records are as many as what the counters count.
#[tokio::test]
async fn the_numbers_add_up() {
    let lines = Lines::new(Level::All);
    let stage = Stage::build(lines.builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    let trapper = fixture("trapping-handler")
        .restart(restart(1_000, Duration::from_micros(10)))
        .mailbox(mailbox(4, Overflow::DropOldest))
        .redeliver(1)
        .poison_limit(0);
    stage.add_with("trapper", trapper).await;
    let listener = Recorder::new();
    let mut tight = castcall::broker::PeerConfig::default();
    tight.mailbox = MailboxConfig::default();
    tight.mailbox.messages = 2;
    stage.add_native_with("listener", tight, &listener).await;
    stage.handle("listener").subscribe("news.*").unwrap();
    for round in 0..200 {
        let target = ["echo", "trapper", "listener", "nobody"][round % 4];
        let payload = if round % 3 == 0 { "unreachable" } else { "count" };
        let _ = stage.ask("requester", format!("cast {target} {payload}")).await;
        let _ = stage.ask("requester", format!("call {target} 50 {payload}")).await;
        let _ = stage.ask("requester", "publish news.eu hello").await;
        let _ = stage.cast("trapper", payload);
    }
    let quiet = || {
        let stats = stage.stats();
        stats.pending == 0 && stats.mailbox_messages == 0
    };
    eventually("all is done", quiet).await;
    let up = || stage.handle("trapper").state() == PeerState::Running;
    eventually("the trapper is up", up).await;
    let stats = stage.stats();
    let all = lines.all();
    assert_eq!(lines.audit.status().dropped, 0);
    assert_eq!(count(&all, "send", "cast"), stats.casts_sent);
    assert_eq!(count(&all, "send", "call"), stats.calls_sent);
    assert_eq!(count(&all, "call-end", ""), stats.calls_sent);
    assert_eq!(count(&all, "send", "publish"), stats.published);
    assert_eq!(count(&all, "delivery", "call"), stats.calls_handled);
    let casts = count(&all, "delivery", "cast") + count(&all, "delivery", "publish");
    assert_eq!(casts, stats.casts_handled + stats.redelivered);
    assert_eq!(count(&all, "delivery", "callback"), stats.callbacks);
    assert_eq!(count(&all, "dead-letter", ""), stats.dead_letters);
    assert_eq!(count(&all, "restart", ""), stats.restarts);
    assert!(stats.dead_letters > 0 && stats.redelivered > 0 && stats.restarts > 0, "{stats:?}");
    let numbers: Vec<_> = all.iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
}

#[tokio::test]
async fn an_application_names_the_file_and_a_shutdown_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app.toml");
    let manifest = r#"
            system.audit = "audit.jsonl"

            [components.echo]
            manifest = "Component.toml"
        "#;
    let component = format!("id = \"echo\"\nwasm = {:?}", fixture_path("echo-handler"));
    std::fs::write(folder.path().join("Component.toml"), component).unwrap();
    std::fs::write(&app, manifest).unwrap();
    let application = castcall::manifests::ApplicationManifest::load(&app).unwrap();
    let system = lane(System::builder()).application(&application).unwrap().build().unwrap();
    system.load_application(&application).await.unwrap();
    system.call("echo", "hello", PATIENCE).await.unwrap();
    system.shutdown(PATIENCE).await;
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    for kind in ["load", "send", "delivery", "call-end", "unload"] {
        assert_eq!(kinds.iter().filter(|&&known| known == kind).count(), 1, "{kind}: {kinds:?}");
    }
}

#[tokio::test]
async fn a_file_that_can_t_be_written_keeps_a_system_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = AuditConfig::new(folder.path().join("nowhere/audit.jsonl"));
    let refused = System::builder().audit(config.clone()).build();
    assert!(matches!(refused, Err(BuildError::Audit(_))), "{refused:?}");
    config.on_failure = OnFailure::Run;
    let system = System::builder().audit(config).build().unwrap();
    system.policy().grant(&"shop/*".parse().unwrap(), &Capabilities::all()).unwrap();
    assert!(system.audit().flush().is_err(), "it runs, and says so");
}

#[tokio::test]
async fn across_systems_both_sides_say_who() {
    let (here, there) = (Lines::new(Level::All), Lines::new(Level::All));
    let hub = Hub::new();
    let left = Stage::build(here.builder().adapter(hub.adapter()));
    let right = Stage::build(there.builder().adapter(hub.adapter()));
    left.add("requester", "callback-receiver-component").await;
    right.add("echo", "echo-handler").await;
    assert_eq!(left.outcome("echo", 5_000, "hello").await, "ok hello");
    let sent = "requester call echo".to_owned();
    assert!(here.of_kind("send").contains(&sent));
    assert_eq!(there.of_kind("send"), std::slice::from_ref(&sent));
    assert_eq!(there.of_kind("delivery"), [sent]);
    assert_eq!(there.of_kind("call-end"), ["? echo answered"]);
    assert!(here.of_kind("call-end").contains(&"requester answered".to_owned()));
}
