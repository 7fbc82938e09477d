//! The prefix of a message: the code of its codec.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use crate::{Codec, DecodeError, varint};

/// What the prefix of a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// A codec that castcall knows, by its code or by an alias.
    Known(Codec),
    /// A well-formed code of something else.
    Unknown(u64),
}

/// The prefix of a message is malformed.
///
/// All mean that these bytes are no message of castcall, or were cut or changed on their way: look
/// at who made them. None goes away by sending the same bytes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// There are no bytes. An empty value needs its prefix too: `[0x55]` is an empty raw message.
    #[error("the message is empty: there is no codec prefix")]
    Empty,
    /// The bytes end within the prefix. The message was cut, or is not an envelope.
    #[error("the message ends within its codec prefix")]
    Truncated,
    /// The prefix has more than 9 bytes. Most likely, what was sent is not an envelope.
    #[error("the codec prefix is longer than 9 bytes")]
    TooLong,
    /// The prefix could be written in fewer bytes. The sender's varint is to be mended: a code has
    /// one form only.
    #[error("the codec prefix is not in its shortest form")]
    NotMinimal,
}

impl Prefix {
    /// The codec, if castcall knows it.
    #[must_use]
    pub const fn codec(self) -> Option<Codec> {
        match self {
            Self::Known(codec) => Some(codec),
            Self::Unknown(_) => None,
        }
    }

    /// The code, or that which is written where the message has an alias.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Known(codec) => codec.code(),
            Self::Unknown(code) => code,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(codec) => codec.fmt(f),
            Self::Unknown(code) => write!(f, "the unknown code {code:#x}"),
        }
    }
}

/// What a message is written in, and the encoded value. Allocates nothing.
///
/// # Errors
///
/// [`PrefixError`] if there is no well-formed prefix. A code that castcall does not know is none:
/// see [`Prefix::Unknown`].
#[inline]
pub const fn peek(message: &[u8]) -> Result<(Prefix, &[u8]), PrefixError> {
    match varint::split(message) {
        Ok((code, value)) => Ok((
            match Codec::from_code(code) {
                Some(codec) => Prefix::Known(codec),
                None => Prefix::Unknown(code),
            },
            value,
        )),
        Err(error) => Err(error),
    }
}

/// A message of a value that is encoded already. The value is not looked at.
///
/// ```
/// use castcall_codec::{Codec, unwrap_as, wrap};
///
/// let message = wrap(Codec::Protobuf, &[0x08, 0x2a]);
/// assert_eq!(message, [0x50, 0x08, 0x2a]);
/// assert_eq!(unwrap_as(Codec::Protobuf, &message)?, [0x08, 0x2a]);
/// # Ok::<(), castcall_codec::DecodeError>(())
/// ```
#[must_use]
pub fn wrap(codec: Codec, value: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(varint::MAX_BYTES + value.len());
    start(codec, &mut message);
    message.extend_from_slice(value);
    message
}

/// The encoded value of a message in that codec. The value is not looked at.
///
/// # Errors
///
/// [`DecodeError::Prefix`] and [`DecodeError::WrongCodec`].
#[inline]
pub const fn unwrap_as(codec: Codec, message: &[u8]) -> Result<&[u8], DecodeError> {
    match peek(message) {
        Ok((Prefix::Known(found), value)) if found as u8 == codec as u8 => Ok(value),
        Ok((found, _)) => Err(DecodeError::WrongCodec { expected: codec, found }),
        Err(error) => Err(DecodeError::Prefix(error)),
    }
}

/// Appends the prefix.
#[inline]
pub(crate) fn start(codec: Codec, message: &mut Vec<u8>) {
    varint::push(codec.code(), message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn codes_in_both_forms() {
        for codec in Codec::ALL {
            let message = wrap(codec, b"value");
            assert_eq!(peek(&message), Ok((Prefix::Known(codec), &b"value"[..])));
            assert_eq!(unwrap_as(codec, &message), Ok(&b"value"[..]));
        }
        assert_eq!(peek(b"\x80\x0e"), Ok((Prefix::Known(Codec::Cbor), &b""[..])));
        assert_eq!(peek(b"\x81\x0e"), Ok((Prefix::Known(Codec::Borsh), &b""[..])));
        assert_eq!(peek(b"\x82\x0e"), Ok((Prefix::Known(Codec::Bincode), &b""[..])));
    }

    #[test]
    fn unknown_is_not_malformed() {
        let (prefix, value) = peek(b"\x71\x01").unwrap();
        assert_eq!((prefix, value), (Prefix::Unknown(0x71), &b"\x01"[..]));
        assert_eq!((prefix.codec(), prefix.code()), (None, 0x71));
        assert_eq!(prefix.to_string(), "the unknown code 0x71");
        let known = Prefix::Known(Codec::Borsh);
        assert_eq!((known.codec(), known.code()), (Some(Codec::Borsh), 0x30_0701));
        assert_eq!(known.to_string(), "borsh");
    }

    #[test]
    fn only_the_codec_asked_for() {
        let message = wrap(Codec::Json, b"1");
        let found = Prefix::Known(Codec::Json);
        let error = unwrap_as(Codec::Cbor, &message).unwrap_err();
        assert_eq!(error, DecodeError::WrongCodec { expected: Codec::Cbor, found });
        assert_eq!(error.to_string(), "expected cbor, found json");
        let error = unwrap_as(Codec::Cbor, b"").unwrap_err();
        assert_eq!(error, DecodeError::Prefix(PrefixError::Empty));
    }
}
