//! What time it is: exact where a promise hangs on it, coarse where a stamp is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use castcall_core::Timestamp;

/// Where a broker takes its time from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// One that a test moves.
    Manual(ManualClock),
}

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    start: Instant,
    passed: Arc<AtomicU64>,
}

impl ManualClock {
    /// Makes a clock that stands at some moment.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), passed: Arc::new(AtomicU64::new(0)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.passed.fetch_add(nanos, Ordering::SeqCst);
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    /// How far it has been moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// The exact time: some 35 ns.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    pub(crate) fn wall(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Manual(clock) => (SystemTime::UNIX_EPOCH + clock.elapsed()).into(),
        }
    }
}

/// A wall clock that jumps back by more than this was set; by less, another thread was quicker.
const SET_BACK: u64 = 1_000_000_000;

/// Time as of the last tick: one load instead of a clock read.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    start: Instant,
    wall: AtomicU64,
    passed: AtomicU64,
}

impl CoarseClock {
    pub(crate) fn new(clock: &Clock) -> Self {
        let coarse =
            Self { start: clock.now(), wall: AtomicU64::new(0), passed: AtomicU64::new(0) };
        coarse.tick(clock);
        coarse
    }

    pub(crate) fn tick(&self, clock: &Clock) {
        let wall = clock.wall().as_unix_nanos();
        let newer = |old: u64| (wall > old || old - wall > SET_BACK).then_some(wall);
        let _ = self.wall.fetch_update(Ordering::Relaxed, Ordering::Relaxed, newer);
        self.passed.store(self.since_start(clock.now()), Ordering::Relaxed);
    }

    /// What happens after something at `wall` is not stamped as if it had been before.
    pub(crate) fn not_before(&self, wall: Timestamp) {
        self.wall.fetch_max(wall.as_unix_nanos(), Ordering::Relaxed);
    }

    /// Wall-clock time, for stamps on messages.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.wall.load(Ordering::Relaxed))
    }

    /// Nanoseconds since the clock was made, for quotas: this one never jumps.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// The same for an exact time.
    pub(crate) fn since_start(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start);
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_when_it_is_moved() {
        let manual = ManualClock::default();
        let clock = Clock::Manual(manual.clone());
        let start = clock.now();
        assert_eq!(clock.now(), start);
        manual.advance(Duration::from_secs(3));
        assert_eq!(clock.now() - start, Duration::from_secs(3));
        assert_eq!(clock.wall().as_unix_nanos(), 3_000_000_000);
        assert!(Clock::System.wall() > clock.wall());
    }

    #[test]
    fn a_coarse_clock_goes_back_only_if_the_clock_was_set() {
        let manual = ManualClock::default();
        manual.advance(Duration::from_secs(5));
        let clock = Clock::Manual(manual.clone());
        let coarse = CoarseClock::new(&clock);
        let seconds = || coarse.wall().as_unix_nanos() as f64 / 1e9;
        coarse.not_before(Timestamp::from_unix_nanos(5_500_000_000));
        coarse.not_before(Timestamp::from_unix_nanos(5_200_000_000));
        coarse.tick(&clock);
        assert_eq!(seconds(), 5.5);
        manual.advance(Duration::from_secs(1));
        coarse.tick(&clock);
        assert_eq!(seconds(), 6.0);
        coarse.tick(&Clock::Manual(ManualClock::default()));
        assert_eq!(seconds(), 0.0);
    }
}
