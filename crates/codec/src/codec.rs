//! The codecs that castcall knows by name and number.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// How the bytes after the prefix are to be read.
///
/// The codes are those of the [multicodec table](https://github.com/multiformats/multicodec) where
/// it has them; Borsh and bincode have none there and get codes of its private-use range. serde
/// reads and writes the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Bytes that say nothing of themselves.
    Raw,
    /// CBOR, RFC 8949.
    Cbor,
    /// JSON, RFC 8259.
    Json,
    /// MessagePack.
    MessagePack,
    /// Borsh.
    Borsh,
    /// bincode 2, its standard configuration.
    Bincode,
    /// Protocol buffers: opaque to castcall.
    Protobuf,
}

/// No codec has that name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "there is no codec {name:?}: write one of raw, cbor, json, messagepack, borsh, bincode, protobuf"
)]
pub struct UnknownCodec {
    /// What was given, cut to its first 64 bytes or so.
    pub name: String,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Raw,
        Self::Cbor,
        Self::Json,
        Self::MessagePack,
        Self::Borsh,
        Self::Bincode,
        Self::Protobuf,
    ];

    /// The code that is written.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Raw => 0x55,
            Self::Cbor => 0x51,
            Self::Json => 0x0200,
            Self::MessagePack => 0x0201,
            Self::Borsh => 0x30_0701,
            Self::Bincode => 0x30_0702,
            Self::Protobuf => 0x50,
        }
    }

    /// The codec of a code, aliases included: `0x700` is CBOR, `0x701` Borsh, `0x702` bincode.
    #[must_use]
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            0x55 => Self::Raw,
            0x51 | 0x700 => Self::Cbor,
            0x0200 => Self::Json,
            0x0201 => Self::MessagePack,
            0x30_0701 | 0x701 => Self::Borsh,
            0x30_0702 | 0x702 => Self::Bincode,
            0x50 => Self::Protobuf,
            _ => return None,
        })
    }

    /// Its name, as manifests write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Cbor => "cbor",
            Self::Json => "json",
            Self::MessagePack => "messagepack",
            Self::Borsh => "borsh",
            Self::Bincode => "bincode",
            Self::Protobuf => "protobuf",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| UnknownCodec { name: name[..name.floor_char_boundary(64)].to_owned() })
    }
}

impl Serialize for Codec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Codec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl de::Visitor<'_> for Name {
            type Value = Codec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a codec")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Codec, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_and_codes_lead_back() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_code(codec.code()), Some(codec));
            assert_eq!(codec.to_string().parse(), Ok(codec));
            assert_eq!(serde_json::to_value(codec).unwrap(), codec.name());
            assert_eq!(serde_json::from_value::<Codec>(codec.name().into()).unwrap(), codec);
        }
        assert_eq!(Codec::from_code(0x700), Some(Codec::Cbor));
        assert_eq!(Codec::from_code(0x701), Some(Codec::Borsh));
        assert_eq!(Codec::from_code(0x702), Some(Codec::Bincode));
        assert_eq!(Codec::from_code(0), None);
        assert_eq!("CBOR".parse::<Codec>().unwrap_err().name, "CBOR");
        let error = serde_json::from_value::<Codec>("CBOR".into()).unwrap_err();
        assert!(error.to_string().starts_with("there is no codec \"CBOR\""));
        let error = serde_json::from_value::<Codec>(1.into()).unwrap_err();
        assert!(error.to_string().contains("expected the name of a codec"));
    }
}
