//! bincode 2, its standard configuration, of serde values.
//!
//! Integers are little-endian varints of bincode's own kind, signed ones in zigzag. Nothing but the
//! values is written: sender and receiver must have the same type. Types that ask what comes next
//! (`untagged` and internally tagged enums, `flatten`) or leave fields out (`skip_serializing_if`)
//! don't go.
//!
//! ```
//! use castcall_codec::bincode;
//!
//! let message = bincode::encode(&("answer", 42u32))?;
//! assert_eq!(message, b"\x82\x8e\xc0\x01\x06answer\x2a");
//! let (word, number): (&str, u32) = bincode::decode(&message)?;
//! assert_eq!((word, number), ("answer", 42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use core::cell::Cell;
use core::marker::PhantomData;

use ::bincode::config::standard;
use ::bincode::enc::write::Writer;
use ::bincode::{error, serde};
use serde_core::{Deserialize, Serialize};

use crate::guard::{Budget, Seed, TOO_DEEP, TOO_MANY};
use crate::{Codec, DecodeError, EncodeError, dynamic, prefix, unwrap_as};

const CODEC: Codec = Codec::Bincode;

/// A message of that value.
///
/// # Errors
///
/// [`EncodeError::Unrepresentable`] if the length of a sequence is not known beforehand, or the
/// value's `Serialize` refuses.
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
    serde::encode_into_writer(value, Appended(message), standard()).map_err(|error| {
        message.truncate(before);
        match error {
            error::EncodeError::OtherString(reason) => EncodeError::unrepresentable(CODEC, reason),
            error => EncodeError::unrepresentable(CODEC, error),
        }
    })
}

struct Appended<'a>(&'a mut Vec<u8>);

impl Writer for Appended<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The value of a message. It may borrow text and bytes.
///
/// # Errors
///
/// [`DecodeError`], but for `UnknownCodec` and `NotHere`.
pub fn decode<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, DecodeError> {
    value(unwrap_as(CODEC, message)?)
}

#[inline]
pub(crate) fn value<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let elements = Cell::new(bytes.len());
    let seed = Seed::new(PhantomData, Budget(&elements));
    match serde::seed_decode_from_slice(seed, bytes, standard()) {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((_, read)) => {
            Err(DecodeError::TrailingBytes { codec: CODEC, extra: bytes.len() - read })
        }
        Err(error) => Err(reason(error)),
    }
}

#[cold]
fn reason(error: error::DecodeError) -> DecodeError {
    match error {
        error::DecodeError::UnexpectedEnd { .. } => DecodeError::Truncated { codec: CODEC },
        error::DecodeError::OtherString(text) if text == TOO_DEEP => {
            DecodeError::TooDeep { codec: CODEC }
        }
        error::DecodeError::OtherString(text) if text == TOO_MANY => {
            DecodeError::TooMany { codec: CODEC }
        }
        error::DecodeError::OtherString(text) => DecodeError::invalid(CODEC, text),
        error => DecodeError::invalid(CODEC, error),
    }
}
