//! Payloads, between JSON and codecs.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use castcall::Bytes;
use castcall::codec::{self, Codec, CodecSet};
use serde_json::{Value, json};

use crate::control::Payload;

/// Those that can say what a JSON value says, the best first.
const SELF_DESCRIBING: [Codec; 3] = [Codec::Cbor, Codec::Json, Codec::MessagePack];

/// The message for a target that accepts these.
pub(crate) fn encode(payload: Payload, accepts: CodecSet) -> Result<Bytes, String> {
    let (value, codec) = match payload {
        Payload::Bytes(text) => {
            let bytes = BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?;
            return Ok(bytes.into());
        }
        Payload::Value { value, codec } => (value, codec),
    };
    let codec = match codec {
        Some(name) => name.parse().map_err(|_| format!("there is no codec {name:?}"))?,
        None if accepts.is_any() => {
            return Err("the target does not say which codecs it accepts: name one with --codec, \
                        or send the bytes as they are with --text or --file"
                .to_owned());
        }
        None => {
            let known = SELF_DESCRIBING.into_iter().find(|&codec| accepts.accepts(codec));
            known.ok_or_else(|| {
                format!(
                    "the target accepts {accepts}, which JSON can't be turned into without its \
                     types: send encoded bytes with --file"
                )
            })?
        }
    };
    if !SELF_DESCRIBING.contains(&codec) {
        return Err(format!(
            "JSON can't be turned into {codec} without its types: send encoded \
                            bytes with --file"
        ));
    }
    codec::encode(codec, &value).map(Bytes::from).map_err(|error| error.to_string())
}

/// What a message says: its codec and value, if it describes itself, else its text or bytes.
pub(crate) fn decode(message: &[u8]) -> Value {
    let known = codec::peek(message).ok().and_then(|(prefix, rest)| Some((prefix.codec()?, rest)));
    if let Some((codec, rest)) = known {
        if SELF_DESCRIBING.contains(&codec)
            && let Ok(value) = codec::decode::<Value>(message)
        {
            return json!({ "codec": codec.name(), "value": value });
        }
        if codec == Codec::Raw {
            return bytes(rest, Some("raw"));
        }
    }
    bytes(message, None)
}

fn bytes(bytes: &[u8], codec: Option<&str>) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            json!({ "codec": codec, "text": text })
        }
        _ => json!({ "codec": codec, "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(codec: Option<&str>) -> Payload {
        Payload::Value { value: json!({ "id": 7 }), codec: codec.map(str::to_owned) }
    }

    #[test]
    fn json_is_encoded_in_what_the_target_accepts() {
        for codec in SELF_DESCRIBING {
            let message = encode(value(None), CodecSet::of(&[codec, Codec::Borsh])).unwrap();
            assert_eq!(codec::peek(&message).unwrap().0.codec(), Some(codec));
            assert_eq!(decode(&message), json!({ "codec": codec.name(), "value": { "id": 7 } }));
        }
        let json = encode(value(Some("json")), CodecSet::ANY).unwrap();
        assert_eq!(decode(&json)["codec"], "json");
        encode(value(None), CodecSet::ANY).unwrap_err();
        encode(value(None), CodecSet::of(&[Codec::Borsh])).unwrap_err();
        encode(value(Some("borsh")), CodecSet::ANY).unwrap_err();
        encode(value(Some("protobuff")), CodecSet::ANY).unwrap_err();
    }

    #[test]
    fn bytes_are_shown_as_text_if_they_are_some() {
        assert_eq!(decode(b"hello"), json!({ "codec": null, "text": "hello" }));
        assert_eq!(decode(b"\xff\x00"), json!({ "codec": null, "base64": "/wA=" }));
        let raw = codec::wrap(Codec::Raw, b"hello");
        assert_eq!(decode(&raw), json!({ "codec": "raw", "text": "hello" }));
        let sent = encode(Payload::Bytes("/wA=".into()), CodecSet::ANY).unwrap();
        assert_eq!(&sent[..], b"\xff\x00");
        encode(Payload::Bytes("?".into()), CodecSet::ANY).unwrap_err();
    }
}
