//! Numbers, sizes and durations.

use std::ops::Range;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::{Entries, Reader};
use crate::keys::Kind;
use crate::problem::ProblemKind;
use crate::scalar::{self, ScalarError};

impl Reader {
    /// A whole number, if it is there and within its range.
    pub(crate) fn count<T: TryFrom<u64>>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
    ) -> Option<T> {
        let (Kind::Count(min, max), value) = (entries.kind(name)?, entries.find(name)?) else {
            return None;
        };
        match value.get_ref() {
            DeValue::Integer(number) => {
                self.within(entries, name, value.span(), integer(number), min, max)
            }
            _ => self.mistyped(entries, name, value),
        }
    }

    /// A number of bytes, bare or with its unit.
    pub(crate) fn size(&mut self, entries: &Entries<'_>, name: &str) -> Option<u64> {
        let (Kind::Size(min, max), value) = (entries.kind(name)?, entries.find(name)?) else {
            return None;
        };
        let number = match value.get_ref() {
            DeValue::Integer(number) => integer(number),
            DeValue::String(text) => match scalar::size(text) {
                Ok(bytes) => i128::from(bytes),
                Err(ScalarError::TooLarge) => i128::MAX,
                Err(ScalarError::Form) => {
                    let form = "a whole number and B, KiB, MiB, GiB, kB, MB or GB";
                    return self.out_of_form(entries, name, value.span(), form);
                }
            },
            _ => return self.mistyped(entries, name, value),
        };
        self.within(entries, name, value.span(), number, min, max)
    }

    pub(crate) fn duration(&mut self, entries: &Entries<'_>, name: &str) -> Option<Duration> {
        let (Kind::Duration(min, max), value) = (entries.kind(name)?, entries.find(name)?) else {
            return None;
        };
        let DeValue::String(text) = value.get_ref() else {
            return self.mistyped(entries, name, value);
        };
        match scalar::duration(text) {
            Ok(duration) if duration < min => {
                self.out_of_range(entries, name, value.span(), "is too short")
            }
            Ok(duration) if duration <= max => Some(duration),
            Err(ScalarError::Form) => {
                let form = "a whole number and ns, us, ms, s, m or h";
                self.out_of_form(entries, name, value.span(), form)
            }
            _ => self.out_of_range(entries, name, value.span(), "is too long"),
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction(&mut self, entries: &Entries<'_>, name: &str) -> Option<f64> {
        let value = entries.find(name)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().unwrap_or(f64::NAN),
            DeValue::Integer(number) => integer(number) as f64,
            _ => return self.mistyped(entries, name, value),
        };
        let fault = match number {
            _ if number.is_nan() => "is not a number",
            _ if number < 0.0 => "is negative",
            _ if number > 1.0 => "is too large",
            _ => return Some(number),
        };
        self.out_of_range(entries, name, value.span(), fault)
    }

    fn within<T: TryFrom<u64>>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        span: Range<usize>,
        number: i128,
        min: u64,
        max: u64,
    ) -> Option<T> {
        let fault = match u64::try_from(number) {
            Ok(number) if number < min => "is too small",
            Ok(number) if number <= max => match T::try_from(number) {
                Ok(number) => return Some(number),
                Err(_) => "is too large",
            },
            Err(_) if number < 0 => "is negative",
            _ => "is too large",
        };
        self.out_of_range(entries, name, span, fault)
    }

    fn out_of_range<T>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        span: Range<usize>,
        fault: &str,
    ) -> Option<T> {
        let message = format!("`{}` {fault}", entries.path_of(name));
        let mut problem = self.problem(ProblemKind::OutOfRange, Some(span), message);
        problem.expected = entries.kind(name).map(Kind::expected);
        self.note(problem);
        None
    }

    fn out_of_form<T>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        span: Range<usize>,
        form: &str,
    ) -> Option<T> {
        let message = format!("`{}` can't be read", entries.path_of(name));
        let mut problem = self.problem(ProblemKind::Malformed, Some(span), message);
        problem.expected = entries.kind(name).map(Kind::expected);
        self.note(problem.suggest(format!("write {form}")));
        None
    }
}

/// What is more than 128 bits can hold is as good as the most of them.
fn integer(number: &DeInteger<'_>) -> i128 {
    i128::from_str_radix(number.as_str(), number.radix())
        .unwrap_or_else(|_| if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX })
}
