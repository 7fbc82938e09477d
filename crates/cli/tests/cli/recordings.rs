//! `record` and `diagram`.

use std::fs;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::{Shop, eventually, fixture, said, signal};

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

/// A recording into `flow.jsonl` that has begun.
fn recording(shop: &Shop, time: &str) -> Child {
    let mut record = shop.command(&["record", "--for", time, "--output", "flow.jsonl"]);
    let record = record.stderr(Stdio::piped()).spawn().unwrap();
    eventually("the recording has begun", || {
        shop.says(&["call", "shop/echo", "7"]);
        !lines(shop).is_empty()
    });
    record
}

/// What stands in `flow.jsonl`: whole lines.
fn lines(shop: &Shop) -> Vec<Value> {
    let text = fs::read_to_string(shop.path("flow.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_recording_can_be_ended_early() {
    let shop = Shop::new();
    let _running = shop.run();
    for stop in [Signal::INT, Signal::TERM, Signal::HUP] {
        let record = recording(&shop, "1h");
        signal(&record, stop);
        let (code, why) = said(&record.wait_with_output().unwrap());
        assert_eq!((code, why), (0, format!("{} lines\n", lines(&shop).len())));
        shop.says(&["diagram", "flow.jsonl"]);
        fs::remove_file(shop.path("flow.jsonl")).unwrap();
    }
    // Killed, it has written what it had read.
    let mut record = recording(&shop, "1h");
    record.kill().unwrap();
    record.wait().unwrap();
    assert!(!lines(&shop).is_empty());
    shop.says(&["diagram", "flow.jsonl"]);
}

#[test]
fn a_system_that_is_killed_ends_what_is_asked_of_it() {
    let shop = Shop::new();
    let wasm = fixture("deferrer");
    shop.write("trapper.toml", &format!("id = \"shop/trapper\"\nwasm = {wasm:?}\n"));
    let mut running = shop.run();
    let record = recording(&shop, "1h");
    let hold = ["call", "shop/trapper", "--text", "hold", "--timeout", "1h"];
    let call = shop.command(&hold).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the call is recorded", || {
        let mut lines = lines(&shop).into_iter();
        lines.any(|line| line["kind"] == "delivery" && line["whom"] == "shop/trapper")
    });
    running.0.kill().unwrap();
    running.end();
    let (code, why) = said(&call.wait_with_output().unwrap());
    assert_eq!((code, &*why), (5, "the system has ended before it had answered\n"));
    let (code, why) = said(&record.wait_with_output().unwrap());
    let expected =
        format!("{} lines\nthe system has ended before it had answered\n", lines(&shop).len());
    assert_eq!((code, why), (5, expected));
    shop.says(&["diagram", "flow.jsonl"]);
    // Where there is none, no recording is written over.
    let before = lines(&shop);
    assert_eq!(shop.fails(&["record", "-o", "flow.jsonl"]).0, 4);
    assert_eq!(lines(&shop), before);
}

#[test]
fn what_is_no_recording_is_said() {
    let shop = Shop::new();
    let recorded = include_str!("../../../diagram/tests/recordings/shop.jsonl");
    for (bytes, expected) in [
        (&b"hello\n"[..], "flow.jsonl: "),
        (b"\xff\xfe\x00\x01", "flow.jsonl: "),
        (b"{}\n[]\n7\n", "flow.jsonl: "),
        (&[b'x'; 1 << 20], "flow.jsonl: "),
    ] {
        fs::write(shop.path("flow.jsonl"), bytes).unwrap();
        for picture in ["sequence", "topology"] {
            let args = ["diagram", "flow.jsonl", "--picture", picture, "-o", "flow.html"];
            let (code, why) = shop.fails(&args);
            assert!(code == 1 && why.starts_with(expected) && why.lines().count() == 1, "{why}");
            assert!(!shop.path("flow.html").exists());
        }
    }
    // In one that is empty, nothing has happened.
    shop.write("flow.jsonl", "");
    let (code, why) = said(&shop.output(&["diagram", "flow.jsonl"]));
    assert!(code == 0 && why.starts_with("0 components"), "{why}");
    // One that was cut off, or has something else in it, is drawn, and what is left out is said.
    let half = &recorded[..recorded.len() / 2];
    fs::write(shop.path("flow.jsonl"), format!("garbage\n{half}")).unwrap();
    let output = shop.output(&["diagram", "flow.jsonl"]);
    let (code, why) = said(&output);
    assert!(code == 0 && why.contains("2 lines are no records"), "{why}");
    for file in ["nothing", "."] {
        let (code, why) = shop.fails(&["diagram", file]);
        assert!(code == 1 && why.starts_with(&format!("{file}: ")), "{why}");
    }
}
