//! Claims are neither counted nor believed: for codecs in which each element has bytes of its own,
//! so that a lie ends where they do.

#[cfg(feature = "cbor")]
use serde_core::{Deserialize, Deserializer};

#[cfg(feature = "cbor")]
use super::Guard;
use super::Rules;

/// Room grows with what is there.
#[derive(Clone, Copy)]
pub(crate) struct Distrust;

impl Rules for Distrust {
    const BORROW: bool = false;

    #[inline]
    fn claim(self, _: usize) -> bool {
        true
    }

    #[inline]
    fn room(self, elements: usize) -> usize {
        elements.min(64)
    }
}

/// A value that is decoded that way, for a codec that takes no seed.
#[cfg(feature = "cbor")]
pub(crate) struct Distrusted<T>(pub(crate) T);

#[cfg(feature = "cbor")]
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Distrusted<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(inner: D) -> Result<Self, D::Error> {
        T::deserialize(Guard::new(inner, Distrust)).map(Distrusted)
    }
}
