//! `cargo xtask instructions`: how many instructions a cast and a call take, which does not depend
//! on what else the machine does. The gate fails if a release would take a tenth more than it did.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::bench::LANES;
use crate::bench::programs::{Programs, is_there};
use crate::workspace::{Workspace, cargo};

/// What is counted of each lane.
pub(crate) const PATHS: &[&str] = &["cast", "call"];

const FILE: &str = "benches/instructions.json";

/// How much more than it was is too much. In this build the dependencies have their assertions, and a
/// path takes 1.4 to 1.5 times what it takes in a release: a tenth of that is 7 % of this, and what
/// may be more than 5 % is caught.
const MOST: f64 = 1.05;

/// The counts repeat within this: what is less than they were by more should be noted down.
const STEADY: f64 = 0.01;

/// Multiples of 64, and of what is between two ticks.
const SHORTER: u64 = 10 * 2_048;
const LONGER: u64 = 30 * 2_048;

/// The options of `cargo xtask instructions`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes what is counted to benches/instructions.json.
    #[arg(long)]
    bless: bool,
    /// Installs valgrind, from Debian, if there is none.
    #[arg(long)]
    install: bool,
}

/// Counts and compares.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !is_there("valgrind") {
        ensure!(args.install, "valgrind is needed: install it, or use --install as root");
        install()?;
    }
    let programs = build()?;
    let mut found = BTreeMap::new();
    for lane in LANES {
        for path in PATHS {
            let count = each(&programs, lane, path, &[])?;
            found.insert(format!("{path}/{lane}"), count.round());
        }
    }
    let path = crate::workspace().join(FILE);
    if args.bless {
        fs::write(&path, serde_json::to_string_pretty(&found)? + "\n")?;
        println!("{FILE}: {found:?}");
        return Ok(());
    }
    let text = fs::read_to_string(&path).context(FILE)?;
    judge(&serde_json::from_str(&text).context(FILE)?, &found)
}

fn judge(expected: &BTreeMap<String, f64>, found: &BTreeMap<String, f64>) -> Result<()> {
    let mut faults = Vec::new();
    for (name, count) in found {
        let Some(before) = expected.get(name) else {
            faults.push(format!("{name} is not in {FILE}"));
            continue;
        };
        let ratio = count / before;
        println!(
            "{name}: {count} instructions, {before} expected: {:+.1} %",
            (ratio - 1.0) * 100.0
        );
        if ratio > MOST {
            faults.push(format!("{name} takes {:.0} % more than it did", (ratio - 1.0) * 100.0));
        } else if ratio < 1.0 - STEADY {
            println!("  less than before: `cargo xtask instructions --bless` keeps it so");
        }
    }
    faults.extend(
        expected
            .keys()
            .filter(|name| !found.contains_key(*name))
            .map(|name| format!("{name} stands in {FILE}, and there is no such path")),
    );
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

/// Instructions of one message, or of one call and its callback, on one thread.
pub(crate) fn each(programs: &Programs, lane: &str, path: &str, more: &[&str]) -> Result<f64> {
    let count = |messages: u64| {
        let (messages, lane) = (messages.to_string(), format!("--lane={lane}"));
        let args = [&[path, &messages, &lane], more].concat();
        programs.instructions("one_path", &args)
    };
    let (longer, shorter) = (count(LONGER)?, count(SHORTER)?);
    Ok(longer.saturating_sub(shorter) as f64 / (LONGER - SHORTER) as f64)
}

/// As the tests are built, so that what they are made of need not be built again, but with our own
/// crates optimised as in a release.
fn build() -> Result<Programs> {
    let workspace = Workspace::load()?;
    let mut build = cargo();
    build.args(["build", "--locked", "--workspace", "--example", "one_path"]);
    for member in &workspace.members {
        for setting in ["opt-level=3", "debug-assertions=false", "overflow-checks=false"] {
            build.arg("--config").arg(format!("profile.dev.package.{}.{setting}", member.name));
        }
    }
    ensure!(build.status()?.success(), "one_path can't be built");
    // A copy, since the next build without these settings puts another in its place.
    let folder: PathBuf = workspace.target.join("instructions");
    fs::create_dir_all(&folder)?;
    fs::copy(workspace.target.join("debug/examples/one_path"), folder.join("one_path"))?;
    Ok(Programs::in_folder(&workspace.target, folder))
}

fn install() -> Result<()> {
    for args in [&["update", "-qq"][..], &["install", "-qq", "--no-install-recommends", "valgrind"]]
    {
        let mut apt = Command::new("apt-get");
        let done = apt.env("DEBIAN_FRONTEND", "noninteractive").args(args).status()?;
        ensure!(done.success(), "apt-get {} fails", args.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(cast: f64) -> BTreeMap<String, f64> {
        BTreeMap::from([("cast/component".to_owned(), cast)])
    }

    #[test]
    fn a_twentieth_more_is_borne_and_no_more() {
        let expected = counts(1_000.0);
        judge(&expected, &counts(1_049.0)).unwrap();
        judge(&expected, &counts(500.0)).unwrap();
        let error = judge(&expected, &counts(1_060.0)).unwrap_err().to_string();
        assert!(error.contains("cast/component takes 6 % more"), "{error}");
    }

    #[test]
    fn both_name_the_same_paths() {
        let error = judge(&BTreeMap::new(), &counts(1.0)).unwrap_err().to_string();
        assert!(error.contains("is not in"), "{error}");
        let error = judge(&counts(1.0), &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("no such path"), "{error}");
    }
}
