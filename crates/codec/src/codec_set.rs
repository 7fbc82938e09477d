//! Which codecs somebody accepts.

use core::fmt;

use thiserror::Error;

use crate::{Codec, Prefix, PrefixError, peek};

/// The codecs that somebody accepts: some, or anything at all.
///
/// Two bytes, `Copy`; made once, and asked with each message.
///
/// ```
/// use castcall_codec::{Codec, CodecSet, NotAccepted, wrap};
///
/// let accepted: CodecSet = [Codec::Json, Codec::Cbor].into_iter().collect();
/// assert_eq!(accepted.to_string(), "cbor, json");
/// assert_eq!(accepted.check(&wrap(Codec::Cbor, &[0xf6])), Ok(()));
/// assert_eq!(
///     accepted.check(&wrap(Codec::Borsh, &[0])),
///     Err(NotAccepted::Codec { found: Codec::Borsh })
/// );
/// assert_eq!(CodecSet::ANY.check(b"not even an envelope"), Ok(()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodecSet(u16);

/// A message is not in one of the codecs that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// It is in another codec. Ask the receiver's manifest which it takes, and encode with that.
    #[error("{found} is not accepted")]
    Codec {
        /// The message's.
        found: Codec,
    },
    /// It has a code that castcall does not know. Use a codec of the receiver's manifest.
    #[error("the unknown codec {code:#x} is not accepted")]
    Unknown {
        /// The code.
        code: u64,
    },
    /// It is no envelope. Encode it with one of this crate's modules, or as the envelope's
    /// description says.
    #[error(transparent)]
    Malformed(#[from] PrefixError),
}

impl CodecSet {
    /// Accepts anything: codecs that castcall does not know, and what is no envelope at all.
    pub const ANY: Self = Self(u16::MAX);

    /// Accepts nothing.
    pub const NONE: Self = Self(0);

    /// Accepts these.
    #[must_use]
    pub const fn of(codecs: &[Codec]) -> Self {
        let mut set = Self::NONE;
        let mut at = 0;
        while at < codecs.len() {
            set = set.with(codecs[at]);
            at += 1;
        }
        set
    }

    /// Accepts this one too.
    #[must_use]
    pub const fn with(self, codec: Codec) -> Self {
        Self(self.0 | Self::bit(codec))
    }

    /// Whether it accepts anything.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0
    }

    /// Whether it accepts nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it accepts messages in that codec.
    #[inline]
    #[must_use]
    pub const fn accepts(self, codec: Codec) -> bool {
        self.0 & Self::bit(codec) != 0
    }

    /// Whether it accepts that message, of which the prefix alone is looked at. If it accepts
    /// anything, not even that. Costs a few nanoseconds and allocates nothing.
    ///
    /// # Errors
    ///
    /// [`NotAccepted`], which says what the message is instead.
    #[inline]
    pub const fn check(self, message: &[u8]) -> Result<(), NotAccepted> {
        if self.is_any() {
            return Ok(());
        }
        match peek(message) {
            Ok((Prefix::Known(codec), _)) if self.accepts(codec) => Ok(()),
            Ok((Prefix::Known(found), _)) => Err(NotAccepted::Codec { found }),
            Ok((Prefix::Unknown(code), _)) => Err(NotAccepted::Unknown { code }),
            Err(error) => Err(NotAccepted::Malformed(error)),
        }
    }

    /// The codecs that castcall knows and this accepts, in the order of [`Codec::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Codec> {
        Codec::ALL.into_iter().filter(move |codec| self.accepts(*codec))
    }

    const fn bit(codec: Codec) -> u16 {
        1 << codec as u8
    }
}

/// [`CodecSet::ANY`]: who declares nothing accepts anything.
impl Default for CodecSet {
    fn default() -> Self {
        Self::ANY
    }
}

impl FromIterator<Codec> for CodecSet {
    fn from_iter<I: IntoIterator<Item = Codec>>(codecs: I) -> Self {
        codecs.into_iter().fold(Self::NONE, Self::with)
    }
}

/// The names, with commas; `any` or `none`.
impl fmt::Display for CodecSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("any");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, codec) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            f.write_str(codec.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for CodecSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodecSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrap;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn some_codecs() {
        const SET: CodecSet = CodecSet::of(&[Codec::Bincode, Codec::Raw]);
        for codec in Codec::ALL {
            let is_in = matches!(codec, Codec::Bincode | Codec::Raw);
            assert_eq!(SET.accepts(codec), is_in);
            assert_eq!(SET.check(&wrap(codec, b"")).is_ok(), is_in);
        }
        assert_eq!(SET.iter().collect::<Vec<_>>(), [Codec::Raw, Codec::Bincode]);
        assert_eq!(format!("{SET:?}"), "CodecSet(raw, bincode)");
        assert_eq!(SET.check(b"\x82\x0e"), Ok(()), "by an alias");
        assert!(!SET.is_any() && !SET.is_empty());
    }

    #[test]
    fn all_that_are_known_is_not_any() {
        let all: CodecSet = Codec::ALL.into_iter().collect();
        assert!(!all.is_any());
        assert_eq!(all.check(b"\x71"), Err(NotAccepted::Unknown { code: 0x71 }));
        assert_eq!(CodecSet::ANY.check(b"\x71"), Ok(()));
        assert_eq!(CodecSet::default(), CodecSet::ANY);
        assert_eq!(CodecSet::ANY.to_string(), "any");
    }

    #[test]
    fn nothing() {
        assert!(CodecSet::NONE.is_empty());
        assert_eq!(CodecSet::NONE.to_string(), "none");
        let error = CodecSet::NONE.check(b"\x55").unwrap_err();
        assert_eq!(error, NotAccepted::Codec { found: Codec::Raw });
    }

    #[test]
    fn malformed_is_told_from_unknown() {
        let set = CodecSet::of(&[Codec::Cbor]);
        assert_eq!(set.check(b"\xd1\x00"), Err(NotAccepted::Malformed(PrefixError::NotMinimal)));
        let error = set.check(b"\xf1\x01").unwrap_err();
        assert_eq!(error.to_string(), "the unknown codec 0xf1 is not accepted");
    }
}
