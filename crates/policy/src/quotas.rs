//! Quotas: how much one component may send and hold.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bucket::TokenBucket;

/// How many in a second. Written as a number, or as `"unlimited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// So many: 1 to [`Rate::MAX_PER_SECOND`].
    PerSecond(u32),
    /// As many as there are.
    Unlimited,
}

impl Rate {
    /// The most that can be counted: 10 million in a second. More is [`Rate::Unlimited`].
    pub const MAX_PER_SECOND: u32 = 10_000_000;
}

/// How much one component may send and hold. Finite by default; only the rate can be unlimited,
/// and only by saying so.
///
/// ```
/// use castcall_policy::{Quotas, Rate};
///
/// let mut quotas = Quotas::default();
/// assert_eq!(quotas.check(), Ok(()));
/// quotas.messages_per_second = Rate::PerSecond(0);
/// assert!(quotas.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Quotas {
    /// Casts, calls and publishes in a second, over a longer time. Default: 100,000.
    pub messages_per_second: Rate,
    /// How many of these at once after a pause. At least [`Quotas::least_burst`] of the rate, at
    /// most [`Quotas::MAX_BURST`]. Default: 100,000.
    pub burst: u32,
    /// Calls pending, or ended with their callback still queued, at once: 0 to
    /// [`Quotas::MAX_PENDING`]. Default: 1,024.
    pub max_pending: u32,
    /// The longest payload that it may send, in bytes: 0 to [`Quotas::MAX_PAYLOAD`]. Default:
    /// 1 MiB.
    pub max_payload: u32,
    /// Subscriptions: 0 to [`Quotas::MAX_SUBSCRIPTIONS`]. Default: 1,024.
    pub max_subscriptions: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            messages_per_second: Rate::PerSecond(100_000),
            burst: 100_000,
            max_pending: 1024,
            max_payload: 1 << 20,
            max_subscriptions: 1024,
        }
    }
}

/// Quotas out of range. Each says what the range is: choose from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// To let nothing through, grant no capability; to let everything through, say `unlimited`.
    #[error("a rate of {given} a second: 1 to {most}, or unlimited", most = Rate::MAX_PER_SECOND)]
    Rate {
        /// What was given.
        given: u32,
    },
    /// With less, the rate could not be reached on a clock of 1 ms.
    #[error("a burst of {given}: {least} to {most} at that rate", most = Quotas::MAX_BURST)]
    Burst {
        /// What was given.
        given: u32,
        /// The least at that rate.
        least: u32,
    },
    /// Too many pending calls.
    #[error("{given} pending calls: {most} at most", most = Quotas::MAX_PENDING)]
    Pending {
        /// What was given.
        given: u32,
    },
    /// Payloads too long.
    #[error("a payload of {given} bytes: {most} at most", most = Quotas::MAX_PAYLOAD)]
    Payload {
        /// What was given.
        given: u32,
    },
    /// Too many subscriptions.
    #[error("{given} subscriptions: {most} at most", most = Quotas::MAX_SUBSCRIPTIONS)]
    Subscriptions {
        /// What was given.
        given: u32,
    },
}

impl Quotas {
    /// The most for [`Quotas::burst`]: 10 million.
    pub const MAX_BURST: u32 = 10_000_000;
    /// The most for [`Quotas::max_pending`]: a million.
    pub const MAX_PENDING: u32 = 1_000_000;
    /// The most for [`Quotas::max_payload`]: 1 GiB.
    pub const MAX_PAYLOAD: u32 = 1 << 30;
    /// The most for [`Quotas::max_subscriptions`]: a million.
    pub const MAX_SUBSCRIPTIONS: u32 = 1_000_000;

    /// The least burst with which all of `rate` can be used on a clock that moves once a
    /// millisecond: what comes in within one, and a rest of less than one message.
    #[must_use]
    pub fn least_burst(rate: Rate) -> u32 {
        match rate {
            Rate::PerSecond(rate) => rate.div_ceil(1000).saturating_add(1),
            Rate::Unlimited => 0,
        }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    ///
    /// The first that something is out of.
    pub fn check(&self) -> Result<(), QuotaError> {
        if let Rate::PerSecond(given) = self.messages_per_second {
            within(given, 1..=Rate::MAX_PER_SECOND, QuotaError::Rate { given })?;
        }
        let least = Self::least_burst(self.messages_per_second);
        let given = self.burst;
        within(given, least..=Self::MAX_BURST, QuotaError::Burst { given, least })?;
        let given = self.max_pending;
        within(given, 0..=Self::MAX_PENDING, QuotaError::Pending { given })?;
        let given = self.max_payload;
        within(given, 0..=Self::MAX_PAYLOAD, QuotaError::Payload { given })?;
        let given = self.max_subscriptions;
        within(given, 0..=Self::MAX_SUBSCRIPTIONS, QuotaError::Subscriptions { given })
    }

    /// A bucket for the messages, full. `now` in nanoseconds of the clock that it will be asked by.
    ///
    /// # Errors
    ///
    /// Something is [out of range](Quotas::check).
    pub fn bucket(&self, now: u64) -> Result<TokenBucket, QuotaError> {
        self.check()?;
        TokenBucket::new(self.messages_per_second, self.burst, now)
    }
}

pub(crate) fn within(
    given: u32,
    range: RangeInclusive<u32>,
    error: QuotaError,
) -> Result<(), QuotaError> {
    if range.contains(&given) { Ok(()) } else { Err(error) }
}

const UNLIMITED: &str = "unlimited";

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate} a second"),
            Self::Unlimited => f.write_str(UNLIMITED),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PerSecond(rate) => serializer.serialize_u32(*rate),
            Self::Unlimited => serializer.serialize_str(UNLIMITED),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from 1 to {}, or {UNLIMITED:?}", Rate::MAX_PER_SECOND)
    }

    fn visit_u64<E: de::Error>(self, rate: u64) -> Result<Rate, E> {
        match u32::try_from(rate) {
            Ok(rate) if (1..=Rate::MAX_PER_SECOND).contains(&rate) => Ok(Rate::PerSecond(rate)),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(rate), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, rate: i64) -> Result<Rate, E> {
        match u64::try_from(rate) {
            Ok(rate) => self.visit_u64(rate),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(rate), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        if text == UNLIMITED {
            return Ok(Rate::Unlimited);
        }
        Err(E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, to_string};

    use super::*;

    fn check(change: impl FnOnce(&mut Quotas)) -> Result<(), QuotaError> {
        let mut quotas = Quotas::default();
        change(&mut quotas);
        assert_eq!(quotas.bucket(0).err(), quotas.check().err());
        quotas.check()
    }

    #[test]
    fn ranges() {
        assert_eq!(check(|_| ()), Ok(()));
        let rate = |given| check(|quotas| quotas.messages_per_second = Rate::PerSecond(given));
        assert_eq!(rate(0), Err(QuotaError::Rate { given: 0 }));
        assert_eq!(rate(1), Ok(()));
        assert_eq!(rate(10_000_000), Ok(()));
        assert_eq!(rate(10_000_001), Err(QuotaError::Rate { given: 10_000_001 }));
        let burst = |given| check(|quotas| quotas.burst = given);
        assert_eq!(burst(100), Err(QuotaError::Burst { given: 100, least: 101 }));
        assert_eq!(burst(101), Ok(()));
        assert_eq!(burst(u32::MAX), Err(QuotaError::Burst { given: u32::MAX, least: 101 }));
        let given = 1_000_001;
        assert_eq!(check(|q| q.max_pending = given), Err(QuotaError::Pending { given }));
        assert_eq!(
            check(|q| q.max_subscriptions = given),
            Err(QuotaError::Subscriptions { given })
        );
        let given = (1 << 30) + 1;
        assert_eq!(check(|q| q.max_payload = given), Err(QuotaError::Payload { given }));
        let unlimited = check(|quotas| {
            quotas.messages_per_second = Rate::Unlimited;
            (quotas.burst, quotas.max_pending) = (0, 0);
            (quotas.max_payload, quotas.max_subscriptions) = (0, 0);
        });
        assert_eq!(unlimited, Ok(()));
    }

    #[test]
    fn errors_say_the_range() {
        let error = check(|quotas| quotas.messages_per_second = Rate::PerSecond(0)).unwrap_err();
        assert_eq!(error.to_string(), "a rate of 0 a second: 1 to 10000000, or unlimited");
        let error = check(|quotas| quotas.burst = 1).unwrap_err();
        assert_eq!(error.to_string(), "a burst of 1: 101 to 10000000 at that rate");
    }

    #[test]
    fn a_rate_is_a_number_or_a_word() {
        assert_eq!(from_str::<Rate>("5").unwrap(), Rate::PerSecond(5));
        assert_eq!(from_str::<Rate>("\"unlimited\"").unwrap(), Rate::Unlimited);
        for wrong in ["0", "-1", "1.5", "10000001", "18446744073709551615", "\"much\"", "null"] {
            assert!(from_str::<Rate>(wrong).is_err(), "{wrong}");
        }
        let error = from_str::<Rate>("-1").unwrap_err().to_string();
        assert!(error.contains("`-1`, expected a number from 1 to 10000000"), "{error}");
        let shown = [Rate::PerSecond(5), Rate::Unlimited].map(|rate| rate.to_string());
        assert_eq!(shown, ["5 a second", "unlimited"]);
        // As TOML's integers come.
        let signed = de::value::I64Deserializer::<de::value::Error>::new(7);
        assert_eq!(Rate::deserialize(signed), Ok(Rate::PerSecond(7)));
    }

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for rate in [Rate::PerSecond(7), Rate::Unlimited] {
            let quotas = Quotas { messages_per_second: rate, ..Quotas::default() };
            assert_eq!(from_str::<Quotas>(&to_string(&quotas).unwrap()).unwrap(), quotas);
        }
        assert_eq!(from_str::<Quotas>("{}").unwrap(), Quotas::default());
        assert_eq!(from_str::<Quotas>("{\"max-pending\": 3}").unwrap().max_pending, 3);
        assert!(from_str::<Quotas>("{\"max-pending\": -3}").is_err());
        assert!(from_str::<Quotas>("{\"pending\": 3}").is_err());
    }
}
