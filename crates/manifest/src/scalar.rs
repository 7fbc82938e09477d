//! Sizes and durations as people write them.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Why a text is no size or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarError {
    /// Not a whole number and a unit.
    Form,
    /// More than can be counted.
    TooLarge,
}

const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// In nanoseconds.
const DURATIONS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// What a size must look like, as a regular expression.
#[cfg(feature = "schema")]
pub(crate) const SIZE_FORM: &str = "^[0-9]+ ?(B|KiB|MiB|GiB|kB|MB|GB)$";

/// What a duration must look like.
#[cfg(feature = "schema")]
pub(crate) const DURATION_FORM: &str = "^[0-9]+ ?(ns|us|ms|s|m|h)$";

pub(crate) fn size(text: &str) -> Result<u64, ScalarError> {
    scaled(text, &SIZES)
}

pub(crate) fn duration(text: &str) -> Result<Duration, ScalarError> {
    scaled(text, &DURATIONS).map(Duration::from_nanos)
}

/// A whole number, at most one space, a unit.
fn scaled(text: &str, units: &[(&str, u64)]) -> Result<u64, ScalarError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let unit = rest.strip_prefix(' ').unwrap_or(rest);
    let unit = units.iter().find(|(name, _)| *name == unit);
    let (false, Some((_, unit))) = (number.is_empty(), unit) else {
        return Err(ScalarError::Form);
    };
    // Only digits: what fails is too large.
    let number: u64 = number.parse().map_err(|_| ScalarError::TooLarge)?;
    number.checked_mul(*unit).ok_or(ScalarError::TooLarge)
}

/// In the largest binary unit that leaves a whole number: `64 MiB`.
pub(crate) fn show_size(bytes: u64) -> String {
    match SIZES[1..4].iter().rev().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{} B", grouped(bytes)),
    }
}

/// In the largest unit that leaves a whole number: `500ms`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match DURATIONS
        .iter()
        .rev()
        .find(|(_, unit)| nanos != 0 && nanos.is_multiple_of(u128::from(*unit)))
    {
        Some((name, unit)) => format!("{}{name}", nanos / u128::from(*unit)),
        None => "0s".to_owned(),
    }
}

/// With a comma between the thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// For serde: a duration as manifests write it.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    show_duration(*duration).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("7 B"), Ok(7));
        assert_eq!(size("3 kB"), Ok(3_000));
        assert_eq!(size("2 MB"), Ok(2_000_000));
        assert_eq!(size("1 GB"), Ok(1_000_000_000));
        for text in ["", "MiB", "64", "64  MiB", "64 mib", "1.5 MiB", "-1 B", " 1 B", "1 B ", "١ B"]
        {
            assert_eq!(size(text), Err(ScalarError::Form), "{text}");
        }
        assert_eq!(size("99999999999999999999 B"), Err(ScalarError::TooLarge));
        assert_eq!(size("99999999999999 GiB"), Err(ScalarError::TooLarge));
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2 h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("5 us"), Ok(Duration::from_micros(5)));
        for text in ["", "5", "ms", "1h30m", "1 d", "0.5s"] {
            assert_eq!(duration(text), Err(ScalarError::Form), "{text}");
        }
        assert_eq!(duration("99999999999h"), Err(ScalarError::TooLarge));
    }

    #[test]
    fn shown() {
        assert_eq!(show_size(0), "0 B");
        assert_eq!(show_size(1_500), "1,500 B");
        assert_eq!(show_size(3 << 19), "1536 KiB");
        assert_eq!(show_duration(Duration::ZERO), "0s");
        assert_eq!(show_duration(Duration::from_millis(1500)), "1500ms");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(999), "999");
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read(number: u64) {
            let read = size(&show_size(number).replace(',', ""));
            prop_assert_eq!(read, Ok(number));
            let time = Duration::from_nanos(number);
            prop_assert_eq!(duration(&show_duration(time)), Ok(time));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (size(&text), duration(&text));
        }
    }
}
