//! The golden vectors in `fixtures/vectors`.

mod common;

use std::collections::BTreeMap;
use std::fs;

use ::borsh::{BorshDeserialize, BorshSerialize};
use castcall_codec::{
    Codec, CodecSet, DecodeError, EncodeError, Prefix, PrefixError, bincode, borsh, cbor, decode,
    encode, json, messagepack, peek, raw, wrap,
};
use common::Order;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

fn load(name: &str) -> Value {
    let path = format!("{}/../../fixtures/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn list<'a>(vectors: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = vectors[name].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn error_name(error: PrefixError) -> &'static str {
    match error {
        PrefixError::Empty => "empty",
        PrefixError::Truncated => "truncated",
        PrefixError::TooLong => "too-long",
        PrefixError::NotMinimal => "not-minimal",
        _ => unreachable!(),
    }
}

#[test]
fn unsigned_varints() {
    let vectors = load("unsigned-varint.json");
    for vector in list(&vectors, "vectors") {
        let number = vector["value"].as_u64().unwrap();
        let mut message = bytes(&vector["hex"]);
        message.push(0xab);
        let (prefix, value) = peek(&message).unwrap();
        let expected = Codec::from_code(number).map_or(Prefix::Unknown(number), Prefix::Known);
        assert_eq!((prefix, value), (expected, &[0xab][..]));
    }
    for vector in list(&vectors, "malformed") {
        let error = peek(&bytes(&vector["hex"])).unwrap_err();
        assert_eq!(error_name(error), vector["error"], "{vector}");
    }
}

#[test]
fn envelopes() {
    let vectors = load("envelope.json");
    let order: Order = serde_json::from_value(vectors["value"].clone()).unwrap();
    assert_eq!(order, Order::sample());
    for vector in list(&vectors, "vectors") {
        let codec: Codec = serde_json::from_value(vector["codec"].clone()).unwrap();
        assert_eq!(format!("{:#x}", codec.code()), vector["code"]);
        assert_eq!(wrap(codec, b""), bytes(&vector["prefix"]));
        let message = bytes(&vector["message"]);
        match codec {
            Codec::Raw => {
                let text = vectors["raw"].as_str().unwrap().as_bytes();
                assert_eq!(raw::encode(text), message);
                assert_eq!(raw::decode(&message), Ok(text));
            }
            Codec::Borsh => {
                assert_eq!(borsh::encode(&order).unwrap(), message);
                assert_eq!(borsh::decode(&message), Ok(order.clone()));
            }
            _ => {
                assert_eq!(encode(codec, &order).unwrap(), message, "{codec}");
                assert_eq!(decode(&message), Ok(order.clone()), "{codec}");
            }
        }
        if let Some(alias) = vector.get("alias_message") {
            let alias = bytes(alias);
            assert_eq!(peek(&alias).unwrap().0, Prefix::Known(codec));
            assert_eq!(peek(&alias).unwrap().1, peek(&message).unwrap().1);
            assert_eq!(CodecSet::of(&[codec]).check(&alias), Ok(()));
        }
    }
    for vector in list(&vectors, "malformed") {
        let error = peek(&bytes(&vector["hex"])).unwrap_err();
        assert_eq!(error_name(error), vector["error"], "{vector}");
    }
    for vector in list(&vectors, "unknown") {
        let message = bytes(&vector["hex"]);
        let Prefix::Unknown(code) = peek(&message).unwrap().0 else { panic!("{vector}") };
        assert_eq!(format!("{code:#x}"), vector["code"]);
    }
}

/// Vectors of a self-describing codec.
fn described(name: &str, codec: Codec) {
    let vectors = load(name);
    for vector in list(&vectors, "vectors") {
        let message = wrap(codec, &bytes(&vector["hex"]));
        if vector.get("refused").is_some() {
            assert!(decode::<ciborium::Value>(&message).is_err(), "{vector}");
        } else if let Some(value) = vector.get("value") {
            assert_eq!(decode::<Value>(&message).as_ref(), Ok(value), "{vector}");
            let same = encode(codec, value).unwrap() == message;
            assert_eq!(same, vector.get("written").is_none(), "{vector}");
        } else {
            let value: ciborium::Value = decode(&message).expect("well-formed");
            let same = encode(codec, &value).unwrap() == message;
            assert_eq!(same, vector.get("written").is_none(), "{vector}");
        }
    }
    for vector in vectors.get("refused").and_then(Value::as_array).into_iter().flatten() {
        let message = wrap(codec, &bytes(&vector["hex"]));
        let error = decode::<Value>(&message).expect_err("refused");
        let expected = match vector["why"].as_str().unwrap() {
            "cut short" => DecodeError::Truncated { codec },
            "bytes left over" => DecodeError::TrailingBytes { codec, extra: 1 },
            "more elements than bytes" => DecodeError::TooMany { codec },
            _ => {
                assert!(matches!(error, DecodeError::Invalid { .. }), "{vector}: {error}");
                continue;
            }
        };
        assert_eq!(error, expected, "{vector}");
    }
}

#[test]
fn cbor_of_the_rfc() {
    described("cbor.json", Codec::Cbor);
    let vectors = load("cbor.json");
    for (name, accepted) in [("not_well_formed", false), ("tolerated", true)] {
        for hex in list(&vectors, name) {
            let message = wrap(Codec::Cbor, &bytes(hex));
            let decoded = cbor::decode::<ciborium::Value>(&message);
            assert_eq!(decoded.is_ok(), accepted, "{hex}: {decoded:?}");
        }
    }
}

#[test]
fn messagepack_of_the_specification() {
    described("messagepack.json", Codec::MessagePack);
    assert!(messagepack::decode::<Value>(b"\x81\x04\xc0").is_ok());
}

#[test]
fn json_of_the_rfc() {
    described("json.json", Codec::Json);
    assert!(json::decode::<Value>(b"\x80\x04null").is_ok());
}

/// A codec that says nothing of types.
trait Bare {
    fn write<T: Serialize + BorshSerialize>(value: &T) -> Result<Vec<u8>, EncodeError>;
    fn read<T: DeserializeOwned + BorshDeserialize>(message: &[u8]) -> Result<T, DecodeError>;
}

struct Borsh;

impl Bare for Borsh {
    fn write<T: Serialize + BorshSerialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
        borsh::encode(value)
    }

    fn read<T: DeserializeOwned + BorshDeserialize>(message: &[u8]) -> Result<T, DecodeError> {
        borsh::decode(message)
    }
}

struct Bincode;

impl Bare for Bincode {
    fn write<T: Serialize + BorshSerialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
        bincode::encode(value)
    }

    fn read<T: DeserializeOwned + BorshDeserialize>(message: &[u8]) -> Result<T, DecodeError> {
        bincode::decode(message)
    }
}

#[derive(Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "::borsh")]
struct Primer {
    x: u64,
    y: String,
}

#[derive(Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "::borsh")]
enum Letter {
    A,
    B(u16),
}

/// A vector with a value goes both ways; one without is refused.
fn typed<T, B>(codec: Codec, vector: &Value)
where
    T: Serialize + DeserializeOwned + BorshSerialize + BorshDeserialize,
    B: Bare,
{
    let message = wrap(codec, &bytes(&vector["hex"]));
    let decoded = B::read::<T>(&message);
    if let Some(value) = vector.get("value") {
        assert_eq!(&serde_json::to_value(decoded.unwrap()).unwrap(), value, "{vector}");
        let typed: T = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(B::write(&typed).unwrap(), message, "{vector}");
        return;
    }
    let error = decoded.err().expect("refused");
    match vector["why"].as_str().unwrap() {
        "cut short" => assert_eq!(error, DecodeError::Truncated { codec }, "{vector}"),
        "more elements than bytes" => assert_eq!(error, DecodeError::TooMany { codec }),
        "bytes left over" => {
            assert_eq!(error, DecodeError::TrailingBytes { codec, extra: 1 }, "{vector}");
        }
        _ => assert!(matches!(error, DecodeError::Invalid { .. }), "{vector}: {error}"),
    }
}

fn bare<B: Bare>(name: &str, codec: Codec) {
    let vectors = load(name);
    for vector in list(&vectors, "vectors").chain(list(&vectors, "refused")) {
        match vector["type"].as_str().unwrap() {
            "u8" => typed::<u8, B>(codec, vector),
            "u16" => typed::<u16, B>(codec, vector),
            "u32" => typed::<u32, B>(codec, vector),
            "u64" => typed::<u64, B>(codec, vector),
            "i8" => typed::<i8, B>(codec, vector),
            "i32" => typed::<i32, B>(codec, vector),
            "i64" => typed::<i64, B>(codec, vector),
            "f32" => typed::<f32, B>(codec, vector),
            "f64" => typed::<f64, B>(codec, vector),
            "bool" => typed::<bool, B>(codec, vector),
            "unit" => typed::<(), B>(codec, vector),
            "string" => typed::<String, B>(codec, vector),
            "list<u16>" => typed::<Vec<u16>, B>(codec, vector),
            "array<u16, 2>" => typed::<[u16; 2], B>(codec, vector),
            "option<u8>" => typed::<Option<u8>, B>(codec, vector),
            "map<string, u8>" => typed::<BTreeMap<String, u8>, B>(codec, vector),
            "struct { x: u64, y: string }" => typed::<Primer, B>(codec, vector),
            "enum { A, B(u16) }" => typed::<Letter, B>(codec, vector),
            other => panic!("no such type: {other}"),
        }
    }
}

#[test]
fn borsh_of_the_specification() {
    bare::<Borsh>("borsh.json", Codec::Borsh);
}

#[test]
fn bincode_of_the_specification() {
    bare::<Bincode>("bincode.json", Codec::Bincode);
}
