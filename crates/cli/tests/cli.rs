//! The command, as it is used: a system in one process, and questions from others.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    let components = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/components");
    Path::new(components).join(name).with_extension("wasm").canonicalize().unwrap()
}

/// A folder with a shop in it, and a runtime folder of its own.
struct Shop(TempDir);

/// A system that runs; killed with the test.
struct Running(Child);

impl Shop {
    fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        for (id, wasm, more) in [
            (
                "requester",
                "callback-receiver-component",
                "[capabilities]\ncall = [\"shop/*\"]\ncast = [\"shop/*\"]\nsubscribe = [\"news.*\"]\n",
            ),
            ("echo", "echo-handler", "[codecs]\npreferred = \"cbor\"\naccepts = [\"cbor\"]\n"),
            ("trapper", "trapping-handler", ""),
        ] {
            let wasm = fixture(wasm);
            shop.write(
                &format!("{id}.toml"),
                &format!("id = \"shop/{id}\"\nwasm = {wasm:?}\n{more}"),
            );
        }
        shop.write(
            "castcall.toml",
            "[components.requester]\nmanifest = \"requester.toml\"\ngrants.call = [\"*\"]\n\
             grants.cast = [\"*\"]\ngrants.subscribe = [\"*\"]\n\
             [components.echo]\nmanifest = \"echo.toml\"\n\
             [components.trapper]\nmanifest = \"trapper.toml\"\n",
        );
        shop
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_castcall"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", self.0.path()).env_remove("CASTCALL_SYSTEM");
        command.env_remove("RUST_LOG").env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it prints, when all is well.
    fn says(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<_> = ["--format", "json"].iter().chain(args).copied().collect();
        serde_json::from_str(&self.says(&args)).unwrap()
    }

    /// With which code it ends, and what it says of that.
    fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.output(args);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn run(&self) -> Running {
        self.run_application("castcall.toml", "shop/trapper")
    }

    /// Runs an application until it has loaded `last`.
    fn run_application(&self, manifest: &str, last: &str) -> Running {
        let mut command = self.command(&["run", manifest, "--metrics", "0"]);
        let log = fs::File::create(self.0.path().join("log")).unwrap();
        let running = Running(command.stderr(log).spawn().unwrap());
        eventually("the system runs", || {
            let there = self.output(&["components", "--format", "json"]);
            there.status.success() && String::from_utf8_lossy(&there.stdout).contains(last)
        });
        running
    }

    fn log(&self) -> String {
        fs::read_to_string(self.0.path().join("log")).unwrap()
    }
}

impl Running {
    fn interrupt(&self) {
        let id = i32::try_from(self.0.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    }

    /// The code that it ended with.
    fn end(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // In order, if it can.
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.interrupt();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_system_runs_answers_and_ends() {
    let shop = Shop::new();
    let mut running = shop.run();
    // JSON becomes what the target accepts, and what it answers becomes JSON again.
    let answer = shop.json(&["call", "shop/echo", r#"{"id": [1, "x", null]}"#]);
    assert_eq!(answer, json!({ "codec": "cbor", "value": { "id": [1, "x", null] } }));
    assert_eq!(shop.says(&["call", "shop/echo", "7"]), "7\n");
    // Without saying how, nothing is sent to who does not say what it accepts.
    let (code, why) = shop.fails(&["call", "shop/requester", "7"]);
    assert!(code == 1 && why.contains("--codec"), "{why}");
    let (code, why) = shop.fails(&["call", "shop/echo", "seven"]);
    assert!(code == 1 && why.contains("no JSON"), "{why}");
    let (code, why) = shop.fails(&["call", "nobody", "--text", "x"]);
    assert!(code == 1 && why.contains("no such component"), "{why}");
    // Bytes from a file.
    shop.write("order.bin", "subscribe news.eu");
    assert_eq!(shop.says(&["call", "shop/requester", "--file", "order.bin"]), "ok\n");
    let subscribed = shop.json(&["subscriptions"]);
    let expected = json!([{ "component": "shop/requester", "pattern": "news.eu", "group": null }]);
    assert_eq!(subscribed, expected);
    assert_eq!(shop.says(&["publish", "news.eu", r#""hello""#]), "1\n");

    // A dead letter: listed, sent again, dropped.
    assert_eq!(shop.says(&["cast", "shop/trapper", "--text", "unreachable"]), "");
    let letters = || shop.json(&["dead-letters", "list"]);
    let count = || letters().as_array().unwrap().len();
    eventually("a dead letter", || count() == 1);
    let letter = &letters()[0];
    assert_eq!((&letter["to"], &letter["reason"]), (&json!("shop/trapper"), &json!("crashed")));
    assert_eq!(letter["payload"]["text"], "unreachable");
    let (first, id) = (letter["id"].clone(), letter["id"].to_string());
    assert_eq!(shop.says(&["dead-letters", "resend", &id]), "resent 1\n");
    eventually("it crashed again", || count() == 1 && letters()[0]["id"] != first);
    let id = letters()[0]["id"].to_string();
    assert_eq!(shop.says(&["dead-letters", "drop", &id]), "dropped 1\n");
    assert_eq!(count(), 0);
    let (code, why) = shop.fails(&["dead-letters", "resend", &id]);
    assert!(code == 1 && why.contains(&id), "{why}");

    let why = shop.says(&["explain", "shop/requester", "call", "shop/echo"]);
    assert!(why.starts_with("shop/requester may call shop/echo"), "{why}");
    let denied = shop.json(&["explain", "shop/echo", "cast", "shop/trapper"]);
    assert_eq!(denied["allowed"], false);

    let incarnation = || {
        let all = shop.json(&["components"]);
        let of = |row: &&Value| row["id"] == "shop/echo";
        all.as_array().unwrap().iter().find(of).map(|row| row["incarnation"].as_u64().unwrap())
    };
    let before = incarnation();
    assert_eq!(shop.says(&["components", "restart", "shop/echo"]), "");
    assert!(incarnation() > before, "{before:?}");
    assert_eq!(shop.says(&["components", "stop", "shop/echo"]), "");
    assert_eq!(incarnation(), None);
    assert!(shop.says(&["components"]).starts_with("ID "));

    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
    let (code, why) = shop.fails(&["components"]);
    assert!(code == 4 && why.contains("castcall run"), "{why}");
}

#[test]
fn what_happens_can_be_recorded() {
    let shop = Shop::new();
    let _running = shop.run();
    let mut record = shop.command(&["record", "--for", "2s", "--output", "flow.jsonl"]);
    let mut record = record.stderr(Stdio::null()).spawn().unwrap();
    let path = shop.0.path().join("flow.jsonl");
    let recorded = || fs::read_to_string(&path).unwrap_or_default();
    // Until the recording has begun, and its file is written at the end.
    while record.try_wait().unwrap().is_none() {
        shop.says(&["call", "shop/echo", "7"]);
    }
    let text = recorded();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["send", "delivery", "call-end"] {
        let one =
            lines.iter().find(|line| line["kind"] == kind).unwrap_or_else(|| panic!("{kind}"));
        assert_eq!((&one["who"], &one["whom"]), (&json!("cli"), &json!("shop/echo")));
    }

    // And drawn.
    let mermaid = shop.says(&["diagram", "flow.jsonl"]);
    assert!(mermaid.contains("sequenceDiagram") && mermaid.contains("shop/echo"), "{mermaid}");
    shop.says(&["diagram", "flow.jsonl", "-o", "flow.html"]);
    let page = fs::read_to_string(shop.0.path().join("flow.html")).unwrap();
    assert!(page.starts_with("<!") && page.contains("shop/echo"));
    let topology = ["diagram", "flow.jsonl", "--picture", "topology"];
    let with = [&topology[..], &["--application", "castcall.toml"]].concat();
    // What is allowed and was not used is dotted.
    assert!(!shop.says(&topology).contains("-.->"));
    assert!(shop.says(&with).contains("-.->"), "the requester may, and did not");
    assert_eq!(shop.fails(&["diagram", "nothing.jsonl"]).0, 1);
    assert_eq!(shop.fails(&["diagram", "castcall.toml"]).0, 1);
}

#[test]
fn one_system_has_a_name_and_its_user_alone_may_talk_to_it() {
    let shop = Shop::new();
    let mut running = shop.run();
    let (code, why) = shop.fails(&["run", "castcall.toml"]);
    assert!(code == 1 && why.contains("--name"), "{why}");
    let folder = shop.0.path().join("castcall");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("default.sock"))), (0o700, 0o600));
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let (code, why) = shop.fails(&["components"]);
    assert!(code == 1 && why.contains("its user alone"), "{why}");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let (code, why) = shop.fails(&["components", "--name", "../default"]);
    assert!(code == 1 && why.contains("no name"), "{why}");
    // One that was killed leaves its socket behind.
    running.0.kill().unwrap();
    running.end();
    assert!(folder.join("default.sock").exists());
    assert_eq!(shop.fails(&["components"]).0, 4);
    let again = shop.run();
    shop.says(&["components"]);
    drop(again);
}

/// In a terminal that `script`, of Debian's bsdutils, makes.
#[test]
fn the_table_is_shown_in_a_terminal() {
    let shop = Shop::new();
    let (code, why) = shop.fails(&["top"]);
    assert!(code == 1 && why.contains("no terminal"), "{why}");
    let _running = shop.run();
    let castcall = env!("CARGO_BIN_EXE_castcall");
    let command = format!("stty rows 40 cols 150; {castcall} top --every 50ms");
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--command", &command, "typescript"]);
    script.current_dir(shop.0.path()).env("XDG_RUNTIME_DIR", shop.0.path());
    script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut script = match script.spawn() {
        Ok(script) => script,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no script: {error}");
            eprintln!("skipped: there is no script");
            return;
        }
    };
    let seen = || fs::read(shop.0.path().join("typescript")).unwrap_or_default();
    eventually("the table", || String::from_utf8_lossy(&seen()).contains("shop/trapper"));
    script.stdin.take().unwrap().write_all(b"q").unwrap();
    eventually("its end", || script.try_wait().unwrap().is_some());
    assert!(script.wait().unwrap().success());
}

#[test]
fn manifests_and_components_are_checked_without_running_them() {
    let shop = Shop::new();
    let table = shop.says(&["check", "castcall.toml"]);
    assert!(table.contains("shop/requester") && table.contains("unchecked"), "{table}");
    let all = shop.json(&["check", "castcall.toml"]);
    assert_eq!(all["wrong"], json!([]));
    shop.write("echo.toml", "id = \"shop/echo\"\nwasn = \"x\"\n");
    let (code, why) = shop.fails(&["check", "castcall.toml"]);
    assert!(code == 3 && why.contains("did you mean `wasm`?"), "{why}");
    let text = fixture("text");
    shop.write("echo.toml", &format!("id = \"shop/echo\"\nwasm = {text:?}\n"));
    let (code, why) = shop.fails(&["check", "castcall.toml"]);
    assert!(code == 3 && why.contains("1 things"), "{why}");
    assert_eq!(shop.fails(&["run", "castcall.toml"]).0, 3);
    assert_eq!(shop.fails(&["check", "nothing.toml"]).0, 3);
    assert_eq!(shop.fails(&["check"]).0, 2);
}

#[test]
fn the_example_application_is_in_order_and_runs() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop/shop.toml");
    let shop = Shop::new();
    let output = shop.output(&["check", manifest]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");

    // By hand, as its README says.
    let mut running = shop.run_application(manifest, "shop/stock");
    let place = r#"{"Place":{"number":1,"customer":"ada","item":"chair","quantity":2}}"#;
    let paid = |amount| json!({ "codec": "cbor", "value": { "Paid": { "amount": amount } } });
    assert_eq!(shop.json(&["call", "shop/orders", place]), paid(90));
    let table = r#"{"Place":{"number":2,"customer":"ada","item":"table","quantity":1}}"#;
    let mut order = shop.command(&["--format", "json", "call", "shop/orders", table]);
    let order = order.stdout(Stdio::piped()).spawn();
    let word = r#"{"Bank":{"order":2,"approved":true}}"#;
    eventually("the payment", || shop.output(&["call", "shop/payment", word]).status.success());
    let outcome = order.unwrap().wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&outcome.stdout).unwrap(), paid(240));
    let redeem = r#"{"Redeem":{"customer":"ada"}}"#;
    let (code, why) = shop.fails(&["call", "plugins/loyalty", redeem]);
    assert!(code == 1 && why.contains("capability-denied"), "{why}");
    let why = shop.says(&["explain", "plugins/loyalty", "call", "shop/payment"]);
    assert!(why.contains("may not"), "{why}");
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
}

#[test]
fn what_can_not_be_read_and_what_is_never_used_is_said() {
    let shop = Shop::new();
    let wasm = fixture("callback-receiver-component");
    let codecs = "[codecs]\npreferred = \"json\"\naccepts = [\"json\"]\n";
    shop.write(
        "requester.toml",
        &format!(
            "id = \"shop/requester\"\nwasm = {wasm:?}\ncapabilities.call = [\"shop/*\"]\n{codecs}"
        ),
    );
    let output = shop.output(&["--format", "json", "check", "castcall.toml"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wrong = said["wrong"].to_string();
    assert!(wrong.contains("shop/requester may send to shop/echo"), "{wrong}");
    // What is granted and not asked for is a warning.
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(warned.contains("warning:"), "{warned}");
}

#[test]
fn a_collector_that_is_not_there_stops_nobody() {
    let shop = Shop::new();
    let (code, why) = shop.fails(&["run", "castcall.toml", "--otlp", "ftp://x"]);
    assert!(code == 1 && why.contains("http://"), "{why}");
    let mut command = shop.command(&["run", "castcall.toml", "--otlp", "http://127.0.0.1:9"]);
    let log = fs::File::create(shop.0.path().join("log")).unwrap();
    let mut running = Running(command.stderr(log).spawn().unwrap());
    eventually("the system runs", || shop.output(&["components"]).status.success());
    let mut call = shop.command(&["call", "shop/echo", "-", "--codec", "json"]);
    let mut call = call.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    call.stdin.take().unwrap().write_all(b"7").unwrap();
    let output = call.wait_with_output().unwrap();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && why.contains("accepts cbor"), "{why}");
    let (code, why) = shop.fails(&["components", "stop", "nobody"]);
    assert!(code == 1 && why.contains("no component"), "{why}");
    let (code, _) = shop.fails(&["components", "restart", "nobody"]);
    assert_eq!(code, 1);
    for (action, target) in [("publish", "news.eu"), ("subscribe", "news.*")] {
        let all = shop.json(&["explain", "shop/requester", action, target]);
        assert!(all["allowed"].is_boolean());
    }
    assert_eq!(shop.fails(&["explain", "shop/requester", "publish", "a..b"]).0, 1);
    assert_eq!(shop.fails(&["call", "shop/echo", "--file", "nothing.bin"]).0, 1);
    assert_eq!(shop.fails(&["record", "--for", "1ms", "-o", "no/where"]).0, 1);
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
}

#[test]
fn a_component_says_what_it_has() {
    let shop = Shop::new();
    let path = |name| fixture(name).to_str().unwrap().to_owned();
    let said = shop.json(&["inspect", &path("callback-receiver-component")]);
    assert_eq!(said["lacks"], json!(["component-setup"]));
    assert_eq!(said["refused"], Value::Null);
    let imports = said["imports"].as_array().unwrap();
    assert!(imports.contains(&json!("castcall:component/host-services@0.1.0")), "{imports:?}");
    let text = shop.says(&["inspect", &path("callback-receiver-component")]);
    assert!(text.contains("exports castcall:component/component-callback@0.1.0"), "{text}");
    let (code, why) = shop.fails(&["inspect", &path("foreign-import")]);
    assert!(code == 3 && why.contains("evil:host/backdoor"), "{why}");
    assert_eq!(shop.fails(&["inspect", "nothing.wasm"]).0, 1);
}

#[test]
fn a_new_guest_is_in_order() {
    let shop = Shop::new();
    assert!(shop.says(&["new", "shop/greeter"]).contains("greeter"));
    let folder = shop.0.path().join("greeter");
    for file in ["Cargo.toml", "Component.toml", "src/lib.rs"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(!text.contains("{id}") && !text.contains("{crate}"), "{file}: {text}");
    }
    // Its manifest is one, once the component is built.
    fs::copy(fixture("rust-greeter"), folder.join("greeter.wasm")).unwrap();
    shop.write("castcall.toml", "[components.greeter]\nmanifest = \"greeter/Component.toml\"\n");
    shop.says(&["check", "castcall.toml"]);
    let (code, why) = shop.fails(&["new", "shop/greeter"]);
    assert!(code == 1 && why.contains("exists"), "{why}");
    assert_eq!(shop.fails(&["new", "a b"]).0, 1);
    assert_eq!(shop.fails(&["new", "cli"]).0, 1);
    let script = shop.says(&["completions", "bash"]);
    assert!(script.contains("dead-letters"), "{script}");
}
