//! `cargo xtask bench`: measures everything, and writes docs/performance.json and the tables of
//! docs/performance.md.

mod counts;
mod live;
mod machine;
mod page;
pub(crate) mod programs;
mod steps;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The ways into a guest that there are; the same as in `benches/src/lane.rs`.
pub(crate) const LANES: &[&str] = &["core", "component"];

const PAGE: &str = "docs/performance.md";
const DATA: &str = "docs/performance.json";

/// The options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measures nothing: looks whether the page and the data agree, and whether each row is there
    /// that has a goal.
    #[arg(long, conflicts_with = "live")]
    check: bool,
    /// Only writes the tables of the page anew, from the data.
    #[arg(long, conflicts_with_all = ["check", "live"])]
    page: bool,
    /// Only counts anew, and keeps the times that the data has.
    #[arg(long, conflicts_with_all = ["check", "live", "page"])]
    counts: bool,
    /// Only loads so many components, or as many as the machine bears, and says which limit it was.
    #[arg(long, value_name = "COUNT")]
    live: Option<usize>,
}

/// Measures and writes, or checks.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.check {
        return check();
    }
    if args.page {
        return write_page(&read()?);
    }
    let programs = programs::Programs::build()?;
    if let Some(count) = args.live {
        for lane in LANES {
            println!("{:#}", live::measure(&programs, lane, count)?);
        }
        return Ok(());
    }
    let began = Instant::now();
    let suite = if args.counts { read()? } else { programs.suite()? };
    let (mut counted, mut steps) = (Vec::new(), Vec::new());
    for lane in LANES {
        if programs::is_there("perf") {
            steps.extend(steps::measure(&programs, lane, &suite)?);
        } else {
            eprintln!("no steps: perf is not installed");
        }
        counted.extend(live::rows(&programs, lane)?);
        counted.extend(counts::rows(&programs, lane)?);
    }
    let data = json!({
        "commit": machine::commit()?,
        "machine": machine::describe()?,
        "seconds": began.elapsed().as_secs(),
        "lanes": LANES,
        "rows": suite["rows"],
        "counts": counted,
        "steps": steps,
    });
    fs::write(crate::workspace().join(DATA), serde_json::to_string_pretty(&data)? + "\n")?;
    write_page(&data)?;
    println!("{DATA} and {PAGE} written after {} s", began.elapsed().as_secs());
    check()
}

fn read() -> Result<Value> {
    let text = fs::read_to_string(crate::workspace().join(DATA)).context(DATA)?;
    serde_json::from_str(&text).context(DATA)
}

fn write_page(data: &Value) -> Result<()> {
    let path = crate::workspace().join(PAGE);
    let text = fs::read_to_string(&path).context(PAGE)?;
    fs::write(&path, page::put(&text, data)?).context(PAGE)
}

/// Fails if the page says something else than the data, or a goal's row is missing.
fn check() -> Result<()> {
    let data = read()?;
    let text = fs::read_to_string(crate::workspace().join(PAGE)).context(PAGE)?;
    ensure!(
        page::put(&text, &data)? == text,
        "{PAGE} does not say what {DATA} does: `cargo xtask bench --page`"
    );
    let missing = page::missing(&data);
    if !missing.is_empty() {
        bail!("{DATA} has no row for {}", missing.join(", "));
    }
    println!("{PAGE} says what {DATA} does, and each goal has its row");
    Ok(())
}
