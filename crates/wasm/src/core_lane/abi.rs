//! The canonical ABI of the component model, as far as the contract needs it: how values lie in a
//! guest's memory, and how they are passed as core values.
//!
//! As <https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md> has it,
//! for 32-bit memories and UTF-8. What a guest gives is looked at here and nowhere else: a pointer
//! that is out of bounds or not aligned, text that is not UTF-8, a case that there is not, are
//! errors that trap.

mod memory;

use castcall_core::RequestId;
use wasmtime::{error::Result, format_err};

use memory::out_of_bounds;
pub(crate) use memory::{REQUEST_ID, View, Writer, within, write, write_id};

/// How a type lies in memory, and how many core values it is.
pub(crate) trait Abi {
    /// Bytes, a multiple of the alignment.
    const SIZE: u32;
    const ALIGN: u32;
    const FLAT: usize;
}

/// What is given to a guest.
pub(crate) trait Lower: Abi {
    /// Writes it to where its bytes lie, which is in bounds and aligned.
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()>;

    /// The same if it needs no more room than that, by what is quickly seen; `None`: it may.
    #[inline]
    fn store_plain(&self, _memory: &mut [u8], _at: u32) -> Option<Result<()>> {
        None
    }
}

/// What is given to a guest as core values.
pub(crate) trait Flatten: Lower {
    /// Appends them.
    fn flatten(&self, to: &mut Writer<'_>, flat: &mut Flat) -> Result<()>;
}

/// What is taken from a guest.
pub(crate) trait Lift<'a>: Abi + Sized {
    /// Reads it from where its bytes lie, which is in bounds and aligned.
    fn load(guest: &View<'a>, at: u32) -> Result<Self>;

    /// Takes it from core values, of which it is at least as many.
    fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self>;
}

/// The most core values that anything of the contract is: `reply`'s seven.
const MAX_FLAT: usize = 8;

/// Core values of something lowered.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Flat {
    values: [u64; MAX_FLAT],
    length: usize,
}

impl Flat {
    fn push(&mut self, value: u64) {
        // What has more would fail to compile below.
        if let Some(slot) = self.values.get_mut(self.length) {
            *slot = value;
        }
        self.length += 1;
    }

    /// Fills up to so many: what other cases would have there.
    pub(crate) fn pad(&mut self, length: usize) {
        self.length = self.length.max(length);
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The nth, as 32 bits; zero if there is none.
    pub(crate) fn word(&self, nth: usize) -> u32 {
        self.values.get(nth).map_or(0, |value| *value as u32)
    }
}

/// Arguments that a guest passes.
pub(crate) struct Args<'a, 'f> {
    guest: &'f View<'a>,
    flat: &'f [u64],
}

impl<'a, 'f> Args<'a, 'f> {
    #[inline]
    pub(crate) fn new(guest: &'f View<'a>, flat: &'f [u64]) -> Self {
        Self { guest, flat }
    }

    #[inline]
    pub(crate) fn next<T: Lift<'a>>(&mut self) -> Result<T> {
        let (these, rest) = self.flat.split_at_checked(T::FLAT).ok_or_else(missing)?;
        self.flat = rest;
        T::lift(self.guest, these)
    }
}

#[cold]
fn missing() -> wasmtime::Error {
    format_err!("a core value is missing")
}

#[inline]
fn nth(flat: &[u64], nth: usize) -> Result<u64> {
    flat.get(nth).copied().ok_or_else(missing)
}

macro_rules! number {
    ($($name:ty),*) => {$(
        impl Abi for $name {
            const SIZE: u32 = size_of::<$name>() as u32;
            const ALIGN: u32 = Self::SIZE;
            const FLAT: usize = 1;
        }

        impl Lower for $name {
            #[inline]
            fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
                to.write(at, &self.to_le_bytes())
            }
        }

        impl Flatten for $name {
            fn flatten(&self, _: &mut Writer<'_>, flat: &mut Flat) -> Result<()> {
                flat.push((*self).into());
                Ok(())
            }
        }

        impl Lift<'_> for $name {
            #[inline]
            fn load(guest: &View<'_>, at: u32) -> Result<Self> {
                Ok(<$name>::from_le_bytes(guest.bytes(at)?))
            }

            #[inline]
            fn lift(_: &View<'_>, flat: &[u64]) -> Result<Self> {
                Ok(nth(flat, 0)? as $name)
            }
        }
    )*};
}

number!(u8, u32, u64);

impl Abi for bool {
    const SIZE: u32 = 1;
    const ALIGN: u32 = 1;
    const FLAT: usize = 1;
}

impl Lower for bool {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        u8::from(*self).store(to, at)
    }
}

impl Abi for () {
    const SIZE: u32 = 0;
    const ALIGN: u32 = 1;
    const FLAT: usize = 0;
}

impl Lower for () {
    fn store(&self, _: &mut Writer<'_>, _: u32) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn store_plain(&self, _: &mut [u8], _: u32) -> Option<Result<()>> {
        Some(Ok(()))
    }
}

impl Lift<'_> for () {
    fn load(_: &View<'_>, _: u32) -> Result<Self> {
        Ok(())
    }

    fn lift(_: &View<'_>, _: &[u64]) -> Result<Self> {
        Ok(())
    }
}

/// Strings and lists are where they begin and how long they are.
macro_rules! listed {
    ($({$($generic:tt)*} $name:ty),*) => {$(
        impl<$($generic)*> Abi for $name {
            const SIZE: u32 = 8;
            const ALIGN: u32 = 4;
            const FLAT: usize = 2;
        }
    )*};
}

listed!({} &str, {} String, {} RequestId, {T: Abi} Vec<T>, {T: Abi} &[T]);

fn store_list(to: &mut Writer<'_>, at: u32, (from, length): (u32, u32)) -> Result<()> {
    from.store(to, at)?;
    length.store(to, at + 4)
}

fn flatten_list(flat: &mut Flat, (from, length): (u32, u32)) {
    flat.push(from.into());
    flat.push(length.into());
}

fn store_text(to: &mut Writer<'_>, at: u32, text: &str) -> Result<()> {
    let from = to.realloc(1, text.len())?;
    let length = u32::try_from(text.len())?;
    // Looked up once, since that is not free; what is written first says whether it is in bounds.
    let memory = to.memory()?;
    write(memory, from, text.as_bytes())?;
    write(memory, at, &from.to_le_bytes())?;
    write(memory, at + 4, &length.to_le_bytes())
}

macro_rules! text {
    ($($name:ty),*) => {$(
        impl Lower for $name {
            fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
                store_text(to, at, self)
            }
        }

        impl Flatten for $name {
            fn flatten(&self, to: &mut Writer<'_>, flat: &mut Flat) -> Result<()> {
                flatten_list(flat, to.copy(self.as_bytes())?);
                Ok(())
            }
        }
    )*};
}

text!(&str, String);

/// As text, the usual way.
impl Lower for RequestId {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        let from = to.realloc(1, REQUEST_ID)?;
        // As `store_text`, without the text in between.
        let memory = to.memory()?;
        write_id(memory, from, *self)?;
        write(memory, at, &from.to_le_bytes())?;
        write(memory, at + 4, &(REQUEST_ID as u32).to_le_bytes())
    }
}

impl<'a> Lift<'a> for &'a [u8] {
    #[inline]
    fn load(guest: &View<'a>, at: u32) -> Result<Self> {
        guest.list(u32::load(guest, at)?, u32::load(guest, at + 4)?)
    }

    #[inline]
    fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
        guest.list(nth(flat, 0)? as u32, nth(flat, 1)? as u32)
    }
}

impl<'a> Lift<'a> for &'a str {
    #[inline]
    fn load(guest: &View<'a>, at: u32) -> Result<Self> {
        Ok(std::str::from_utf8(Lift::load(guest, at)?)?)
    }

    #[inline]
    fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
        Ok(std::str::from_utf8(Lift::lift(guest, flat)?)?)
    }
}

impl<'a> Lift<'a> for String {
    fn load(guest: &View<'a>, at: u32) -> Result<Self> {
        <&str>::load(guest, at).map(ToOwned::to_owned)
    }

    fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
        <&str>::lift(guest, flat).map(ToOwned::to_owned)
    }
}

impl<T: Lower> Lower for &[T] {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        let list = lower_list(self, to)?;
        store_list(to, at, list)
    }
}

impl<T: Lower> Flatten for &[T] {
    fn flatten(&self, to: &mut Writer<'_>, flat: &mut Flat) -> Result<()> {
        flatten_list(flat, lower_list(self, to)?);
        Ok(())
    }
}

impl<T: Lower> Lower for Vec<T> {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        self.as_slice().store(to, at)
    }
}

fn lower_list<T: Lower>(items: &[T], to: &mut Writer<'_>) -> Result<(u32, u32)> {
    let size = items.len().checked_mul(T::SIZE as usize).ok_or_else(out_of_bounds)?;
    let from = to.room(T::ALIGN, size)?;
    let mut at = from;
    for item in items {
        item.store(to, at)?;
        // The last may end where memory does.
        at = at.wrapping_add(T::SIZE);
    }
    Ok((from, u32::try_from(items.len())?))
}

/// The next multiple of the alignment.
pub(crate) const fn aligned(at: u32, align: u32) -> u32 {
    at.next_multiple_of(align)
}

pub(crate) const fn larger(one: u32, other: u32) -> u32 {
    if one > other { one } else { other }
}

pub(crate) const fn more(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

impl<A: Abi, B: Abi> Abi for (A, B) {
    const ALIGN: u32 = larger(A::ALIGN, B::ALIGN);
    const SIZE: u32 = aligned(aligned(A::SIZE, B::ALIGN) + B::SIZE, Self::ALIGN);
    const FLAT: usize = A::FLAT + B::FLAT;
}

impl<A: Lower, B: Lower> Lower for (A, B) {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        self.0.store(to, at)?;
        self.1.store(to, at + aligned(A::SIZE, B::ALIGN))
    }
}

impl<T: Abi> Abi for Option<T> {
    const ALIGN: u32 = T::ALIGN;
    const SIZE: u32 = aligned(aligned(1, Self::ALIGN) + T::SIZE, Self::ALIGN);
    const FLAT: usize = 1 + T::FLAT;
}

impl<T: Lower> Lower for Option<T> {
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        u8::from(self.is_some()).store(to, at)?;
        self.as_ref().map_or(Ok(()), |some| some.store(to, at + aligned(1, Self::ALIGN)))
    }
}

impl<T: Abi, E: Abi> Abi for Result<T, E> {
    const ALIGN: u32 = larger(T::ALIGN, E::ALIGN);
    const SIZE: u32 = aligned(aligned(1, Self::ALIGN) + larger(T::SIZE, E::SIZE), Self::ALIGN);
    const FLAT: usize = 1 + more(T::FLAT, E::FLAT);
}

impl<T: Lower, E: Lower> Lower for Result<T, E> {
    #[inline]
    fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
        u8::from(self.is_err()).store(to, at)?;
        let at = at + aligned(1, Self::ALIGN);
        match self {
            Ok(value) => value.store(to, at),
            Err(error) => error.store(to, at),
        }
    }

    #[inline]
    fn store_plain(&self, memory: &mut [u8], at: u32) -> Option<Result<()>> {
        let value = self.as_ref().ok()?;
        let stored = value.store_plain(memory, at + aligned(1, Self::ALIGN))?;
        Some(stored.and_then(|()| write(memory, at, &[0])))
    }
}

impl<'a, T: Lift<'a>, E: Lift<'a>> Lift<'a> for Result<T, E> {
    #[inline]
    fn load(guest: &View<'a>, at: u32) -> Result<Self> {
        let inside = at + aligned(1, Self::ALIGN);
        Ok(match u8::load(guest, at)? {
            0 => Ok(T::load(guest, inside)?),
            1 => Err(E::load(guest, inside)?),
            _ => return Err(no_case()),
        })
    }

    fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
        let inside = flat.get(1..).unwrap_or_default();
        Ok(match nth(flat, 0)? as u32 {
            0 => Ok(T::lift(guest, inside)?),
            1 => Err(E::lift(guest, inside)?),
            _ => return Err(no_case()),
        })
    }
}

#[cold]
pub(crate) fn no_case() -> wasmtime::Error {
    format_err!("unexpected discriminant")
}

#[cfg(test)]
mod tests;
