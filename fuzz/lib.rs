//! What the targets share: the types that bytes are taken for.

use std::collections::BTreeMap;
use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use castcall_codec::{Codec, DecodeError, decode, encode, wrap};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A record such as components send each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Order {
    id: u64,
    customer: String,
    balance: i32,
    paid: bool,
    lines: Vec<u32>,
}

/// All that serde has, and as deep as the bytes will have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub enum Tree {
    Leaf,
    Number(i64),
    Large(u128),
    Pair(Wrapped, (u8, Unit)),
    Branch { name: Option<String>, children: Vec<Tree> },
    Boxed(Box<Tree>),
    Map(BTreeMap<String, Tree>),
    Maybe(Option<Box<Tree>>),
}

/// A newtype.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Wrapped([u16; 2]);

/// A unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Unit;

/// Takes the bytes for a value in that codec. Whatever they are, that ends in a value or an error;
/// and a value, written and read again, is the same.
pub fn serde<T>(codec: Codec, bytes: &[u8])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    match decode::<T>(&wrap(codec, bytes)) {
        Ok(value) => {
            let message = encode(codec, &value).expect("what was read can be written");
            assert_eq!(decode::<T>(&message), Ok(value));
        }
        Err(error) => right(codec, &error),
    }
}

/// The same for the types of all codecs.
pub fn all(codec: Codec, bytes: &[u8]) {
    serde::<Order>(codec, bytes);
    serde::<Tree>(codec, bytes);
    serde::<String>(codec, bytes);
    serde::<Vec<Option<bool>>>(codec, bytes);
    // Written again, these may be more elements than bytes.
    let _ = decode::<Vec<()>>(&wrap(codec, bytes));
    serde::<BTreeMap<u16, Vec<i8>>>(codec, bytes);
}

/// An error is about that codec, and short.
pub fn right(codec: Codec, error: &DecodeError) {
    assert!(error.to_string().len() < 300);
    match error {
        DecodeError::Truncated { codec: its }
        | DecodeError::TooDeep { codec: its }
        | DecodeError::TooMany { codec: its }
        | DecodeError::Invalid { codec: its, .. } => assert_eq!(*its, codec),
        DecodeError::TrailingBytes { codec: its, extra } => {
            assert_eq!(*its, codec);
            assert!(*extra > 0);
        }
        other => panic!("{other}"),
    }
}
