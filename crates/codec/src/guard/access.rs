//! What a visitor reads elements from, under guard.

use serde_core::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::visit::Watch;
use super::{Limits, Rules, Seed};

/// The access of a sequence, a map, an enum or a variant.
pub(super) struct Access<A, R> {
    pub(super) inner: A,
    pub(super) limits: Limits<R>,
}

impl<A, R: Rules> Access<A, R> {
    #[inline]
    fn seed<S>(&self, inner: S) -> Seed<S, R> {
        Seed { inner, limits: self.limits }
    }
}

impl<'de, A: SeqAccess<'de>, R: Rules> SeqAccess<'de> for Access<A, R> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(self.seed(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|elements| self.limits.rules.room(elements))
    }
}

impl<'de, A: MapAccess<'de>, R: Rules> MapAccess<'de> for Access<A, R> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(self.seed(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(self.seed(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|elements| self.limits.rules.room(elements))
    }
}

impl<'de, A: EnumAccess<'de>, R: Rules> EnumAccess<'de> for Access<A, R> {
    type Error = A::Error;
    type Variant = Access<A::Variant, R>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let limits = self.limits;
        let (value, inner) = self.inner.variant_seed(Seed { inner: seed, limits })?;
        Ok((value, Access { inner, limits }))
    }
}

impl<'de, A: VariantAccess<'de>, R: Rules> VariantAccess<'de> for Access<A, R> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.seed(seed);
        self.inner.newtype_variant_seed(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = Watch::<V, R, false> { inner: visitor, limits: self.limits };
        self.inner.tuple_variant(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Watch::<V, R, false> { inner: visitor, limits: self.limits };
        self.inner.struct_variant(fields, visitor)
    }
}
