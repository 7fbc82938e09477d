//! The record of the golden vectors, as the Rust side has it.

use borsh::{BorshDeserialize, BorshSerialize};
use castcall::codec::{
    Codec, DecodeError, EncodeError, Prefix, bincode, borsh as borsh_codec, cbor, json,
    messagepack, peek,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) customer: String,
    pub(super) balance: i32,
    pub(super) paid: bool,
    pub(super) lines: Vec<u32>,
}

impl Order {
    /// What a guest answers it with.
    pub(super) fn change(mut self) -> Self {
        self.id += 1;
        self.customer.push('!');
        self.balance -= 1;
        self.paid = !self.paid;
        self.lines.push(u32::MAX);
        self
    }

    pub(super) fn encode(&self, codec: Codec) -> Result<Vec<u8>, EncodeError> {
        match codec {
            Codec::Cbor => cbor::encode(self),
            Codec::Json => json::encode(self),
            Codec::MessagePack => messagepack::encode(self),
            Codec::Borsh => borsh_codec::encode(self),
            Codec::Bincode => bincode::encode(self),
            other => panic!("no record in {other}"),
        }
    }

    /// Its codec too.
    pub(super) fn decode(message: &[u8]) -> Result<(Codec, Self), DecodeError> {
        let Prefix::Known(codec) = peek(message)?.0 else { panic!("an unknown codec") };
        let order = match codec {
            Codec::Cbor => cbor::decode(message),
            Codec::Json => json::decode(message),
            Codec::MessagePack => messagepack::decode(message),
            Codec::Borsh => borsh_codec::decode(message),
            Codec::Bincode => bincode::decode(message),
            other => panic!("no record in {other}"),
        };
        Ok((codec, order?))
    }
}

/// Records at the edges of their types.
pub(super) fn edges() -> Vec<Order> {
    let order = |id, customer: &str, balance, lines: &[u32]| {
        let (customer, lines) = (customer.to_owned(), lines.to_vec());
        Order { id, customer, balance, paid: id % 2 == 0, lines }
    };
    let long = "水𐍈\"\\\u{7}\n/é".repeat(40);
    let many: Vec<u32> = (0..300).map(|line| line * line * line * 57).collect();
    vec![
        order(0, "", 0, &[]),
        order(23, "a", 24, &[23, 24, 127, 128, 250, 251, 255, 256]),
        order(u64::from(u32::MAX), "\u{7f}\u{80}\u{7ff}\u{800}", -1, &[65_535, 65_536, u32::MAX]),
        order(1 << 32, &long, i32::MIN, &many),
        order((1 << 53) + 1, &long.chars().take(10).collect::<String>(), i32::MAX, &many[..15]),
        order(u64::MAX, "\u{ffff}\u{10000}\u{10ffff}", -24, &many[..16]),
        order(u64::MAX - 1, &"x".repeat(32), -25, &many[..23]),
        order(255, &"x".repeat(255), -32, &many[..24]),
        order(256, &"x".repeat(256), -33, &[0]),
        order(65_536, &"x".repeat(70_000), -128, &[0; 70]),
        order(65_535, "\u{1}\u{1f}\u{8}\u{c}\r\t", -129, &[1; 256]),
        order(9, "z", -32_768, &[2]),
        order(10, "z", -32_769, &[3]),
    ]
}
