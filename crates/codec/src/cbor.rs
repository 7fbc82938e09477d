//! CBOR, RFC 8949, of serde values.
//!
//! Structs are maps with the names of their fields as text, in their order; integers and floats
//! take the shortest form that loses nothing; lengths are definite. What is read may have any
//! well-formed form: lengths that are indefinite, integers that are long, tags, which are skipped.
//!
//! ```
//! use castcall_codec::cbor;
//!
//! let message = cbor::encode(&("answer", 42))?;
//! assert_eq!(message, b"\x51\x82\x66answer\x18\x2a");
//! let (word, number): (String, u8) = cbor::decode(&message)?;
//! assert_eq!((word.as_str(), number), ("answer", 42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;

use ciborium::{de, ser};
use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use crate::guard::{Distrusted, TOO_DEEP};
use crate::{Codec, DecodeError, EncodeError, MAX_DEPTH, dynamic, prefix, unwrap_as};

const CODEC: Codec = Codec::Cbor;

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
/// As [`encode`]; nothing is appended then.
pub fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    message: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = message.len();
    prefix::start(CODEC, message);
    ser::into_writer(value, &mut *message).map_err(|error| {
        message.truncate(before);
        match error {
            ser::Error::Value(reason) => EncodeError::unrepresentable(CODEC, reason),
            error => EncodeError::unrepresentable(CODEC, error),
        }
    })
}

/// The value of a message. It borrows nothing, and texts longer than 4,096 bytes can be read by
/// types that own them only.
///
/// # Errors
///
/// [`DecodeError`], but for `UnknownCodec`, `NotHere` and `TooMany`.
pub fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, DecodeError> {
    value(unwrap_as(CODEC, message)?)
}

#[inline]
pub(crate) fn value<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, DecodeError> {
    let decoded: Result<Distrusted<T>, _> =
        de::from_reader_with_recursion_limit(&mut bytes, MAX_DEPTH + 1);
    match decoded {
        Ok(Distrusted(value)) if bytes.is_empty() => Ok(value),
        Ok(_) => Err(DecodeError::TrailingBytes { codec: CODEC, extra: bytes.len() }),
        Err(error) => Err(reason(error)),
    }
}

#[cold]
fn reason<E: core::fmt::Debug>(error: de::Error<E>) -> DecodeError {
    match error {
        // A slice has no other fault than its end.
        de::Error::Io(_) => DecodeError::Truncated { codec: CODEC },
        de::Error::RecursionLimitExceeded => DecodeError::TooDeep { codec: CODEC },
        de::Error::Semantic(_, text) if text == TOO_DEEP => DecodeError::TooDeep { codec: CODEC },
        de::Error::Semantic(_, text) => DecodeError::invalid(CODEC, text),
        de::Error::Syntax(at) => {
            DecodeError::invalid(CODEC, format_args!("not well-formed at byte {at}"))
        }
    }
}
