//! Correlation ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Ties a response to its request: a UUID v4 that nobody can guess.
///
/// Of the 122 bits that the form leaves free all are random in [`new`](Self::new). A table that makes
/// ids for its calls has some of them say where a call lies; 82 or more are random there.
///
/// Its text form is the usual one, 36 characters with hyphens; no other form is read.
///
/// ```
/// use castcall_core::CorrelationId;
///
/// let id = CorrelationId::new();
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorrelationId(Uuid);

/// A correlation id, as the component that made the call knows it.
pub type RequestId = CorrelationId;

/// Text that is no correlation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a UUID in its usual form, as in 67e55044-10b1-426f-9247-bb680e5fe0c8")]
pub struct InvalidCorrelationId;

impl CorrelationId {
    /// Makes a new id.
    #[allow(
        clippy::new_without_default,
        reason = "a default value that differs each time misleads"
    )]
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// Takes an id that was made elsewhere.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }

    /// The id as a number.
    #[must_use]
    pub const fn as_u128(&self) -> u128 {
        self.0.as_u128()
    }

    /// Writes the text form into `buffer` and returns it; allocates nothing.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; 36]) -> &'b str {
        self.0.hyphenated().encode_lower(buffer)
    }

    /// Writes the text form, which is ASCII, to where it is to be: less than half of what
    /// [`encode`](Self::encode) costs.
    #[inline]
    pub fn write_ascii(&self, to: &mut [u8; 36]) {
        *to = [b'-'; 36];
        let mut at = 0;
        for (nth, byte) in self.0.as_bytes().iter().enumerate() {
            if matches!(nth, 4 | 6 | 8 | 10) {
                at += 1;
            }
            to[at..at + 2].copy_from_slice(&HEX[usize::from(*byte)]);
            at += 2;
        }
    }
}

/// Each byte's two digits.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    hex
};

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `Uuid` reads other forms too; one id must have one spelling.
        if text.len() != 36 {
            return Err(InvalidCorrelationId);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidCorrelationId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_a_v4_uuid() {
        assert_eq!(CorrelationId::new().as_uuid().get_version_num(), 4);
        assert_ne!(CorrelationId::new(), CorrelationId::new());
    }

    #[test]
    fn reads_the_usual_form_alone() {
        let id = CorrelationId::new();
        let usual = id.to_string();
        assert_eq!(usual.parse(), Ok(id));
        assert_eq!(id.encode(&mut [0; 36]), usual);
        let simple = id.as_uuid().simple().to_string();
        let braced = id.as_uuid().braced().to_string();
        let urn = id.as_uuid().urn().to_string();
        for other in ["", "x", &simple, &braced, &urn, &usual[..35], &"-".repeat(36)] {
            assert_eq!(other.parse::<CorrelationId>(), Err(InvalidCorrelationId), "{other}");
        }
    }

    proptest! {
        #[test]
        fn is_written_as_its_text(bits: u128) {
            let id = CorrelationId::from_uuid(Uuid::from_u128(bits));
            let mut text = [0; 36];
            id.write_ascii(&mut text);
            prop_assert_eq!(str::from_utf8(&text).unwrap(), id.to_string());
        }
    }

    #[test]
    fn each_digit_is_written() {
        for bits in [0, u128::MAX, 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978] {
            let id = CorrelationId::from_uuid(Uuid::from_u128(bits));
            let mut text = [0; 36];
            id.write_ascii(&mut text);
            assert_eq!(text, id.to_string().as_bytes());
        }
    }

    #[test]
    fn debug_shows_the_text_form() {
        let id = CorrelationId::from_uuid(Uuid::from_u128(0x2a));
        assert_eq!(format!("{id:?}"), "00000000-0000-0000-0000-00000000002a");
        assert_eq!(id.as_u128(), 0x2a);
    }

    #[test]
    fn round_trips_through_serde() {
        let id = CorrelationId::new();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<CorrelationId>(&json).unwrap(), id);
    }
}
