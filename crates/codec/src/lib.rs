//! The envelope of castcall's messages: which codec a payload is written in.

mod codec;

pub use codec::{Codec, UnknownCodec};
