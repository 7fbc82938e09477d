//! Borsh, of types with the traits of the crate [`borsh`](https://docs.rs/borsh).
//!
//! Integers are little-endian and of fixed size. Nothing but the values is written, and each value
//! has one form only: sender and receiver must have the same type.
//!
//! ```
//! use castcall_codec::borsh;
//!
//! let message = borsh::encode(&("answer", 42u32))?;
//! assert_eq!(message, b"\x81\x8e\xc0\x01\x06\0\0\0answer\x2a\0\0\0");
//! let (word, number): (String, u32) = borsh::decode(&message)?;
//! assert_eq!((word.as_str(), number), ("answer", 42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The derive macros of the crate `borsh` name it `borsh`. Where this module is imported by that
//! name beside them, say `#[borsh(crate = "::borsh")]`, or call `castcall_codec::borsh::encode`.

use alloc::vec::Vec;

use ::borsh::io::{ErrorKind, Read, Result as IoResult};
use ::borsh::{BorshDeserialize, BorshSerialize};

use crate::{Codec, DecodeError, EncodeError, dynamic, prefix, unwrap_as};

const CODEC: Codec = Codec::Borsh;

/// How much stack a nested value may take, in bytes. Hundreds of levels fit, and a small part of
/// what a thread or a guest has.
const MAX_STACK: usize = 128 << 10;

/// A message of that value.
///
/// # Errors
///
/// [`EncodeError::Unrepresentable`] if there is a NaN in it, a collection of values that take no
/// memory, or one of more than 2^32 - 1.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    dynamic::fresh(|message| encode_into(value, message))
}

/// Appends a message of that value.
///
/// # Errors
///
/// As [`encode`]; nothing is appended then.
pub fn encode_into<T: BorshSerialize + ?Sized>(
    value: &T,
    message: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = message.len();
    prefix::start(CODEC, message);
    value.serialize(message).map_err(|error| {
        message.truncate(before);
        EncodeError::unrepresentable(CODEC, error)
    })
}

/// The value of a message. It borrows nothing.
///
/// # Errors
///
/// [`DecodeError`], but for `UnknownCodec`, `NotHere` and `TooMany`.
pub fn decode<T: BorshDeserialize>(message: &[u8]) -> Result<T, DecodeError> {
    let mut reader = Reader {
        rest: unwrap_as(CODEC, message)?,
        floor: here().saturating_sub(MAX_STACK),
        fault: None,
    };
    match T::deserialize_reader(&mut reader) {
        Ok(value) if reader.rest.is_empty() => Ok(value),
        Ok(_) => Err(DecodeError::TrailingBytes { codec: CODEC, extra: reader.rest.len() }),
        Err(error) => Err(match reader.fault {
            Some(Fault::End) => DecodeError::Truncated { codec: CODEC },
            Some(Fault::Stack) => DecodeError::TooDeep { codec: CODEC },
            None => DecodeError::invalid(CODEC, error),
        }),
    }
}

/// The bytes, and how deep they are asked for. Borsh has no limit of its own, and does not tell a
/// reader where it is; but each level reads something, from further down the stack.
struct Reader<'a> {
    rest: &'a [u8],
    /// How far down the stack may go: it grows down wherever Rust runs.
    floor: usize,
    fault: Option<Fault>,
}

enum Fault {
    End,
    Stack,
}

impl Reader<'_> {
    #[cold]
    fn fail(&mut self, fault: Fault) -> ::borsh::io::Error {
        let kind = match fault {
            Fault::End => ErrorKind::UnexpectedEof,
            Fault::Stack => ErrorKind::InvalidData,
        };
        self.fault = Some(fault);
        kind.into()
    }
}

impl Read for Reader<'_> {
    /// For bytes alone, whose number was read a moment ago.
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let count = buffer.len().min(self.rest.len());
        if count < buffer.len() {
            self.fault = Some(Fault::End);
        }
        let (taken, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(taken);
        self.rest = rest;
        Ok(count)
    }

    // Always, so that the copy of a number is as long as the number.
    #[inline(always)]
    fn read_exact(&mut self, buffer: &mut [u8]) -> IoResult<()> {
        if here() < self.floor {
            return Err(self.fail(Fault::Stack));
        }
        match self.rest.split_at_checked(buffer.len()) {
            Some((taken, rest)) => {
                buffer.copy_from_slice(taken);
                self.rest = rest;
                Ok(())
            }
            None => Err(self.fail(Fault::End)),
        }
    }
}

/// Where the stack is, more or less.
#[inline(always)]
fn here() -> usize {
    let local = 0u8;
    core::ptr::from_ref(&local).addr()
}
