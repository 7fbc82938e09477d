//! Others on the socket of a system than this version of the command: none of them harms it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

fn connect(shop: &Shop) -> UnixStream {
    UnixStream::connect(shop.path("castcall/default.sock")).unwrap()
}

/// What the system answers to these bytes.
fn answer(shop: &Shop, bytes: &[u8]) -> Value {
    let mut stream = connect(shop);
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[test]
fn garbage_is_refused_and_harms_nobody() {
    let shop = Shop::new();
    let mut running = shop.run();
    let refused = |bytes: &[u8]| answer(&shop, bytes)["failed"].as_str().unwrap().to_owned();
    for garbage in [
        &b"\n"[..],
        b"\xff\xfe\x00\n",
        b"GET / HTTP/1.1\n",
        b"{\"v\":1}\n",
        b"{\"v\":1,\"ask\":{\"do\":\"dance\"}}\n",
        b"{\"v\":1,\"ask\":{\"do\":\"stop\",\"component\":7}}\n",
    ] {
        let why = refused(garbage);
        assert!(why.starts_with("not understood"), "{why}");
    }
    let deep = [vec![b'['; 50_000], vec![b'\n']].concat();
    assert!(refused(&deep).starts_with("not understood"));
    let later = refused(b"{\"v\":2,\"ask\":{\"do\":\"components\"}}\n");
    assert!(later.contains("version 1") && later.contains("version 2"), "{later}");
    // An endless line is read to its end, and not kept.
    let long = [vec![b'7'; 30_000_000], vec![b'\n']].concat();
    assert!(refused(&long).contains("too long"));
    // Who says half of it and goes.
    for half in [&b""[..], b"{\"v\":1,\"ask\"", &long[..1_000_000]] {
        connect(&shop).write_all(half).unwrap();
    }
    assert_eq!(shop.says(&["call", "shop/echo", "7"]), "7\n");
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
}

#[test]
fn who_says_nothing_holds_no_place_for_long() {
    let shop = Shop::new();
    let mut running = shop.run();
    // More than may talk at once.
    let silent: Vec<_> = (0..300).map(|_| connect(&shop)).collect();
    assert_eq!(shop.says(&["call", "shop/echo", "7"]), "7\n");
    // Ctrl-C is heard whoever is there.
    let more: Vec<_> = (0..300).map(|_| connect(&shop)).collect();
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
    drop((silent, more));
}

#[test]
fn who_does_not_read_keeps_nobody_out() {
    let shop = Shop::new();
    let _running = shop.run();
    let record = b"{\"v\":1,\"ask\":{\"do\":\"record\",\"for_ms\":3600000}}\n";
    let mut deaf: Vec<_> = (0..16).map(|_| connect(&shop)).collect();
    deaf.iter_mut().for_each(|stream| stream.write_all(record).unwrap());
    eventually("all places for recordings are taken", || {
        let (code, why) = shop.fails(&["record", "--for", "1ms"]);
        code == 1 && why.contains("16 record already")
    });
    // More than their sockets take.
    for _ in 0..2_000 {
        let publish = json!({ "do": "publish", "target": "no.one", "payload": { "bytes": "" } });
        let asked = format!("{}\n", json!({ "v": 1, "ask": publish }));
        assert_eq!(answer(&shop, asked.as_bytes()), json!({ "done": 0 }));
    }
    // Others are answered, and places are free again when those have gone.
    assert_eq!(shop.says(&["call", "shop/echo", "7"]), "7\n");
    drop(deaf);
    eventually("a recording", || shop.output(&["record", "--for", "1ms"]).status.success());
}

#[test]
fn a_call_ends_with_who_waits_for_it() {
    let shop = Shop::new();
    shop.write(
        "echo.toml",
        &format!("id = \"shop/echo\"\nwasm = {:?}\n", crate::shop::fixture("deferrer")),
    );
    let _running = shop.run();
    let pending = || {
        let all = shop.json(&["components"]);
        let cli = all.as_array().unwrap().iter().find(|row| row["id"] == "cli").unwrap().clone();
        cli["pending"].as_u64().unwrap()
    };
    let mut call = shop.command(&["call", "shop/echo", "--text", "hold", "--timeout", "1h"]);
    let mut call = call.spawn().unwrap();
    eventually("the call is pending", || pending() == 1);
    call.kill().unwrap();
    call.wait().unwrap();
    eventually("it is cancelled", || pending() == 0);
}

#[test]
fn another_than_a_system_on_the_socket_is_said() {
    let shop = Shop::new();
    drop(shop.run());
    let socket = shop.path("castcall/default.sock");
    for (says, code, expected) in [
        (&b""[..], 5, "the system has ended before"),
        (b"{\"done\":", 5, "the system has ended before"),
        (b"HTTP/1.1 400 Bad Request\n\n", 1, "is not understood"),
        (b"{\"later\":7}\n", 1, "is not understood"),
        (b"\xff\xff\n", 1, "is not understood"),
    ] {
        let listener = UnixListener::bind(&socket).unwrap();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(says).unwrap();
        });
        let (ended, why) = shop.fails(&["components"]);
        assert!(ended == code && why.contains(expected), "{ended}: {why}");
        stranger.join().unwrap();
        fs::remove_file(&socket).unwrap();
    }
}
