//! Recordings for tests, by hand.

use std::fmt::Write;

use crate::{Limits, Recording};

/// Lines of an audit, a millisecond apart.
#[derive(Default)]
pub(crate) struct Lines {
    text: String,
    n: u64,
}

impl Lines {
    /// `fields` as in JSON, without braces: `"kind":"send","who":"a"`.
    pub(crate) fn add(mut self, fields: &str) -> Self {
        self.n += 1;
        let (second, milli) = (self.n / 1_000 % 60, self.n % 1_000);
        writeln!(
            self.text,
            r#"{{"v":1,"n":{},"at":"2026-07-25T17:20:{second:02}.{milli:03}000Z",{fields}}}"#,
            self.n,
        )
        .unwrap();
        self
    }

    /// `kind what who whom [more]`; of a publish `kind publish who topic [whom]`.
    pub(crate) fn short(self, text: &str) -> Self {
        let words: Vec<_> = text.split(' ').collect();
        let mut fields =
            format!(r#""kind":"{}","what":"{}","who":"{}""#, words[0], words[1], words[2]);
        let is_topic = words[1] == "publish";
        let target = if is_topic { "topic" } else { "whom" };
        if let Some(text) = words.get(3) {
            write!(fields, r#","{target}":"{text}""#).unwrap();
        }
        for more in words.iter().skip(4) {
            match more.split_once('=') {
                Some((key, value)) if value.parse::<u64>().is_ok() => {
                    write!(fields, r#","{key}":{value}"#).unwrap();
                }
                Some((key, value)) => write!(fields, r#","{key}":"{value}""#).unwrap(),
                None if is_topic => write!(fields, r#","whom":"{more}""#).unwrap(),
                None => write!(fields, r#","request_id":"{more}""#).unwrap(),
            }
        }
        self.add(&fields)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn read(&self) -> Recording {
        read(&self.text)
    }
}

pub(crate) fn read(text: &str) -> Recording {
    Recording::read(text.as_bytes()).unwrap()
}

pub(crate) fn read_limited(text: &str, limits: &Limits) -> Recording {
    Recording::read_limited(text.as_bytes(), limits).unwrap()
}
