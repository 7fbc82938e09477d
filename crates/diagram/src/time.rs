//! Moments as records write them: RFC 3339 in UTC, to microseconds since 1970.

/// Microseconds of `2026-07-25T17:20:00.001000Z`; `None` if it is not of that form. The fraction
/// may have any number of digits; those after the sixth are left out.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty();
    if !in_range || !digits {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut all = [0; 3];
    for (number, digits) in all.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(all)
}

/// Days since 1970, in the Gregorian calendar; years count from March, so that the leap day is
/// the last of one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// A length of time for people: `0 ms`, `12 ms`, `1.25 s`, `3 min 20 s`.
pub(crate) fn length(micros: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let millis = micros as f64 / 1_000.0;
    if micros < 1_000 && micros > 0 {
        format!("{micros} µs")
    } else if millis < 1_000.0 {
        trimmed(millis, "ms")
    } else if millis < 60_000.0 {
        trimmed(millis / 1_000.0, "s")
    } else {
        let seconds = micros / 1_000_000;
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

fn trimmed(number: f64, unit: &str) -> String {
    let text = format!("{number:.2}");
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(parse("1970-01-01T00:00:00.000000Z"), Some(0));
        assert_eq!(parse("2000-03-01T00:00:00Z"), Some(951_868_800_000_000));
        assert_eq!(parse("2024-02-29T12:34:56.789Z"), Some(1_709_210_096_789_000));
        assert_eq!(parse("2026-07-25T17:20:00.0010009Z"), Some(1_785_000_000_001_000));
        for wrong in [
            "",
            "Z",
            "2026-07-25 17:20:00Z",
            "2026-07-25T17:20:00",
            "2026-13-25T17:20:00Z",
            "2026-07-25T24:20:00Z",
            "2026-07-25T17:20:00.Z",
            "2026-07-25T17:20:00.-1Z",
            "+026-07-25T17:20:00Z",
            "2026-07-25-01T17:20:00Z",
            "2026-07-25T17:20:00.ä00000Z",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lengths() {
        for (micros, text) in [
            (0, "0 ms"),
            (250, "250 µs"),
            (1_000, "1 ms"),
            (12_340, "12.34 ms"),
            (100_000, "100 ms"),
            (1_250_000, "1.25 s"),
            (200_000_000, "3 min 20 s"),
        ] {
            assert_eq!(length(micros), text);
        }
    }
}
