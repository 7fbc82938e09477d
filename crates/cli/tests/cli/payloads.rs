//! Payloads that are none, don't fit or are too long, and questions about what is not there.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::shop::{Shop, said};

/// What it says to this on standard input.
fn with_input(shop: &Shop, args: &[&str], input: &[u8]) -> (i32, String) {
    let mut command = shop.command(args);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may not want all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    said(&child.wait_with_output().unwrap())
}

#[test]
fn what_is_no_payload_is_said() {
    let shop = Shop::new();
    let _running = shop.run();
    for (input, expected) in [
        (&b""[..], "it is empty"),
        (b" \n", "it is empty"),
        (b"seven", "no JSON"),
        (b"{\"a\":", "no JSON"),
        (b"7 8", "no JSON"),
        (b"\"\xff\"", "no JSON"),
        (b"\x00", "no JSON"),
    ] {
        let (code, why) = with_input(&shop, &["call", "shop/echo", "-"], input);
        assert!(code == 1 && why.contains(expected) && why.lines().count() == 1, "{why}");
    }
    // As bytes, anything is one; this target then wants an envelope.
    let (code, why) = with_input(&shop, &["call", "shop/echo", "--file", "-"], b"\xff\xff\xff");
    assert!(code == 1 && why.contains("envelope"), "{why}");
    let (code, why) = with_input(&shop, &["cast", "shop/trapper", "--file", "-"], b"\xff");
    assert_eq!((code, &*why), (0, ""));
    for (file, expected) in [("nothing", "No such file"), (".", "directory")] {
        let (code, why) = shop.fails(&["call", "shop/echo", "--file", file]);
        assert!(code == 1 && why.starts_with(&format!("{file}: ")), "{why}");
        assert!(why.contains(expected), "{why}");
    }
    // 2⁶⁴ and its like: JSON has them, no codec of integers does.
    shop.says(&["call", "shop/echo", "18446744073709551616"]);
    let deep = "[".repeat(100_000);
    let (code, why) = with_input(&shop, &["call", "shop/echo", "-"], deep.as_bytes());
    assert!(code == 1 && why.contains("no JSON"), "{why}");
}

#[test]
fn what_is_too_long_is_said() {
    let shop = Shop::new();
    let _running = shop.run();
    let text = |length| format!("\"{}\"", "a".repeat(length));
    let (code, why) = with_input(&shop, &["call", "shop/echo", "-"], text(1 << 20).as_bytes());
    assert!(code == 1 && why.contains("longer than 1048576 bytes"), "{why}");
    let (code, why) = with_input(&shop, &["call", "shop/echo", "-"], text(20 << 20).as_bytes());
    assert!(code == 1 && why.contains("too long"), "{why}");
    // Without an end it is not read for ever.
    let (code, why) = shop.fails(&["call", "shop/echo", "--file", "/dev/zero"]);
    assert!(code == 1 && why.starts_with("/dev/zero: ") && why.contains("64 MiB"), "{why}");
    // The longest that fits does.
    assert_eq!(with_input(&shop, &["call", "shop/echo", "-"], text(1_000_000).as_bytes()).0, 0);
}

#[test]
fn a_codec_that_does_not_fit_is_said() {
    let shop = Shop::new();
    let _running = shop.run();
    for (codec, expected) in [
        ("json", "accepts cbor"),
        ("borsh", "--file"),
        ("bincode", "--file"),
        ("protobuff", "no codec \"protobuff\""),
    ] {
        let (code, why) = shop.fails(&["call", "shop/echo", "7", "--codec", codec]);
        assert!(code == 1 && why.contains(expected) && why.lines().count() == 1, "{why}");
    }
}

#[test]
fn who_and_what_is_not_there_is_said() {
    let shop = Shop::new();
    let _running = shop.run();
    for (args, expected) in [
        (&["call", "shop/nobody", "7"][..], "no such component"),
        (&["cast", "shop/nobody", "7"], "no such component"),
        (&["cast", "shop//nobody", "7"], "shop//nobody"),
        (&["publish", "a..b", "7"], "a..b"),
        (&["call", "shop/echo", "7", "--timeout", "0s"], "timeout"),
        (&["call", "shop/echo", "7", "--timeout", "99h"], "timeout"),
        (&["components", "stop", "shop/nobody"], "no component"),
        (&["components", "restart", "shop/nobody"], "no component"),
        (&["components", "stop", "cli"], "could not be stopped"),
        (&["dead-letters", "resend", "999"], "no dead letter 999"),
        (&["explain", "nobody", "call", "shop/echo"], "no component"),
        (&["explain", "a b", "call", "shop/echo"], "a b"),
        (&["explain", "shop/echo", "call", "a b"], "a b"),
        (&["explain", "shop/echo", "subscribe", "a.*b"], "a.*b"),
    ] {
        let (code, why) = shop.fails(args);
        assert!(code == 1 && why.lines().count() == 1, "{args:?}: {why}");
        assert!(why.contains(expected), "{args:?}: {why}");
    }
    assert_eq!(shop.json(&["dead-letters", "drop", "999"]), json!({ "dropped": 0 }));
    for args in [
        &[][..],
        &["frobnicate"],
        &["call"],
        &["call", "shop/echo", "7", "8"],
        &["call", "shop/echo", "7", "--timeout", "5"],
        &["call", "shop/echo", "7", "--text", "x"],
        &["explain", "shop/echo", "dance", "x"],
        &["dead-letters", "resend", "x"],
        &["dead-letters", "list", "--limit", "-1"],
        &["top", "--every", "soon"],
        &["completions", "tcsh"],
        &["run", "castcall.toml", "--sample", "often"],
        &["--format", "yaml", "components"],
    ] {
        let (code, why) = shop.fails(args);
        assert!(code == 2 && why.contains("Usage") || why.contains("--help"), "{args:?}: {why}");
    }
}
