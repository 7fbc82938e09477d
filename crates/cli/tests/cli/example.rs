//! The example application, by the command alone, as its README says.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

#[test]
fn the_example_application_is_in_order_and_runs() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop/shop.toml");
    let shop = Shop::new();
    let output = shop.output(&["check", manifest]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.trim()), (Some(0), "5 components, all in order"));

    let mut running = shop.run_application(manifest, "shop/stock");
    let place = r#"{"Place":{"number":1,"customer":"ada","item":"chair","quantity":2}}"#;
    let paid = |amount| json!({ "codec": "cbor", "value": { "Paid": { "amount": amount } } });
    assert_eq!(shop.json(&["call", "shop/orders", place]), paid(90));
    let table = r#"{"Place":{"number":2,"customer":"ada","item":"table","quantity":1}}"#;
    let mut order = shop.command(&["--format", "json", "call", "shop/orders", table]);
    let order = order.stdout(Stdio::piped()).spawn();
    let word = r#"{"Bank":{"order":2,"approved":true}}"#;
    eventually("the payment", || shop.output(&["call", "shop/payment", word]).status.success());
    let outcome = order.unwrap().wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&outcome.stdout).unwrap(), paid(240));
    let redeem = r#"{"Redeem":{"customer":"ada"}}"#;
    let (code, why) = shop.fails(&["call", "plugins/loyalty", redeem]);
    assert!(code == 1 && why.contains("capability-denied"), "{why}");
    let why = shop.says(&["explain", "plugins/loyalty", "call", "shop/payment"]);
    assert!(why.contains("may not"), "{why}");
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
}
