//! What is not well-formed, or lies, is an error that says so.

mod common;

use castcall_codec::{
    Codec, DecodeError, EncodeError, MAX_DEPTH, Prefix, PrefixError, bincode, borsh, cbor, decode,
    encode, encode_into, json, messagepack, raw, wrap,
};
use common::{Blob, Order, Tree};
use serde::de::DeserializeOwned;
use serde::ser::{Error, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

/// A list of lists of lists.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct List(Vec<List>);

impl List {
    fn nested(depth: usize) -> Self {
        (1..depth).fold(Self(vec![]), |list, _| Self(vec![list]))
    }
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(codec: Codec, value: &[u8]) -> DecodeError {
    decode::<T>(&wrap(codec, value)).unwrap_err()
}

fn is_invalid(error: &DecodeError) -> bool {
    matches!(error, DecodeError::Invalid { .. })
}

#[test]
fn prefixes() {
    for (message, error) in [
        (&b""[..], PrefixError::Empty),
        (b"\x81\x8e", PrefixError::Truncated),
        (b"\xd1\x00\xf6", PrefixError::NotMinimal),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", PrefixError::TooLong),
    ] {
        let error = DecodeError::Prefix(error);
        assert_eq!(decode::<()>(message), Err(error.clone()));
        assert_eq!(cbor::decode::<()>(message), Err(error.clone()));
        assert_eq!(borsh::decode::<()>(message), Err(error.clone()));
        assert_eq!(raw::decode(message), Err(error));
    }
    assert_eq!(decode::<()>(b"\x71"), Err(DecodeError::UnknownCodec { code: 0x71 }));
    for codec in [Codec::Borsh, Codec::Protobuf, Codec::Raw] {
        assert_eq!(decode::<()>(&wrap(codec, b"")), Err(DecodeError::NotHere { codec }));
        assert_eq!(encode(codec, &()), Err(EncodeError::NotHere { codec }));
    }
    let found = Prefix::Known(Codec::Json);
    let error = DecodeError::WrongCodec { expected: Codec::MessagePack, found };
    assert_eq!(messagepack::decode::<()>(&wrap(Codec::Json, b"null")), Err(error));
}

#[test]
fn cbor_that_lies() {
    let codec = Codec::Cbor;
    let cut = DecodeError::Truncated { codec };
    for claim in
        [&b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..], b"\x9a\xff\xff\xff\xff", b"\x9f\x01"]
    {
        assert_eq!(refused::<Vec<u64>>(codec, claim), cut);
    }
    assert_eq!(refused::<String>(codec, b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xffabc"), cut);
    assert_eq!(refused::<Order>(codec, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x62id\x01"), cut);
    assert_eq!(refused::<List>(codec, &[0x81; 10_000]), DecodeError::TooDeep { codec });
    assert_eq!(refused::<ciborium::Value>(codec, &[0x9f; 10_000]), DecodeError::TooDeep { codec });
    assert_eq!(refused::<Blob>(codec, b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xffabc"), cut);
    let DecodeError::Invalid { reason, .. } = refused::<Blob>(codec, b"\x81\x01") else { panic!() };
    assert_eq!(&*reason, "invalid type: sequence, expected bytes");
    assert!(is_invalid(&refused::<String>(codec, b"\x61\xff")));
    assert!(is_invalid(&refused::<u8>(codec, b"\x19\x01\x00")));
    assert!(is_invalid(&refused::<u8>(codec, b"\x1c")));
    assert!(is_invalid(&refused::<Vec<u8>>(codec, b"\xff")));
    assert!(is_invalid(&refused::<Order>(codec, b"\xa1\x62id\x01")));
    let tagged = [&[0xc1; 1000][..], b"\x07"].concat();
    assert_eq!(decode(&wrap(codec, &tagged)), Ok(7), "tags are skipped, one after the other");
}

#[test]
fn bincode_that_lies() {
    let codec = Codec::Bincode;
    let cut = DecodeError::Truncated { codec };
    let huge = b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7fabc";
    assert_eq!(refused::<String>(codec, huge), cut);
    assert_eq!(bincode::decode::<&str>(&wrap(codec, huge)), Err(cut.clone()));
    assert_eq!(bincode::decode::<&[u8]>(&wrap(codec, huge)), Err(cut.clone()));
    assert_eq!(refused::<Blob>(codec, huge), cut);
    for many in [&huge[..], b"\xfc\xff\xff\xff\xff", b"\xfb\xff\xff\x01\x02"] {
        assert_eq!(refused::<Vec<u8>>(codec, many), DecodeError::TooMany { codec });
        assert_eq!(refused::<Vec<()>>(codec, many), DecodeError::TooMany { codec });
    }
    // Claims are counted together: these are 2 + 3 elements in 4 bytes.
    let error = refused::<Vec<Vec<()>>>(codec, b"\x02\x03\x00\x00");
    assert_eq!(error, DecodeError::TooMany { codec });
    assert_eq!(refused::<List>(codec, &[1; 1 << 20]), DecodeError::TooDeep { codec });
    let branches = b"\x03\x00\x01".repeat(1 << 18);
    assert_eq!(refused::<Tree>(codec, &branches), DecodeError::TooDeep { codec });
    assert!(is_invalid(&refused::<String>(codec, b"\x01\xff")));
    assert!(is_invalid(&refused::<bool>(codec, b"\x02")));
    assert!(is_invalid(&refused::<Tree>(codec, b"\x09")));
    assert!(is_invalid(&refused::<u32>(codec, b"\xff")));
    assert!(is_invalid(&refused::<serde_json::Value>(codec, b"\x00")));
}

#[test]
fn messagepack_that_lies() {
    let codec = Codec::MessagePack;
    let cut = DecodeError::Truncated { codec };
    assert_eq!(refused::<String>(codec, b"\xdb\xff\xff\xff\xffabc"), cut);
    assert_eq!(refused::<String>(codec, b"\xa5abc"), cut);
    assert_eq!(refused::<u64>(codec, b"\xcf\x01"), cut);
    assert_eq!(refused::<Vec<u64>>(codec, b"\xdd\xff\xff\xff\xff\x01"), cut);
    assert_eq!(refused::<Order>(codec, b"\x85\xa2id\x01"), cut);
    assert_eq!(refused::<serde_json::Value>(codec, b"\xdf\xff\xff\xff\xff\xa1a\x01"), cut);
    let deep = DecodeError::TooDeep { codec };
    assert_eq!(refused::<List>(codec, &[0x91; 1 << 20]), deep);
    // Enums alone: the codec itself does not count them.
    #[derive(Debug, Deserialize)]
    enum Chain {
        #[allow(dead_code)]
        Next(Box<Chain>),
    }
    assert_eq!(refused::<Chain>(codec, &b"\x81\xa4Next".repeat(1 << 18)), deep);
    assert!(is_invalid(&refused::<String>(codec, b"\xa1\xff")));
    assert!(is_invalid(&refused::<u8>(codec, b"\xc1")));
    assert!(is_invalid(&refused::<bool>(codec, b"\x01")));
}

#[test]
fn json_that_lies() {
    let codec = Codec::Json;
    assert_eq!(refused::<List>(codec, &[b'['; 1 << 20]), DecodeError::TooDeep { codec });
    assert_eq!(refused::<Vec<u8>>(codec, b"[1,"), DecodeError::Truncated { codec });
    assert_eq!(refused::<String>(codec, b"\"abc"), DecodeError::Truncated { codec });
    assert!(is_invalid(&refused::<String>(codec, b"\"\xff\"")));
    assert!(is_invalid(&refused::<f64>(codec, b"1e999999999999")));
    assert!(is_invalid(&refused::<u8>(codec, b"256")));
    for (value, extra) in [(&b"1 2"[..], 1), (b"1\n\n  2\n", 2), (b"1 \xff\xff", 2), (b"1,2", 2)] {
        assert_eq!(refused::<u8>(codec, value), DecodeError::TrailingBytes { codec, extra });
    }
    assert_eq!(json::decode(b"\x80\x04 1\r\n"), Ok(1));
}

#[test]
fn borsh_that_lies() {
    fn refused<T: ::borsh::BorshDeserialize + std::fmt::Debug>(value: &[u8]) -> DecodeError {
        borsh::decode::<T>(&wrap(Codec::Borsh, value)).unwrap_err()
    }
    let codec = Codec::Borsh;
    let cut = DecodeError::Truncated { codec };
    let huge = b"\xff\xff\xff\xff\x01\x02";
    assert_eq!(refused::<String>(huge), cut);
    assert_eq!(refused::<Vec<u8>>(huge), cut);
    assert_eq!(refused::<Vec<u64>>(huge), cut);
    assert_eq!(refused::<Vec<String>>(huge), cut);
    assert!(is_invalid(&refused::<Vec<()>>(huge)));
    let branches = b"\x03\x00\x01\0\0\0".repeat(1 << 18);
    assert_eq!(refused::<Tree>(&branches), DecodeError::TooDeep { codec });
    assert!(is_invalid(&refused::<String>(b"\x01\0\0\0\xff")));
    assert!(is_invalid(&refused::<bool>(b"\x02")));
    assert!(is_invalid(&refused::<Tree>(b"\x09")));
    assert!(is_invalid(&refused::<f32>(b"\0\0\xc0\x7f")));
}

#[test]
fn as_deep_as_is_promised() {
    // A list is a newtype and a sequence.
    let deepest = List::nested(MAX_DEPTH / 2);
    let too_deep = List::nested(MAX_DEPTH / 2 + 1);
    for codec in [Codec::Bincode, Codec::MessagePack, Codec::Cbor] {
        assert_eq!(decode::<List>(&encode(codec, &deepest).unwrap()).unwrap(), deepest);
        let error = decode::<List>(&encode(codec, &too_deep).unwrap()).unwrap_err();
        assert_eq!(error, DecodeError::TooDeep { codec });
    }
    let deepest = List::nested(MAX_DEPTH - 1);
    assert_eq!(json::decode::<List>(&json::encode(&deepest).unwrap()).unwrap(), deepest);
    let error = json::decode::<List>(&json::encode(&List::nested(MAX_DEPTH)).unwrap()).unwrap_err();
    assert_eq!(error, DecodeError::TooDeep { codec: Codec::Json });
}

#[test]
fn an_error_is_short_whatever_the_message() {
    #[derive(Debug, Deserialize)]
    enum Word {}
    let long = "ä".repeat(1 << 20);
    for codec in [Codec::Cbor, Codec::Json, Codec::MessagePack] {
        let message = encode(codec, &long).unwrap();
        assert!(decode::<Word>(&message).unwrap_err().to_string().len() < 300);
    }
}

/// Refuses to be written, after a part of it was.
struct Reluctant;

impl Serialize for Reluctant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(2))?;
        seq.serialize_element("the first")?;
        Err(S::Error::custom("rather not"))
    }
}

#[test]
fn what_can_t_be_encoded_leaves_nothing() {
    for codec in [Codec::Bincode, Codec::Cbor, Codec::Json, Codec::MessagePack] {
        let mut message = b"before".to_vec();
        let error = encode_into(codec, &Reluctant, &mut message).unwrap_err();
        let EncodeError::Unrepresentable { reason, .. } = &error else { panic!("{error}") };
        assert_eq!(&**reason, "rather not");
        assert_eq!(message, b"before");
    }
    let mut message = b"before".to_vec();
    borsh::encode_into(&[f32::NAN], &mut message).unwrap_err();
    borsh::encode_into(&[[(); 2]], &mut message).unwrap();
    assert_eq!(message, b"before\x81\x8e\xc0\x01");
    assert!(borsh::encode(&vec![()]).is_err());

    let keys = std::collections::BTreeMap::from([([1, 2], 3)]);
    assert!(json::encode(&keys).is_err());

    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_seq(None)?.end()
        }
    }
    assert!(bincode::encode(&Endless).is_err());
    assert!(cbor::encode(&Endless).is_ok());
}

/// The table of errors in `docs/envelope.md`.
#[test]
fn as_the_envelopes_page_says() {
    use DecodeError as E;

    let value = |message: &[u8]| decode::<serde_json::Value>(message).unwrap_err();
    assert_eq!(value(b""), E::Prefix(PrefixError::Empty));
    assert_eq!(value(b"\x81\x8e"), E::Prefix(PrefixError::Truncated));
    assert_eq!(value(b"\xd1\x00\xf6"), E::Prefix(PrefixError::NotMinimal));
    let long = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(value(long), E::Prefix(PrefixError::TooLong));
    assert_eq!(value(b"\x71\x01"), E::UnknownCodec { code: 0x71 });
    let codec = Codec::Cbor;
    assert_eq!(value(b"\x51\x62\x61"), E::Truncated { codec });
    assert_eq!(value(b"\x51\xf6\xf6"), E::TrailingBytes { codec, extra: 1 });
    let claim = b"\x51\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(value(claim), E::Truncated { codec });
    assert_eq!(value(&[b"\x51", &[0x81; 129][..]].concat()), E::TooDeep { codec });
    assert_eq!(value(&[b"\x51", &[0x81; 128][..]].concat()), E::Truncated { codec });
    assert!(is_invalid(&value(b"\x51\x61\xff")));
    let codec = Codec::MessagePack;
    assert_eq!(value(b"\x81\x04\xdd\xff\xff\xff\xff\x01"), E::Truncated { codec });
    let claim = b"\x82\x8e\xc0\x01\xfc\xff\xff\xff\xff";
    assert_eq!(decode::<Vec<u8>>(claim), Err(E::TooMany { codec: Codec::Bincode }));
    assert!(is_invalid(&decode::<bool>(b"\x82\x8e\xc0\x01\x02").unwrap_err()));
    assert_eq!(value(b"\x80\x04[1,"), E::Truncated { codec: Codec::Json });
}
