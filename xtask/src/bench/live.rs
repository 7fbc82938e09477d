//! How many components live at once, and what each takes.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::programs::Programs;

/// What has a goal: that many, at no more than that many bytes each.
const COUNT: usize = 10_000;
const BYTES_EACH: u64 = 160_000;

pub(crate) fn measure(programs: &Programs, lane: &str, count: usize) -> Result<Value> {
    let text = programs.run("live", &[&count.to_string(), &format!("--lane={lane}")])?;
    serde_json::from_str(&text).context("what `live` prints")
}

pub(crate) fn rows(programs: &Programs, lane: &str) -> Result<Vec<Value>> {
    let live = measure(programs, lane, COUNT)?;
    let note = live["stopped_by"].as_str().unwrap_or_default();
    Ok(vec![
        json!({
            "name": format!("live/{lane}/bytes-each"),
            "value": live["bytes_each"],
            "unit": "bytes",
            "goal": BYTES_EACH,
            "note": "resident, with its mailbox and its own compiled code, after a call",
        }),
        json!({
            "name": format!("live/{lane}/answered"),
            "value": live["answered"],
            "unit": "components",
            "at_least": COUNT,
            "note": note,
        }),
    ])
}
