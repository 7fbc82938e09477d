//! The tables of docs/performance.md, made of docs/performance.json.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{LANES, steps};

/// What has a goal for each lane, without the lane's name: that it is missing is an error.
const GOALS: &[&str] = &[
    "cast/LANE/64-in-flight/1-worker",
    "cast/LANE/64-in-flight/1-worker/audited",
    "call/LANE/64-in-flight/1-worker",
    "call/LANE/64-in-flight/1-worker/audited",
    "call/LANE/1-in-flight/2-workers",
    "call/LANE/1-in-flight/2-workers/audited",
    "sustained/LANE/64-pairs/2-workers",
    "sustained/LANE/64-pairs/2-workers/audited",
    "hot/LANE/16-senders",
    "payload/LANE/4-KiB",
    "payload/LANE/64-KiB",
    "payload/LANE/1-MiB",
    "wake-up/LANE/p50",
    "wake-up/LANE/p99",
    "half-load/LANE/p50",
    "half-load/LANE/p99",
    "half-load/LANE/p99.9",
    "live/LANE/bytes-each",
    "live/LANE/answered",
    "start/LANE",
    "growth/LANE/8-active-of-1000-components",
    "growth/LANE/8-active-of-10000-components",
    "growth/LANE/any-of-10000-components",
    "growth/LANE/calls-beside-10000-pending",
    "growth/LANE/calls-beside-1000000-pending",
    "allocations/LANE/cast",
    "allocations/LANE/call",
    "allocations/LANE/cast/4-KiB",
    "allocations/LANE/cast/64-KiB",
    "allocations/LANE/cast/1-MiB",
    "system-calls/LANE/cast",
    "system-calls/LANE/call",
    "instructions/LANE/cast",
    "instructions/LANE/call",
    "watched/LANE/traced-unsampled",
];

/// Those of them of which there is no row.
pub(crate) fn missing(data: &Value) -> Vec<String> {
    let all = || rows(data, "rows").chain(rows(data, "counts"));
    let is_there = |name: &String| all().any(|row| row["name"].as_str() == Some(name));
    let wanted =
        LANES.iter().flat_map(|lane| GOALS.iter().map(move |goal| goal.replace("LANE", lane)));
    wanted.filter(|name| !is_there(name)).collect()
}

fn rows<'a>(data: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    data[list].as_array().into_iter().flatten()
}

/// Puts the tables between their marks.
pub(crate) fn put(page: &str, data: &Value) -> Result<String> {
    let page = between(page, "machine", &machine(data)?)?;
    let page = between(&page, "rows", &times(data)?)?;
    let page = between(&page, "counts", &counts(data)?)?;
    between(&page, "steps", &steps::picture(data)?)
}

fn between(page: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- bench: {name} -->\n"), format!("<!-- /bench: {name} -->\n"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no {end}"))?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}

fn machine(data: &Value) -> Result<String> {
    let of = |name: &str| &data["machine"][name];
    let text = |name: &str| of(name).as_str().with_context(|| format!("no {name}"));
    let commit = data["commit"].as_str().context("no commit")?;
    Ok(format!(
        "{}; {} cores, {} GiB; Linux {}; {}; commit {commit}; the whole run took {} s.\n",
        text("cpu")?,
        of("cores"),
        of("memory_gib"),
        text("kernel")?,
        text("rustc")?,
        data["seconds"],
    ))
}

fn times(data: &Value) -> Result<String> {
    let mut table = String::from(
        "| what | ns | reference | ns | ratio | goal | |\n\
         | --- | ---: | --- | ---: | ---: | ---: | --- |\n",
    );
    for row in rows(data, "rows") {
        let text = |name: &str| row[name].as_str().with_context(|| format!("{row}: no {name}"));
        let number = |name: &str| row[name].as_f64().with_context(|| format!("{row}: no {name}"));
        let (ratio, goal) = (number("ratio")?, row["goal"].as_f64());
        let limit = goal.map_or_else(String::new, |goal| format!("≤ {goal}"));
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {ratio:.2} | {limit} | {} |",
            text("name")?,
            nanos(number("value_ns")?),
            text("reference")?,
            nanos(number("reference_ns")?),
            verdict(goal.map(|goal| ratio <= goal)),
        )?;
    }
    Ok(table)
}

fn counts(data: &Value) -> Result<String> {
    let mut table = String::from(
        "| what | count | unit | goal | | |\n\
         | --- | ---: | --- | ---: | --- | --- |\n",
    );
    for row in rows(data, "counts") {
        let text = |name: &str| row[name].as_str().with_context(|| format!("{row}: no {name}"));
        let value = row["value"].as_f64().with_context(|| format!("{row}: no value"))?;
        let (most, least) = (row["goal"].as_f64(), row["at_least"].as_f64());
        let goal = match (most, least) {
            (Some(most), _) => format!("≤ {}", grouped(most)),
            (_, Some(least)) => format!("≥ {}", grouped(least)),
            (None, None) => String::new(),
        };
        let holds = most.map(|most| value <= most).or(least.map(|least| value >= least));
        writeln!(
            table,
            "| `{}` | {} | {} | {goal} | {} | {} |",
            text("name")?,
            grouped(value),
            text("unit")?,
            verdict(holds),
            row["note"].as_str().unwrap_or_default(),
        )?;
    }
    Ok(table)
}

fn verdict(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    }
}

fn nanos(nanos: f64) -> String {
    if nanos < 10.0 { format!("{nanos:.1}") } else { grouped(nanos.round()) }
}

/// With a comma at each third digit.
fn grouped(number: f64) -> String {
    if number.fract() != 0.0 {
        return number.to_string();
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "a\n<!-- bench: machine -->\n<!-- /bench: machine -->\nb\n\
        <!-- bench: rows -->\nold\n<!-- /bench: rows -->\n\
        <!-- bench: counts -->\n<!-- /bench: counts -->\n\
        <!-- bench: steps -->\n<!-- /bench: steps -->\nc\n";

    fn data() -> Value {
        json!({
            "commit": "abc", "seconds": 3,
            "machine": {"cpu": "x", "cores": 2, "memory_gib": 8, "kernel": "6", "rustc": "rustc"},
            "rows": [{"name": "start/component", "value_ns": 6000.4, "reference": "pooled",
                "reference_ns": 2000.0, "ratio": 3.0002, "goal": 1.5}],
            "counts": [{"name": "live/component/answered", "value": 10000, "unit": "components",
                "at_least": 10000}],
        })
    }

    #[test]
    fn tables_stand_between_their_marks_and_are_put_there_once() {
        let page = put(PAGE, &data()).unwrap();
        assert!(
            page.starts_with("a\n") && page.ends_with("c\n") && !page.contains("old"),
            "{page}"
        );
        let row = "| `start/component` | 6,000 | pooled | 2,000 | 3.00 | ≤ 1.5 | **missed** |";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("| 10,000 | components | ≥ 10,000 | met |"), "{page}");
        assert_eq!(put(&page, &data()).unwrap(), page);
        assert!(put("no marks", &data()).is_err());
    }

    #[test]
    fn a_goal_without_a_row_is_named() {
        let missing = missing(&data());
        assert!(missing.contains(&"hot/component/16-senders".to_owned()));
        assert!(!missing.contains(&"start/component".to_owned()));
    }
}
