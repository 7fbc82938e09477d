use super::*;
use crate::Limits;
use crate::testing::{Lines, read, read_limited};

/// Without the first line, and without the participants.
fn strokes(recording: &Recording) -> Vec<String> {
    let text = mermaid(recording);
    assert!(text.starts_with("sequenceDiagram\n"));
    let lines = text.lines().skip(1).map(|line| line.trim().to_owned());
    lines.filter(|line| !line.starts_with("participant")).collect()
}

#[test]
fn casts_and_publishes_have_an_open_arrow() {
    let recording = Lines::default()
        .short("send cast a b size=20480")
        .short("send publish a t.x size=3")
        .short("delivery cast a b size=20480")
        .short("delivery publish a t.x b")
        .short("delivery publish a t.x a")
        .short("send publish b u")
        .short("send cast b a")
        .short("dead-letter cast b a why=mailbox-full")
        .read();
    assert_eq!(
        strokes(&recording),
        [
            "c0-)c1: cast, 20.0 KiB",
            "c0-)c1: publish t.x, 3 B",
            "c0-)c0: publish t.x, 3 B",
            "Note over c1: publish u: nobody got it",
            "c1-xc0: cast",
            "Note over c0: dead letter, mailbox-full",
        ]
    );
}

#[test]
fn each_activation_ends_once() {
    let recording = Lines::default()
        .short("send call a b one size=10")
        .short("send call a b two")
        .short("send call a b three")
        .short("delivery call a b one")
        .short("call-end - a b one why=answered size=3")
        .short("call-end - a b two why=crashed")
        .short("call-end - a b three why=timeout")
        .short("call-end - a b four why=answered")
        .short("cancel cancel a b five")
        .read();
    assert_eq!(
        strokes(&recording),
        [
            "c0->>+c1: call, 10 B",
            "c0->>+c1: call",
            "c0->>+c1: call",
            "c1-->>-c0: answered, 3 B, after 4 ms",
            "c1--x-c0: crashed, after 4 ms",
            "deactivate c1",
            "Note over c0,c1: timeout, after 4 ms",
            "c1-->>c0: answered",
            "Note over c0,c1: cancelled",
        ]
    );
}

#[test]
fn notes() {
    let recording = Lines::default()
        .add(r#""kind":"load","whom":"a","who":"host""#)
        .add(r#""kind":"load","whom":"b","who":"host""#)
        .add(r#""kind":"subscribe","who":"a","pattern":"t.*""#)
        .add(r#""kind":"capability-change","who":"host","whom":"x/*","detail":"grant cast b""#)
        .short("denial cast a b why=capability-denied")
        .short("denial call a <script>; why=capability-denied repeated=12")
        .add(r#""kind":"denial","who":"a","what":"cancel","why":"not-owner""#)
        .add(r#""kind":"restart","whom":"b","why":"trap""#)
        .add(r#""kind":"failure","whom":"b","why":"given-up""#)
        .add(r#""kind":"unload","whom":"a""#)
        .add(r#""kind":"dropped","why":"overload","count":3"#)
        .read();
    assert_eq!(
        strokes(&recording),
        [
            "Note over c0: loaded",
            "Note over c1: loaded",
            "Note over c0: subscribes to t.*",
            "Note over c0,c1: x/*: grant cast b",
            "c0--xc1: cast denied, capability-denied",
            "Note over c0: denied: call #60;script#62;#59;, capability-denied, 12 times",
            "Note over c0: denied: cancel, not-owner",
            "Note over c1: crashed, trap, and restarted",
            "Note over c1: failed, given-up",
            "Note over c0: unloaded",
            "Note over c0,c1: 3 records are missing here, overload",
            "Note over c0,c1: The audit says that 3 records are missing.",
        ]
    );
}

#[test]
fn a_long_recording_is_cut_and_says_so() {
    let mut lines = Lines::default();
    for _ in 0..450 {
        lines = lines.short("send cast a b size=1");
    }
    let all = strokes(&lines.read());
    assert_eq!(
        (all.len(), all[400].as_str()),
        (401, "Note over c0,c1: 50 more arrows and notes were left out")
    );

    let some = strokes(&read_limited(lines.text(), &Limits::default().records(10)));
    assert_eq!(some[10], "Note over c0,c1: The rest was left out#58; 440 lines after these.");

    // Names of 128 bytes that are all escaped: the limit of bytes is met first.
    let mut lines = Lines::default();
    for _ in 0..400 {
        lines =
            lines.add(&format!(r#""kind":"subscribe","who":"a","pattern":"{}""#, "~".repeat(128)));
    }
    let text = mermaid(&lines.read());
    assert!(text.len() < 46_000, "{}", text.len());
    assert!(text.contains(" more arrows and notes were left out"), "{text}");
}

#[test]
fn nothing_is_a_diagram_too() {
    assert_eq!(
        mermaid(&read("")),
        "sequenceDiagram\n    participant c0 as nobody\n    Note over c0: nothing was recorded\n"
    );
}

#[test]
fn lanes_beyond_the_limit_are_one() {
    let lines =
        Lines::default().short("send cast a b").short("send cast c d").short("send cast d a");
    let recording = read_limited(lines.text(), &Limits::default().lanes(3));
    let text = mermaid(&recording);
    assert!(text.contains("participant c2 as 2 others"), "{text}");
    assert_eq!(strokes(&recording), ["c0-)c1: cast", "c2-)c2: cast", "c2-)c0: cast"]);
}
