//! The vectors of each codec, as fields of the record: so guests that know one record check them.

use castcall::codec::{Codec, wrap};
use serde_json::Value;

use super::hostile::by_rust;
use super::vectors::{bytes, golden, load};
use super::{GUESTS, Guest, JS, RUST, again, guests};

/// A field that nobody knows, after all others, so that what is cut short stays so.
fn with_unknown_field(codec: Codec, value: &[u8]) -> Vec<u8> {
    let (_, golden) = golden().into_iter().find(|(found, _)| *found == codec).unwrap();
    let record = castcall::codec::peek(&golden).unwrap().1;
    let record = match codec {
        Codec::Cbor => [b"\xa6", &record[1..], b"\x61x", value].concat(),
        Codec::MessagePack => [b"\x86", &record[1..], b"\xa1x", value].concat(),
        Codec::Json => [&record[..record.len() - 1], b",\"x\":", value, b"}"].concat(),
        other => panic!("{other} names no fields"),
    };
    wrap(codec, &record)
}

/// The golden record, or for Borsh and bincode one of zeros, with another value in one field.
fn with_field(codec: Codec, field: &str, value: &[u8]) -> Vec<u8> {
    let named = |name: &[u8], value: &[u8]| match codec {
        Codec::Cbor => [&[0x60 | name.len() as u8], name, value].concat(),
        Codec::MessagePack => [&[0xa0 | name.len() as u8], name, value].concat(),
        Codec::Json => [b"\"", name, b"\":", value].concat(),
        _ => value.to_vec(),
    };
    let usual: [(&str, &[u8]); 5] = match codec {
        Codec::Json => [
            ("id", b"0"),
            ("customer", b"\"\""),
            ("balance", b"0"),
            ("paid", b"false"),
            ("lines", b"[]"),
        ],
        Codec::Cbor => [
            ("id", b"\0"),
            ("customer", b"\x60"),
            ("balance", b"\0"),
            ("paid", b"\xf4"),
            ("lines", b"\x80"),
        ],
        Codec::MessagePack => [
            ("id", b"\0"),
            ("customer", b"\xa0"),
            ("balance", b"\0"),
            ("paid", b"\xc2"),
            ("lines", b"\x90"),
        ],
        Codec::Borsh => [
            ("id", &[0; 8]),
            ("customer", &[0; 4]),
            ("balance", &[0; 4]),
            ("paid", &[0]),
            ("lines", &[0; 4]),
        ],
        _ => ["id", "customer", "balance", "paid", "lines"].map(|name| (name, &b"\0"[..])),
    };
    let fields = usual
        .map(|(name, usual)| named(name.as_bytes(), if name == field { value } else { usual }));
    let record = match codec {
        Codec::Cbor => [b"\xa5", &fields.concat()[..]].concat(),
        Codec::MessagePack => [b"\x85", &fields.concat()[..]].concat(),
        Codec::Json => [b"{", &fields.join(&b',')[..], b"}"].concat(),
        _ => fields.concat(),
    };
    wrap(codec, &record)
}

/// Guests that speak a codec.
fn speakers(codec: Codec) -> impl Iterator<Item = Guest> {
    GUESTS.into_iter().filter(move |guest| guest.codecs.contains(&codec))
}

const DESCRIBED: [(Codec, &str); 3] = [
    (Codec::Cbor, "cbor.json"),
    (Codec::Json, "json.json"),
    (Codec::MessagePack, "messagepack.json"),
];

fn list<'a>(vectors: &'a Value, name: &str) -> &'a [Value] {
    vectors.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn a_field_that_nobody_knows_may_hold_any_vector() {
    let stage = guests().await;
    let (mut checked, mut unseen_in) = (0, Vec::new());
    for (codec, file) in DESCRIBED {
        let vectors = load(file);
        let golden = golden().into_iter().find(|(found, _)| *found == codec).unwrap().1;
        for vector in list(&vectors, "vectors") {
            // Whether what castcall refuses is skipped, is anybody's choice.
            if vector.get("refused").is_some() {
                continue;
            }
            let message = with_unknown_field(codec, &bytes(&vector["hex"]));
            for guest in speakers(codec) {
                let result = again(&stage, guest, &message).await;
                assert_eq!(result.as_ref(), Ok(&golden), "{}, {codec}: {vector}", guest.name);
                checked += 1;
            }
        }
        let refused = list(&vectors, "refused").iter().map(|vector| &vector["hex"]);
        for hex in refused.chain(list(&vectors, "not_well_formed")) {
            let message = with_unknown_field(codec, &bytes(hex));
            for guest in speakers(codec) {
                let result = again(&stage, guest, &message).await;
                // serde_json does not look into texts that nobody reads.
                let unseen = guest.name == RUST.name && by_rust(&message).is_ok();
                assert!(result.is_err() || unseen, "{}, {codec}: {hex}", guest.name);
                unseen_in.extend(unseen.then(|| hex.as_str().unwrap().to_owned()));
                checked += 1;
            }
        }
        // Only the Rust side can't help it.
        for hex in list(&vectors, "tolerated") {
            let message = with_unknown_field(codec, &bytes(hex));
            for guest in speakers(codec) {
                let result = again(&stage, guest, &message).await;
                assert_eq!(result.is_ok(), guest.name == RUST.name, "{}: {hex}", guest.name);
            }
        }
    }
    assert_eq!(unseen_in, ["225c754438333422", "22ff22"], "half a character, and no UTF-8");
    assert!(checked > 600, "{checked}");
}

/// In each field, whether the vector is of its type or not: everybody makes the same of it.
#[tokio::test]
async fn each_vector_means_the_same_in_each_field() {
    let stage = guests().await;
    let (mut read, mut refused) = (0, 0);
    for (codec, file) in DESCRIBED {
        let vectors = load(file);
        for vector in list(&vectors, "vectors") {
            for field in ["id", "customer", "balance", "paid", "lines"] {
                let message = with_field(codec, field, &bytes(&vector["hex"]));
                let expected = by_rust(&message);
                // ciborium reads a byte string as a list of numbers, which the envelope does not
                // ask for.
                let bytes_as_list = codec == Codec::Cbor
                    && field == "lines"
                    && vector.get("value").is_none()
                    && expected.is_ok();
                for guest in speakers(codec) {
                    // JavaScript can't tell 1.0 from 1.
                    let float = vector["value"].is_f64();
                    if guest.name == JS.name && float && matches!(field, "id" | "balance") {
                        continue;
                    }
                    let result = again(&stage, guest, &message).await;
                    let same = match &expected {
                        Ok(_) => result == expected || (bytes_as_list && result.is_err()),
                        Err(_) => result.is_err(),
                    };
                    let name = guest.name;
                    assert!(
                        same,
                        "{name}, {codec}, {field}: {vector}: {result:x?}, not {expected:x?}"
                    );
                }
                *if expected.is_ok() { &mut read } else { &mut refused } += 1;
            }
        }
    }
    assert!(read > 50 && refused > 200, "{read} were read, {refused} refused");
}

#[tokio::test]
async fn vectors_with_types_fit_the_fields_of_these_types() {
    let stage = guests().await;
    let mut checked = 0;
    for (codec, file) in [(Codec::Borsh, "borsh.json"), (Codec::Bincode, "bincode.json")] {
        let vectors = load(file);
        for vector in list(&vectors, "vectors").iter().chain(list(&vectors, "refused")) {
            let value = bytes(&vector["hex"]);
            let one: &[u8] = if codec == Codec::Borsh { &[1, 0, 0, 0] } else { &[1] };
            let (field, value) = match vector["type"].as_str().unwrap() {
                "u64" => ("id", value),
                "string" => ("customer", value),
                "i32" => ("balance", value),
                "bool" => ("paid", value),
                "u32" => ("lines", [one, &value].concat()),
                _ => continue,
            };
            let message = with_field(codec, field, &value);
            for guest in speakers(codec) {
                let result = again(&stage, guest, &message).await;
                let name = guest.name;
                match vector.get("value") {
                    Some(_) => assert_eq!(result.as_ref(), Ok(&message), "{name}: {vector}"),
                    None => assert!(result.is_err(), "{name}: {vector}: {result:x?}"),
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}
