//! Why something can't be encoded or decoded.

use alloc::boxed::Box;

use thiserror::Error;

use crate::{Codec, MAX_DEPTH, Prefix, PrefixError};

/// How long the reason of an error may be, in bytes: it may repeat what a stranger wrote.
pub const MAX_REASON: usize = 200;

/// A value can't be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec has no form for that value: an object key that is no text in JSON, a sequence
    /// whose length is not known beforehand in bincode, a NaN in Borsh, or the value's own
    /// `Serialize` refuses. Change the value's type, or take another codec.
    #[error("the value has no form in {codec}: {reason}")]
    Unrepresentable {
        /// The codec.
        codec: Codec,
        /// What it says, cut to [`MAX_REASON`].
        reason: Box<str>,
    },
    /// The codec can't be chosen at run time: it is no codec for serde values, or its feature is
    /// off. Use its module or [`wrap`](crate::wrap), or turn on the feature.
    #[error("{codec} can't be written here: it takes no serde values, or its feature is off")]
    NotHere {
        /// The codec.
        codec: Codec,
    },
}

/// A message can't be decoded.
///
/// But for `NotHere` the message is at fault, or sender and receiver are not of one mind about its
/// type. A component answers such a message with `invalid-payload`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is no well-formed prefix. The sender must send an envelope.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The message is in another codec than the one asked for. Declare the codecs in the manifest,
    /// so that the host refuses such messages at the send, or use [`decode`](crate::decode).
    #[error("expected {expected}, found {found}")]
    WrongCodec {
        /// What was asked for.
        expected: Codec,
        /// What the prefix says.
        found: Prefix,
    },
    /// The prefix has a code that castcall does not know. Agree on another codec.
    #[error("the codec {code:#x} is not known")]
    UnknownCodec {
        /// The code.
        code: u64,
    },
    /// The codec can't be chosen at run time: it is no codec for serde values, or its feature is
    /// off. Use its module or [`unwrap_as`](crate::unwrap_as), or turn on the feature.
    #[error("{codec} can't be read here: it gives no serde values, or its feature is off")]
    NotHere {
        /// The codec.
        codec: Codec,
    },
    /// The bytes end before the value does: the message was cut, or a length in it is a lie.
    #[error("the {codec} value is cut short")]
    Truncated {
        /// The codec.
        codec: Codec,
    },
    /// Bytes are left over after the value. The sender sends another type than is expected, or
    /// more than one value: make a list of them.
    #[error("there are {extra} bytes after the {codec} value")]
    TrailingBytes {
        /// The codec.
        codec: Codec,
        /// How many. In JSON, from the first that is no white space.
        extra: usize,
    },
    /// The value is nested too deep, see [`MAX_DEPTH`]. Flatten it: name nodes by numbers, say.
    #[error(
        "the {codec} value is nested too deep: at most {MAX_DEPTH} levels, in borsh as many as 128 KiB of stack hold"
    )]
    TooDeep {
        /// The codec.
        codec: Codec,
    },
    /// The value claims more elements than there are bytes, in bincode: the message was cut, the
    /// claim is a lie, or it is a list of values that take no bytes. Of those, send the number
    /// instead.
    #[error("the {codec} value claims more elements than it has bytes")]
    TooMany {
        /// The codec.
        codec: Codec,
    },
    /// The bytes are not well-formed in their codec, or hold another type than is expected.
    #[error("no such value in {codec}: {reason}")]
    Invalid {
        /// The codec.
        codec: Codec,
        /// What the codec says, cut to [`MAX_REASON`].
        reason: Box<str>,
    },
}
