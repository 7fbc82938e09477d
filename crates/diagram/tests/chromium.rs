//! What a person sees and does, in headless Chromium (Debian's package `chromium`). Where the gate
//! has installed that, it must be there.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use castcall_diagram::{Allowed, Recording, Topology, Via, html};
use serde_json::Value;

/// Opens a page, runs a script in it, and gives back what that leaves in `seen`. `None`: there is
/// no Chromium.
fn drive(page: &str, script: &str, arguments: &[&str]) -> Option<Value> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    // Errors of the page's own scripts are seen too.
    let watch = "<script>const errors = []; addEventListener('error', (e) => errors.push(e.message));\
        addEventListener('securitypolicyviolation', (e) => errors.push(e.blockedURI));</script>";
    let after = format!(
        "<script>const seen = {{}};\ntry {{ (() => {{ {script} }})(); }} catch (error) {{ errors.push(error.stack); }}\nseen.errors = errors;\n\
         const result = document.createElement('pre'); result.id = 'seen';\n\
         result.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));\n\
         document.body.append(result);</script></body>"
    );
    let page =
        page.replacen("<title>", &format!("{watch}<title>"), 1).replacen("</body>", &after, 1);
    std::fs::write(&file, page).unwrap();
    let output =
        chromium(directory.path(), arguments).arg(format!("file://{}", file.display())).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no chromium: {error}");
            eprintln!("skipped: there is no chromium");
            return None;
        }
    };
    let page = String::from_utf8_lossy(&output.stdout);
    let seen =
        page.split_once("<pre id=\"seen\">").map(|(_, rest)| rest.split('<').next().unwrap());
    let seen = seen.unwrap_or_else(|| {
        panic!("the script did not end: {}", String::from_utf8_lossy(&output.stderr))
    });
    let seen: Value = serde_json::from_slice(&base64(seen)).unwrap();
    assert_eq!(seen["errors"], serde_json::json!([]));
    Some(seen)
}

fn chromium(profile: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    command.args(["--window-size=1600,1000", "--virtual-time-budget=2000"]);
    command.arg(format!("--user-data-dir={}", profile.join("profile").display()));
    command.args(arguments);
    command
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut number) = (Vec::new(), 0, 0_u32);
    for digit in text.bytes().take_while(|byte| *byte != b'=') {
        let digit = DIGITS.iter().position(|known| *known == digit).unwrap();
        number = (number << 6 | u32::try_from(digit).unwrap()) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((number >> bits & 0xff).try_into().unwrap());
        }
    }
    bytes
}

fn shop() -> Recording {
    Recording::read(&include_bytes!("recordings/shop.jsonl")[..]).unwrap()
}

/// So many components that call each other in turn; some calls time out, some are denied.
fn crowd(components: usize, messages: usize) -> Recording {
    let mut lines = String::new();
    let (mut n, mut random) = (0, 1_u64);
    for message in 0..messages {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = usize::try_from(random >> 40).unwrap();
        let (who, whom) = (draw % components, draw / components % components);
        let (who, whom) = (
            format!("tenant-{}/worker-{who}", who % 4),
            format!("tenant-{}/worker-{whom}", whom % 4),
        );
        let ids = format!(r#""who":"{who}","whom":"{whom}","request_id":"{message}""#);
        let mut add = |late: usize, fields: String| {
            n += 1;
            let at = message * 1_500 + late * 1_000;
            let (seconds, micros) = (at / 1_000_000 % 60, at % 1_000_000);
            writeln!(
                lines,
                r#"{{"v":1,"n":{n},"at":"2026-07-25T17:20:{seconds:02}.{micros:06}Z",{fields}}}"#
            )
            .unwrap();
        };
        match draw % 7 {
            0 => {
                add(0, format!(r#""kind":"denial","what":"cast","why":"capability-denied",{ids}"#))
            }
            1 | 2 => {
                add(0, format!(r#""kind":"send","what":"cast","size":64,{ids}"#));
                add(1, format!(r#""kind":"delivery","what":"cast","size":64,{ids}"#));
            }
            kind => {
                let why = if kind == 3 { "timeout" } else { "answered" };
                add(0, format!(r#""kind":"send","what":"call","size":64,{ids}"#));
                add(1, format!(r#""kind":"delivery","what":"call","size":64,{ids}"#));
                add(4, format!(r#""kind":"call-end","why":"{why}",{ids}"#));
            }
        }
    }
    Recording::read(lines.as_bytes()).unwrap()
}

/// Finds texts that lie on each other or are cut off.
const TEXTS: &str = r#"
    const boxes = (selector) => [...document.querySelectorAll(selector)].map((text) => text.getBoundingClientRect());
    const overlaps = (all) => all.filter((one, i) => all.some((other, j) => j > i
        && one.left < other.right - 1 && other.left < one.right - 1
        && one.top < other.bottom - 1 && other.top < one.bottom - 1)).length;
    const outside = (all, of) => { const box = document.querySelector(of).getBoundingClientRect();
        return all.filter((one) => one.left < box.left - 1 || one.right > box.right + 1
            || one.top < box.top - 1 || one.bottom > box.bottom + 1).length; };
"#;

#[test]
fn a_person_looks_around() {
    let script = TEXTS.to_owned()
        + r##"
    const chart = document.getElementById("chart");
    const count = (selector) => chart.querySelectorAll(selector).length;
    seen.names = [...document.querySelectorAll("#names .name")].map((text) => text.firstChild.textContent);
    seen.items = count(".item");
    seen.labels = [...chart.querySelectorAll(".label")].map((text) => text.textContent);
    seen.overlaps = overlaps(boxes("#chart .label"));
    seen.outside = outside(boxes("#chart .label"), "#chart") + outside(boxes("#names .name"), "#names");
    seen.wide = document.documentElement.scrollWidth > innerWidth;

    const call = chart.querySelector(".item.call .hit");
    const at = { bubbles: true, clientX: innerWidth - 40, clientY: innerHeight - 40 };
    call.dispatchEvent(new PointerEvent("pointermove", at));
    seen.tip = tip.hidden ? "" : tip.textContent;
    const box = tip.getBoundingClientRect();
    seen.tipInside = box.right <= innerWidth && box.bottom <= innerHeight;
    call.dispatchEvent(new MouseEvent("click", at));
    seen.dim = count(".item.dim");
    dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    seen.dimAfter = count(".item.dim");

    const casts = count(".item.cast");
    const boxOfCasts = document.querySelector("#legend input");
    boxOfCasts.click();
    seen.casts = [casts, count(".item.cast")];
    boxOfCasts.click();

    const width = () => document.getElementById("room").getBoundingClientRect().width;
    const widths = [width()];
    for (const id of ["in", "fit", "axis"]) { document.getElementById(id).click(); widths.push(width()); }
    seen.widths = widths;
    seen.ticks = [...chart.querySelectorAll(".tick")].map((tick) => tick.textContent);
    "##;
    let Some(seen) = drive(&html(&shop()), &script, &[]) else { return };
    assert_eq!(
        seen["names"],
        serde_json::json!(["shop/orders", "shop/stock", "shop/payment", "shop/notify", "host"])
    );
    assert_eq!(
        (&seen["items"], &seen["overlaps"], &seen["outside"]),
        (&13.into(), &0.into(), &0.into())
    );
    assert_eq!(seen["wide"], false);
    let labels = seen["labels"].to_string();
    for label in
        ["timeout", "cancelled", "denied cast to bank/vault", "restart: trap", "error: failed"]
    {
        assert!(labels.contains(label), "{label} in {labels}");
    }
    let tip = seen["tip"].as_str().unwrap();
    assert!(tip.contains("67e55044-10b1-426f-9247-bb680e5fe001"), "{tip}");
    assert!(tip.contains("64 B") && tip.contains("CBOR") && tip.contains("took1 ms"), "{tip}");
    assert_eq!(seen["tipInside"], true);
    // The trace has a cast and two calls.
    assert_eq!((&seen["dim"], &seen["dimAfter"]), (&10.into(), &0.into()));
    assert_eq!(seen["casts"], serde_json::json!([2, 0]));
    let widths: Vec<_> =
        seen["widths"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
    assert!(widths[1] > widths[0] * 1.2, "{widths:?}");
    assert!(widths[2] < widths[1], "{widths:?}");
    let ticks = seen["ticks"].to_string();
    assert!(ticks.contains("\"100 ms\"") && ticks.contains("\"200 ms\""), "{ticks}");
}

#[test]
fn thirty_components_can_be_read() {
    let script = TEXTS.to_owned()
        + r##"
    seen.names = boxes("#names .name").length;
    seen.overlaps = overlaps(boxes("#names .name")) + overlaps(boxes("#chart .label")) + overlaps(boxes("#chart .tick"));
    seen.outside = outside(boxes("#names .name"), "#names") + outside(boxes("#chart .label"), "#chart");
    seen.below = document.getElementById("picture").getBoundingClientRect().bottom > innerHeight;
    seen.items = document.querySelectorAll("#chart .item").length;
    const fit = document.getElementById("fit");
    fit.click();
    seen.much = [document.querySelectorAll("#chart .much").length, document.querySelectorAll("#chart .item").length];
    for (let i = 0; i < 6; i++) {
        document.getElementById("chart").dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: innerWidth / 2 }));
        if (document.querySelector("#chart .item")) break;
    }
    seen.within = document.querySelectorAll("#chart .item").length;
    seen.dark = getComputedStyle(document.body).backgroundColor;
    "##;
    let recording = crowd(30, 3_000);
    assert_eq!(recording.components().count(), 30);
    for (arguments, back) in [
        (&[][..], "rgb(255, 255, 255)"),
        (&["--blink-settings=preferredColorScheme=0"][..], "rgb(13, 17, 23)"),
    ] {
        let Some(seen) = drive(&html(&recording), &script, arguments) else { return };
        assert_eq!(
            (&seen["names"], &seen["overlaps"], &seen["outside"]),
            (&30.into(), &0.into(), &0.into())
        );
        assert_eq!((&seen["below"], seen["dark"].as_str()), (&false.into(), Some(back)));
        // All of it is too much: bars, which a click zooms into.
        assert!(seen["much"][0].as_u64().unwrap() > 30 && seen["much"][1] == 0, "{}", seen["much"]);
        assert!(seen["within"].as_u64().unwrap() > 10, "{}", seen["within"]);
        // What is not in sight is not drawn.
        let items = seen["items"].as_u64().unwrap();
        assert!((10..1_000).contains(&items), "{items}");
    }
}

#[test]
fn a_topology_can_be_read() {
    let script = TEXTS.to_owned()
        + r##"
    const net_ = document.getElementById("net");
    seen.nodes = net_.querySelectorAll(".node").length;
    seen.outside = outside(boxes("#net .node text"), "#net");
    seen.wide = document.documentElement.scrollWidth > innerWidth;
    seen.rows = document.querySelectorAll("tbody tr").length;
    seen.labels = overlaps(boxes("#net .label text"));
    const node = net_.querySelector(".node text");
    node.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 9, clientY: 9 }));
    seen.on = [net_.classList.contains("focus"), net_.querySelectorAll(".node.on").length > 1, tip.textContent];
    net_.dispatchEvent(new PointerEvent("pointerleave"));
    seen.off = net_.classList.contains("focus");
    "##;
    let allowed = [Allowed::new("shop/payment", Via::Call, "shop/stock")];
    for (recording, nodes, first) in [(shop(), 6, "shop/orders"), (crowd(30, 200), 30, "tenant-")] {
        let topology = Topology::of(&recording, if nodes == 6 { &allowed } else { &[] });
        assert_eq!(topology.nodes().len(), nodes);
        let Some(seen) = drive(&topology.html(), &script, &[]) else { return };
        assert_eq!(seen["nodes"], nodes);
        assert_eq!((&seen["outside"], &seen["labels"]), (&0.into(), &0.into()));
        assert_eq!((&seen["wide"], &seen["off"]), (&false.into(), &false.into()));
        assert_eq!(seen["rows"], topology.edges().len());
        assert_eq!((&seen["on"][0], &seen["on"][1]), (&true.into(), &true.into()));
        assert!(seen["on"][2].as_str().unwrap().starts_with(first), "{}", seen["on"]);
    }
}

/// Texts that want to be markup are texts.
#[test]
fn a_hostile_text_is_shown_and_nothing_more() {
    let evil = "</script><img src=x onerror=errors.push(1)><script>errors.push(2)</script>";
    let line = |kind: &str| {
        let text = serde_json::to_string(evil).unwrap();
        format!(
            r#"{{"v":1,"n":1,"at":"2026-07-25T17:20:00Z","kind":"{kind}","who":{text},"what":"cast","whom":{text},"why":{text},"detail":{text}}}"#
        )
    };
    let lines = [line("denial"), line("send"), line("load"), line("capability-change")].join("\n");
    let recording = Recording::read(lines.as_bytes()).unwrap();
    let script = r#"
    for (const hit of document.querySelectorAll(".hit, .spot")) {
        hit.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 9, clientY: 9 }));
    }
    seen.images = document.querySelectorAll("img").length;
    seen.texts = [...document.querySelectorAll("title, text, dd, td")].filter((e) => e.textContent.includes("<img")).length;
    "#;
    for page in [html(&recording), Topology::of(&recording, &[]).html()] {
        let Some(seen) = drive(&page, script, &[]) else { return };
        assert_eq!(seen["images"], 0);
        assert!(seen["texts"].as_u64().unwrap() > 0);
    }
}
