//! Token buckets: a rate and a burst, in one number.
//!
//! A bucket is the generic cell rate algorithm: all that it keeps is the moment at which it will be
//! full again. It does not use the library `governor`, which does the same: there, time comes from
//! a clock that the limiter reads itself, and after one reading of a clock that was wrong it refuses
//! until that time has come, if that takes centuries (seen with 0.10.4). Here time is an argument.

use std::time::Duration;

use thiserror::Error;

use crate::quotas::{QuotaError, Quotas, Rate, within};
use crate::sync::{AtomicU64, Ordering};

/// Time is counted in sixteenths of a nanosecond, modulo 2^64: so the time of one message is exact
/// enough at every rate, and any u64 of nanoseconds will do, with a turn-over each 36 years.
const UNITS_PER_NANO: u64 = 16;

/// How far time may go back before the clock is taken to have been moved. Threads that read one
/// clock and come here in another order stay far below.
const MOVED: u64 = 1_000_000_000 * UNITS_PER_NANO;

/// Lets through a burst at once, and a rate over time.
///
/// Full, it holds `burst` tokens; each message takes one, and they come back at the rate. Over any
/// time *w* it lets through at most *burst + rate × w*, and never refuses who keeps below the rate
/// (which is met to within 1/16 ns for each message: 0.06 % at the highest rate).
///
/// Time is an argument: nanoseconds since whenever, always the same. The clock may be coarse: on one
/// that moves once a millisecond all of the rate can be used if the burst is at least
/// [`Quotas::least_burst`], and is, by the true time, a millisecond's worth more. A clock that goes
/// back by up to a second counts as having stood still; one that was moved back further finds the
/// bucket empty, and one that was moved forward finds it full, so either costs, or gives, one burst
/// at most.
///
/// Shared by threads, it is one atomic, without order towards anything else; a thread that has it to
/// itself saves the atomic by [`TokenBucket::try_take_mut`].
///
/// ```
/// use castcall_policy::{Rate, TokenBucket};
///
/// let bucket = TokenBucket::new(Rate::PerSecond(1000), 2, 0)?;
/// assert!(bucket.try_take(0).is_ok());
/// assert!(bucket.try_take(0).is_ok());
/// let refused = bucket.try_take(400_000).unwrap_err();
/// assert_eq!((refused.as_nanos(), refused.as_millis()), (600_000, 1));
/// assert!(bucket.try_take(1_000_000).is_ok());
/// # Ok::<(), castcall_policy::QuotaError>(())
/// ```
#[derive(Debug)]
pub struct TokenBucket {
    /// When it will be full, or was.
    full_at: AtomicU64,
    shape: Shape,
}

/// What does not change.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// What a token takes to come back. 0: unlimited.
    per_token: u64,
    /// What all take: 2^58 or so at most.
    per_bucket: u64,
}

/// What to do with a token that is asked for.
enum Step {
    /// Let it go: the bucket will be full then.
    Take(u64),
    /// Refuse it.
    Refuse(RetryAfter),
    /// Refuse it, and set an emptied bucket to be full then: the clock was moved.
    Empty(u64, RetryAfter),
}

/// Refused: when to try again, if nobody else takes the token meanwhile. Never at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[error("try again in {} ms", self.as_millis())]
pub struct RetryAfter {
    nanos: u64,
}

impl RetryAfter {
    /// In nanoseconds; at least 1.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// In milliseconds, rounded up; at least 1.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.nanos.div_ceil(1_000_000)
    }

    /// The same, exactly.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

impl Shape {
    fn step(self, full_at: u64, now: u64) -> Step {
        let now = now.wrapping_mul(UNITS_PER_NANO);
        // What is missing. In the past means nothing; as half of all numbers do.
        let missing = full_at.wrapping_sub(now);
        let missing = if missing > u64::MAX / 2 { 0 } else { missing };
        if missing > self.per_bucket + MOVED {
            let retry = Self::retry(self.per_token);
            return Step::Empty(now.wrapping_add(self.per_bucket), retry);
        }
        let missing = missing + self.per_token;
        if missing > self.per_bucket {
            return Step::Refuse(Self::retry(missing - self.per_bucket));
        }
        Step::Take(now.wrapping_add(missing))
    }

    fn retry(units: u64) -> RetryAfter {
        RetryAfter { nanos: units.div_ceil(UNITS_PER_NANO) }
    }
}

impl TokenBucket {
    /// A full bucket. `now`, in nanoseconds, is of the clock that it will be asked by.
    ///
    /// # Errors
    ///
    /// The rate is not 1 to [`Rate::MAX_PER_SECOND`], or the burst not 1 to [`Quotas::MAX_BURST`].
    /// The burst of an unlimited rate does not matter.
    pub fn new(rate: Rate, burst: u32, now: u64) -> Result<Self, QuotaError> {
        let per_token = match rate {
            Rate::PerSecond(given) => {
                within(given, 1..=Rate::MAX_PER_SECOND, QuotaError::Rate { given })?;
                let error = QuotaError::Burst { given: burst, least: 1 };
                within(burst, 1..=Quotas::MAX_BURST, error)?;
                (1_000_000_000 * UNITS_PER_NANO).div_ceil(u64::from(given))
            }
            Rate::Unlimited => 0,
        };
        let shape = Shape { per_token, per_bucket: per_token * u64::from(burst) };
        Ok(Self { full_at: AtomicU64::new(now.wrapping_mul(UNITS_PER_NANO)), shape })
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// There is none, until then.
    #[inline]
    pub fn try_take(&self, now: u64) -> Result<(), RetryAfter> {
        if self.shape.per_token == 0 {
            return Ok(());
        }
        // Relaxed: tokens are all that is counted, and nothing else is told by them.
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let (new, result) = match self.shape.step(full_at, now) {
                Step::Take(new) => (new, Ok(())),
                Step::Refuse(retry) => return Err(retry),
                Step::Empty(new, retry) => (new, Err(retry)),
            };
            let order = Ordering::Relaxed;
            match self.full_at.compare_exchange_weak(full_at, new, order, order) {
                Ok(_) => return result,
                Err(found) => full_at = found,
            }
        }
    }

    /// Takes several tokens at once, for who will need them before the clock moves on: one atomic for
    /// all of them. Only if half of the bucket is left for everybody else. Returns whether it has; if
    /// not, [`TokenBucket::try_take`] may still.
    pub fn take_ahead(&self, tokens: u32, now: u64) -> bool {
        let Shape { per_token, per_bucket } = self.shape;
        let full_at = self.full_at.load(Ordering::Relaxed);
        let now = now.wrapping_mul(UNITS_PER_NANO);
        let missing = full_at.wrapping_sub(now);
        let missing = if missing > u64::MAX / 2 { 0 } else { missing };
        let Some(missing) =
            per_token.checked_mul(tokens.into()).and_then(|more| missing.checked_add(more))
        else {
            return false;
        };
        let order = Ordering::Relaxed;
        let new = now.wrapping_add(missing);
        missing <= per_bucket / 2
            && self.full_at.compare_exchange(full_at, new, order, order).is_ok()
    }

    /// Puts back what was taken ahead and not needed.
    pub fn give_back(&self, tokens: u32) {
        // A bucket that has been filled meanwhile stays full: it will have been so for longer.
        let units = self.shape.per_token.wrapping_mul(tokens.into());
        self.full_at.fetch_sub(units, Ordering::Relaxed);
    }

    /// Takes a token, where nobody else can.
    ///
    /// # Errors
    ///
    /// There is none, until then.
    #[cfg(not(loom))]
    #[inline]
    pub fn try_take_mut(&mut self, now: u64) -> Result<(), RetryAfter> {
        if self.shape.per_token == 0 {
            return Ok(());
        }
        let full_at = self.full_at.get_mut();
        match self.shape.step(*full_at, now) {
            Step::Take(new) => {
                *full_at = new;
                Ok(())
            }
            Step::Refuse(retry) => Err(retry),
            Step::Empty(new, retry) => {
                *full_at = new;
                Err(retry)
            }
        }
    }

    /// How many tokens there are; `None` if they are unlimited.
    #[must_use]
    pub fn available(&self, now: u64) -> Option<u32> {
        let Shape { per_token, per_bucket } = self.shape;
        let now = now.wrapping_mul(UNITS_PER_NANO);
        let missing = self.full_at.load(Ordering::Relaxed).wrapping_sub(now);
        let missing = if missing > u64::MAX / 2 { 0 } else { missing };
        let tokens = per_bucket.saturating_sub(missing).checked_div(per_token)?;
        u32::try_from(tokens).ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MILLI: u64 = 1_000_000;

    fn bucket(rate: u32, burst: u32, now: u64) -> TokenBucket {
        TokenBucket::new(Rate::PerSecond(rate), burst, now).unwrap()
    }

    #[test]
    fn ranges() {
        let error = |rate, burst| TokenBucket::new(rate, burst, 0).err();
        let rate = Rate::PerSecond;
        assert_eq!(error(rate(0), 1), Some(QuotaError::Rate { given: 0 }));
        assert_eq!(error(rate(u32::MAX), 1), Some(QuotaError::Rate { given: u32::MAX }));
        assert_eq!(error(rate(1), 0), Some(QuotaError::Burst { given: 0, least: 1 }));
        let given = Quotas::MAX_BURST + 1;
        assert_eq!(error(rate(1), given), Some(QuotaError::Burst { given, least: 1 }));
        assert_eq!(error(rate(1), Quotas::MAX_BURST), None);
        assert_eq!(error(Rate::Unlimited, 0), None);
    }

    #[test]
    fn unlimited_is_unlimited() {
        let mut bucket = TokenBucket::new(Rate::Unlimited, 0, 5).unwrap();
        assert!((0..1_000).all(|_| bucket.try_take(5).is_ok() && bucket.try_take_mut(4).is_ok()));
        assert_eq!(bucket.available(5), None);
    }

    #[test]
    fn tells_what_is_left() {
        let bucket = bucket(1000, 3, 0);
        assert_eq!(bucket.available(0), Some(3));
        bucket.try_take(0).unwrap();
        bucket.try_take(0).unwrap();
        let left = |now| bucket.available(now).unwrap();
        assert_eq!((left(0), left(MILLI - 1), left(MILLI), left(SECOND)), (1, 1, 2, 3));
    }

    #[test]
    fn a_refusal_is_never_for_nothing() {
        let bucket = bucket(10_000_000, 1, 0);
        bucket.try_take(0).unwrap();
        let refused = bucket.try_take(99).unwrap_err();
        assert_eq!((refused.as_nanos(), refused.as_millis()), (1, 1));
        assert_eq!(refused.as_duration(), Duration::from_nanos(1));
        assert_eq!(refused.to_string(), "try again in 1 ms");
        assert!(bucket.try_take(100).is_ok());
    }

    /// How many are let through if each tick of the clock somebody tries until it is refused.
    fn through(bucket: &TokenBucket, ticks: impl Iterator<Item = u64>) -> u64 {
        ticks.map(|now| (0..).take_while(|_| bucket.try_take(now).is_ok()).count() as u64).sum()
    }

    #[test]
    fn a_moved_clock_costs_or_gives_one_burst() {
        // Unix nanoseconds, where time is halfway round.
        for start in [0, 5 * SECOND, 1_790_000_000 * SECOND, u64::MAX - 9 * SECOND] {
            let bucket = bucket(1000, 10, start);
            assert_eq!(through(&bucket, [start].into_iter()), 10);
            // The end of time, and back.
            assert!(through(&bucket, [u64::MAX].into_iter()) <= 10);
            assert!(through(&bucket, [start].into_iter()) <= 10);
            assert_eq!(bucket.try_take(start.wrapping_add(2 * MILLI)), Ok(()));
            // An hour forward, and back: empty, and then as ever.
            let hour = start.wrapping_add(3600 * SECOND);
            assert_eq!(through(&bucket, [hour].into_iter()), 10);
            let back = start.wrapping_add(SECOND);
            let refused = bucket.try_take(back).unwrap_err();
            assert_eq!(refused.as_millis(), 1);
            assert_eq!(bucket.available(back), Some(0));
            assert_eq!(bucket.try_take(back.wrapping_add(MILLI)), Ok(()));
            assert!(bucket.try_take(back.wrapping_add(MILLI)).is_err());
        }
    }

    #[test]
    fn a_clock_that_goes_back_a_little_stands_still() {
        let bucket = bucket(1000, 2, 0);
        assert_eq!(through(&bucket, [SECOND].into_iter()), 2);
        let refused = bucket.try_take(SECOND / 2).unwrap_err();
        assert_eq!(refused.as_millis(), 501);
        assert_eq!(bucket.try_take(SECOND + MILLI), Ok(()));
    }

    #[test]
    fn moved_clocks_treat_both_forms_alike() {
        let (mut one, mut other) = (bucket(7, 3, 0), bucket(7, 3, 0));
        for now in [0, 0, 0, 0, 9 * SECOND, SECOND, SECOND, 2 * SECOND, u64::MAX, 0, 0, SECOND] {
            assert_eq!(one.try_take(now), other.try_take_mut(now));
        }
        assert_eq!(one.full_at.get_mut(), other.full_at.get_mut());
    }

    #[test]
    fn ahead_is_taken_only_of_plenty() {
        let bucket = bucket(1000, 40, 0);
        assert!(bucket.take_ahead(16, 0));
        assert_eq!(bucket.available(0), Some(24));
        // Then others would have less than half.
        assert!(!bucket.take_ahead(16, 0));
        assert!(bucket.take_ahead(4, 0));
        bucket.give_back(20);
        assert_eq!(bucket.available(0), Some(40));
        assert!(!bucket.take_ahead(u32::MAX, 0));
        // What is given back to a full bucket does not make it fuller.
        assert!(bucket.take_ahead(16, 0));
        bucket.give_back(16);
        bucket.give_back(16);
        assert_eq!(through(&bucket, [SECOND].into_iter()), 40);
        let unlimited = TokenBucket::new(Rate::Unlimited, 0, 0).unwrap();
        assert!(unlimited.take_ahead(16, 0));
        unlimited.give_back(16);
    }

    fn rates() -> impl Strategy<Value = u32> {
        prop_oneof![1..10_u32, 1..5_000_u32, 1..=Rate::MAX_PER_SECOND]
    }

    proptest! {
        #[test]
        fn in_no_window_more_than_burst_and_rate(
            rate in rates(),
            burst in 1..50_u32,
            start in any::<u64>(),
            gaps in prop::collection::vec((0..3_u32, 0..2_000_u64), 1..200),
        ) {
            let bucket = bucket(rate, burst, start);
            // In units of about a token, a part of it, or none.
            let token = SECOND / u64::from(rate);
            let mut now = start;
            let mut taken = Vec::new();
            for (kind, gap) in gaps {
                let gap = [0, token * gap / 1_000, token * gap][kind as usize];
                now = now.wrapping_add(gap);
                if bucket.try_take(now).is_ok() {
                    taken.push(now);
                }
            }
            for (at, first) in taken.iter().enumerate() {
                for (count, last) in (1..).zip(&taken[at..]) {
                    // count <= burst + rate * window, in whole numbers.
                    let window = u128::from(last.wrapping_sub(*first));
                    let most = u128::from(burst) * 1_000_000_000 + u128::from(rate) * window;
                    prop_assert!(count * 1_000_000_000 <= most);
                }
            }
        }

        #[test]
        fn nor_if_some_are_taken_ahead_and_given_back(
            rate in rates(),
            burst in 32..200_u32,
            start in any::<u64>(),
            steps in prop::collection::vec((0..2_000_u64, 0..20_u32), 1..200),
        ) {
            let bucket = bucket(rate, burst, start);
            let token = SECOND / u64::from(rate);
            let mut now = start;
            let mut taken = Vec::new();
            for (gap, wanted) in steps {
                now = now.wrapping_add(token * gap / 100);
                let ahead = bucket.take_ahead(16, now);
                let mut left = if ahead { 16 } else { 0 };
                for _ in 0..wanted {
                    if left > 0 {
                        left -= 1;
                    } else if bucket.try_take(now).is_err() {
                        break;
                    }
                    taken.push(now);
                }
                bucket.give_back(left);
            }
            for (at, first) in taken.iter().enumerate() {
                let last = taken.last().unwrap_or(first);
                let count = (taken.len() - at) as u128;
                let window = u128::from(last.wrapping_sub(*first));
                let most = u128::from(burst) * 1_000_000_000 + u128::from(rate) * window;
                prop_assert!(count * 1_000_000_000 <= most);
            }
        }

        #[test]
        fn who_keeps_below_the_rate_is_never_refused(
            rate in rates(),
            burst in 1..5_u32,
            start in any::<u64>(),
            idle in prop::collection::vec(0..1_000_000_000_u64, 100),
        ) {
            let bucket = bucket(rate, burst, start);
            let mut now = start;
            for idle in idle {
                prop_assert_eq!(bucket.try_take(now), Ok(()));
                now = now.wrapping_add(SECOND.div_ceil(u64::from(rate)) + idle % 3 * idle);
            }
        }

        #[test]
        fn it_is_let_through_when_it_was_told_and_not_before(
            rate in rates(),
            burst in 1..5_u32,
            start in any::<u64>(),
        ) {
            let bucket = bucket(rate, burst, start);
            prop_assert_eq!(through(&bucket, [start].into_iter()), u64::from(burst));
            let refused = bucket.try_take(start).unwrap_err();
            prop_assert!(refused.as_millis() >= 1);
            prop_assert!(refused.as_duration() <= Duration::from_millis(refused.as_millis()));
            let at = start.wrapping_add(refused.as_nanos());
            prop_assert!(bucket.try_take(at.wrapping_sub(1)).is_err());
            prop_assert_eq!(bucket.try_take(at), Ok(()));
        }

        #[test]
        fn a_coarse_clock_permits_the_full_rate(
            rate in prop_oneof![1..3_000_u32, 1..200_000_u32],
            start in 0..1_790_000_000_u64,
        ) {
            let rate = Rate::PerSecond(rate);
            let burst = Quotas::least_burst(rate);
            let bucket = TokenBucket::new(rate, burst, start * SECOND).unwrap();
            let ticks = (0..=2_000).map(|tick| start * SECOND + tick * MILLI);
            let Rate::PerSecond(rate) = rate else { unreachable!() };
            let (through, full) = (through(&bucket, ticks), 2 * u64::from(rate));
            // To within the 1/16 ns of each message.
            prop_assert!(through >= full - full / 1_000, "{} of {}", through, full);
            prop_assert!(through <= full + u64::from(burst));
        }

        #[test]
        fn no_time_panics_and_both_forms_agree(
            rate in rates(),
            burst in 1..=Quotas::MAX_BURST,
            start in any::<u64>(),
            times in prop::collection::vec(prop_oneof![any::<u64>(), 0..SECOND], 50),
        ) {
            let (one, mut other) = (bucket(rate, burst, start), bucket(rate, burst, start));
            for now in times {
                prop_assert_eq!(one.try_take(now), other.try_take_mut(now));
                prop_assert!(one.available(now).is_some_and(|left| left <= burst));
            }
        }
    }
}
