//! What ends a system that runs, or that is about to.

use rustix::process::Signal;
use serde_json::Value;

use crate::shop::{Shop, eventually, fixture, signal};

#[test]
fn each_signal_ends_it_in_order() {
    let shop = Shop::new();
    for stop in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut running = shop.run();
        signal(&running.0, stop);
        assert_eq!(running.end(), Some(0), "{}", shop.log());
        assert!(shop.log().contains("shutting down"));
        assert!(!shop.path("castcall/default.sock").exists());
    }
}

#[test]
fn a_second_one_ends_it_at_once() {
    let shop = Shop::new();
    let wasm = fixture("slow-handler");
    let limits = "limits.execution = \"1h\"";
    shop.write("echo.toml", &format!("id = \"shop/echo\"\nwasm = {wasm:?}\n{limits}\n"));
    let mut running = shop.start(&["castcall.toml", "--grace", "1h"]);
    let for_ever = ["cast", "shop/echo", "--text", "forever"];
    eventually("a cast", || shop.output(&for_ever).status.success());
    let begun = |row: &Value| row["id"] == "shop/echo" && row["handled"] == 1;
    eventually("its handler runs", || {
        shop.json(&["components"]).as_array().unwrap().iter().any(begun)
    });
    running.interrupt();
    eventually("it shuts down", || shop.log().contains("shutting down"));
    assert!(running.0.try_wait().unwrap().is_none(), "the handler runs");
    running.interrupt();
    assert_eq!(running.end(), Some(130));
    // Nothing that is left is in the way of the next.
    shop.write("echo.toml", &format!("id = \"shop/echo\"\nwasm = {:?}\n", fixture("echo-handler")));
    drop(shop.run());
}

/// As soon as there is a socket, it ends the system in order.
#[test]
fn one_that_comes_early_is_not_lost() {
    let shop = Shop::new();
    for _ in 0..20 {
        let mut running = shop.start(&["castcall.toml"]);
        eventually("its socket", || shop.path("castcall/default.sock").exists());
        running.interrupt();
        assert_eq!(running.end(), Some(0), "{}", shop.log());
        assert!(!shop.path("castcall/default.sock").exists());
    }
}
