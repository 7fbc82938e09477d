//! Applications that are in order, of files and of texts.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use castcall_core::ComponentId;
use castcall_manifest::{
    Access, ApplicationManifest, ComponentManifest, ManifestError, ProblemKind, RestartPolicy,
    Severity,
};
use proptest::prelude::*;

const ORDERS: &str = r#"
id = "shop/orders"
wasm = "orders.wasm"
config = { currency = "EUR", tax = "19" }
codecs = { preferred = "cbor", accepts = ["cbor"] }
mailbox = { messages = 10, bytes = "1 MiB" }
quotas.burst = 7
restart = { policy = "always", backoff.initial = "1s" }

[capabilities]
call = ["shop/stock", "shop/tills"]
cast = ["*"]
subscribe = ["orders.*"]
wasi = { dirs = [{ host = "data", guest = "/data", access = "read-write" }], env = ["LANG"] }

[topics]
subscribe = ["orders.eu"]
"#;

const STOCK: &str = r#"
id = "shop/stock"
wasm = "stock.wasm"
codecs = { preferred = "json", accepts = ["json", "cbor"] }
"#;

const APPLICATION: &str = r#"
[system]
workers = 2
max-threads = 8
max-payload-bytes = "2 MiB"
max-timeout = "30s"
state-directory = "state"
audit = "/var/log/audit.jsonl"
forbid-unchecked = true

[components.orders]
manifest = "orders/Component.toml"
config.tax = "7"
config.debug = "yes"
mailbox.messages = 20
restart.backoff.max = "2s"

[components.orders.grants]
call = ["shop/*"]
cast = ["audit"]
subscribe = ["*"]
wasi.dirs = [{ host = "srv", guest = "/data" }]
wasi.env = { LANG = "C" }

[components.stock-eu]
manifest = "stock/Component.toml"
id = "shop/stock"

[components.stock-us]
manifest = "stock/Component.toml"
id = "shop/us/stock"
wasm = "us.wasm"

[peers.cli]
call = ["*"]
publish = ["cli.*"]
"#;

fn components(file: &Path) -> Result<ComponentManifest, ManifestError> {
    let orders = file.parent().is_some_and(|folder| folder.ends_with("orders"));
    ComponentManifest::parse(if orders { ORDERS } else { STOCK }, file)
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn check(application: &ApplicationManifest, folder: &Path) {
    let system = &application.system;
    assert_eq!((system.workers, system.max_threads), (Some(2), Some(8)));
    assert_eq!((system.max_payload_bytes, system.max_timeout), (2 << 20, Duration::from_secs(30)));
    assert_eq!(system.state_directory, Some(folder.join("state")));
    assert_eq!(system.audit, Some(PathBuf::from("/var/log/audit.jsonl")));
    assert!(system.forbid_unchecked);

    let orders = &application.components["orders"];
    assert_eq!(orders.manifest, folder.join("orders/Component.toml"));
    assert_eq!(orders.component.wasm, folder.join("orders/orders.wasm"));
    let config: Vec<_> = orders.component.config.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    assert_eq!(config, [("currency", "EUR"), ("debug", "yes"), ("tax", "7")]);
    assert_eq!((orders.component.mailbox.messages, orders.component.mailbox.bytes), (20, 1 << 20));
    assert_eq!(orders.component.quotas.burst, Some(7));
    assert_eq!(orders.component.restart.policy, RestartPolicy::Always);
    assert_eq!(orders.component.restart.backoff.initial, Duration::from_secs(1));
    assert_eq!(orders.component.restart.backoff.max, Duration::from_secs(2));

    assert!(orders.may_call(&id("shop/stock")) && orders.may_call(&id("shop/tills")));
    assert!(!orders.may_call(&id("shop/other")), "granted, not asked for");
    assert!(orders.may_cast(&id("audit")));
    assert!(!orders.may_cast(&id("shop/stock")), "asked for, not granted");
    let wasi = orders.wasi();
    assert_eq!(wasi.dirs[0].host, folder.join("srv"));
    assert_eq!(wasi.dirs[0].access, Access::ReadOnly);
    assert_eq!(wasi.env["LANG"].as_deref(), Some("C"));

    let us = &application.components["stock-us"];
    assert_eq!(
        (us.component.id.as_str(), &us.component.wasm),
        ("shop/us/stock", &folder.join("us.wasm"))
    );
    assert_eq!(application.peers[&id("cli")].call.len(), 1);
    assert_eq!(application.warnings, []);
}

#[test]
fn components_are_merged_with_what_is_said_of_them() {
    let application = ApplicationManifest::parse(APPLICATION, "shop/castcall.toml", components);
    check(&application.unwrap_or_else(|error| panic!("{}", error.render())), Path::new("shop"));
}

#[test]
fn the_matrix_regards_the_grants() {
    let application = ApplicationManifest::parse(APPLICATION, "castcall.toml", components).unwrap();
    let matrix = application.compatibility_matrix();
    let pair = matrix.pair(&id("shop/orders"), &id("shop/stock")).unwrap();
    assert!(pair.call && !pair.cast && !pair.message.is_incompatible());
    assert!(pair.fails(), "the answer is in json, which orders does not accept");
    let back = matrix.pair(&id("shop/stock"), &id("shop/orders")).unwrap();
    assert!(!back.call && !back.cast && !back.fails() && back.message.is_incompatible());
    assert_eq!(matrix.unchecked().count(), 0);
    assert_eq!(matrix.pairs().count(), 9);
    assert_eq!(
        matrix.to_string(),
        "sender       target      may   message  answer\n\
         shop/orders  shop/stock  call  cbor     incompatible: json, accepted are cbor\n"
    );
}

#[test]
fn it_is_written_down_for_others() {
    let application = ApplicationManifest::parse(APPLICATION, "castcall.toml", components).unwrap();
    let json = serde_json::to_value(&application).unwrap();
    assert_eq!(json["system"]["max-timeout"], "30s");
    assert_eq!(json["components"]["orders"]["component"]["mailbox"]["messages"], 20);
    assert_eq!(json["components"]["orders"]["grants"]["cast"][0], "audit");
    assert_eq!(json["peers"]["cli"]["publish"][0], "cli.*");
    assert_eq!(json.get("warnings"), None);
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn files() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("application-files");
    let _ = fs::remove_dir_all(&folder);
    let file = folder.join("castcall.toml");
    let kinds = || {
        let error = ApplicationManifest::load(&file).unwrap_err();
        let kinds: Vec<_> = error.problems.iter().map(|problem| problem.kind).collect();
        (kinds, error)
    };
    let missing = ProblemKind::FileMissing;
    assert_eq!(kinds().0, [missing]);
    write(&file, APPLICATION);
    let (found, error) = kinds();
    assert_eq!(found, [missing; 3], "{}", error.render());
    assert!(error.problems.iter().all(|problem| problem.file == file), "{}", error.render());

    write(&folder.join("orders/Component.toml"), ORDERS);
    write(&folder.join("stock/Component.toml"), STOCK);
    let (found, error) = kinds();
    // The second stock has another one than its manifest says.
    assert_eq!(found, [missing; 3], "{}", error.render());
    let texts: Vec<_> = error.problems.iter().map(|problem| problem.offending_text()).collect();
    assert_eq!(texts, ["\"us.wasm\"", "\"orders.wasm\"", "\"stock.wasm\""]);

    for wasm in ["orders/orders.wasm", "stock/stock.wasm", "us.wasm"] {
        write(&folder.join(wasm), "");
    }
    let application = ApplicationManifest::load(&file);
    check(&application.unwrap_or_else(|error| panic!("{}", error.render())), &folder);

    fs::remove_file(folder.join("stock/Component.toml")).unwrap();
    fs::create_dir_all(folder.join("stock/Component.toml")).unwrap();
    let (found, error) = kinds();
    assert_eq!(found, [ProblemKind::FileUnreadable; 2], "{}", error.render());
}

#[test]
fn warnings_leave_room_for_errors() {
    let granted: Vec<_> = (0..100).map(|number| format!("\"a{number}\"")).collect();
    let text = format!(
        "[components.stock]\nmanifest = \"stock.toml\"\ngrants.cast = [{}]\n",
        granted.join(", ")
    );
    let warned = ApplicationManifest::parse(&text, "castcall.toml", components).unwrap();
    assert_eq!(warned.warnings.len(), 100);
    assert!(warned.warnings.iter().all(|warning| warning.severity == Severity::Warning));
    let text = format!("{text}[peers.cli]\ncast = 5\n");
    let error = ApplicationManifest::parse(&text, "castcall.toml", components).unwrap_err();
    assert_eq!((error.problems.len(), error.omitted), (65, 0));
    assert_eq!(error.to_string(), "castcall.toml:5:8: `peers.cli.cast` is a whole number");
}

/// A line of an application, or something like it.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "system.workers",
        "system.max-threads",
        "system",
        "components.orders.manifest",
        "components.stock.manifest",
        "components.orders.grants.cast",
        "components.orders.grants",
        "components.orders.id",
        "components.stock.mailbox.messages",
        "components",
        "peers.cli.call",
        "peers.\"shop/stock\".cast",
        "components.stock.wasm",
        "components.stock.topics.subscribe",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "true",
        "\"a/orders/b.toml\"",
        "\"\"",
        "[]",
        "{}",
        "[\"*\"]",
        "[\"a.b\"]",
        "\"shop/stock\"",
        "{ call = [\"a\"] }",
    ]);
    prop_oneof![
        8 => (key.clone(), value).prop_map(|(key, value)| format!("{key} = {value}\n")),
        1 => key.prop_map(|key| format!("[{key}]\n")),
        1 => "\\PC{0,20}\n",
    ]
}

proptest! {
    #[test]
    fn no_text_panics(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.concat();
        match ApplicationManifest::parse(&text, "castcall.toml", components) {
            Ok(application) => {
                let ids = application.components.values().map(|entry| &entry.component.id);
                let distinct: std::collections::BTreeSet<_> = ids.collect();
                prop_assert_eq!(distinct.len(), application.components.len());
            }
            Err(error) => prop_assert!(!error.render().is_empty()),
        }
    }
}
