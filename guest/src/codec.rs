//! Codecs, as types.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::time::Duration;

use castcall_codec::{DecodeError, EncodeError};

use crate::error::{ComponentError, ReplyError, SendError};
use crate::{RequestId, Token, host};

/// Writes values of `T` as whole messages, prefix included.
pub trait Encode<T: ?Sized> {
    /// A message of that value.
    ///
    /// # Errors
    ///
    /// The value has no form in this codec.
    fn encode(value: &T) -> Result<Vec<u8>, EncodeError>;
}

/// Reads values of `T` from whole messages, prefix included.
pub trait Decode<T> {
    /// The value of a message.
    ///
    /// # Errors
    ///
    /// It is in another codec, or holds no such value.
    fn decode(message: &[u8]) -> Result<T, DecodeError>;
}

/// Sends values in one codec. All that sends returns at once.
pub trait Codec: Sized {
    /// Casts: fire and forget. `Ok` means queued.
    ///
    /// # Errors
    ///
    /// It could not be encoded, or was refused, and has gone nowhere.
    fn cast<T: ?Sized>(target: &str, value: &T) -> Result<(), SendError>
    where
        Self: Encode<T>,
    {
        Ok(host::send_message(target, &Self::encode(value)?)?)
    }

    /// Calls. Exactly one callback with the id that is returned follows, within `timeout`, which
    /// counts in whole milliseconds, or the deadline of the call that is being served.
    ///
    /// # Errors
    ///
    /// It could not be encoded, or was refused, has gone nowhere, and no callback follows.
    fn call<T: ?Sized>(target: &str, value: &T, timeout: Duration) -> Result<RequestId, SendError>
    where
        Self: Encode<T>,
    {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Ok(host::send_request(target, &Self::encode(value)?, timeout)?)
    }

    /// Publishes, and says how many subscribers matched.
    ///
    /// # Errors
    ///
    /// It could not be encoded, or was refused, and has gone nowhere.
    fn publish<T: ?Sized>(topic: &str, value: &T) -> Result<u32, SendError>
    where
        Self: Encode<T>,
    {
        Ok(host::publish(topic, &Self::encode(value)?)?)
    }

    /// Answers a call that was [deferred](crate::defer).
    ///
    /// # Errors
    ///
    /// It could not be encoded, or nobody waits for it.
    fn reply<T: ?Sized>(token: Token, answer: Result<&T, ComponentError>) -> Result<(), ReplyError>
    where
        Self: Encode<T>,
    {
        let answer = match answer {
            Ok(value) => Ok(Self::encode(value)?),
            Err(error) => Err(error),
        };
        host::reply(token, answer)
    }
}

macro_rules! serde_codec {
    ($(#[$doc:meta])* $name:ident, $feature:literal, $module:ident) => {
        $(#[$doc])*
        #[cfg(feature = $feature)]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        #[cfg(feature = $feature)]
        impl Codec for $name {}

        #[cfg(feature = $feature)]
        impl<T: serde_core::Serialize + ?Sized> Encode<T> for $name {
            fn encode(value: &T) -> Result<Vec<u8>, EncodeError> {
                castcall_codec::$module::encode(value)
            }
        }

        #[cfg(feature = $feature)]
        impl<T: serde_core::de::DeserializeOwned> Decode<T> for $name {
            fn decode(message: &[u8]) -> Result<T, DecodeError> {
                castcall_codec::$module::decode(message)
            }
        }
    };
}

serde_codec! {
    /// CBOR: the one to take unless there is a reason not to.
    Cbor, "cbor", cbor
}
serde_codec! {
    /// JSON: what people read.
    Json, "json", json
}
serde_codec! {
    /// bincode: between components that are always built together.
    Bincode, "bincode", bincode
}
serde_codec! {
    /// MessagePack.
    MessagePack, "messagepack", messagepack
}

/// Borsh: what is hashed or signed. Its types derive the traits of the crate `borsh`.
#[cfg(feature = "borsh")]
#[derive(Debug, Clone, Copy)]
pub enum Borsh {}

#[cfg(feature = "borsh")]
impl Codec for Borsh {}

#[cfg(feature = "borsh")]
impl<T: borsh::BorshSerialize + ?Sized> Encode<T> for Borsh {
    fn encode(value: &T) -> Result<Vec<u8>, EncodeError> {
        castcall_codec::borsh::encode(value)
    }
}

#[cfg(feature = "borsh")]
impl<T: borsh::BorshDeserialize> Decode<T> for Borsh {
    fn decode(message: &[u8]) -> Result<T, DecodeError> {
        castcall_codec::borsh::decode(message)
    }
}

/// Bytes that say nothing of themselves, in an envelope that says so.
#[derive(Debug, Clone, Copy)]
pub enum Raw {}

impl Codec for Raw {}

impl<T: AsRef<[u8]> + ?Sized> Encode<T> for Raw {
    fn encode(value: &T) -> Result<Vec<u8>, EncodeError> {
        Ok(castcall_codec::raw::encode(value.as_ref()))
    }
}

impl Decode<Vec<u8>> for Raw {
    fn decode(message: &[u8]) -> Result<Vec<u8>, DecodeError> {
        castcall_codec::raw::decode(message).map(ToOwned::to_owned)
    }
}

/// No envelope: the message as it comes, for who reads several codecs, or none. A component that
/// declares the codecs that it accepts gets envelopes only.
#[derive(Debug, Clone, Copy)]
pub enum Bare {}

impl Codec for Bare {}

impl<T: AsRef<[u8]> + ?Sized> Encode<T> for Bare {
    fn encode(value: &T) -> Result<Vec<u8>, EncodeError> {
        Ok(value.as_ref().to_owned())
    }
}

impl Decode<Vec<u8>> for Bare {
    fn decode(message: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Ok(message.to_owned())
    }
}
