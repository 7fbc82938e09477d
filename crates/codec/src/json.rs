//! JSON, RFC 8259, of serde values.
//!
//! Written without white space; structs are objects. Read with white space anywhere that JSON has
//! it.
//!
//! ```
//! use castcall_codec::json;
//!
//! let message = json::encode(&("answer", 42))?;
//! assert_eq!(message, b"\x80\x04[\"answer\",42]");
//! let (word, number): (&str, u8) = json::decode(&message)?;
//! assert_eq!((word, number), ("answer", 42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::ToString;
use alloc::vec::Vec;

use serde_core::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::{Codec, DecodeError, EncodeError, dynamic, prefix, unwrap_as};

const CODEC: Codec = Codec::Json;

/// A message of that value.
///
/// # Errors
///
/// [`EncodeError::Unrepresentable`] if a map's key is neither text nor number, or the value's
/// `Serialize` refuses.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    dynamic::fresh(|message| encode_into(value, message))
}

/// Appends a message of that value.
///
/// # Errors
///
/// As [`encode`]; nothing is appended then.
pub fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    message: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = message.len();
    prefix::start(CODEC, message);
    write(value, message).map_err(|error| {
        message.truncate(before);
        EncodeError::unrepresentable(CODEC, error)
    })
}

#[cfg(feature = "std")]
fn write<T: Serialize + ?Sized>(value: &T, message: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::new(message))
}

/// Without std, the codec writes into a vector of its own only.
#[cfg(not(feature = "std"))]
fn write<T: Serialize + ?Sized>(value: &T, message: &mut Vec<u8>) -> serde_json::Result<()> {
    message.extend_from_slice(&serde_json::to_vec(value)?);
    Ok(())
}

/// The value of a message. It may borrow text that has no escapes in it.
///
/// # Errors
///
/// [`DecodeError`], but for `UnknownCodec`, `NotHere` and `TooMany`.
pub fn decode<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, DecodeError> {
    value(unwrap_as(CODEC, message)?)
}

#[inline]
pub(crate) fn value<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(&mut deserializer).map_err(reason)?;
    match deserializer.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(trailing(bytes, &error)),
    }
}

#[cold]
fn reason(error: serde_json::Error) -> DecodeError {
    match error.classify() {
        Category::Eof => DecodeError::Truncated { codec: CODEC },
        Category::Syntax if error.to_string().starts_with("recursion limit exceeded") => {
            DecodeError::TooDeep { codec: CODEC }
        }
        _ => DecodeError::invalid(CODEC, error),
    }
}

/// The error names line and column of the first byte that is too much, both from 1.
#[cold]
fn trailing(bytes: &[u8], error: &serde_json::Error) -> DecodeError {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line() - 1).map(<[u8]>::len).sum();
    let extra = bytes.len() - (before + error.column() - 1);
    DecodeError::TrailingBytes { codec: CODEC, extra }
}
