//! How long things take: measured by sample, kept in histograms.
//!
//! Reading the clock costs as much as much of the rest of a send. So of each sender's messages all
//! are measured while they are few, and one in so many when there are more: some eight in each
//! millisecond. What is measured is then a fair sample: which messages it hits does not depend on
//! how long they take.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use histogram::{AtomicHistogram, Config, Histogram};

/// How many samples a millisecond brings, more or less, whatever the rate.
const PER_TICK: u32 = 8;

/// 1/16 of a value is what a bucket is wide: that is how exact quantiles are.
const GROUPING: u8 = 4;

/// Longer than 2^36 ns, some 69 s, counts as that.
const LONGEST: u8 = 36;

/// Chooses what is measured.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    tick: u64,
    count: u32,
    mask: u32,
}

impl Sampler {
    /// Whether to measure the next one. `tick`: any time that stands still for a millisecond.
    #[inline]
    pub(crate) fn next(&mut self, tick: u64) -> bool {
        if tick != self.tick {
            self.tick = tick;
            self.mask = (self.count / PER_TICK).next_power_of_two() - 1;
            self.count = 0;
        }
        self.count = self.count.wrapping_add(1);
        self.count & self.mask == 0
    }
}

/// The same for those who send from several threads. They may get in each other's way, and then a
/// few more or less are measured.
#[derive(Debug, Default)]
pub(crate) struct SharedSampler {
    tick: AtomicU64,
    count: AtomicU32,
    mask: AtomicU32,
}

impl SharedSampler {
    #[inline]
    pub(crate) fn next(&self, tick: u64) -> bool {
        let mut local = Sampler {
            tick: self.tick.load(Ordering::Relaxed),
            count: self.count.load(Ordering::Relaxed),
            mask: self.mask.load(Ordering::Relaxed),
        };
        let chosen = local.next(tick);
        self.tick.store(local.tick, Ordering::Relaxed);
        self.count.store(local.count, Ordering::Relaxed);
        self.mask.store(local.mask, Ordering::Relaxed);
        chosen
    }
}

/// What was measured of one component; takes no room until something was.
#[derive(Default)]
pub(crate) struct Timings(OnceLock<Box<[Timing; 3]>>);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Span {
    Waited,
    Handled,
    Answered,
}

struct Timing {
    buckets: AtomicHistogram,
    nanos: AtomicU64,
}

impl Timing {
    fn new() -> Self {
        Self { buckets: AtomicHistogram::with_config(&config()), nanos: AtomicU64::new(0) }
    }

    fn read(&self) -> Latency {
        let nanos = self.nanos.load(Ordering::Relaxed);
        Latency { buckets: Some(self.buckets.load()), nanos }
    }
}

fn config() -> Config {
    Config::new(GROUPING, LONGEST).expect("a grouping less than the range")
}

impl Timings {
    #[cold]
    pub(crate) fn record(&self, span: Span, nanos: u64) {
        let all = self.0.get_or_init(|| Box::new([Timing::new(), Timing::new(), Timing::new()]));
        let timing = &all[span as usize];
        let nanos = nanos.min((1 << LONGEST) - 1);
        // Within the range by the line before.
        let _ = timing.buckets.increment(nanos);
        timing.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Latencies {
        let Some(all) = self.0.get() else { return Latencies::default() };
        let [waited, handled, answered] = &**all;
        Latencies { waited: waited.read(), handled: handled.read(), answered: answered.read() }
    }
}

/// How long messages of one component took. Measured by sample: all of them while they are few,
/// and some eight in each millisecond when they are many.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Latencies {
    /// From its send until its handler is entered: messages to the component.
    pub waited: Latency,
    /// In its handler: the same messages.
    pub handled: Latency,
    /// From the call to its answer: calls that the component made.
    pub answered: Latency,
}

/// The durations of a sample, to 1/16 of each; at most 69 s.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latency {
    buckets: Option<Histogram>,
    nanos: u64,
}

impl Latency {
    /// How many were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().map(|(_, count)| count).sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// The duration that the part `quantile` of them, 0 to 1, does not exceed. `None` if none was
    /// measured, or for another number.
    ///
    /// ```
    /// # let latency = castcall_broker::Latency::default();
    /// let (median, p99) = (latency.quantile(0.5), latency.quantile(0.99));
    /// # assert_eq!((median, p99), (None, None));
    /// ```
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let bucket = self.buckets.as_ref()?.quantile_bucket(quantile).ok()??;
        Some(Duration::from_nanos(bucket.end()))
    }

    /// The buckets that have any: the longest duration of each, and how many there are.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let buckets = self.buckets.iter().flat_map(Histogram::iter);
        let some = buckets.filter(|bucket| bucket.count() > 0);
        some.map(|bucket| (Duration::from_nanos(bucket.end()), bucket.count()))
    }

    /// Adds those of another component.
    pub fn add(&mut self, other: &Self) {
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.buckets = match (self.buckets.take(), &other.buckets) {
            // Of one configuration, so this can't fail.
            (Some(mine), Some(theirs)) => mine.wrapping_add(theirs).ok(),
            (mine, theirs) => mine.or_else(|| theirs.clone()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_measured_and_many_by_sample() {
        let (mut sampler, shared) = (Sampler::default(), SharedSampler::default());
        for tick in 1..100 {
            for _ in 0..7 {
                assert!(sampler.next(tick) && shared.next(tick));
            }
        }
        // The first millisecond of a burst is measured whole; after it, the rate is known.
        for tick in 100..200 {
            let chosen = (0..3_000).filter(|_| sampler.next(tick)).count();
            let same = (0..3_000).filter(|_| shared.next(tick)).count();
            assert_eq!(chosen, same);
            match tick {
                100 => assert_eq!(chosen, 3_000),
                _ => assert!((4..=8).contains(&chosen), "{chosen}"),
            }
        }
        assert!(!sampler.next(300), "a pause of one tick is not known until it is over");
        assert!(sampler.next(301));
    }

    #[test]
    fn quantiles_are_within_a_sixteenth() {
        let timings = Timings::default();
        assert_eq!(timings.read(), Latencies::default());
        assert_eq!(timings.read().waited.quantile(0.5), None);
        for micros in 1..=1_000 {
            timings.record(Span::Handled, micros * 1_000);
        }
        timings.record(Span::Answered, u64::MAX);
        let read = timings.read();
        assert_eq!(
            (read.waited.count(), read.handled.count(), read.answered.count()),
            (0, 1000, 1)
        );
        assert_eq!(read.handled.sum(), Duration::from_micros(500_500));
        for (quantile, micros) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = read.handled.quantile(quantile).unwrap().as_secs_f64() * 1e6;
            assert!(found >= micros && found < micros * 1.0626, "{quantile}: {found}");
        }
        assert_eq!(read.handled.quantile(1.5), None);
        assert!(read.answered.quantile(0.5).unwrap() > Duration::from_secs(60));
        assert_eq!(read.handled.buckets().map(|(_, count)| count).sum::<u64>(), 1_000);
    }

    #[test]
    fn several_add_up() {
        let (one, other) = (Timings::default(), Timings::default());
        one.record(Span::Waited, 10);
        other.record(Span::Waited, 10_000);
        let mut sum = Latency::default();
        for part in [one.read().waited, Latency::default(), other.read().waited] {
            sum.add(&part);
        }
        assert_eq!((sum.count(), sum.sum()), (2, Duration::from_nanos(10_010)));
        assert!(sum.quantile(1.0).unwrap() >= Duration::from_micros(10));
    }
}
