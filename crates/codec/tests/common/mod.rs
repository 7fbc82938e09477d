//! The record that all codecs are tested with. It is that of the golden vectors.

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) customer: String,
    pub(crate) balance: i32,
    pub(crate) paid: bool,
    pub(crate) lines: Vec<u32>,
}

impl Order {
    #[allow(dead_code)]
    pub(crate) fn sample() -> Self {
        Self {
            id: 4711,
            customer: "Zoë".to_owned(),
            balance: -300,
            paid: true,
            lines: vec![1, 300, 70_000],
        }
    }
}

/// Recursive, and with all that serde has: options, newtypes, tuples, and each kind of enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub(crate) enum Tree {
    Leaf,
    Number(i64),
    Pair(Wrapped, (u8, u16)),
    Branch { name: Option<String>, children: Vec<Tree> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub(crate) struct Wrapped(pub(crate) [u16; 2]);

#[allow(dead_code)]
pub(crate) fn orders() -> impl Strategy<Value = Order> {
    (any::<u64>(), ".*", any::<i32>(), any::<bool>(), any::<Vec<u32>>()).prop_map(
        |(id, customer, balance, paid, lines)| Order { id, customer, balance, paid, lines },
    )
}

#[allow(dead_code)]
pub(crate) fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Leaf),
        any::<i64>().prop_map(Tree::Number),
        any::<([u16; 2], (u8, u16))>().prop_map(|(one, other)| Tree::Pair(Wrapped(one), other)),
    ];
    leaf.prop_recursive(8, 64, 8, |inner| {
        (any::<Option<String>>(), prop::collection::vec(inner, 0..8))
            .prop_map(|(name, children)| Tree::Branch { name, children })
    })
}

/// Bytes as bytes, not as a list of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }

        deserializer.deserialize_byte_buf(Bytes)
    }
}
