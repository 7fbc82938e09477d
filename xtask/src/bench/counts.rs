//! What can be counted, and is the same on a noisy machine: allocations, system calls,
//! instructions. Each is the difference of a longer and a shorter run, so that what a start costs
//! does not show.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::programs::{Programs, is_there};
use crate::instructions;

/// What is allocated less often than this, per message, is not named.
const SELDOM: f64 = 0.01;

/// Who compiles, in the names of functions.
const COMPILERS: [&str; 4] = ["cranelift", "regalloc2", "::compile", "rayon"];

/// One path, and how much of it is run.
struct Run {
    name: &'static str,
    path: &'static str,
    bytes: usize,
    messages: [u64; 2],
    in_flight: usize,
}

const ALLOCATING: [Run; 5] = [
    Run { name: "cast", path: "cast", bytes: 64, messages: [8192, 24576], in_flight: 64 },
    Run { name: "call", path: "call", bytes: 64, messages: [8192, 24576], in_flight: 64 },
    Run { name: "cast/4-KiB", path: "cast", bytes: 4 << 10, messages: [1024, 3072], in_flight: 4 },
    Run { name: "cast/64-KiB", path: "cast", bytes: 64 << 10, messages: [256, 2304], in_flight: 4 },
    Run { name: "cast/1-MiB", path: "cast", bytes: 1 << 20, messages: [128, 1152], in_flight: 4 },
];

/// Of these the ticks, a thousand a second, are what is left.
const CALLING: [u64; 2] = [200_000, 1_000_000];

pub(crate) fn rows(programs: &Programs, lane: &str) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    if is_there("valgrind") {
        for run in &ALLOCATING {
            rows.push(allocations(programs, lane, run)?);
        }
        rows.extend(counted_instructions(programs, lane)?);
    } else {
        eprintln!("no allocations and instructions: valgrind is not installed");
    }
    if is_there("strace") {
        for path in ["cast", "call"] {
            rows.push(system_calls(programs, lane, path)?);
        }
    } else {
        eprintln!("no system calls: strace is not installed");
    }
    Ok(rows)
}

fn allocations(programs: &Programs, lane: &str, run: &Run) -> Result<Value> {
    let [shorter, longer] = run.messages.map(|messages| {
        let (messages, in_flight) = (messages.to_string(), run.in_flight.to_string());
        let (bytes, lane) = (run.bytes.to_string(), format!("--lane={lane}"));
        programs
            .allocations("one_path", &[run.path, &messages, &in_flight, &bytes, &lane])
            .and_then(|report| sites(&report).context("DHAT says something unexpected"))
    });
    let (shorter, mut longer) = (shorter?, longer?);
    for (site, count) in &shorter {
        *longer.entry(site.clone()).or_default() -= count;
    }
    let messages = (run.messages[1] - run.messages[0]) as f64;
    let mut each: Vec<(f64, String)> =
        longer.into_iter().map(|(site, count)| (count as f64 / messages, site)).collect();
    each.sort_by(|one, other| other.0.total_cmp(&one.0));
    let sum: f64 = each.iter().map(|(count, _)| count).sum();
    let named = each.iter().filter(|(count, _)| count.abs() >= SELDOM);
    let note: Vec<_> = named.map(|(count, site)| format!("{count:.2} in {site}")).collect();
    let is_cast = run.path == "cast";
    Ok(json!({
        "name": format!("allocations/{lane}/{}", run.name),
        "value": (sum * 100.0).round() / 100.0,
        "unit": "allocations",
        "goal": is_cast.then_some(1.0),
        "note": note.join("; "),
    }))
}

/// How many blocks each call site took. A site is its three innermost functions that have a name
/// and are not the allocator. What compiles is left out: its threads share their work differently
/// each time.
fn sites(report: &Value) -> Option<BTreeMap<String, i64>> {
    let frames = report["ftbl"].as_array()?;
    let mut sites = BTreeMap::new();
    for point in report["pps"].as_array()? {
        let mut names = Vec::new();
        for frame in point["fs"].as_array()? {
            let frame = frames.get(usize::try_from(frame.as_u64()?).ok()?)?.as_str()?;
            if let Some(name) = function(frame) {
                names.push(name);
            }
        }
        if names.iter().any(|name| COMPILERS.iter().any(|compiler| name.contains(compiler))) {
            continue;
        }
        names.truncate(3);
        *sites.entry(names.join(" ← ")).or_default() += point["tbk"].as_i64()?;
    }
    Some(sites)
}

/// Of `0x1234: a::b::c (in /some/file)`: `b::c`.
fn function(frame: &str) -> Option<String> {
    let (_, name) = frame.split_once(": ")?;
    let (name, _) = name.split_once(" (").unwrap_or((name, ""));
    let is_allocator = ["malloc", "calloc", "realloc", "memalign", "__rust_"];
    if name == "???" || is_allocator.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    Some(format!("`{name}`"))
}

fn system_calls(programs: &Programs, lane: &str, path: &str) -> Result<Value> {
    let [shorter, longer] = CALLING.map(|messages| {
        let lane = format!("--lane={lane}");
        programs.system_calls("steady", &[path, &messages.to_string(), &lane])
    });
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (name, count) in longer? {
        *counts.entry(name).or_default() += i64::try_from(count)?;
    }
    for (name, count) in shorter? {
        *counts.entry(name).or_default() -= i64::try_from(count)?;
    }
    let messages = CALLING[1] - CALLING[0];
    let sum: i64 = counts.values().sum();
    let mut most: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    most.sort_by_key(|(_, count)| -count);
    most.truncate(4);
    let note: Vec<_> = most.iter().map(|(name, count)| format!("{count} {name}")).collect();
    Ok(json!({
        "name": format!("system-calls/{lane}/{path}"),
        "value": round(sum as f64 / messages as f64),
        "unit": "system calls",
        "goal": 0.01,
        "note": format!("in {messages} messages: {}", note.join(", ")),
    }))
}

fn counted_instructions(programs: &Programs, lane: &str) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for path in instructions::PATHS {
        let plain = instructions::each(programs, lane, path, &[])?;
        let traced = instructions::each(programs, lane, path, &["--traced"])?;
        rows.push(json!({
            "name": format!("instructions/{lane}/{path}"),
            "value": plain.round(),
            "unit": "instructions",
        }));
        rows.push(json!({
            "name": format!("instructions/{lane}/{path}/traced-unsampled"),
            "value": traced.round(),
            "unit": "instructions",
            "goal": (plain * 1.02).round(),
            "note": format!("{:+.2} %", (traced / plain - 1.0) * 100.0),
        }));
    }
    Ok(rows)
}

/// To four places.
fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_its_innermost_functions_without_the_allocator() {
        let report = json!({
            "ftbl": ["0x0: cranelift::x (in /a)", "0x1: malloc (in /a)", "0x2: one::two (in /b)", "0x3: ??? (in /c)",
                "0x4: three (x.rs:3)"],
            "pps": [{"tbk": 7, "fs": [1, 2, 3, 4]}, {"tbk": 2, "fs": [1, 2, 4]},
                {"tbk": 5, "fs": [1, 2, 0]}],
        });
        let sites = sites(&report).unwrap();
        assert_eq!(sites, BTreeMap::from([("`one::two` ← `three`".to_owned(), 9)]));
    }
}
