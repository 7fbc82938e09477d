//! A system in one process, and questions from others.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::shop::{Running, Shop, eventually, fixture};

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
    let none = shop.output(&["dead-letters"]);
    assert_eq!((&none.stdout[..], &none.stderr[..]), (&b""[..], &b"there are none\n"[..]));
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
fn a_restart_takes_what_the_manifest_says_now_or_nothing() {
    let shop = Shop::new();
    let _running = shop.run();
    let restart = ["components", "restart", "shop/echo"];
    let echo = fs::read_to_string(shop.path("echo.toml")).unwrap();
    // Whatever is wrong, what runs goes on.
    let text = fixture("text");
    for (wrong, expected) in [
        ("id = \"shop/echo\"".to_owned(), "`wasm` is missing"),
        (format!("id = \"shop/echo\"\nwasm = {text:?}\n"), "not WebAssembly"),
        (echo.replace("shop/echo", "shop/other"), "no component \"shop/echo\""),
    ] {
        shop.write("echo.toml", &wrong);
        let (code, why) = shop.fails(&restart);
        assert!(code == 1 && why.contains(expected), "{why}");
        assert_eq!(shop.says(&["call", "shop/echo", "7"]), "7\n");
    }
    shop.write("echo.toml", &echo.replace("cbor", "json"));
    shop.says(&restart);
    assert_eq!(shop.json(&["call", "shop/echo", "7"])["codec"], "json");
}
