//! Nobody reads what is written, or it can't be written.

use std::fs::{self, File};
use std::io::pipe;
use std::process::{Command, Output, Stdio};

use crate::shop::{Running, Shop, eventually, fixture, said};

/// Its reader has gone before it has begun.
fn unread(mut command: Command) -> Output {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_reader_that_goes_early_is_no_failure() {
    let shop = Shop::new();
    let _running = shop.run();
    shop.write("flow.jsonl", include_str!("../../../diagram/tests/recordings/shop.jsonl"));
    let echo = fixture("echo-handler");
    for args in [
        &["completions", "bash"][..],
        &["--help"],
        &["check", "castcall.toml"],
        &["check", "castcall.toml", "--format", "json"],
        &["inspect", echo.to_str().unwrap()],
        &["inspect", echo.to_str().unwrap(), "--format", "json"],
        &["diagram", "flow.jsonl"],
        &["diagram", "flow.jsonl", "--picture", "topology"],
        &["new", "shop/greeter"],
        &["components"],
        &["components", "--format", "json"],
        &["call", "shop/echo", "7"],
        &["publish", "news.eu", "7"],
        &["subscriptions"],
        &["dead-letters"],
        &["explain", "shop/requester", "call", "shop/echo"],
    ] {
        let (code, why) = said(&unread(shop.command(args)));
        assert_eq!(code, 0, "{args:?}: {why}");
        assert!(!why.contains("pipe"), "{args:?}: {why}");
    }
    // What it found out still counts.
    shop.write("echo.toml", "id = \"shop/echo\"\nwasm = \"castcall.toml\"\n");
    assert_eq!(said(&unread(shop.command(&["check", "castcall.toml"]))).0, 3);
}

#[test]
fn a_recording_ends_when_nobody_reads_it() {
    let shop = Shop::new();
    let _running = shop.run();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = shop.command(&["record", "--for", "1h"]);
    let mut record = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    eventually("its end", || {
        shop.says(&["call", "shop/echo", "7"]);
        record.try_wait().unwrap().is_some()
    });
    assert_eq!(said(&record.wait_with_output().unwrap()).0, 0);
}

#[test]
fn a_full_disk_is_said() {
    let shop = Shop::new();
    let _running = shop.run();
    shop.write("flow.jsonl", include_str!("../../../diagram/tests/recordings/shop.jsonl"));
    for args in [
        &["completions", "bash"][..],
        &["check", "castcall.toml"],
        &["components", "--format", "json"],
        &["call", "shop/echo", "7"],
        &["diagram", "flow.jsonl"],
    ] {
        let output = shop.command(args).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let (code, why) = said(&output);
        assert_eq!(code, 1, "{args:?}: {why}");
        assert!(why.contains("standard output: No space left"), "{args:?}: {why}");
    }
    for args in [
        &["diagram", "flow.jsonl", "-o", "/dev/full"][..],
        &["diagram", "flow.jsonl", "-o", "no/where.html"],
        &["diagram", "flow.jsonl", "-o", "."],
        &["record", "--for", "1ms", "-o", "no/where"],
        &["new", "greeter", "--folder", "no/where"],
        &["new", "greeter", "--folder", "/dev/full/x"],
    ] {
        let (code, why) = shop.fails(args);
        assert_eq!(code, 1, "{args:?}: {why}");
        let named = args.last().unwrap();
        assert!(why.starts_with(&format!("{named}: ")) && why.lines().count() == 1, "{why}");
    }
    // A recording says how far it came.
    let record = shop.command(&["record", "--for", "1h", "-o", "/dev/full"]);
    let mut record = { record }.stderr(Stdio::piped()).spawn().unwrap();
    eventually("its end", || {
        shop.says(&["call", "shop/echo", "7"]);
        record.try_wait().unwrap().is_some()
    });
    let (code, why) = said(&record.wait_with_output().unwrap());
    assert!(code == 1 && why.contains("/dev/full: No space left"), "{why}");
    // What is drawn is not drawn over.
    let before = fs::read(shop.path("flow.jsonl")).unwrap();
    let (code, why) = shop.fails(&["diagram", "flow.jsonl", "-o", "./flow.jsonl"]);
    assert!(code == 1 && why.contains("another file"), "{why}");
    assert_eq!(fs::read(shop.path("flow.jsonl")).unwrap(), before);
}

#[test]
fn nothing_can_be_said_and_the_code_still_tells() {
    let shop = Shop::new();
    for (args, code) in [
        // The matrix can't be written.
        (&["check", "castcall.toml"][..], 1),
        (&["check", "nothing.toml"], 3),
        (&["components"], 4),
        (&["frobnicate"], 2),
    ] {
        let status = shop.command(args).stdout(full()).stderr(full()).status();
        assert_eq!(status.unwrap().code(), Some(code), "{args:?}");
    }
    // A system whose log can't be written runs, and ends in order.
    let mut command = shop.command(&["run", "castcall.toml"]);
    let mut running = Running(command.stderr(full()).spawn().unwrap());
    eventually("the system runs", || shop.output(&["call", "shop/echo", "7"]).status.success());
    shop.says(&["cast", "shop/trapper", "--text", "crash, and say so"]);
    eventually("a dead letter", || shop.says(&["dead-letters"]).contains("crashed"));
    running.interrupt();
    assert_eq!(running.end(), Some(0));
}
