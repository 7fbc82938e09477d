//! `record` and `diagram`.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::shop::Shop;

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
