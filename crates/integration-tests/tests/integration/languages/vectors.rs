//! `fixtures/vectors`, checked by the guests themselves.

use castcall::codec::Codec;
use serde_json::Value;

use super::order::{Order, edges};
use super::{GUESTS, RUST, again, guests};

pub(super) fn load(name: &str) -> Value {
    let path = format!("{}/../../fixtures/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(super) fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Messages of the record in each codec, as they stand in the vectors.
pub(super) fn golden() -> Vec<(Codec, Vec<u8>)> {
    let vectors = load("envelope.json");
    let golden = vectors["vectors"].as_array().unwrap().iter().map(|vector| {
        let codec: Codec = vector["codec"].as_str().unwrap().parse().unwrap();
        (codec, bytes(&vector["message"]))
    });
    golden.collect()
}

#[tokio::test]
async fn the_golden_record_is_read_and_written_byte_for_byte() {
    let stage = guests().await;
    let vectors = load("envelope.json");
    for guest in GUESTS {
        let mut checked = 0;
        for vector in vectors["vectors"].as_array().unwrap() {
            let codec: Codec = vector["codec"].as_str().unwrap().parse().unwrap();
            let message = bytes(&vector["message"]);
            let result = again(&stage, guest, &message).await;
            if !guest.codecs.contains(&codec) {
                assert!(result.is_err(), "{}, {codec}", guest.name);
                continue;
            }
            assert_eq!(result.as_ref(), Ok(&message), "{}, {codec}", guest.name);
            // By an alias too, which nobody writes.
            if let Some(alias) = vector.get("alias_message") {
                let result = again(&stage, guest, &bytes(alias)).await;
                assert_eq!(result.as_ref(), Ok(&message), "{}, alias of {codec}", guest.name);
            }
            checked += 1;
        }
        assert_eq!(checked, guest.codecs.len(), "{}", guest.name);
    }
}

#[tokio::test]
async fn malformed_and_unknown_prefixes_are_refused() {
    let stage = guests().await;
    let envelope = load("envelope.json");
    let varints = load("unsigned-varint.json");
    for guest in GUESTS {
        let lists = [&envelope["malformed"], &varints["malformed"]];
        for vector in lists.into_iter().flat_map(|list| list.as_array().unwrap()) {
            let why = again(&stage, guest, &bytes(&vector["hex"])).await.expect_err("malformed");
            let expected = match vector["error"].as_str().unwrap() {
                error if guest.name != RUST.name => error,
                "empty" => "empty",
                "truncated" => "ends within",
                "too-long" => "longer than 9",
                "not-minimal" => "shortest form",
                other => panic!("{other}"),
            };
            assert!(why.contains(expected), "{}: {vector}: {why}", guest.name);
        }
        for vector in envelope["unknown"].as_array().unwrap() {
            let why = again(&stage, guest, &bytes(&vector["hex"])).await.expect_err("unknown");
            assert!(why.contains("known"), "{}: {vector}: {why}", guest.name);
        }
        // What is a number, but no codec's, is refused as such and not as malformed.
        for vector in varints["vectors"].as_array().unwrap() {
            if Codec::from_code(vector["value"].as_u64().unwrap()).is_none() {
                let why = again(&stage, guest, &bytes(&vector["hex"])).await.expect_err("unknown");
                assert!(why.contains("known"), "{}: {vector}: {why}", guest.name);
            }
        }
        assert_eq!(stage.stats_of(guest.name).crashes, 0);
    }
}

#[tokio::test]
async fn records_at_the_edges_of_their_types_come_back_as_rust_writes_them() {
    let stage = guests().await;
    for order in edges() {
        for guest in GUESTS {
            for &codec in guest.codecs.iter().filter(|codec| **codec != Codec::Raw) {
                let message = order.encode(codec).unwrap();
                let result = again(&stage, guest, &message).await;
                assert!(result.as_ref() == Ok(&message), "{}, {codec}: {order:?}", guest.name);
            }
        }
    }
}

/// Messages that are not as this codec writes them, and hold the golden record.
#[tokio::test]
async fn other_forms_are_read_and_written_in_the_usual_one() {
    let stage = guests().await;
    let golden = golden();
    let message_of = |wanted| &golden.iter().find(|(codec, _)| *codec == wanted).unwrap().1;
    let others: &[(Codec, &str, Vec<u8>)] = &[
        (
            Codec::Json,
            "white space, another order, escapes, an unknown field",
            b"\x80\x04 {\"lines\" :[ 1,300 , 70000 ],\n\"x\":[{\"y\":-1.5e3},null,\"\\u00e9\"],\t\
              \"customer\":\"\\u005ao\\u00eb\",\"paid\":true,\"id\":4711,\"balance\":-300 }\r\n"
                .to_vec(),
        ),
        (
            Codec::Cbor,
            "indefinite lengths, long numbers, tags, an unknown field",
            bytes(&Value::from(
                "51bf65\
                 6c696e6573c19f011901 2c1a00011170ff\
                 6178a1f4 82f6fb3ff8000000000000\
                 62 6964 1b0000000000001267\
                 68637573746f6d6572 7f615a 63 6fc3ab ff\
                 6762616c616e6365 d81e 3a0000012b\
                 6470616964f5ff"
                    .replace(' ', ""),
            )),
        ),
        (
            Codec::MessagePack,
            "another order, long numbers, long lengths, an unknown field",
            bytes(&Value::from(
                "8104de0006\
                 a4 70616964 c3 d9026964 cf0000000000001267\
                 a178 92c0cb3ff8000000000000\
                 a8 637573746f6d6572 da0004 5a6fc3ab a7 62616c616e6365 d3fffffffffffffed4\
                 a5 6c696e6573 dd00000003 01d1012cd300000000 00011170"
                    .replace(' ', ""),
            )),
        ),
        (
            Codec::MessagePack,
            "an array of the fields",
            bytes(&Value::from("810495cd1267a45a6fc3abd1fed4c39301cd012cce00011170")),
        ),
        (
            Codec::Bincode,
            "numbers that are longer than they need be",
            bytes(&Value::from(
                "828ec001fd6712000000000000fb04005a6fc3abfc570200000103\
                                fb0100fb2c01fc70110100",
            )),
        ),
    ];
    for (codec, what, other) in others {
        let order = Order::decode(other).unwrap_or_else(|error| panic!("{codec}, {what}: {error}"));
        assert_eq!(&order.1.encode(*codec).unwrap(), message_of(*codec), "{what}");
        for guest in GUESTS.iter().filter(|guest| guest.codecs.contains(codec)) {
            let result = again(&stage, *guest, other).await;
            assert_eq!(result.as_ref(), Ok(message_of(*codec)), "{}, {codec}, {what}", guest.name);
        }
    }
}
