//! serde values with a codec that is chosen at run time.

use alloc::vec::Vec;

use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use crate::{Codec, DecodeError, EncodeError, Prefix, peek};

/// A message of that value in that codec: CBOR, bincode, JSON or MessagePack, as their features are
/// on.
///
#[cfg_attr(feature = "json", doc = "```")]
#[cfg_attr(not(feature = "json"), doc = "```ignore")]
/// use castcall_codec::{Codec, EncodeError, decode, encode};
///
/// let message = encode(Codec::Json, &[1, 2, 3])?;
/// assert_eq!(message, b"\x80\x04[1,2,3]");
/// assert_eq!(decode::<Vec<u8>>(&message)?, [1, 2, 3]);
///
/// let error = encode(Codec::Borsh, &1).unwrap_err();
/// assert_eq!(error, EncodeError::NotHere { codec: Codec::Borsh });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EncodeError`]: `NotHere` for Borsh, Protobuf and raw, and what the codec's module says.
pub fn encode<T: Serialize + ?Sized>(codec: Codec, value: &T) -> Result<Vec<u8>, EncodeError> {
    fresh(|message| encode_into(codec, value, message))
}

/// Appends a message of that value in that codec.
///
/// # Errors
///
/// As [`encode`]; nothing is appended then.
pub fn encode_into<T: Serialize + ?Sized>(
    codec: Codec,
    value: &T,
    message: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    // Without features, nobody uses them.
    let _ = (value, &message);
    match codec {
        #[cfg(feature = "bincode")]
        Codec::Bincode => crate::bincode::encode_into(value, message),
        #[cfg(feature = "cbor")]
        Codec::Cbor => crate::cbor::encode_into(value, message),
        #[cfg(feature = "json")]
        Codec::Json => crate::json::encode_into(value, message),
        #[cfg(feature = "messagepack")]
        Codec::MessagePack => crate::messagepack::encode_into(value, message),
        _ => Err(EncodeError::NotHere { codec }),
    }
}

/// The value of a message, in whichever codec it is: CBOR, bincode, JSON or MessagePack, as their
/// features are on.
///
/// # Errors
///
/// [`DecodeError`], but for `WrongCodec`; `NotHere` for Borsh, Protobuf and raw.
pub fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, DecodeError> {
    let (prefix, value) = peek(message)?;
    // Without features, nobody uses it.
    let _ = value;
    match prefix {
        #[cfg(feature = "bincode")]
        Prefix::Known(Codec::Bincode) => crate::bincode::value(value),
        #[cfg(feature = "cbor")]
        Prefix::Known(Codec::Cbor) => crate::cbor::value(value),
        #[cfg(feature = "json")]
        Prefix::Known(Codec::Json) => crate::json::value(value),
        #[cfg(feature = "messagepack")]
        Prefix::Known(Codec::MessagePack) => crate::messagepack::value(value),
        Prefix::Known(codec) => Err(DecodeError::NotHere { codec }),
        Prefix::Unknown(code) => Err(DecodeError::UnknownCodec { code }),
    }
}

/// A message in a vector of its own. Most fit into what it begins with.
#[inline]
pub(crate) fn fresh(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let mut message = Vec::with_capacity(128);
    encode(&mut message)?;
    Ok(message)
}
