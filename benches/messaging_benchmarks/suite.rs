//! Criterion, and the medians that the table at the end is made of.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

/// Median nanoseconds by `group/id`, of what was run.
pub(crate) type Medians = BTreeMap<String, f64>;

pub(crate) struct Suite {
    criterion: Criterion,
    medians: Medians,
    filter: Option<String>,
    mode: Mode,
}

/// How much of what criterion does not measure is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Measure,
    /// Each once, to see that it works.
    Test,
    List,
}

pub(crate) struct Group<'a> {
    name: String,
    group: BenchmarkGroup<'a, WallTime>,
    medians: &'a mut Medians,
}

impl Suite {
    pub(crate) fn from_args() -> Self {
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1_500))
            .sample_size(40)
            .configure_from_args();
        let given = |wanted: &str| env::args().any(|arg| arg == wanted);
        let mode = match (given("--list"), given("--test")) {
            (true, _) => Mode::List,
            (_, true) => Mode::Test,
            _ => Mode::Measure,
        };
        let filter = filter(env::args().skip(1));
        Self { criterion, medians: Medians::new(), filter, mode }
    }

    pub(crate) fn group(&mut self, name: &str) -> Group<'_> {
        let group = self.criterion.benchmark_group(name);
        Group { name: name.to_owned(), group, medians: &mut self.medians }
    }

    /// Measures what criterion can't: `routine` says how long what took. It runs if the filter is
    /// part of `name`, or the other way round. It is told by what part the work is to be less.
    pub(crate) fn measured(
        &mut self,
        name: &str,
        routine: impl FnOnce(usize) -> Vec<(String, f64)>,
    ) {
        let wanted = self.filter.as_deref().is_none_or(|filter| {
            name.contains(filter) || filter.trim_end_matches('/').contains(name)
        });
        if !wanted {
            return;
        }
        match self.mode {
            Mode::List => println!("{name}: benchmark"),
            Mode::Test => {
                routine(100);
                println!("Testing {name}\nSuccess");
            }
            Mode::Measure => {
                for (id, nanos) in routine(1) {
                    println!("{id:<50} {nanos:.0} ns");
                    self.medians.insert(id, nanos);
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Medians {
        self.criterion.final_summary();
        self.medians
    }
}

impl Group<'_> {
    /// Measures `routine`, which does something so many times and says how long that took.
    /// `setup` is called if the benchmark is run at all.
    pub(crate) fn bench<S>(
        &mut self,
        id: &str,
        setup: impl FnOnce() -> S,
        mut routine: impl FnMut(&mut S, u64) -> Duration,
    ) {
        let mut setup = Some(setup);
        let mut state = None;
        let mut samples = Vec::new();
        self.group.bench_function(id, |bencher| {
            if let Some(setup) = setup.take() {
                state = Some(setup());
            }
            let Some(state) = &mut state else { return };
            bencher.iter_custom(|iterations| {
                let time = routine(state, iterations);
                samples.push((iterations, time));
                time
            });
        });
        if let Some(median) = median(&samples) {
            self.medians.insert(format!("{}/{id}", self.name), median);
        }
    }

    /// Measures `routine`, once for each iteration.
    pub(crate) fn each<S>(
        &mut self,
        id: &str,
        setup: impl FnOnce() -> S,
        mut routine: impl FnMut(&mut S),
    ) {
        self.bench(id, setup, |state, iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                routine(state);
            }
            start.elapsed()
        });
    }
}

/// The argument that is neither an option of criterion nor the value of one.
fn filter(args: impl Iterator<Item = String>) -> Option<String> {
    let mut takes_value = false;
    for arg in args {
        if arg.starts_with('-') {
            takes_value = !matches!(arg.as_str(), "--bench" | "--test" | "--list" | "--quick");
        } else if !std::mem::take(&mut takes_value) {
            return Some(arg);
        }
    }
    None
}

/// Nanoseconds an iteration. Short samples are those of the warm-up.
fn median(samples: &[(u64, Duration)]) -> Option<f64> {
    if samples.len() < 10 {
        // `--test` runs each once, to see that it works.
        return None;
    }
    let longest = samples.iter().map(|(iterations, _)| *iterations).max()?;
    let mut each: Vec<f64> = samples
        .iter()
        .filter(|(iterations, _)| iterations * 20 >= longest)
        .map(|(iterations, time)| time.as_nanos() as f64 / *iterations as f64)
        .collect();
    each.sort_unstable_by(f64::total_cmp);
    each.get(each.len() / 2).copied()
}

pub(crate) fn bursts(iterations: u64, burst: usize, mut run: impl FnMut()) -> Duration {
    let count = iterations.div_ceil(burst as u64);
    let start = Instant::now();
    for _ in 0..count {
        run();
    }
    start.elapsed().mul_f64(iterations as f64 / (count * burst as u64) as f64)
}
