//! MessagePack of serde values. Needs `std`.
//!
//! Structs are maps with the names of their fields as text, in their order; integers take the
//! shortest form. Structs are read from arrays, too.
//!
//! ```
//! use castcall_codec::messagepack;
//!
//! let message = messagepack::encode(&("answer", 42))?;
//! assert_eq!(message, b"\x81\x04\x92\xa6answer\x2a");
//! let (word, number): (&str, u8) = messagepack::decode(&message)?;
//! assert_eq!((word, number), ("answer", 42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use std::io::Cursor;

use rmp_serde::{Deserializer, decode, encode};
use serde_core::de::IgnoredAny;
use serde_core::{Deserialize, Serialize};

use crate::guard::{Distrust, Guard, TOO_DEEP};
use crate::{Codec, DecodeError, EncodeError, dynamic, prefix, unwrap_as};

const CODEC: Codec = Codec::MessagePack;

/// A message of that value.
///
/// # Errors
///
/// [`EncodeError::Unrepresentable`] if its `Serialize` refuses.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    dynamic::fresh(|message| encode_into(value, message))
}

/// Appends a message of that value.
///
/// # Errors
///
/// As [`encode()`]; nothing is appended then.
pub fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    message: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = message.len();
    prefix::start(CODEC, message);
    encode::write_named(message, value).map_err(|error| {
        message.truncate(before);
        EncodeError::unrepresentable(CODEC, error)
    })
}

/// The value of a message. It may borrow text and bytes.
///
/// # Errors
///
/// [`DecodeError`], but for `UnknownCodec`, `NotHere` and `TooMany`.
pub fn decode<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, DecodeError> {
    value(unwrap_as(CODEC, message)?)
}

#[inline]
pub(crate) fn value<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let mut deserializer = Deserializer::from_read_ref(bytes);
    let guard = Guard::new(&mut deserializer, Distrust);
    match T::deserialize(guard) {
        Ok(value) if is_at_end(&mut deserializer) => Ok(value),
        Ok(_) => Err(trailing(bytes)),
        Err(error) => Err(reason(error)),
    }
}

/// A byte more, and there would be a marker to read.
#[inline]
fn is_at_end<'de, R: decode::ReadSlice<'de>>(deserializer: &mut Deserializer<R>) -> bool {
    matches!(bool::deserialize(deserializer), Err(decode::Error::InvalidMarkerRead(_)))
}

/// The codec does not say how far it has read what may be borrowed from: read again, and own it.
#[cold]
fn trailing(bytes: &[u8]) -> DecodeError {
    let mut deserializer = Deserializer::new(Cursor::new(bytes));
    let guard = Guard::new(&mut deserializer, Distrust);
    let _ = IgnoredAny::deserialize(guard);
    let extra = bytes.len().saturating_sub(deserializer.position() as usize);
    DecodeError::TrailingBytes { codec: CODEC, extra }
}

#[cold]
fn reason(error: decode::Error) -> DecodeError {
    use decode::Error as E;

    match error {
        // A slice has no other fault than its end.
        E::InvalidMarkerRead(_) | E::InvalidDataRead(_) => DecodeError::Truncated { codec: CODEC },
        E::DepthLimitExceeded => DecodeError::TooDeep { codec: CODEC },
        E::Syntax(text) | E::Uncategorized(text) if text == TOO_DEEP => {
            DecodeError::TooDeep { codec: CODEC }
        }
        error => DecodeError::invalid(CODEC, error),
    }
}
