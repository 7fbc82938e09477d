//! What is done with files alone: `check`, `inspect`, `new`.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{Shop, fixture};

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
