//! Criterion, and the medians that the table at the end is made of.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

/// Median nanoseconds by `group/id`, of what was run.
pub(crate) type Medians = BTreeMap<String, f64>;

pub(crate) struct Suite {
    criterion: Criterion,
    medians: Medians,
}

pub(crate) struct Group<'a> {
    name: String,
    group: BenchmarkGroup<'a, WallTime>,
    medians: &'a mut Medians,
}

impl Suite {
    pub(crate) fn from_args() -> Self {
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .sample_size(50)
            .configure_from_args();
        Self { criterion, medians: Medians::new() }
    }

    pub(crate) fn group(&mut self, name: &str) -> Group<'_> {
        let group = self.criterion.benchmark_group(name);
        Group { name: name.to_owned(), group, medians: &mut self.medians }
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
