//! Whatever the input is, nothing panics, and no text in it becomes markup or loads anything.

use castcall_diagram::{Allowed, Limits, Recording, Topology, Via, html, mermaid};
use proptest::prelude::*;

/// Texts that would do harm in HTML, in a script or in Mermaid, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("</script><script>alert(1)</script>".to_owned()),
        Just("<img src=http://evil.example/x onerror=alert(1)>".to_owned()),
        Just("\" onload=\"alert(1)\" x='".to_owned()),
        Just("<!--<script>".to_owned()),
        Just("a\n    c0->>c1: made up".to_owned()),
        Just("\"] --> x; click x href \"https://evil.example\"".to_owned()),
        Just("shop/stock".to_owned()),
        Just("shop/orders".to_owned()),
        any::<String>(),
    ]
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

/// One line, whose texts may be anything.
fn line() -> impl Strategy<Value = String> {
    let kind = word(&[
        "send",
        "delivery",
        "call-end",
        "handler-error",
        "dead-letter",
        "subscribe",
        "unsubscribe",
        "cancel",
        "load",
        "unload",
        "restart",
        "failure",
        "capability-change",
        "denial",
        "dropped",
    ]);
    let what = word(&["cast", "call", "publish", "callback", "subscribe", "cancel", "nonsense"]);
    let fields = prop::collection::vec(
        (
            word(&[
                "who",
                "whom",
                "topic",
                "pattern",
                "group",
                "why",
                "detail",
                "request_id",
                "trace_id",
            ]),
            text(),
        ),
        0..7,
    );
    let numbers = prop::collection::vec(
        (word(&["size", "codec", "count", "repeated", "incarnation"]), any::<u64>()),
        0..3,
    );
    let moment = (0_u8..60, 0_u32..1_000_000);
    (kind, what, fields, numbers, any::<u64>(), moment).prop_map(
        |(kind, what, fields, numbers, n, (second, micros))| {
            let mut line = serde_json::json!({
                "v": 1, "n": n, "kind": kind, "what": what,
                "at": format!("2026-07-25T17:20:{second:02}.{micros:06}Z"),
            });
            for (key, text) in fields {
                line[key] = text.into();
            }
            for (key, number) in numbers {
                line[key] = number.into();
            }
            line.to_string()
        },
    )
}

fn all(recording: &Recording, allowed: &[Allowed]) -> [String; 4] {
    let topology = Topology::of(recording, allowed);
    [html(recording), topology.html(), mermaid(recording), topology.mermaid()]
}

/// How often each thing stands in a page of nothing: what a recording adds must not add to it.
fn marks(page: &str) -> Vec<usize> {
    let page = page.to_lowercase();
    let marks =
        ["<script", "</script", "<!--", "<img", "<iframe", "<link", "<b>", "<style", "<meta"];
    marks.map(|mark| page.matches(mark).count()).into()
}

fn check(recording: &Recording, allowed: &[Allowed]) -> Result<(), TestCaseError> {
    let empty = Recording::read(&b""[..]).unwrap();
    let [sequence, topology, ..] = all(&empty, &[]);
    let [drawn_sequence, drawn_topology, mermaid, flowchart] = all(recording, allowed);
    for (page, nothing) in [(&drawn_sequence, &sequence), (&drawn_topology, &topology)] {
        prop_assert_eq!(marks(page), marks(nothing));
        // All of the page but its texts is the page's own, so its attributes name no address.
        for load in ["src=\"", "href=", "url(", "@import"] {
            prop_assert!(!outside_texts(page).contains(load), "{} in {}", load, page);
        }
    }
    for text in [mermaid, flowchart] {
        prop_assert!(text.len() < 50_000);
        for line in text.lines().skip(1) {
            let known = [
                "participant c",
                "Note over c",
                "deactivate c",
                "linkStyle ",
                "n",
                "c",
                "more[",
                "remark",
            ];
            let line = line.strip_prefix("    ").unwrap_or("no indent");
            prop_assert!(known.iter().any(|known| line.starts_with(known)), "{}", line);
            // Semicolons end numbers of characters, and nothing else; quotes stand around a text.
            let ends_number = |part: &str| {
                part.rsplit_once('#').is_some_and(|(_, number)| number.parse::<u32>().is_ok())
            };
            let mut parts: Vec<_> = line.split(';').collect();
            parts.pop();
            prop_assert!(parts.into_iter().all(ends_number), "{}", line);
            prop_assert!(!line.contains('<'), "{}", line);
            prop_assert!([0, 2].contains(&line.matches('"').count()), "{}", line);
            prop_assert!(!line.contains("made up") || line.contains('\u{fffd}'), "{}", line);
        }
    }
    Ok(())
}

/// A page without its texts: JSON goes, and what stands between tags.
fn outside_texts(page: &str) -> String {
    let (before, rest) = page.split_once("id=\"data\">").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    let tags = before.split('<').map(|part| part.split('>').next().unwrap());
    tags.collect::<Vec<_>>().join("<") + after
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        if let Ok(recording) = Recording::read(&bytes[..]) {
            check(&recording, &[])?;
        }
    }

    #[test]
    fn any_records(
        lines in prop::collection::vec(line(), 0..40),
        lanes in 0_usize..6,
        who in text(),
        whom in text(),
    ) {
        let limits = Limits::default().lanes(lanes);
        let recording = Recording::read_limited(lines.join("\n").as_bytes(), &limits).unwrap();
        prop_assert_eq!(recording.skipped().unreadable, 0);
        check(&recording, &[Allowed::new(who, Via::Call, whom)])?;
    }

    #[test]
    fn any_order_is_the_same(
        lines in prop::collection::vec(line(), 0..30).prop_flat_map(|lines| {
            (Just(lines.clone()), Just(lines).prop_shuffle())
        }),
    ) {
        let [one, other] = [&lines.0, &lines.1].map(|lines| {
            // Numbers are unique, as in a stream.
            let mut lines: Vec<serde_json::Value> =
                lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            lines.retain({
                let mut seen = std::collections::BTreeSet::new();
                move |line| seen.insert(line["n"].as_u64().unwrap())
            });
            let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
            Recording::read(lines.join("\n").as_bytes()).unwrap()
        });
        prop_assert_eq!(html(&one), html(&other));
    }

    #[test]
    fn cut_anywhere(at in 0_usize..4_000) {
        let shop = include_bytes!("recordings/shop.jsonl");
        if let Ok(recording) = Recording::read(&shop[..at.min(shop.len())]) {
            prop_assert!(recording.skipped().unreadable <= 1);
            check(&recording, &[])?;
        }
    }
}

/// No page names an address at all, but for the namespace that SVG has.
#[test]
fn pages_load_nothing() {
    let shop = include_bytes!("recordings/shop.jsonl");
    let recording = Recording::read(&shop[..]).unwrap();
    for page in [html(&recording), Topology::of(&recording, &[]).html()] {
        let page = page.replace("\"http://www.w3.org/2000/svg\"", "");
        for address in ["http:", "https:", "//cdn", "src=", "href=", "url(", "@import", "fetch("] {
            assert!(!page.contains(address), "{address}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
