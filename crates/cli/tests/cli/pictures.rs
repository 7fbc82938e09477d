//! A system that ran, recorded and drawn by the command, as a person sees it in headless Chromium
//! (Debian's package `chromium`).

use std::fs;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

/// Runs a script in a page, as it is on the disk, and gives back what that leaves in `seen`. `None`:
/// there is no Chromium.
fn open(shop: &Shop, page: &str, script: &str) -> Option<Value> {
    let text = fs::read_to_string(shop.path(page)).unwrap();
    let before = "<script>const errors = []; for (const kind of ['error', 'securitypolicyviolation'])\
        addEventListener(kind, (e) => errors.push(e.message ?? e.blockedURI), true);</script>";
    let after = format!(
        "<script>addEventListener('load', () => {{ const seen = {{}};
        try {{ (() => {{ {script} }})(); }} catch (error) {{ errors.push(error.stack); }}
        seen.errors = errors;
        seen.fetched = performance.getEntriesByType('resource').map((entry) => entry.name);
        const result = document.createElement('pre'); result.id = 'seen';
        result.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));
        document.body.append(result); }});</script></body>"
    );
    let watched =
        text.replacen("<title>", &format!("{before}<title>"), 1).replacen("</body>", &after, 1);
    shop.write("watched.html", &watched);
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    chromium.args(["--window-size=1600,1000", "--virtual-time-budget=2000"]);
    chromium.arg(format!("--user-data-dir={}", shop.path("profile").display()));
    chromium.arg(format!("file://{}", shop.path("watched.html").display()));
    let output = match chromium.output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no chromium: {error}");
            eprintln!("skipped: there is no chromium");
            return None;
        }
    };
    let page = String::from_utf8_lossy(&output.stdout);
    let seen = page.split_once("<pre id=\"seen\">").map(|(_, rest)| rest.split('<').next());
    let seen = seen.flatten().unwrap_or_else(|| panic!("the script did not end: {output:?}"));
    let seen: Value = serde_json::from_slice(&BASE64_STANDARD.decode(seen).unwrap()).unwrap();
    assert_eq!((&seen["errors"], &seen["fetched"]), (&json!([]), &json!([])));
    // Nothing would be fetched later either: all that looks like an address is the name of SVG.
    for (start, _) in text.match_indices("://") {
        assert!(text[..start].ends_with("http"), "{}", &text[start - 9..start + 30]);
        assert!(text[start..].starts_with("://www.w3.org/2000/svg"), "{}", &text[start..][..40]);
    }
    Some(seen)
}

/// Records calls, an answer that was an error, a crash and what was published.
fn record(shop: &Shop) -> Vec<Value> {
    let _running = shop.run();
    shop.says(&["call", "shop/requester", "--text", "subscribe news.eu"]);
    let mut record = shop.command(&["record", "--for", "1h", "-o", "flow.jsonl"]);
    let mut record = record.stderr(Stdio::null()).spawn().unwrap();
    let lines = || -> Vec<Value> {
        let text = fs::read_to_string(shop.path("flow.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    eventually("the recording has begun", || {
        shop.says(&["call", "shop/echo", "7"]);
        !lines().is_empty()
    });
    shop.says(&["publish", "news.eu", "7"]);
    assert_eq!(shop.fails(&["call", "shop/trapper", "--text", "crash"]).0, 1);
    eventually("it crashed", || lines().iter().any(|line| line["kind"] == "restart"));
    crate::shop::signal(&record, rustix::process::Signal::INT);
    assert!(record.wait().unwrap().success());
    lines()
}

#[test]
fn what_was_recorded_can_be_looked_at() {
    let shop = Shop::new();
    let lines = record(&shop);
    // Nothing is answered before it was asked, whichever clock it was stamped by.
    let mermaid = shop.says(&["diagram", "flow.jsonl"]);
    assert!(!mermaid.contains("after -"), "{mermaid}");
    shop.says(&["diagram", "flow.jsonl", "-o", "flow.html"]);
    let script = r##"
    const all = (selector) => [...document.querySelectorAll(selector)];
    seen.lanes = all("#names .name").map((name) => name.firstChild.textContent).sort();
    seen.calls = all("#chart .item.call").length;
    seen.labels = all("#chart .label").map((label) => label.textContent);
    const first = document.querySelector("#chart .item.call .hit");
    const at = { bubbles: true, clientX: 200, clientY: 200 };
    seen.hidden = tip.hidden;
    first.dispatchEvent(new PointerEvent("pointermove", at));
    seen.tip = tip.hidden ? "" : tip.textContent;
    "##;
    let Some(seen) = open(&shop, "flow.html", script) else { return };
    assert_eq!(seen["lanes"], json!(["cli", "shop/echo", "shop/requester", "shop/trapper"]));
    let calls: Vec<_> =
        lines.iter().filter(|line| line["kind"] == "send" && line["what"] == "call").collect();
    assert!(seen["calls"].as_u64().unwrap() as usize >= calls.len(), "{seen}");
    assert!(seen["labels"].to_string().contains("trap"), "{seen}");
    // Details of one call: whom, its id, how large it was.
    assert_eq!(seen["hidden"], true);
    let tip = seen["tip"].as_str().unwrap();
    assert!(tip.contains("cli") && tip.contains("shop/"), "{tip}");
    let mut ids = lines.iter().filter_map(|line| line["request_id"].as_str());
    assert!(ids.any(|id| tip.contains(id)), "{tip}");
}

#[test]
fn who_talked_to_whom_can_be_looked_at() {
    let shop = Shop::new();
    record(&shop);
    let topology = ["diagram", "flow.jsonl", "--picture", "topology"];
    shop.says(&[&topology[..], &["-o", "net.html", "--application", "castcall.toml"]].concat());
    let script = r##"
    const all = (selector) => [...document.querySelectorAll(selector)];
    seen.nodes = all("#net .node text").map((node) => node.textContent).sort();
    seen.rows = all("tbody tr").map((row) => row.textContent);
    const node = all("#net .node text").find((node) => node.textContent == "cli");
    node.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 9, clientY: 9 }));
    seen.tip = tip.textContent;
    "##;
    let Some(seen) = open(&shop, "net.html", script) else { return };
    let nodes = json!(["cli", "shop/echo", "shop/requester", "shop/trapper"]);
    assert_eq!(seen["nodes"], nodes);
    let rows = seen["rows"].to_string();
    // Used, and allowed and not used.
    assert!(rows.contains("cli") && rows.contains("shop/requester"), "{rows}");
    assert!(seen["tip"].as_str().unwrap().starts_with("cli"), "{seen}");
}
