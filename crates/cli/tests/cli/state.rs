//! What is kept in a state directory, and in an audit file.

use std::fs;

use crate::shop::{Shop, eventually, said};

/// A shop whose system keeps its state.
fn shop() -> Shop {
    let shop = Shop::new();
    let application = fs::read_to_string(shop.path("castcall.toml")).unwrap();
    let options = "[system]\nstate-directory = \"state\"\n";
    shop.write("castcall.toml", &format!("{options}{application}"));
    shop
}

#[test]
fn one_system_has_a_state_directory() {
    let shop = shop();
    let mut running = shop.run();
    let (code, why) = shop.fails(&["run", "castcall.toml", "--name", "second"]);
    let holder = format!("in use by process {}", running.0.id());
    assert!(code == 1 && why.contains(&holder) && why.lines().count() == 1, "{why}");
    assert!(!shop.path("castcall/second.sock").exists());
    // Killed, it gives it back, and what was durable is there.
    shop.says(&["cast", "shop/trapper", "--text", "crash"]);
    shop.says(&["cast", "shop/trapper", "--text", "crash again"]);
    eventually("dead letters", || shop.says(&["dead-letters"]).lines().count() == 3);
    let list = shop.says(&["dead-letters", "list"]);
    assert_eq!(list.lines().count(), 3, "{list}");
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
    let mut running = shop.run();
    assert_eq!(shop.says(&["dead-letters"]).lines().count(), 3);
    // Where one of several is not there, those before it are sent, and that is said.
    let (code, why) = shop.fails(&["dead-letters", "resend", "1", "999", "2"]);
    assert!(code == 1 && why.contains("999") && why.contains("those before it, 1,"), "{why}");
    running.0.kill().unwrap();
    running.end();
    drop(shop.run());
}

#[test]
fn a_state_directory_that_is_none_is_said_and_left_alone() {
    let shop = shop();
    let fails = |expected: &str| {
        let (code, why) = said(&shop.output(&["run", "castcall.toml"]));
        assert!(code == 1 && why.lines().count() == 1, "{why}");
        assert!(why.contains(expected), "{why}");
        assert!(!shop.path("castcall/default.sock").exists());
    };
    shop.write("state", "a file");
    fails("state is no directory");
    fs::remove_file(shop.path("state")).unwrap();
    drop(shop.run());
    let whole = fs::read(shop.path("state/state.redb")).unwrap();
    let mut bent = whole.clone();
    bent[whole.len() / 8..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    for damaged in [&b"hello"[..], &whole[..whole.len() / 2], &bent] {
        fs::write(shop.path("state/state.redb"), damaged).unwrap();
        fails("state.redb");
        assert!(fs::read(shop.path("state/state.redb")).unwrap() == damaged, "it was changed");
    }
    fs::write(shop.path("state/state.redb"), &whole).unwrap();
    drop(shop.run());
    fs::write(shop.path("state/format"), "castcall state 99\n").unwrap();
    fails("format");
}

#[test]
fn an_audit_that_can_not_be_kept_is_said() {
    let shop = Shop::new();
    let application = fs::read_to_string(shop.path("castcall.toml")).unwrap();
    for audit in ["no/where.jsonl", "."] {
        shop.write("castcall.toml", &format!("[system]\naudit = \"{audit}\"\n{application}"));
        let (code, why) = said(&shop.output(&["run", "castcall.toml"]));
        assert!(code == 1 && why.lines().count() == 1, "{why}");
    }
}
