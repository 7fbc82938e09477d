//! Reads lines, so many and so long at most.

use std::io::{self, BufRead};

use crate::error::ReadError;
use crate::names::Names;
use crate::record::{Line, Not, Record};

/// The longest line that is read, in bytes. An audit writes none of more than some 8 KiB.
const LONGEST_LINE: usize = 16 * 1024;

/// As much text as is kept, in bytes.
const MOST_TEXT: usize = 32 * 1024 * 1024;

/// How much of a recording is kept and drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many records are kept: by default 100,000, which take some 50 MB.
    pub records: usize,
    /// How many lanes there are: by default 40, at least 2, at most 200. If there are more components, the last
    /// lane is that of all others.
    pub lanes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { records: 100_000, lanes: 40 }
    }
}

impl Limits {
    /// Keeps so many records.
    #[must_use]
    pub fn records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// Draws so many lanes.
    #[must_use]
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }
}

/// Lines of a recording that are not in its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Skipped {
    /// Those that are no JSON, or no record: after a crash the last line may be cut short.
    pub unreadable: u64,
    /// Records of kinds that this crate does not know.
    pub unknown: u64,
    /// Those beyond [`Limits::records`], which were counted and not looked at.
    pub left_out: u64,
}

/// What was read.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) records: Vec<Record>,
    pub(crate) names: Names,
    pub(crate) skipped: Skipped,
}

pub(crate) fn read(mut input: impl BufRead, limits: &Limits) -> Result<Read, ReadError> {
    let mut all = Read::default();
    let mut line = Vec::new();
    let (mut number, mut lines) = (0, 0);
    while let Some(whole) = next_line(&mut input, &mut line)? {
        number += 1;
        if whole && line.trim_ascii().is_empty() {
            continue;
        }
        lines += 1;
        if all.records.len() >= limits.records || all.names.bytes() >= MOST_TEXT {
            all.skipped.left_out += 1;
            continue;
        }
        let Some(line) = whole.then(|| serde_json::from_slice::<Line>(&line).ok()).flatten() else {
            all.skipped.unreadable += 1;
            continue;
        };
        if line.v != 1 {
            return Err(ReadError::Version { line: number, version: line.v });
        }
        match Record::new(&line, &mut all.names) {
            Ok(record) => all.records.push(record),
            Err(Not::Record) => all.skipped.unreadable += 1,
            Err(Not::Known) => all.skipped.unknown += 1,
        }
    }
    if lines > 0 && all.skipped.unreadable == lines {
        return Err(ReadError::NoRecord { lines });
    }
    Ok(all)
}

/// The next line, without its end; `Some(false)`: it is too long, and was passed over.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let (mut any, mut whole) = (false, true);
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if line.len() + part.len() > LONGEST_LINE {
            whole = false;
        } else if whole {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const LINE: &str =
        r#"{"v":1,"n":1,"at":"2026-07-25T17:20:00.001000Z","kind":"load","whom":"a"}"#;

    fn skipped(unreadable: u64, unknown: u64, left_out: u64) -> Skipped {
        Skipped { unreadable, unknown, left_out }
    }

    #[test]
    fn what_is_no_record_is_counted() {
        let newer = LINE.replace("load", "teleport");
        let text = format!("{LINE}\n\n{{}}\n{newer}\r\n{LINE}\r\nnonsense\n{}", &LINE[..30]);
        // A buffer of 7 bytes: lines are put together.
        let read = read(BufReader::with_capacity(7, text.as_bytes()), &Limits::default()).unwrap();
        assert_eq!((read.records.len(), read.skipped), (2, skipped(3, 1, 0)));
    }

    #[test]
    fn the_rest_is_left_out() {
        let text = format!("{LINE}\n").repeat(5);
        let read = read(text.as_bytes(), &Limits::default().records(2)).unwrap();
        assert_eq!((read.records.len(), read.skipped), (2, skipped(0, 0, 3)));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = LINE.replace("\"a\"", &format!("\"{}\"", "a".repeat(LONGEST_LINE)));
        let text = format!("{long}\n{LINE}\n");
        let read = read(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((read.records.len(), read.skipped), (1, skipped(1, 0, 0)));
    }

    #[test]
    fn errors() {
        let newer = format!("{LINE}\n{}", LINE.replace("\"v\":1", "\"v\":2"));
        let error = read(newer.as_bytes(), &Limits::default()).err().unwrap();
        assert!(matches!(error, ReadError::Version { line: 2, version: 2 }), "{error}");
        let error = read(&b"[workspace]\nmembers\n"[..], &Limits::default()).err().unwrap();
        assert!(matches!(error, ReadError::NoRecord { lines: 2 }), "{error}");
        assert!(read(&b""[..], &Limits::default()).unwrap().records.is_empty());

        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let error = read(BufReader::new(Broken), &Limits::default()).err().unwrap();
        assert!(matches!(error, ReadError::Io(_)), "{error}");
    }
}
