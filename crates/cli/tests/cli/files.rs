//! What is done with files alone: `check`, `inspect`, `new`.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{Shop, eventually, fixture, said};

#[test]
fn manifests_and_components_are_checked_without_running_them() {
    let shop = Shop::new();
    let table = shop.says(&["check", "castcall.toml"]);
    assert!(table.contains("shop/requester") && table.contains("unchecked"), "{table}");
    let all = shop.json(&["check", "castcall.toml"]);
    assert_eq!(all["wrong"], json!([]));
    assert_eq!(all["lanes"]["shop/echo"], json!({ "lane": "core", "why": null }));
    shop.write("echo.toml", "id = \"shop/echo\"\nwasn = \"x\"\n");
    let (code, why) = shop.fails(&["check", "castcall.toml"]);
    assert!(code == 3 && why.contains("did you mean `wasm`?"), "{why}");
    let text = fixture("text");
    shop.write("echo.toml", &format!("id = \"shop/echo\"\nwasm = {text:?}\n"));
    let (code, why) = shop.fails(&["check", "castcall.toml"]);
    assert!(code == 3 && why.contains("one thing is not"), "{why}");
    assert_eq!(shop.fails(&["run", "castcall.toml"]).0, 3);
    assert_eq!(shop.fails(&["check", "nothing.toml"]).0, 3);
    assert_eq!(shop.fails(&["check"]).0, 2);
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
fn a_component_says_what_it_has() {
    let shop = Shop::new();
    let path = |name| fixture(name).to_str().unwrap().to_owned();
    let said = shop.json(&["inspect", &path("callback-receiver-component")]);
    assert_eq!(said["lacks"], json!(["component-setup"]));
    assert_eq!(said["refused"], Value::Null);
    assert_eq!(said["lane"], json!({ "lane": "core", "why": null }));
    let imports = said["imports"].as_array().unwrap();
    assert!(imports.contains(&json!("castcall:component/host-services@0.1.0")), "{imports:?}");
    let text = shop.says(&["inspect", &path("callback-receiver-component")]);
    assert!(text.contains("exports castcall:component/component-callback@0.1.0"), "{text}");
    assert!(text.contains("lane    core\n"), "{text}");
    let text = shop.says(&["inspect", &path("js-exchanger")]);
    assert!(text.contains("lane    component: "), "{text}");
    let (code, why) = shop.fails(&["inspect", &path("foreign-import")]);
    assert!(code == 3 && why.contains("evil:host/backdoor"), "{why}");
    assert_eq!(shop.fails(&["inspect", "nothing.wasm"]).0, 1);
}

/// A core module that says what its world is does wherever a component does.
#[test]
fn a_core_module_is_the_component_that_is_made_of_it() {
    let shop = Shop::new();
    for name in ["rust-greeter", "rust-concierge", "c-exchanger"] {
        let module = fixture(&format!("{name}-module")).to_str().unwrap().to_owned();
        let component = fixture(name).to_str().unwrap().to_owned();
        let mut module_said = shop.json(&["inspect", &module]);
        let mut component_said = shop.json(&["inspect", &component]);
        assert_eq!(module_said["core-module"], json!(true));
        assert_eq!(component_said["core-module"], json!(false));
        for said in [&mut module_said, &mut component_said] {
            said.as_object_mut().unwrap().retain(|key, _| key != "core-module" && key != "size");
        }
        assert_eq!(module_said, component_said, "{name}");
        assert_eq!(module_said["lane"]["lane"], json!("core"));
        let text = shop.says(&["inspect", &module]);
        assert!(text.contains("bytes, a core module of which a component is made\n"), "{text}");
    }
    let greeter = fs::read(fixture("rust-greeter-module")).unwrap();
    fs::write(shop.path("echo.wasm"), greeter).unwrap();
    shop.write(
        "echo.toml",
        "id = \"shop/echo\"\nwasm = \"echo.wasm\"\n[codecs]\naccepts = [\"cbor\"]\n",
    );
    shop.says(&["check", "castcall.toml"]);
    let _running = shop.start(&["castcall.toml"]);
    let call = ["call", "shop/echo", "\"Ada\""];
    eventually("the system runs", || shop.output(&call).status.success());
    let answer = shop.says(&call);
    assert!(answer.contains("Hello, Ada!"), "{answer}");
}

#[test]
fn a_new_guest_is_in_order() {
    let shop = Shop::new();
    assert!(shop.says(&["new", "shop/greeter"]).contains("greeter"));
    let folder = shop.0.path().join("greeter");
    for file in ["Cargo.toml", "Component.toml", "castcall.toml", "src/lib.rs"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(
            !text.contains("{id}") && !text.contains("{crate}") && !text.contains("{name}"),
            "{file}: {text}"
        );
    }
    // Its manifest is one, once the component is built.
    fs::copy(fixture("rust-greeter"), folder.join("greeter.wasm")).unwrap();
    shop.says(&["check", "greeter/castcall.toml"]);
    // Before it is built, and with the wrong manifest.
    assert_eq!(shop.fails(&["check", "greeter/Component.toml"]).0, 3);
    let (code, why) = shop.fails(&["check", "greeter/Component.toml"]);
    assert!(code == 3 && why.contains("the manifest of one component, shop/greeter"), "{why}");
    assert!(why.contains("[components.greeter]\nmanifest = \"Component.toml\""), "{why}");
    // The crate for guests may be in a folder.
    let guest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest");
    shop.says(&["new", "shop/9lives", "--guest", guest]);
    let cargo = fs::read_to_string(shop.path("9lives/Cargo.toml")).unwrap();
    assert!(cargo.contains("name = \"guest-9lives\"") && cargo.contains("/guest\" }"), "{cargo}");
    for wrong in ["nowhere", "greeter/src"] {
        let (code, why) = shop.fails(&["new", "shop/other", "--guest", wrong]);
        assert!(code == 1 && why.contains(wrong) && !shop.path("other").exists(), "{why}");
    }
    let (code, why) = shop.fails(&["new", "shop/greeter"]);
    assert!(code == 1 && why.contains("exists"), "{why}");
    assert_eq!(shop.fails(&["new", "a b"]).0, 1);
    assert_eq!(shop.fails(&["new", "cli"]).0, 1);
    let script = shop.says(&["completions", "bash"]);
    assert!(script.contains("dead-letters"), "{script}");
}

/// Every manifest that is none is refused alike, and says where and what.
#[test]
fn a_manifest_that_is_none_is_said() {
    let shop = Shop::new();
    let check = |file: &str, expected: &[&str]| {
        for command in ["check", "run"] {
            let (code, why) = shop.fails(&[command, file]);
            assert_eq!(code, 3, "{command} {file}: {why}");
            for text in expected {
                assert!(why.contains(text), "{command} {file}, {text}: {why}");
            }
        }
    };
    check("nothing.toml", &["no file nothing.toml"]);
    check(".", &["can't be read"]);
    fs::write(shop.path("binary.toml"), b"id = \"\xff\"\n").unwrap();
    check("binary.toml", &["not UTF-8", "binary.toml:1:7"]);
    shop.write("zeros.toml", &"\0".repeat(2_000_000));
    check("zeros.toml", &["too large"]);
    shop.write("syntax.toml", "[system\nx = ");
    check("syntax.toml", &["no TOML", "syntax.toml:1:"]);
    shop.write("types.toml", "[system]\nworkers = \"two\"\nfrob = 1\n");
    check("types.toml", &["types.toml:2:", "a whole number", "`system.frob`", "2 errors"]);
    shop.write("far.toml", "[components.echo]\nmanifest = \"far/away.toml\"\n");
    check("far.toml", &["far.toml:2:", "far/away.toml"]);
    shop.write("gone.toml", "id = \"shop/gone\"\nwasm = \"gone.wasm\"\n");
    shop.write("one.toml", "[components.gone]\nmanifest = \"gone.toml\"\n");
    check("one.toml", &["gone.toml:2:", "gone.wasm"]);
    // One without components is in order, and nothing to be proud of.
    shop.write("none.toml", "");
    let output = shop.output(&["check", "none.toml"]);
    let (code, why) = said(&output);
    assert!(code == 0 && why.contains("warning: none.toml has no [components"), "{why}");
}

/// So deep that whoever goes down into it does not come up again.
fn types_within_types() -> Vec<u8> {
    // A hundred thousand levels: 300,003 bytes of types.
    let start = b"\0asm\x0d\0\x01\0\x07\xe3\xa7\x12\x01";
    [&start[..], &b"\x41\x01\x01".repeat(100_000), b"\x41\x00"].concat()
}

/// Whoever looks at it says the same.
#[test]
fn a_component_that_is_none_is_said() {
    let shop = Shop::new();
    let greeter = fs::read(fixture("rust-greeter")).unwrap();
    let mut bent = greeter.clone();
    bent[greeter.len() / 2..][..64].fill(0xff);
    for (bytes, expected) in [
        (&b""[..], "not WebAssembly"),
        (b"hello", "not WebAssembly"),
        (b"\0asm", "not a valid"),
        (&greeter[..700], "not a valid component"),
        (&greeter[..greeter.len() - 1], "not a valid component"),
        (&bent, "not a valid component"),
        (&fs::read(fixture("core-module")).unwrap(), "a core module"),
        (&fs::read(fixture("foreign-import")).unwrap(), "evil:host/backdoor"),
        (&types_within_types(), "100 levels are the most"),
    ] {
        fs::write(shop.path("echo.wasm"), bytes).unwrap();
        shop.write("echo.toml", "id = \"shop/echo\"\nwasm = \"echo.wasm\"\n");
        for args in [["inspect", "echo.wasm"], ["check", "castcall.toml"], ["run", "castcall.toml"]]
        {
            let output = shop.output(&args);
            let (code, why) = said(&output);
            let all = format!("{}{why}", String::from_utf8_lossy(&output.stdout));
            assert!(code == 3 && all.contains(expected), "{args:?}: {code} {all}");
        }
        // Nothing is left of a system that could not begin.
        assert!(!shop.path("castcall/default.sock").exists());
    }
    for (file, expected) in [("nothing.wasm", "No such file"), (".", "directory")] {
        let (code, why) = shop.fails(&["inspect", file]);
        assert!(code == 1 && why.starts_with(&format!("{file}: ")), "{why}");
        assert!(why.contains(expected) && why.lines().count() == 1, "{why}");
    }
}

#[test]
fn what_is_granted_of_wasi_counts() {
    let shop = Shop::new();
    let wasm = fixture("wasi-clock");
    let said = shop.says(&["inspect", wasm.to_str().unwrap()]);
    assert!(said.contains("imports wasi:clocks/") && said.contains("needs   "), "{said}");
    let asks = "[capabilities.wasi]\nclocks = true\nrandom = true\n";
    shop.write("clock.toml", &format!("id = \"shop/clock\"\nwasm = {wasm:?}\n{asks}"));
    let application = "[components.clock]\nmanifest = \"clock.toml\"\n";
    shop.write("clocks.toml", application);
    let (code, why) = shop.fails(&["run", "clocks.toml"]);
    assert!(code == 3 && why.contains("not granted anything of WASI"), "{why}");
    assert_eq!(shop.fails(&["check", "clocks.toml"]).0, 3);
    let granted = "grants.wasi = { clocks = true, random = true }\n";
    shop.write("clocks.toml", &format!("{application}{granted}"));
    shop.says(&["check", "clocks.toml"]);
    // Also when it is restarted.
    let _running = shop.start(&["clocks.toml"]);
    let restart = || shop.output(&["components", "restart", "shop/clock"]).status.success();
    eventually("a restart", restart);
}

/// What the manifest takes is what a system takes: `run` refuses nothing that `check` has passed.
#[test]
fn the_largest_quotas_of_a_manifest_run() {
    let shop = Shop::new();
    let echo = fs::read_to_string(shop.path("echo.toml")).unwrap();
    let quotas =
        |rate: u64| format!("{echo}[quotas]\nmessages-per-second = {rate}\nburst = {rate}\n");
    shop.write("echo.toml", &quotas(10_000_001));
    let (code, why) = shop.fails(&["check", "castcall.toml"]);
    assert!(code == 3 && why.contains("from 1 to 10,000,000"), "{why}");
    shop.write("echo.toml", &quotas(10_000_000));
    shop.says(&["check", "castcall.toml"]);
    drop(shop.run());
}
