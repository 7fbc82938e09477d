use serde_json::{Value, json};

use super::*;
use crate::Limits;
use crate::testing::{Lines, read, read_limited};

/// What the page's script is given.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_script_is_given_what_was_recorded() {
    let recording = Lines::default()
        .short("send call a b one size=10 codec=81 trace_id=t")
        .short("delivery call a b one size=10")
        .short("call-end - a b one why=answered size=3")
        .short("delivery callback a a one size=3")
        .short("denial cast a </script><b> why=capability-denied repeated=12")
        .read();
    let page = html(&recording);
    let data = data(&page);
    assert_eq!(data["lanes"], json!(["a", "b"]));
    assert_eq!(data["times"], json!([0, 1_000, 2_000, 3_000, 4_000]));
    assert_eq!(
        data["items"],
        json!([
            {
                "k": "call", "from": 0, "to": 1, "sent": 0, "got": 1, "end": 2, "back": 3,
                "why": "answered", "size": "10 B", "codec": "CBOR", "answer": "3 B",
                "request": "one", "trace": "t",
            },
            {
                "k": "denial", "from": 0, "whom": "</script><b>", "text": "cast", "sent": 4,
                "why": "capability-denied", "count": 12,
            },
        ])
    );
    assert!(page.contains("2 components, 0 casts, 1 call, 0 publishes, 12 denials in 4 ms"));
    assert!(!page.contains("</script><b>"));
}

#[test]
fn who_is_among_others_is_named() {
    let lines = Lines::default().short("send cast a b").short("send cast c a");
    let data = data(&html(&read_limited(lines.text(), &Limits::default().lanes(2))));
    assert_eq!((&data["lanes"], &data["others"]), (&json!(["a", "2 others"]), &json!(true)));
    let casts = &data["items"];
    assert_eq!(casts[0], json!({"k": "cast", "from": 0, "to": 1, "whom": "b", "sent": 0}));
    assert_eq!(casts[1], json!({"k": "cast", "from": 1, "to": 0, "who": "c", "sent": 1}));
}

#[test]
fn what_is_left_out_is_said() {
    let lines = Lines::default().short("send cast a b").short("send cast c a");
    let page = html(&read_limited(&format!("{}half", lines.text()), &Limits::default().records(1)));
    assert!(page.contains("<li>The rest was left out: 2 lines after these.</li>"));
    let page = html(&read(&format!("{}half", lines.text())));
    assert!(page.contains("<li>1 line could not be read.</li>"));
    assert!(html(&read("")).contains("0 components"));
}
