//! W3C trace context: which trace a message belongs to.
//!
//! Source: [Trace Context, Level 2](https://www.w3.org/TR/trace-context-2/).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where in which trace something happens: the values of the headers `traceparent` and
/// `tracestate`.
///
/// ```
/// use castcall_core::TraceContext;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace: TraceContext = text.parse()?;
/// assert!(trace.is_sampled());
/// assert_eq!(trace.traceparent(), text);
/// # Ok::<(), castcall_core::InvalidTraceContext>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Headers", into = "Headers")]
pub struct TraceContext {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
    state: Box<str>,
}

/// The two headers, as they are stored.
#[derive(Serialize, Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tracestate: String,
}

/// A trace context out of form: start a new trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidTraceContext {
    /// Write `00-` 32 hexadecimal digits `-` 16 `-` 2, in lower case, no id all zeros.
    #[error("the traceparent is not of the form 00-<32 hex digits>-<16>-<2>")]
    Parent,
    /// Shorten it to 512 printable ASCII characters.
    #[error("the tracestate is longer than 512 bytes, or not printable ASCII")]
    State,
}

impl TraceContext {
    /// How long a `tracestate` may be, in bytes.
    pub const MAX_STATE_BYTES: usize = 512;

    /// Puts one together. `None` if an id is all zeros, which the standard forbids.
    #[must_use]
    pub fn new(trace_id: [u8; 16], parent_id: [u8; 8], flags: u8) -> Option<Self> {
        let valid = trace_id != [0; 16] && parent_id != [0; 8];
        valid.then(|| Self { trace_id, parent_id, flags, state: Box::default() })
    }

    /// Adds what a `tracestate` header says, which castcall hands on and does not read.
    ///
    /// # Errors
    ///
    /// It is too long, or not printable ASCII.
    pub fn with_state(mut self, state: &str) -> Result<Self, InvalidTraceContext> {
        let printable = state.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if state.len() > Self::MAX_STATE_BYTES || !printable {
            return Err(InvalidTraceContext::State);
        }
        self.state = state.into();
        Ok(self)
    }

    /// The same trace, seen from another span of it.
    #[must_use]
    pub fn with_parent(mut self, parent_id: [u8; 8]) -> Self {
        self.parent_id = parent_id;
        self
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The span that what carries this follows from.
    #[must_use]
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent_id
    }

    /// The flags; bit 0 says that it is sampled.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The value of the header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let trace = u128::from_be_bytes(self.trace_id);
        let parent = u64::from_be_bytes(self.parent_id);
        format!("00-{trace:032x}-{parent:016x}-{:02x}", self.flags)
    }

    /// The value of the header `tracestate`, perhaps empty.
    #[must_use]
    pub fn tracestate(&self) -> &str {
        &self.state
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    /// Reads a `traceparent`. Of a version after 00 only the parts are read that 00 has.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.as_bytes()).ok_or(InvalidTraceContext::Parent)
    }
}

fn parse(text: &[u8]) -> Option<TraceContext> {
    let (head, more) = text.split_at_checked(55)?;
    let [b0, b1, b'-', ids @ ..] = head else { return None };
    let version = hex::<1>(&[*b0, *b1])?[0];
    let ends = more.is_empty() || (version > 0 && more[0] == b'-');
    if version == 0xff || !ends || ids[32] != b'-' || ids[49] != b'-' {
        return None;
    }
    TraceContext::new(hex(&ids[..32])?, hex(&ids[33..49])?, hex::<1>(&ids[50..])?[0])
}

/// Digits in lower case, as the standard wants them.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

impl TryFrom<Headers> for TraceContext {
    type Error = InvalidTraceContext;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        headers.traceparent.parse::<Self>()?.with_state(&headers.tracestate)
    }
}

impl From<TraceContext> for Headers {
    fn from(trace: TraceContext) -> Self {
        Self { traceparent: trace.traceparent(), tracestate: trace.state.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn is_read_and_written() {
        let trace: TraceContext = GOOD.parse().unwrap();
        assert_eq!((trace.flags(), trace.is_sampled()), (1, true));
        assert_eq!(trace.parent_id()[0], 0xb7);
        assert_eq!(trace.trace_id()[15], 0x9c);
        assert_eq!((trace.to_string(), format!("{trace:?}")), (GOOD.into(), GOOD.into()));
        let child = trace.clone().with_parent([1; 8]);
        assert_eq!(child.trace_id(), trace.trace_id());
        assert_ne!(child, trace);
        let stated = trace.with_state("congo=t61rcWkgMzE").unwrap();
        assert_eq!(stated.tracestate(), "congo=t61rcWkgMzE");
        let json = serde_json::to_string(&stated).unwrap();
        assert_eq!(serde_json::from_str::<TraceContext>(&json).unwrap(), stated);
    }

    #[test]
    fn of_later_versions_what_is_known_is_read() {
        let later = format!("cc{}-what-comes", &GOOD[2..]);
        assert_eq!(later.parse::<TraceContext>().unwrap().traceparent(), GOOD);
        let joined = format!("cc{}x", &GOOD[2..]);
        assert_eq!(joined.parse::<TraceContext>(), Err(InvalidTraceContext::Parent));
    }

    #[test]
    fn out_of_form() {
        for bad in [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-"),
            &format!("ff{}", &GOOD[2..]),
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0é",
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(InvalidTraceContext::Parent), "{bad}");
        }
        let trace: TraceContext = GOOD.parse().unwrap();
        for bad in [&"x".repeat(513), "a=\n", "a=é"] {
            assert_eq!(trace.clone().with_state(bad), Err(InvalidTraceContext::State), "{bad}");
        }
        let stored = r#"{"traceparent":"00","tracestate":""}"#;
        assert!(serde_json::from_str::<TraceContext>(stored).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_leads_back(text in "\\PC{0,60}", ids in any::<(u128, u64, u8)>()) {
            let _ = text.parse::<TraceContext>();
            let (trace, parent) = (ids.0.to_be_bytes(), ids.1.to_be_bytes());
            if let Some(made) = TraceContext::new(trace, parent, ids.2) {
                prop_assert_eq!(made.traceparent().parse::<TraceContext>(), Ok(made));
            }
        }
    }
}
