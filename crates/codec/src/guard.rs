//! What stands between a codec and the type that is decoded: it counts the levels of nesting, and
//! believes no length before the bytes are there.
//!
//! The codecs themselves differ in what they bear. bincode knows no depth, loops 2^64 times for as
//! many `()`, and allocates what a text claims to need. MessagePack does not count enums. And where
//! serde reserves at most 1 MiB for a sequence of a claimed length, it does so at each level.
//!
//! It is a serde `Deserializer` around the codec's own, with its visitors, seeds and accesses, and
//! melts away when it is compiled.

mod access;
#[cfg(feature = "bincode")]
mod budget;
#[cfg(any(feature = "cbor", feature = "messagepack"))]
mod distrust;
mod visit;

use serde_core::de::{self, DeserializeSeed, Deserializer, Visitor};

use crate::MAX_DEPTH;
#[cfg(feature = "bincode")]
pub(crate) use budget::Budget;
#[cfg(feature = "messagepack")]
pub(crate) use distrust::Distrust;
#[cfg(feature = "cbor")]
pub(crate) use distrust::Distrusted;
use visit::Watch;

/// What an error says when there are too many levels. Codecs pass it on as a text.
pub(crate) const TOO_DEEP: &str = "castcall: nested too deep";
/// The same for elements.
pub(crate) const TOO_MANY: &str = "castcall: more elements than bytes";

/// What is not the same for all codecs.
pub(crate) trait Rules: Copy {
    /// Whether text and bytes are asked for as borrowed, even for an owner: where the codec
    /// allocates for an owner before it looks whether the bytes are there.
    const BORROW: bool;

    /// A sequence or map claims so many elements; `false` is not to be believed.
    fn claim(self, elements: usize) -> bool;

    /// For how many of these elements room may be made beforehand.
    fn room(self, elements: usize) -> usize;
}

/// The rules, and how many levels are left.
#[derive(Clone, Copy)]
struct Limits<R> {
    levels: usize,
    rules: R,
}

impl<R: Rules> Limits<R> {
    #[inline]
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels, ..self }),
            None => Err(too_deep()),
        }
    }
}

#[cold]
fn too_deep<E: de::Error>() -> E {
    E::custom(TOO_DEEP)
}

/// A `Deserializer` under these rules.
pub(crate) struct Guard<D, R> {
    inner: D,
    limits: Limits<R>,
}

#[cfg(any(feature = "cbor", feature = "messagepack"))]
impl<D, R> Guard<D, R> {
    #[inline]
    pub(crate) fn new(inner: D, rules: R) -> Self {
        Self { inner, limits: Limits { levels: MAX_DEPTH, rules } }
    }
}

/// A seed for a type, under these rules.
pub(crate) struct Seed<S, R> {
    inner: S,
    limits: Limits<R>,
}

#[cfg(feature = "bincode")]
impl<S, R> Seed<S, R> {
    #[inline]
    pub(crate) fn new(inner: S, rules: R) -> Self {
        Self { inner, limits: Limits { levels: MAX_DEPTH, rules } }
    }
}

impl<'de, S: DeserializeSeed<'de>, R: Rules> DeserializeSeed<'de> for Seed<S, R> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Guard { inner, limits: self.limits })
    }
}

/// Scalars hold nothing: their visitors are not watched.
macro_rules! scalars {
    ($($name:ident)*) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                self.inner.$name(visitor)
            }
        )*
    };
}

/// Watched, and the length, if any, is the message's.
macro_rules! counted {
    ($($name:ident($($arg:ident: $type:ty),*))*) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self $(, $arg: $type)*, visitor: V)
                -> Result<V::Value, D::Error>
            {
                let visitor = Watch::<V, R, true> { inner: visitor, limits: self.limits };
                self.inner.$name($($arg,)* visitor)
            }
        )*
    };
}

/// Watched, but the length is the type's.
macro_rules! fixed {
    ($($name:ident($($arg:ident: $type:ty),*))*) => {
        $(
            #[inline]
            fn $name<V: Visitor<'de>>(self $(, $arg: $type)*, visitor: V)
                -> Result<V::Value, D::Error>
            {
                let visitor = Watch::<V, R, false> { inner: visitor, limits: self.limits };
                self.inner.$name($($arg,)* visitor)
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>, R: Rules> Deserializer<'de> for Guard<D, R> {
    type Error = D::Error;

    scalars! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char
    }

    counted! {
        deserialize_any() deserialize_ignored_any() deserialize_identifier()
        deserialize_str() deserialize_bytes()
        deserialize_seq() deserialize_map()
    }

    fixed! {
        deserialize_option() deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Watch::<V, R, true> { inner: visitor, limits: self.limits };
        if R::BORROW {
            self.inner.deserialize_str(visitor)
        } else {
            self.inner.deserialize_string(visitor)
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Watch::<V, R, true> { inner: visitor, limits: self.limits };
        if R::BORROW {
            self.inner.deserialize_bytes(visitor)
        } else {
            self.inner.deserialize_byte_buf(visitor)
        }
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
