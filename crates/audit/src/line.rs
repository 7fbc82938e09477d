//! One record as a line of JSON.

use crate::name::Sort;

/// The version of the schema: `docs/audit.md`.
pub(crate) const VERSION: u64 = 1;

/// How much of a text from a stranger is written, in bytes before escaping.
pub(crate) const MAX_TEXT: usize = 256;

/// A line being written: fields in order, then [`Line::end`].
pub(crate) struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    /// `number`: of the line in its stream.
    pub(crate) fn begin(out: &'a mut Vec<u8>, number: u64, at: u64, kind: &str) -> Self {
        out.extend_from_slice(b"{\"v\":");
        decimal(out, VERSION);
        let mut line = Self(out);
        line.number("n", number);
        line.time("at", at);
        line.text("kind", kind);
        line
    }

    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A text in which nothing needs to be escaped: an id, a topic, a word of ours.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    /// A name, under the key that its sort stands under.
    pub(crate) fn name(&mut self, (sort, text): (Sort, &str)) {
        let key = match sort {
            Sort::Component => "whom",
            Sort::Topic => "topic",
            Sort::Pattern => "pattern",
            Sort::Group => "group",
        };
        self.text(key, text);
    }

    /// Any text, cut.
    pub(crate) fn strange(&mut self, key: &str, text: &str) {
        self.key(key);
        self.0.push(b'"');
        for char in cut(text).chars() {
            match char {
                '"' | '\\' => self.0.extend_from_slice(&[b'\\', char as u8]),
                '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                    self.0.extend_from_slice(b"\\u");
                    let code = u32::from(char);
                    for shift in [12, 8, 4, 0] {
                        self.0.push(hex_digit(code >> shift));
                    }
                }
                char => {
                    let mut bytes = [0; 4];
                    self.0.extend_from_slice(char.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        self.0.push(b'"');
    }

    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        decimal(self.0, number);
    }

    pub(crate) fn request_id(&mut self, id: u128) {
        self.key("request_id");
        self.0.push(b'"');
        for (at, byte) in id.to_be_bytes().into_iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                self.0.push(b'-');
            }
            self.byte(byte);
        }
        self.0.push(b'"');
    }

    pub(crate) fn trace_id(&mut self, id: u128) {
        self.key("trace_id");
        self.0.push(b'"');
        for byte in id.to_be_bytes() {
            self.byte(byte);
        }
        self.0.push(b'"');
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(hex_digit(u32::from(byte >> 4)));
        self.0.push(hex_digit(u32::from(byte)));
    }

    /// RFC 3339 in UTC, to the microsecond.
    pub(crate) fn time(&mut self, key: &str, nanos: u64) {
        self.key(key);
        let seconds = nanos / 1_000_000_000;
        let (year, month, day) = date(seconds / 86_400);
        let second = seconds % 86_400;
        let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
        let mut put = |range: std::ops::Range<usize>, mut number: u64| {
            for digit in text[range].iter_mut().rev() {
                *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        put(1..5, year);
        put(6..8, month);
        put(9..11, day);
        put(12..14, second / 3_600);
        put(15..17, second / 60 % 60);
        put(18..20, second % 60);
        put(21..27, nanos / 1_000 % 1_000_000);
        self.0.extend_from_slice(&text);
    }
}

/// The first [`MAX_TEXT`] bytes or so.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

fn hex_digit(number: u32) -> u8 {
    b"0123456789abcdef"[(number & 15) as usize]
}

fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[from..]);
}

/// Year, month and day, of so many days after 1970-01-01: years that begin in March, in eras of
/// 400 of them.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use castcall_core::RequestId;
    use proptest::prelude::*;
    use serde_json::Value;

    fn line(write: impl FnOnce(&mut Line<'_>)) -> Value {
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out, 7, 0, "send");
        write(&mut line);
        line.end();
        assert_eq!(out.pop(), Some(b'\n'));
        assert!(out.iter().all(|byte| *byte >= b' '));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_line_is_json() {
        let id = RequestId::new();
        let json = line(|line| {
            line.name((Sort::Component, "a"));
            line.name((Sort::Topic, "b"));
            line.name((Sort::Pattern, "c.*"));
            line.name((Sort::Group, "d"));
            line.request_id(id.as_u128());
            line.trace_id(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
            line.number("size", u64::MAX);
        });
        assert_eq!(
            json,
            serde_json::json!({
                "v": 1, "n": 7, "at": "1970-01-01T00:00:00.000000Z", "kind": "send",
                "whom": "a", "topic": "b", "pattern": "c.*", "group": "d",
                "request_id": id.to_string(), "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                "size": u64::MAX,
            })
        );
    }

    #[test]
    fn times() {
        let time = |nanos| line(|line| line.time("t", nanos))["t"].as_str().unwrap().to_owned();
        assert_eq!(time(951_782_400_000_000_000), "2000-02-29T00:00:00.000000Z");
        assert_eq!(time(1_234_567_890_123_456_789), "2009-02-13T23:31:30.123456Z");
        assert_eq!(time(4_107_542_399_999_999_999), "2100-02-28T23:59:59.999999Z");
        assert_eq!(time(u64::MAX), "2554-07-21T23:34:33.709551Z");
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = date(0);
        assert_eq!(before, (1970, 1, 1));
        for days in 1..200_000 {
            let (year, month, day) = date(days);
            let (y, m, d) = before;
            let next_day = (y, m, d + 1) == (year, month, day);
            let next_month = (y, m + 1, 1) == (year, month, day) && d >= 28;
            assert!(next_day || next_month || (y + 1, 1, 1) == (year, month, day) && m == 12);
            before = (year, month, day);
        }
        assert_eq!(before, (2517, 7, 31));
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = line(|line| line.strange("t", &"é".repeat(1_000)))["t"].to_string();
        assert_eq!(text, format!("\"{}\"", "é".repeat(128)));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "(\\PC|\\p{Cc}|[\"\\\\\u{2028}]){0,60}") {
            let json = line(|line| line.strange("t", &text));
            prop_assert_eq!(json["t"].as_str(), Some(cut(&text)));
        }
    }
}
