//! What is encoded is decoded again, whatever it is; and cut, or longer, it is an error.

mod common;

use castcall_codec::{
    Codec, DecodeError, Prefix, bincode, borsh, cbor, decode, encode, encode_into, json,
    messagepack, peek, raw,
};
use common::{Blob, Order, Tree, orders, trees};
use proptest::prelude::*;

const SERDE: [Codec; 4] = [Codec::Cbor, Codec::Bincode, Codec::Json, Codec::MessagePack];

fn serde_round_trip<T>(value: &T) -> Result<(), TestCaseError>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for codec in SERDE {
        let message = encode(codec, value).unwrap();
        prop_assert_eq!(peek(&message).unwrap().0, Prefix::Known(codec));
        prop_assert_eq!(&decode::<T>(&message).unwrap(), value);

        let mut appended = vec![7];
        encode_into(codec, value, &mut appended).unwrap();
        prop_assert_eq!(&appended[1..], &message[..]);

        for end in 0..message.len() {
            prop_assert!(decode::<T>(&message[..end]).is_err(), "{codec}, cut at {end}");
        }
        let longer = [&message[..], b"\x01\x02\x03"].concat();
        let left_over = DecodeError::TrailingBytes { codec, extra: 3 };
        prop_assert_eq!(decode::<T>(&longer), Err(left_over));
    }
    Ok(())
}

fn borsh_round_trip<T>(value: &T) -> Result<(), TestCaseError>
where
    T: ::borsh::BorshSerialize + ::borsh::BorshDeserialize + PartialEq + std::fmt::Debug,
{
    let message = borsh::encode(value).unwrap();
    prop_assert_eq!(peek(&message).unwrap().0, Prefix::Known(Codec::Borsh));
    prop_assert_eq!(&borsh::decode::<T>(&message).unwrap(), value);
    for end in 4..message.len() {
        let cut = DecodeError::Truncated { codec: Codec::Borsh };
        prop_assert_eq!(borsh::decode::<T>(&message[..end]), Err(cut), "cut at {}", end);
    }
    let longer = [&message[..], b"\x01\x02"].concat();
    let left_over = DecodeError::TrailingBytes { codec: Codec::Borsh, extra: 2 };
    prop_assert_eq!(borsh::decode::<T>(&longer), Err(left_over));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record(order in orders()) {
        serde_round_trip(&order)?;
        borsh_round_trip(&order)?;
    }

    #[test]
    fn a_tree(tree in trees()) {
        serde_round_trip(&tree)?;
        borsh_round_trip(&tree)?;
    }

    #[test]
    fn bytes(bytes: Vec<u8>) {
        let message = raw::encode(&bytes);
        prop_assert_eq!(raw::decode(&message), Ok(&bytes[..]));
    }

    #[test]
    fn floats(number in any::<f64>().prop_filter("a number", |number| !number.is_nan())) {
        for codec in [Codec::Cbor, Codec::Bincode, Codec::MessagePack] {
            prop_assert_eq!(decode(&encode(codec, &number).unwrap()), Ok(number));
        }
        if number.is_finite() {
            prop_assert_eq!(json::decode(&json::encode(&number).unwrap()), Ok(number));
        }
        prop_assert_eq!(borsh::decode(&borsh::encode(&number).unwrap()), Ok(number));
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(
        codec in prop::sample::select(&SERDE[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let message = castcall_codec::wrap(codec, &bytes);
        let _ = decode::<Order>(&message);
        let _ = decode::<Tree>(&message);
        let _ = decode::<Vec<Option<Tree>>>(&message);
        let message = castcall_codec::wrap(Codec::Borsh, &bytes);
        let _ = borsh::decode::<Order>(&message);
        let _ = borsh::decode::<Tree>(&message);
    }
}

#[test]
fn text_is_borrowed_where_the_codec_can() {
    let here = |text: &str, message: &[u8]| message.as_ptr_range().contains(&text.as_ptr());
    let message = json::encode("text").unwrap();
    assert!(here(json::decode(&message).unwrap(), &message));
    let message = bincode::encode("text").unwrap();
    assert!(here(bincode::decode(&message).unwrap(), &message));
    let message = messagepack::encode("text").unwrap();
    assert!(here(messagepack::decode(&message).unwrap(), &message));
}

#[test]
fn aliases_are_read_and_never_written() {
    let order = Order::sample();
    let cbor = cbor::encode(&order).unwrap();
    assert_eq!(cbor::decode::<Order>(&[b"\x80\x0e", &cbor[1..]].concat()), Ok(order.clone()));
    let borsh = borsh::encode(&order).unwrap();
    assert_eq!(borsh::decode::<Order>(&[b"\x81\x0e", &borsh[4..]].concat()), Ok(order.clone()));
    let bincode = bincode::encode(&order).unwrap();
    assert_eq!(decode::<Order>(&[b"\x82\x0e", &bincode[4..]].concat()), Ok(order));
}

#[test]
fn large_values() {
    let order =
        Order { customer: "x".repeat(100_000), lines: (0..100_000).collect(), ..Order::sample() };
    for codec in SERDE {
        assert_eq!(decode::<Order>(&encode(codec, &order).unwrap()), Ok(order.clone()));
    }
    let message = borsh::encode(&order).unwrap();
    assert_eq!(borsh::decode(&message), Ok(order));
    let bytes = vec![7u8; 3 << 20];
    assert_eq!(borsh::decode(&borsh::encode(&bytes).unwrap()), Ok(bytes));
}

#[test]
fn what_types_ask_for() {
    let binary = [Codec::Bincode, Codec::Cbor, Codec::MessagePack];
    let blob = Blob((0..=255).cycle().take(10_000).collect());
    let address: std::net::IpAddr = "127.0.0.1".parse().unwrap();
    let map: std::collections::HashMap<u16, char> = [(1, 'a'), (300, 'ü')].into();
    for codec in binary {
        assert_eq!(decode(&encode(codec, &blob).unwrap()), Ok(blob.clone()));
        assert_eq!(decode(&encode(codec, &map).unwrap()), Ok(map.clone()));
        // Not as text, as where people read it.
        let message = encode(codec, &address).unwrap();
        assert_eq!(decode(&message), Ok(address));
        assert!(!message.windows(3).any(|part| part == b"127"));
    }
    assert_eq!(json::encode(&address).unwrap(), b"\x80\x04\"127.0.0.1\"");
}
