//! What nobody would send: it is refused, or read as Rust reads it, and crashes nobody.

use castcall::codec::Codec;

use super::order::Order;
use super::vectors::golden;
use super::{GUESTS, again, guests};

/// What the Rust side makes of a message in the codec of a golden one.
pub(super) fn by_rust(message: &[u8]) -> Result<Vec<u8>, String> {
    let (codec, order) = Order::decode(message).map_err(|error| error.to_string())?;
    order.encode(codec).map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_is_cut_short_or_goes_on_is_refused() {
    let stage = guests().await;
    for (codec, message) in golden().iter().filter(|(codec, _)| *codec != Codec::Raw) {
        for guest in GUESTS.iter().filter(|guest| guest.codecs.contains(codec)) {
            for len in 0..message.len() {
                let why = again(&stage, *guest, &message[..len]).await;
                assert!(why.is_err(), "{}, {codec}, {len} bytes: {why:x?}", guest.name);
            }
            let longer = [message, &b"\0"[..]].concat();
            let why = again(&stage, *guest, &longer).await;
            assert!(why.is_err(), "{}, {codec}, a byte more: {why:x?}", guest.name);
            assert_eq!(stage.stats_of(guest.name).crashes, 0);
        }
    }
}

/// Each byte of the value changed in several ways: everybody reads the same, or refuses it. But for
/// one thing: ciborium takes a name that is a byte string, which the envelope does not ask for.
#[tokio::test]
async fn a_changed_byte_means_the_same_everywhere() {
    let stage = guests().await;
    let (mut read, mut refused) = (0, 0);
    for (codec, message) in golden().iter().filter(|(codec, _)| *codec != Codec::Raw) {
        let prefix = message.len() - castcall::codec::peek(message).unwrap().1.len();
        for at in prefix..message.len() {
            for change in [0x01, 0x02, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = message.clone();
                changed[at] ^= change;
                let expected = by_rust(&changed);
                for guest in GUESTS.iter().filter(|guest| guest.codecs.contains(codec)) {
                    let result = again(&stage, *guest, &changed).await;
                    let name_as_bytes =
                        *codec == Codec::Cbor && message[at] >> 5 == 3 && changed[at] >> 5 == 2;
                    let same = result.is_ok() == expected.is_ok() || name_as_bytes;
                    let same = same && (result.is_err() || result == expected);
                    let name = guest.name;
                    assert!(same, "{name}, {codec}, {changed:x?}: {result:x?}, not {expected:x?}");
                }
                *if expected.is_ok() { &mut read } else { &mut refused } += 1;
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} were read, {refused} refused");
    for guest in GUESTS {
        assert_eq!(stage.stats_of(guest.name).crashes, 0);
    }
}

#[tokio::test]
async fn bombs_are_refused_and_cost_nothing() {
    let stage = guests().await;
    let nested = |prefix: &[u8], open: &[u8], depth: usize| {
        let mut message = prefix.to_vec();
        (0..depth).for_each(|_| message.extend_from_slice(open));
        message
    };
    let bombs: &[(Codec, Vec<u8>)] = &[
        // Lengths of which nothing is there: of a text, a list, a map.
        (Codec::Cbor, b"\x51\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x62id\x01".to_vec()),
        (Codec::Cbor, b"\x51\xa1\x68customer\x7b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        (Codec::Cbor, b"\x51\xa1\x65lines\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()),
        (Codec::Cbor, b"\x51\xa1\x61x\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()),
        (Codec::MessagePack, b"\x81\x04\xdf\xff\xff\xff\xff\xa2id\x01".to_vec()),
        (Codec::MessagePack, b"\x81\x04\x81\xa8customer\xdb\xff\xff\xff\xff".to_vec()),
        (Codec::MessagePack, b"\x81\x04\x81\xa5lines\xdd\xff\xff\xff\xff\x01".to_vec()),
        (Codec::Borsh, b"\x81\x0e\0\0\0\0\0\0\0\0\xff\xff\xff\xff".to_vec()),
        (Codec::Borsh, [&b"\x81\x0e"[..], &[0; 17], b"\xff\xff\xff\xff\x01\0\0\0"].concat()),
        (Codec::Bincode, b"\x82\x0e\0\xfd\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        (Codec::Bincode, b"\x82\x0e\0\0\0\0\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()),
        // Nested deep, in a field that nobody knows.
        (Codec::Cbor, nested(b"\x51\xa1\x61x", b"\x81", 100_000)),
        (Codec::Cbor, nested(b"\x51\xa1\x61x", b"\xa1", 100_000)),
        (Codec::Cbor, nested(b"\x51\xa1\x61x", b"\xc1", 100_000)),
        (Codec::Cbor, nested(b"\x51\xa1\x61x", b"\x9f", 100_000)),
        (Codec::Json, nested(b"\x80\x04{\"x\":", b"[", 100_000)),
        (Codec::Json, nested(b"\x80\x04", b"{\"x\":", 100_000)),
        (Codec::MessagePack, nested(b"\x81\x04\x81\xa1x", b"\x91", 100_000)),
        (Codec::MessagePack, nested(b"\x81\x04\x81\xa1x", b"\x81\xa1x", 100_000)),
    ];
    for (codec, bomb) in bombs {
        assert!(by_rust(bomb).is_err());
        for guest in GUESTS.iter().filter(|guest| guest.codecs.contains(codec)) {
            let why = again(&stage, *guest, bomb).await;
            assert!(why.is_err(), "{}, {codec}: {bomb:x?}", guest.name);
            assert_eq!(stage.stats_of(guest.name).crashes, 0, "{}: {codec}", guest.name);
        }
    }
}
