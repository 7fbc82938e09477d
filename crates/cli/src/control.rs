//! What is said over the socket: one request as a line of JSON, and lines of JSON as the answer, the
//! last of which is `done` or `failed`. Who has asked goes on listening: who closes, even for writing
//! alone, wants no more.

use castcall::ComponentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::ActionName;

/// The version of what is said. Each request names it.
const VERSION: u32 = 1;

/// No system takes a longer request, however long its payloads may be.
pub(crate) const MAX_REQUEST: usize = 64 << 20;

/// The line that asks for this.
pub(crate) fn line(request: &Request) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Asked { v: VERSION, ask: request })?;
    line.push(b'\n');
    Ok(line)
}

/// What a line asks for, or why that is not known.
pub(crate) fn understand(line: &[u8]) -> Result<Request, String> {
    // In another version the rest may be anything.
    match serde_json::from_slice(line) {
        Ok(Version { v }) if v != VERSION => {
            return Err(format!(
                "this system speaks version {VERSION} of castcall's protocol, and is asked in \
                 version {v}: use the `castcall` that it was started with"
            ));
        }
        _ => {}
    }
    let asked: Result<Asked<Request>, _> = serde_json::from_slice(line);
    asked.map(|asked| asked.ask).map_err(|error| format!("not understood: {error}"))
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<R> {
    v: u32,
    ask: R,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    Cast { target: String, payload: Payload },
    Call { target: String, payload: Payload, timeout_ms: u64 },
    Publish { target: String, payload: Payload },
    Components,
    Restart { component: String },
    Stop { component: String },
    Letters { limit: usize },
    Resend { letters: Vec<u64> },
    Drop { letters: Vec<u64> },
    Subscriptions,
    Explain { component: ComponentId, action: ActionName, target: String },
    Record { for_ms: u64 },
}

/// What is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Payload {
    /// To be encoded, in the codec of that name or in one that the target accepts.
    Value { value: Value, codec: Option<String> },
    /// As they are, in base64.
    Bytes(String),
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// More follows.
    Line(String),
    Done(Value),
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_another_version_is_told_so() {
        let line = line(&Request::Components).unwrap();
        assert!(matches!(understand(&line), Ok(Request::Components)));
        let later = understand(b"{\"v\":2,\"please\":\"dance\"}").unwrap_err();
        assert!(later.contains("version 2"), "{later}");
        for garbage in [&b""[..], b"\n", b"\xff\xfe\n", b"{}", b"{\"v\":1,\"ask\":{\"do\":\"x\"}}"]
        {
            let why = understand(garbage).unwrap_err();
            assert!(why.starts_with("not understood"), "{why}");
        }
    }
}
