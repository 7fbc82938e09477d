//! Instants as nanoseconds, for the timing wheel.

use std::time::{Duration, Instant};

/// What the epoch itself counts as: instants before it are told apart too, 146 years back.
const BIAS: u64 = 1 << 62;
/// 146 years.
const MAX_TIMEOUT: Duration = Duration::from_nanos(1 << 62);

/// Where a table's nanoseconds count from. Exact for 146 years before and 438 years after;
/// beyond that, clamped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(Instant);

/// A deadline, as a table counts time. To make an instant of it costs more than to keep it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) nanos: u64,
    pub(crate) epoch: Epoch,
}

impl Due {
    pub(crate) fn instant(self) -> Instant {
        self.epoch.instant(self.nanos)
    }
}

impl Epoch {
    pub(crate) const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    #[inline]
    pub(crate) fn nanos(self, instant: Instant) -> u64 {
        match instant.checked_duration_since(self.0) {
            Some(after) => BIAS.saturating_add(whole_nanos(after)),
            None => BIAS.saturating_sub(whole_nanos(self.0.duration_since(instant))),
        }
    }

    /// The nanoseconds of [`deadline_after`].
    #[inline]
    pub(crate) fn nanos_after(self, now: Instant, timeout: Duration) -> u64 {
        self.nanos(now).saturating_add(whole_nanos(timeout.min(MAX_TIMEOUT)))
    }

    /// The epoch itself if the platform has no instant that early or late.
    pub(crate) fn instant(self, nanos: u64) -> Instant {
        let instant = match nanos.checked_sub(BIAS) {
            Some(after) => self.0.checked_add(Duration::from_nanos(after)),
            None => self.0.checked_sub(Duration::from_nanos(BIAS - nanos)),
        };
        instant.unwrap_or(self.0)
    }
}

#[inline]
fn whole_nanos(duration: Duration) -> u64 {
    let nanos = u64::from(duration.subsec_nanos());
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The deadline of a call made `now`: `now + timeout`, where timeouts over 146 years (2^62 ns)
/// count as that, so that no timeout overflows.
///
/// ```
/// use std::time::{Duration, Instant};
/// use castcall_correlation::deadline_after;
///
/// let now = Instant::now();
/// assert_eq!(deadline_after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
/// assert!(deadline_after(now, Duration::MAX) > now);
/// ```
#[must_use]
pub fn deadline_after(now: Instant, timeout: Duration) -> Instant {
    now + timeout.min(MAX_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_the_epoch_are_exact() {
        let now = Instant::now();
        let epoch = Epoch::at(now);
        for nanos in [0, 1, 999_999_999, 1_000_000_000, 1 << 40, (1 << 62) - 1] {
            let after = now + Duration::from_nanos(nanos);
            assert_eq!(epoch.nanos(after) - epoch.nanos(now), nanos);
            assert_eq!(epoch.instant(epoch.nanos(after)), after);
            if let Some(before) = now.checked_sub(Duration::from_nanos(nanos)) {
                assert_eq!(epoch.nanos(now) - epoch.nanos(before), nanos);
                assert_eq!(epoch.instant(epoch.nanos(before)), before);
            }
        }
    }

    #[test]
    fn a_deadline_is_the_same_in_nanoseconds() {
        let now = Instant::now();
        let epoch = Epoch::at(now + Duration::from_millis(500));
        let timeouts = [Duration::from_nanos(1), Duration::from_secs(3), Duration::MAX];
        for timeout in timeouts {
            let deadline = epoch.nanos(deadline_after(now, timeout));
            assert_eq!(epoch.nanos_after(now, timeout), deadline);
        }
    }

    #[test]
    fn far_deadlines_clamp() {
        let now = Instant::now();
        let epoch = Epoch::at(now);
        assert_eq!(epoch.nanos(now + Duration::from_secs(1 << 35)), u64::MAX);
        let far = deadline_after(now, Duration::MAX);
        assert_eq!(far, now + MAX_TIMEOUT);
        assert!(epoch.nanos(far) < u64::MAX);
    }
}
