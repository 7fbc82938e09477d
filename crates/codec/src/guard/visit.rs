//! Visitors under guard.

use core::fmt;

use serde_core::de::{self, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};

use super::access::Access;
use super::{Guard, Limits, Rules, TOO_MANY};

/// A `Visitor` that hands on guards only. `COUNTED` if a length that it is told is the message's.
pub(super) struct Watch<V, R, const COUNTED: bool> {
    pub(super) inner: V,
    pub(super) limits: Limits<R>,
}

impl<V, R: Rules, const COUNTED: bool> Watch<V, R, COUNTED> {
    #[inline]
    fn claim<E: de::Error>(&self, elements: Option<usize>) -> Result<(), E> {
        match elements {
            Some(elements) if COUNTED && !self.limits.rules.claim(elements) => Err(too_many()),
            _ => Ok(()),
        }
    }
}

#[cold]
fn too_many<E: de::Error>() -> E {
    E::custom(TOO_MANY)
}

macro_rules! plain {
    ($($name:ident: $type:ty)*) => {
        $(
            #[inline]
            fn $name<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
                self.inner.$name(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>, R: Rules, const COUNTED: bool> Visitor<'de> for Watch<V, R, COUNTED> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    plain! {
        visit_bool: bool
        visit_i8: i8 visit_i16: i16 visit_i32: i32 visit_i64: i64 visit_i128: i128
        visit_u8: u8 visit_u16: u16 visit_u32: u32 visit_u64: u64 visit_u128: u128
        visit_f32: f32 visit_f64: f64 visit_char: char
        visit_str: &str visit_borrowed_str: &'de str visit_string: alloc::string::String
        visit_bytes: &[u8] visit_borrowed_bytes: &'de [u8] visit_byte_buf: alloc::vec::Vec<u8>
    }

    #[inline]
    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Guard { inner, limits: self.limits.deeper()? })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Guard { inner, limits: self.limits.deeper()? })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.claim(inner.size_hint())?;
        self.inner.visit_seq(Access { inner, limits: self.limits.deeper()? })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.claim(inner.size_hint())?;
        self.inner.visit_map(Access { inner, limits: self.limits.deeper()? })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Access { inner, limits: self.limits.deeper()? })
    }
}
