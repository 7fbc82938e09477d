//! One line of an audit, as data.

use serde::Deserialize;

use crate::names::{Name, Names};
use crate::time;

/// A line as it is written. Fields that are not here are nothing to a picture.
#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) v: u64,
    n: u64,
    at: String,
    kind: String,
    who: Option<String>,
    what: Option<String>,
    whom: Option<String>,
    topic: Option<String>,
    pattern: Option<String>,
    group: Option<String>,
    why: Option<String>,
    codec: Option<u64>,
    size: Option<u64>,
    request_id: Option<String>,
    trace_id: Option<String>,
    incarnation: Option<u64>,
    detail: Option<String>,
    repeated: Option<u64>,
    count: Option<u64>,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Send,
    Delivery,
    CallEnd,
    HandlerError,
    DeadLetter,
    Subscribe,
    Unsubscribe,
    Cancel,
    Load,
    Unload,
    Restart,
    Failure,
    CapabilityChange,
    Denial,
    Dropped,
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "send" => Self::Send,
            "delivery" => Self::Delivery,
            "call-end" => Self::CallEnd,
            "handler-error" => Self::HandlerError,
            "dead-letter" => Self::DeadLetter,
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "cancel" => Self::Cancel,
            "load" => Self::Load,
            "unload" => Self::Unload,
            "restart" => Self::Restart,
            "failure" => Self::Failure,
            "capability-change" => Self::CapabilityChange,
            "denial" => Self::Denial,
            "dropped" => Self::Dropped,
            _ => return None,
        })
    }
}

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Cast,
    Call,
    Publish,
    Callback,
    Subscribe,
    Unsubscribe,
    Cancel,
}

impl What {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "cast" => Self::Cast,
            "call" => Self::Call,
            "publish" => Self::Publish,
            "callback" => Self::Callback,
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "cancel" => Self::Cancel,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cast => "cast",
            Self::Call => "call",
            Self::Publish => "publish",
            Self::Callback => "callback",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Cancel => "cancel",
        }
    }
}

/// What a record says of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Payload {
    pub(crate) codec: Option<u64>,
    pub(crate) size: Option<u64>,
}

/// A line that a picture can show.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Microseconds since 1970.
    pub(crate) at: i64,
    /// The line's number in its stream.
    pub(crate) n: u64,
    pub(crate) kind: Kind,
    pub(crate) what: Option<What>,
    pub(crate) who: Option<Name>,
    pub(crate) whom: Option<Name>,
    pub(crate) topic: Option<Name>,
    pub(crate) pattern: Option<Name>,
    pub(crate) group: Option<Name>,
    pub(crate) why: Option<Name>,
    pub(crate) payload: Payload,
    pub(crate) request: Option<Name>,
    pub(crate) trace: Option<Name>,
    pub(crate) incarnation: Option<u64>,
    pub(crate) detail: Option<Name>,
    /// How often: of repeated denials, and of dropped records.
    pub(crate) count: u64,
}

/// Why a line is not in the picture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Not {
    /// It is no record.
    Record,
    /// It is one of a kind that is newer than this crate.
    Known,
}

impl Record {
    pub(crate) fn new(line: &Line, names: &mut Names) -> Result<Self, Not> {
        let kind = Kind::of(&line.kind).ok_or(Not::Known)?;
        let at = time::parse(&line.at).ok_or(Not::Record)?;
        let mut name = |text: &Option<String>| text.as_deref().map(|text| names.add(text));
        let unknown = line.who.as_deref() == Some("?");
        Ok(Self {
            at,
            n: line.n,
            kind,
            what: line.what.as_deref().and_then(What::of),
            who: if unknown { None } else { name(&line.who) },
            whom: name(&line.whom),
            topic: name(&line.topic),
            pattern: name(&line.pattern),
            group: name(&line.group),
            why: name(&line.why),
            payload: Payload { codec: line.codec, size: line.size },
            request: name(&line.request_id),
            trace: name(&line.trace_id),
            incarnation: line.incarnation,
            detail: name(&line.detail),
            count: line.repeated.or(line.count).unwrap_or(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str, names: &mut Names) -> Result<Record, Not> {
        Record::new(&serde_json::from_str(text).unwrap(), names)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut names = Names::default();
        let line = r#"{"v":1,"n":4,"at":"1970-01-01T00:00:00.004000Z","kind":"send","who":"a","what":"call","whom":"b","codec":81,"size":64,"request_id":"id","trace_id":"tr","new":[1]}"#;
        let record = record(line, &mut names).unwrap();
        assert_eq!((record.at, record.n, record.kind), (4_000, 4, Kind::Send));
        assert_eq!(record.what, Some(What::Call));
        let texts = [record.who, record.whom, record.request, record.trace];
        assert_eq!(texts.map(|name| names.get(name.unwrap())), ["a", "b", "id", "tr"]);
        assert_eq!(record.payload, Payload { codec: Some(81), size: Some(64) });
        assert_eq!((record.topic, record.why, record.count), (None, None, 1));
    }

    #[test]
    fn counts_and_who_is_not_known() {
        let mut names = Names::default();
        let at = r#""v":1,"n":1,"at":"1970-01-01T00:00:00Z""#;
        let denial = format!(r#"{{{at},"kind":"denial","who":"?","repeated":7}}"#);
        let denial = record(&denial, &mut names).unwrap();
        assert_eq!((denial.count, denial.who), (7, None));
        let dropped = format!(r#"{{{at},"kind":"dropped","count":52}}"#);
        assert_eq!(record(&dropped, &mut names).unwrap().count, 52);
    }

    #[test]
    fn what_is_no_record_and_what_is_newer() {
        let mut names = Names::default();
        let newer = r#"{"v":1,"n":1,"at":"1970-01-01T00:00:00Z","kind":"teleport"}"#;
        assert_eq!(record(newer, &mut names).unwrap_err(), Not::Known);
        let timeless = r#"{"v":1,"n":1,"at":"yesterday","kind":"send"}"#;
        assert_eq!(record(timeless, &mut names).unwrap_err(), Not::Record);
    }
}
