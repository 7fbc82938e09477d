//! Manifests that are in order.

use std::path::Path;
use std::time::Duration;

use castcall_codec::Codec;
use castcall_manifest::{
    Access, ComponentManifest, Overflow, ProblemKind, RestartPolicy, defaults,
};
use proptest::prelude::*;

const FULL: &str = r#"
id = "shop/orders"
wasm = "bin/orders.wasm"
description = "Takes orders"
version = "1.4.0"

[config]
currency = "EUR"
"with space" = "x"

[codecs]
preferred = "cbor"
accepts = ["cbor", "json"]

[topics]
subscribe = ["orders.*", { pattern = "jobs.eu.*", group = "workers" }, { pattern = "jobs.us" }]

[mailbox]
messages = 256
bytes = "1 MiB"
overflow = "drop-oldest"

[capabilities]
cast = ["shop/*", "audit"]
call = ["shop/stock"]
publish = ["orders.*"]
subscribe = ["*"]

[capabilities.wasi]
env = { LANG = "C", HOME = "/" }
dirs = [{ host = "data", guest = "/data" }, { host = "/tmp", guest = "/tmp", access = "read-write" }]
clocks = true
random = true
stdio = true
network = true

[quotas]
messages-per-second = 0x1F4
burst = 5_0
pending-requests = 64
payload-bytes = 65536
subscriptions = 16

[limits]
memory-bytes = "8 MiB"
table-elements = 1000
execution = "200 ms"

[restart]
policy = "always"
max-restarts = 50
window = "10m"
redeliver = 3
poison-threshold = 2
backoff = { initial = "100ms", max = "30s", jitter = 1 }
"#;

fn parse(text: &str) -> ComponentManifest {
    ComponentManifest::parse(text, "Component.toml")
        .unwrap_or_else(|error| panic!("{}", error.render()))
}

#[test]
fn every_key() {
    let manifest = ComponentManifest::parse(FULL, "shop/orders/Component.toml").unwrap();
    assert_eq!(manifest.id, "shop/orders");
    assert_eq!(manifest.wasm, Path::new("shop/orders/bin/orders.wasm"));
    assert_eq!(manifest.description.as_deref(), Some("Takes orders"));
    assert_eq!(manifest.version.as_deref(), Some("1.4.0"));
    assert_eq!(manifest.config["with space"], "x");
    assert_eq!(manifest.codecs.preferred, Some(Codec::Cbor));
    assert_eq!(manifest.codecs.accepts, Some(vec![Codec::Cbor, Codec::Json]));
    let groups: Vec<_> =
        manifest.topics.subscribe.iter().map(|subscribed| subscribed.group.as_deref()).collect();
    assert_eq!(groups, [None, Some("workers"), None]);
    assert_eq!((manifest.mailbox.messages, manifest.mailbox.bytes), (256, 1 << 20));
    assert_eq!(manifest.mailbox.overflow, Overflow::DropOldest);
    assert_eq!(manifest.capabilities.cast.len(), 2);
    let wasi = &manifest.capabilities.wasi;
    assert_eq!(wasi.env["LANG"].as_deref(), Some("C"));
    assert_eq!(wasi.dirs[0].host, Path::new("shop/orders/data"));
    assert_eq!(
        (wasi.dirs[1].host.to_str(), wasi.dirs[1].access),
        (Some("/tmp"), Access::ReadWrite)
    );
    assert!(wasi.clocks && wasi.random && wasi.stdio && wasi.network);
    let quotas = &manifest.quotas;
    assert_eq!((quotas.messages_per_second, quotas.burst), (500, Some(50)));
    assert_eq!((quotas.pending_requests, quotas.payload_bytes), (64, 65_536));
    assert_eq!((quotas.subscriptions, quotas.burst_or_default()), (16, 50));
    assert_eq!((manifest.limits.memory_bytes, manifest.limits.table_elements), (8 << 20, 1000));
    assert_eq!(manifest.limits.execution, Duration::from_millis(200));
    let restart = &manifest.restart;
    assert_eq!((restart.policy, restart.max_restarts), (RestartPolicy::Always, 50));
    assert_eq!(restart.window, Duration::from_secs(600));
    assert_eq!((restart.redeliver, restart.poison_threshold), (3, 2));
    assert_eq!(restart.backoff.initial, Duration::from_millis(100));
    assert_eq!((restart.backoff.max, restart.backoff.jitter), (Duration::from_secs(30), 1.0));
}

#[test]
fn nothing_but_what_must_be() {
    let manifest = parse("id = \"a\"\nwasm = \"/srv/a.wasm\"");
    let plain = ComponentManifest::new("a".parse().unwrap(), "/srv/a.wasm");
    assert_eq!(manifest, plain);
    assert_eq!(plain.quotas.burst_or_default(), defaults::MESSAGES_PER_SECOND);
    assert_eq!(plain.codecs.accepts, None);
    assert!(plain.capabilities.wasi.is_nothing());
}

#[test]
fn what_is_written_down_is_read_again() {
    let manifest = parse(FULL);
    let text = toml::to_string(&manifest).unwrap();
    assert_eq!(parse(&text), manifest, "{text}");
    let names = "id = \"a\"\nwasm = \"a.wasm\"\ncapabilities.wasi.env = [\"A\", \"B\"]";
    let text = toml::to_string(&parse(names)).unwrap();
    assert_eq!(parse(&text), parse(names), "{text}");
}

#[test]
fn every_word() {
    for (overflow, meant) in [
        ("reject", Overflow::Reject),
        ("drop-newest", Overflow::DropNewest),
        ("drop-oldest", Overflow::DropOldest),
    ] {
        let text = format!("id = \"a\"\nwasm = \"a.wasm\"\nmailbox.overflow = \"{overflow}\"");
        assert_eq!(parse(&text).mailbox.overflow, meant);
    }
    for (policy, meant) in [
        ("always", RestartPolicy::Always),
        ("on-crash", RestartPolicy::OnCrash),
        ("never", RestartPolicy::Never),
    ] {
        let text = format!("id = \"a\"\nwasm = \"a.wasm\"\nrestart.policy = \"{policy}\"");
        assert_eq!(parse(&text).restart.policy, meant);
    }
}

#[test]
fn a_poison_threshold_means_nothing_where_nothing_restarts() {
    let text = "id = \"a\"\nwasm = \"a\"\n[restart]\npolicy = \"never\"\nmax-restarts = 0\npoison-threshold = 9";
    assert_eq!(parse(text).restart.poison_threshold, 9);
}

#[test]
fn files() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-files");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("Component.toml");
    std::fs::write(&file, "id = \"a\"\nwasm = \"a.wasm\"").unwrap();
    let wasm = folder.join("a.wasm");
    let _ = std::fs::remove_file(&wasm);
    let error = ComponentManifest::load(&file).unwrap_err();
    assert_eq!(error.problems[0].kind, ProblemKind::FileMissing);
    assert_eq!(error.problems[0].offending_text(), "\"a.wasm\"");
    std::fs::write(&wasm, "").unwrap();
    assert_eq!(ComponentManifest::load(&file).unwrap().wasm, wasm);
    let missing = ComponentManifest::load(folder.join("b.toml")).unwrap_err();
    assert_eq!(missing.problems[0].kind, ProblemKind::FileMissing);
    assert_eq!(missing.problems[0].place, None);
    let unreadable = ComponentManifest::load(&folder).unwrap_err();
    assert_eq!(unreadable.problems[0].kind, ProblemKind::FileUnreadable);
}

/// A line of a manifest, or something like it.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "id",
        "wasm",
        "config",
        "codecs.accepts",
        "topics.subscribe",
        "mailbox.messages",
        "mailbox.bytes",
        "mailbox.overflow",
        "capabilities.cast",
        "capabilities.subscribe",
        "capabilities.wasi.env",
        "capabilities.wasi.dirs",
        "capabilities.wasi",
        "quotas.burst",
        "limits.execution",
        "restart.backoff.jitter",
        "restart.poison-threshold",
        "mailbox",
        "x",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "1.5",
        "nan",
        "true",
        "\"a\"",
        "\"5s\"",
        "\"1 MiB\"",
        "\"\"",
        "[]",
        "{}",
        "[\"a\"]",
        "[\"a\", \"a\"]",
        "[5]",
        "{ a = \"b\" }",
        "{ messages = 5 }",
        "[{ host = \"a\" }]",
        "[{ pattern = \"a\" }]",
        "\"reject\"",
        "[\"cbor\"]",
        "1979-05-27",
        "99999999999999999999",
    ]);
    prop_oneof![
        8 => (key.clone(), value).prop_map(|(key, value)| format!("{key} = {value}\n")),
        1 => key.prop_map(|key| format!("[{key}]\n")),
        1 => "\\PC{0,20}\n",
    ]
}

proptest! {
    #[test]
    fn whatever_is_written_every_problem_has_its_place(
        lines in prop::collection::vec(line(), 0..12),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = ComponentManifest::parse_bytes(&bytes, "Component.toml");
        let text = lines.concat();
        if let Err(error) = ComponentManifest::parse(&text, "Component.toml") {
            prop_assert!(!error.problems.is_empty());
            for problem in &error.problems {
                if let Some(place) = &problem.place {
                    prop_assert_eq!(&text[place.span.clone()], problem.offending_text());
                    let before = &text[..place.span.start];
                    prop_assert_eq!(before.matches('\n').count() + 1, place.line);
                    prop_assert!(!problem.offending_text().contains('\n'));
                    let shown = format!("Component.toml:{}:{}", place.line, place.column);
                    prop_assert!(problem.render().contains(&shown), "{}", problem.render());
                }
            }
        }
    }

    #[test]
    fn any_manifest_in_order_is_read_again_as_it_was(
        config in prop::collection::btree_map("\\PC{1,10}", "\\PC{0,20}", 0..4),
        messages in 1_u32..=1_000_000,
        bytes in 1_u64..=64 << 30,
        execution in 1_000_000_u64..=3_600_000_000_000,
        jitter in 0.0..=1.0,
        burst in prop::option::of(1_u32..=10_000_000),
        accepts in prop::option::of(prop::sample::subsequence(Codec::ALL.to_vec(), 1..=7)),
    ) {
        let mut manifest = ComponentManifest::new("a/b".parse().unwrap(), "b.wasm");
        manifest.config = config;
        manifest.mailbox.messages = messages;
        manifest.mailbox.bytes = bytes;
        manifest.limits.execution = Duration::from_nanos(execution);
        manifest.restart.backoff.jitter = jitter;
        manifest.quotas.burst = burst;
        manifest.codecs.accepts = accepts;
        let text = toml::to_string(&manifest).unwrap();
        let read = ComponentManifest::parse(&text, "");
        prop_assert_eq!(read, Ok(manifest), "{}", text);
    }
}
