//! Counting what was denied, and telling who tries too often.

use crate::bucket::TokenBucket;
use crate::quotas::{QuotaError, Rate};
use crate::sync::{AtomicU64, Ordering};

/// What to do with a component whose attempt was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// Refuse the attempt.
    Refuse,
    /// Trap the component: it has tried too often.
    Trap,
}

/// Counts the denied attempts of one component, in a [`TokenBucket`] of their own: one that goes on
/// trying what it may not is to be trapped.
///
/// It belongs to the component, not to the instance: one that is restarted and tries on is trapped
/// again until tokens have come back.
///
/// ```
/// use castcall_policy::{DenialMeter, Rate, Verdict};
///
/// let meter = DenialMeter::new(Rate::PerSecond(1), 2, 0)?;
/// assert_eq!(meter.on_denied(0), Verdict::Refuse);
/// assert_eq!(meter.on_denied(0), Verdict::Refuse);
/// assert_eq!(meter.on_denied(0), Verdict::Trap);
/// assert_eq!(meter.on_denied(1_000_000_000), Verdict::Refuse);
/// assert_eq!((meter.denied(), meter.traps()), (4, 1));
/// # Ok::<(), castcall_policy::QuotaError>(())
/// ```
#[derive(Debug)]
pub struct DenialMeter {
    bucket: TokenBucket,
    denied: AtomicU64,
    traps: AtomicU64,
}

impl DenialMeter {
    /// The rate of a meter where nothing else is said: 10 a second.
    pub const DEFAULT_RATE: Rate = Rate::PerSecond(10);
    /// The burst of a meter where nothing else is said: 100.
    pub const DEFAULT_BURST: u32 = 100;

    /// Lets `burst` denials at once, and `rate` over time, go without a trap. Nobody is ever
    /// trapped at an unlimited rate. `now`, in nanoseconds, is of the clock that it will be asked
    /// by.
    ///
    /// # Errors
    ///
    /// As [`TokenBucket::new`].
    pub fn new(rate: Rate, burst: u32, now: u64) -> Result<Self, QuotaError> {
        let bucket = TokenBucket::new(rate, burst, now)?;
        Ok(Self { bucket, denied: AtomicU64::new(0), traps: AtomicU64::new(0) })
    }

    /// Counts a denied attempt and says what to do. `now` in nanoseconds.
    pub fn on_denied(&self, now: u64) -> Verdict {
        self.denied.fetch_add(1, Ordering::Relaxed);
        match self.bucket.try_take(now) {
            Ok(()) => Verdict::Refuse,
            Err(_) => {
                self.traps.fetch_add(1, Ordering::Relaxed);
                Verdict::Trap
            }
        }
    }

    /// Attempts denied so far.
    #[must_use]
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }

    /// How many of them were to be answered by a trap.
    #[must_use]
    pub fn traps(&self) -> u64 {
        self.traps.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn traps_who_tries_too_often_and_counts_all() {
        let (rate, burst) = (DenialMeter::DEFAULT_RATE, DenialMeter::DEFAULT_BURST);
        let meter = DenialMeter::new(rate, burst, 0).unwrap();
        let mut refuse = 0;
        while meter.on_denied(0) == Verdict::Refuse {
            refuse += 1;
        }
        assert_eq!(refuse, burst);
        assert_eq!(meter.on_denied(99_999_999), Verdict::Trap);
        assert_eq!(meter.on_denied(100_000_000), Verdict::Refuse);
        assert_eq!((meter.denied(), meter.traps()), (u64::from(burst) + 3, 2));
        assert!(DenialMeter::new(Rate::PerSecond(0), 1, 0).is_err());
    }
}
