//! Where the nanoseconds of a cast and of a call go: a sample of the processor's cycles by function
//! (`perf`), each function assigned to a step, and the whole scaled to what the benchmark measured.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::programs::Programs;

/// A step: what it is, what its functions' names contain, and which of the seed's budgets it is in.
struct Step {
    name: &'static str,
    budget: &'static str,
    functions: &'static [&'static str],
}

const ROUTING: &str = "routing";
const VALIDATION: &str = "validation, serialization";
const WASM: &str = "Wasm call";
const CORRELATION: &str = "correlation";

/// The first that matches counts. In the order in which a message meets them.
const STEPS: &[Step] = &[
    Step {
        name: "wasmtime: into guests and out, arguments and results",
        budget: WASM,
        functions: &["wasmtime", "cranelift", "catch_unwind", "UnwindReason"],
    },
    Step { name: "the guests' own code", budget: WASM, functions: &["[JIT]"] },
    Step {
        name: "host functions and the instance, castcall's side",
        budget: WASM,
        functions: &["castcall_wasm"],
    },
    Step {
        name: "calls: id, pending entry, deadline, answer",
        budget: CORRELATION,
        functions: &[
            "castcall_correlation",
            "Origin::register",
            "uuid",
            "chacha",
            "Peer>::answer",
            "broker::calls",
        ],
    },
    Step {
        name: "route, capability, quota, size, codec",
        budget: VALIDATION,
        functions: &[
            "Origin::check",
            "castcall_broker::routes",
            "castcall_broker::guard",
            "castcall_policy",
            "castcall_codec",
            "castcall_broker::context",
            "from_utf8",
        ],
    },
    Step {
        name: "who watches: spans, audit, samples of time",
        budget: VALIDATION,
        functions: &[
            "castcall_broker::spans",
            "castcall_broker::audited",
            "castcall_audit",
            "castcall_broker::timings",
        ],
    },
    Step {
        name: "clocks",
        budget: VALIDATION,
        functions: &["clock_gettime", "Timespec", "SystemTime", "Instant", "timestamp"],
    },
    Step {
        name: "payload: allocated, copied, freed",
        budget: VALIDATION,
        functions: &[
            "malloc",
            "_int_free",
            "cfree",
            "memmove",
            "memcpy",
            "bytes::",
            "__rust",
            "__rdl",
        ],
    },
    Step {
        name: "mailbox: in, and its message dropped",
        budget: ROUTING,
        functions: &[
            "castcall_broker::mailbox",
            "castcall_broker::message",
            "castcall_broker::send",
        ],
    },
    Step {
        name: "turn: out of the mailbox, and what became of it",
        budget: ROUTING,
        functions: &["castcall_broker::inbox", "castcall_broker::turn", "run_all"],
    },
    Step { name: "everything else", budget: ROUTING, functions: &[""] },
];

/// What the seed gives a message in all, and each part of it.
struct Budget {
    path: &'static str,
    nanos: u32,
    parts: &'static [(&'static str, u32)],
}

const BUDGETS: [Budget; 2] = [
    Budget { path: "cast", nanos: 280, parts: &[(ROUTING, 211), (VALIDATION, 49), (WASM, 20)] },
    Budget { path: "call", nanos: 560, parts: &[] },
];

/// How long the bar of a whole message would be.
const WIDTH: f64 = 60.0;

/// So many messages are sampled.
const MESSAGES: &str = "4000000";

/// A share of each step, in per cent.
pub(crate) fn measure(programs: &Programs, lane: &str, suite: &Value) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for Budget { path, .. } in BUDGETS {
        let row = format!("{path}/{lane}/64-in-flight/1-worker");
        let rows = suite["rows"].as_array().context("no rows")?;
        let row = rows.iter().find(|found| found["name"] == row.as_str()).context(row)?;
        let nanos = row["value_ns"].as_f64().context("no value")?;
        let report = programs.samples("one_path", &[path, MESSAGES, &format!("--lane={lane}")])?;
        let shares = shares(&report);
        let whole: f64 = shares.iter().sum();
        let steps: Vec<_> = STEPS
            .iter()
            .zip(shares)
            .map(|(step, share)| {
                let nanos = (share / whole * nanos * 10.0).round() / 10.0;
                json!({ "step": step.name, "budget": step.budget, "ns": nanos })
            })
            .collect();
        all.push(json!({ "path": path, "lane": lane, "ns": nanos.round(), "steps": steps }));
    }
    Ok(all)
}

/// What each step's functions have in sum, of lines like `4.50%  file  [.] function`.
fn shares(report: &str) -> Vec<f64> {
    let mut shares = vec![0.0; STEPS.len()];
    for line in report.lines() {
        let Some((share, function)) = line.trim().split_once('%') else { continue };
        let Ok(share) = share.parse::<f64>() else { continue };
        let matches = |step: &Step| step.functions.iter().any(|part| function.contains(part));
        if let Some(at) = STEPS.iter().position(matches) {
            shares[at] += share;
        }
    }
    shares
}

/// A picture for each path.
pub(crate) fn picture(data: &Value) -> Result<String> {
    let mut text = String::new();
    for part in data["steps"].as_array().into_iter().flatten() {
        let (path, lane) = (&part["path"], &part["lane"]);
        let path = path.as_str().context("no path")?;
        let seed = BUDGETS.iter().find(|budget| budget.path == path).context("no budget")?;
        let lane = lane.as_str().context("no lane")?;
        let whole = part["ns"].as_f64().context("no time")?;
        writeln!(text, "```text")?;
        let nanos = seed.nanos;
        writeln!(text, "one {path}, lane `{lane}`: {whole:.0} ns; the seed: {nanos} ns\n")?;
        let steps = part["steps"].as_array().context("no steps")?;
        for budget in [WASM, CORRELATION, VALIDATION, ROUTING] {
            let of: Vec<_> = steps.iter().filter(|step| step["budget"] == budget).collect();
            let sum: f64 = of.iter().filter_map(|step| step["ns"].as_f64()).sum();
            if sum == 0.0 {
                continue;
            }
            let part = seed.parts.iter().find(|(name, _)| *name == budget);
            let given = part.map_or_else(String::new, |(_, nanos)| format!("the seed: {nanos}"));
            writeln!(text, "== {budget:<53}{sum:>7.0}   {given}")?;
            for step in of {
                let (name, nanos) = (step["step"].as_str(), step["ns"].as_f64());
                let (name, nanos) = (name.context("no name")?, nanos.context("no time")?);
                if nanos >= 0.5 {
                    let bar = "#".repeat((nanos / whole * WIDTH).round() as usize);
                    writeln!(text, "   {name:<53}{nanos:>7.0}   {bar}")?;
                }
            }
        }
        writeln!(text, "```\n")?;
    }
    // Nothing at the ends of lines.
    Ok(text.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_the_first_step_that_knows_them() {
        let report = "# Overhead\n  60.50%  a  [.] wasmtime::x\n  9.50%  b  [.] castcall_broker::inbox::y\n\
            \n 30.00%  c  [.] unheard_of\n";
        let shares = shares(report);
        assert_eq!(shares[0], 60.5);
        assert_eq!(shares[STEPS.len() - 2], 9.5);
        assert_eq!(shares[STEPS.len() - 1], 30.0);
    }

    #[test]
    fn a_picture_sums_up_by_budget() {
        let step =
            |budget, ns| json!({ "step": format!("a {budget}"), "budget": budget, "ns": ns });
        let steps = [step(WASM, 80.0), step(ROUTING, 21.2), step(ROUTING, 0.1)];
        let data = json!({ "steps": [{ "path": "cast", "lane": "x", "ns": 101, "steps": steps }] });
        let picture = picture(&data).unwrap();
        assert!(picture.contains("one cast, lane `x`: 101 ns; the seed: 280 ns"), "{picture}");
        assert!(
            picture.contains("== routing") && picture.contains("21   the seed: 211"),
            "{picture}"
        );
        assert!(picture.contains("####################"), "{picture}");
    }
}
