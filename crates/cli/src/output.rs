//! Answers for people.

use castcall::Lane;
use serde_json::{Map, Value, json};

/// Which way a component is entered: `lane`, and `why` not through the core lane.
pub(crate) fn lane(lane: &Lane) -> Value {
    match lane {
        Lane::Core => json!({ "lane": "core", "why": null }),
        Lane::Component(why) => json!({ "lane": "component", "why": why.to_string() }),
        other => json!({ "lane": other.to_string(), "why": null }),
    }
}

pub(crate) fn nothing(_: &Value) -> String {
    String::new()
}

/// One value on a line.
pub(crate) fn value(value: &Value) -> String {
    format!("{}\n", plain(value))
}

/// What a message says: its value, its text, or its bytes in base64.
pub(crate) fn payload(answer: &Value) -> String {
    match answer.get("value") {
        Some(value) => format!("{value:#}\n"),
        None => value(answer.get("text").or_else(|| answer.get("base64")).unwrap_or(&Value::Null)),
    }
}

pub(crate) fn why(answer: &Value) -> String {
    value(&answer["why"])
}

/// `NAME VALUE`, line by line.
pub(crate) fn fields(answer: &Value) -> String {
    let fields = answer.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name} {}\n", plain(value))).collect()
}

/// What people look for first; JSON has no order.
const FIRST: [&str; 25] = [
    "id",
    "component",
    "state",
    "from",
    "to",
    "topic",
    "pattern",
    "group",
    "reason",
    "sent",
    "handled",
    "waiting",
    "pending",
    "timeouts",
    "denied",
    "dead_letters",
    "crashes",
    "restarts",
    "handling_p50_us",
    "handling_p99_us",
    "waiting_p99_us",
    "incarnation",
    "codecs",
    "age_s",
    "attempts",
];

/// A list of objects as a table, without the columns that nobody has a value for.
pub(crate) fn table(rows: &Value) -> String {
    let rows: Vec<&Map<String, Value>> =
        rows.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut names: Vec<&String> = Vec::new();
    for row in &rows {
        for (name, value) in *row {
            if !value.is_null() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.sort_by_key(|name| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    let head = names.iter().map(|name| name.replace('_', "-").to_uppercase()).collect();
    let mut lines: Vec<Vec<String>> = vec![head];
    for row in &rows {
        lines.push(names.iter().map(|name| row.get(*name).map_or("-".into(), plain)).collect());
    }
    let widths: Vec<usize> = (0..names.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Without what a guest could do to a terminal.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        Value::Object(object) => match ["value", "text", "base64"].map(|key| object.get(key)) {
            [Some(value), _, _] => value.to_string(),
            [_, Some(text), _] | [_, _, Some(text)] => return plain(text),
            _ => value.to_string(),
        },
        other => other.to_string(),
    };
    let visible = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_have_the_columns_that_somebody_has() {
        let rows = json!([
            { "id": "a", "sent": 1, "p50_us": 1.25, "none": null },
            { "id": "longer", "sent": 20, "p50_us": null, "none": null },
        ]);
        let table = table(&rows);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines, ["ID      SENT  P50-US", "a       1     1.2", "longer  20    -"]);
        assert_eq!(super::table(&json!([])), "");
    }

    #[test]
    fn a_guest_can_t_write_to_the_terminal() {
        let nasty = json!({ "text": "\u{1b}[2Jhello\u{7}" });
        assert_eq!(payload(&nasty), "\\u{1b}[2Jhello\\u{7}\n");
        assert_eq!(payload(&json!({ "value": { "a": "\u{1b}" } })), "{\n  \"a\": \"\\u001b\"\n}\n");
        assert_eq!(fields(&json!({ "resent": 3 })), "resent 3\n");
        assert_eq!(why(&json!({ "why": "so" })), "so\n");
    }
}
