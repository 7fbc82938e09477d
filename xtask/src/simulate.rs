//! `cargo xtask simulate`: chaos, and an oracle that watches the promises about calls and casts.

use std::time::{Duration, Instant};

use anyhow::Result;
use castcall_testkit::chaos::Chaos;

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(5);

/// The options of `cargo xtask simulate`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Ends after so many calls.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    /// The first run's seed; each further run has the next one. At random if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many calls one run makes, about. A run is repeated by its seed and this.
    #[arg(long, default_value_t = 2_000)]
    run: u64,
}

/// Simulates until enough calls were made, or a promise was broken.
pub(crate) fn run(args: &Args) -> Result<()> {
    let first = args.seed.unwrap_or_else(random_seed);
    println!("seed {first}, {} calls in runs of {}", args.calls, args.run);
    let start = Instant::now();
    let mut told = start;
    let (mut seed, mut calls, mut virtually) = (first, 0, Duration::ZERO);
    let (mut casts, mut dead, mut again, mut cut_off) = (0, 0, 0, 0);
    while calls < args.calls {
        let report = Chaos::new(seed).calls(args.run).try_run()?;
        calls += report.calls;
        virtually += report.elapsed;
        casts += report.casts;
        dead += report.dead_letters;
        again += report.redelivered;
        cut_off += report.cut_off;
        seed = seed.wrapping_add(1);
        if told.elapsed() >= EVERY {
            told = Instant::now();
            println!("{calls} calls, {:.0} a second, at seed {seed}", rate(calls, start));
        }
    }
    println!(
        "{calls} calls and {casts} casts and copies ({again} given again, {dead} dead letters, \
         {cut_off} senders cut off) in {} runs and {virtually:.0?} of virtual time, {:.0} calls a \
         second: no promise was broken",
        seed.wrapping_sub(first),
        rate(calls, start),
    );
    Ok(())
}

fn rate(calls: u64, start: Instant) -> f64 {
    calls as f64 / start.elapsed().as_secs_f64()
}

/// A seed that nobody has chosen.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Short enough to be typed.
    RandomState::new().hash_one(()) >> 32
}
