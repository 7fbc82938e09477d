//! The envelope of castcall's messages: which codec a payload is written in, and the payload.
//!
//! A message is a [multicodec](https://github.com/multiformats/multicodec) code as an unsigned
//! varint, then the encoded value. Whoever gets it can [`peek`] at the codec, which allocates
//! nothing, and refuse what it does not read:
//!
//! ```
//! use castcall_codec::{Codec, CodecSet, Prefix, peek, wrap};
//!
//! let message = wrap(Codec::Json, b"[1,2]");
//! assert_eq!(message, b"\x80\x04[1,2]");
//!
//! let (prefix, value) = peek(&message)?;
//! assert_eq!(prefix, Prefix::Known(Codec::Json));
//! assert_eq!(value, b"[1,2]");
//!
//! let accepted = CodecSet::of(&[Codec::Cbor, Codec::Borsh]);
//! let refused = accepted.check(&message).unwrap_err();
//! assert_eq!(refused.to_string(), "json is not accepted");
//! # Ok::<(), castcall_codec::PrefixError>(())
//! ```
//!
//! # Codecs
//!
//! Each is a module with `encode`, `encode_into` and `decode`, and a feature; none is on by default.
//!
//! | feature | module | values |
//! | --- | --- | --- |
#![cfg_attr(feature = "bincode", doc = "| `bincode` | [`bincode`] | serde |")]
#![cfg_attr(not(feature = "bincode"), doc = "| `bincode` | `bincode` | serde |")]
#![cfg_attr(feature = "borsh", doc = "| `borsh` | [`borsh`] | the traits of the crate `borsh` |")]
#![cfg_attr(
    not(feature = "borsh"),
    doc = "| `borsh` | `borsh` | the traits of the crate `borsh` |"
)]
#![cfg_attr(feature = "cbor", doc = "| `cbor` | [`cbor`] | serde |")]
#![cfg_attr(not(feature = "cbor"), doc = "| `cbor` | `cbor` | serde |")]
#![cfg_attr(feature = "json", doc = "| `json` | [`json`] | serde |")]
#![cfg_attr(not(feature = "json"), doc = "| `json` | `json` | serde |")]
#![cfg_attr(feature = "messagepack", doc = "| `messagepack` | [`messagepack`] | serde |")]
#![cfg_attr(not(feature = "messagepack"), doc = "| `messagepack` | `messagepack` | serde |")]
//! | always | [`raw`] | bytes |
//!
//! [`encode`] and [`decode`] do the same for serde values with a codec chosen at run time. For
//! codecs that castcall does not read, like Protobuf, there are [`wrap`] and [`unwrap_as`].
//!
//! The crate is `no_std` and needs `alloc`, so that guests can use it; only the features
//! `messagepack` and `std` need more. `std` spares `json` a copy when it writes.
//!
//! # Hostile bytes
//!
//! Whatever the bytes, decoding ends in a value or a [`DecodeError`], in time and memory that are
//! bounded by the length of the message and the sizes of the types in it:
//!
//! * What is truncated, or has bytes left over, is an error in every codec.
//! * A length that is claimed costs nothing until the bytes are there.
//! * Nesting is limited: to [`MAX_DEPTH`] levels, in Borsh to 128 KiB of stack.
//! * In bincode, the elements of all sequences and maps together may be no more than the bytes, so
//!   that a vector of a million `()` is refused. Borsh refuses collections of zero-sized types.
//!
//! One thing is left to the type: elements that take memory but no bytes, such as structs whose
//! every field is skipped, may not stand in a collection in Borsh.

#![no_std]

extern crate alloc;
#[cfg(feature = "messagepack")]
extern crate std;

mod codec;
mod codec_set;
mod dynamic;
mod error;
#[cfg(any(feature = "bincode", feature = "cbor", feature = "messagepack"))]
mod guard;
mod prefix;
#[cfg(any(
    feature = "bincode",
    feature = "borsh",
    feature = "cbor",
    feature = "json",
    feature = "messagepack"
))]
mod reason;
mod varint;

#[cfg(feature = "bincode")]
pub mod bincode;
#[cfg(feature = "borsh")]
pub mod borsh;
#[cfg(feature = "cbor")]
pub mod cbor;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "messagepack")]
pub mod messagepack;
pub mod raw;

pub use codec::{Codec, UnknownCodec};
pub use codec_set::{CodecSet, NotAccepted};
pub use dynamic::{decode, encode, encode_into};
pub use error::{DecodeError, EncodeError, MAX_REASON};
pub use prefix::{Prefix, PrefixError, peek, unwrap_as, wrap};

/// How deep a value may be nested in what is decoded, but for Borsh.
///
/// JSON counts arrays and objects; the others count sequences, maps, structs, enums, newtypes and
/// `Some`, so that a list of lists of numbers is 2 deep. JSON allows one level less.
pub const MAX_DEPTH: usize = 128;
