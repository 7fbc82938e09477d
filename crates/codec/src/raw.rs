//! Raw: bytes that say nothing of themselves.
//!
//! ```
//! use castcall_codec::raw;
//!
//! let message = raw::encode(b"as they are");
//! assert_eq!(message, b"\x55as they are");
//! assert_eq!(raw::decode(&message)?, b"as they are");
//! # Ok::<(), castcall_codec::DecodeError>(())
//! ```

use alloc::vec::Vec;

use crate::{Codec, DecodeError, prefix, unwrap_as, wrap};

/// A message of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    wrap(Codec::Raw, bytes)
}

/// Appends a message of these bytes.
pub fn encode_into(bytes: &[u8], message: &mut Vec<u8>) {
    prefix::start(Codec::Raw, message);
    message.extend_from_slice(bytes);
}

/// The bytes of a message, where they lie.
///
/// # Errors
///
/// [`DecodeError::Prefix`] and [`DecodeError::WrongCodec`].
pub const fn decode(message: &[u8]) -> Result<&[u8], DecodeError> {
    unwrap_as(Codec::Raw, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prefix;

    #[test]
    fn appended() {
        let mut message = alloc::vec![1];
        encode_into(b"two", &mut message);
        assert_eq!(message, b"\x01\x55two");
        assert_eq!(decode(&message[1..]), Ok(&b"two"[..]));
        let found = Prefix::Unknown(1);
        let error = DecodeError::WrongCodec { expected: Codec::Raw, found };
        assert_eq!(decode(&message), Err(error));
    }
}
