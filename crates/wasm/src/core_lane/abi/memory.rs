//! A guest's memory: what is written into it, and what is looked at there. Nothing else of the core
//! lane takes an address from a guest.

use std::cell::Cell;

use castcall_core::RequestId;
use wasmtime::{StoreContextMut, error::Result, format_err};

use crate::core_lane::lane::Lane;
use crate::state::State;

/// The guest that something is written into.
pub(crate) struct Writer<'a> {
    pub(crate) store: StoreContextMut<'a, State>,
    pub(crate) lane: &'a Lane,
}

impl Writer<'_> {
    /// Room for so many bytes, from the guest itself, in bounds and aligned.
    pub(crate) fn room(&mut self, align: u32, size: usize) -> Result<u32> {
        let at = self.realloc(align, size)?;
        let size = u32::try_from(size)?;
        within(self.lane.memory()?.data_size(&self.store), at, align, size)?;
        Ok(at)
    }

    /// The same, wherever it is.
    #[inline]
    pub(super) fn realloc(&mut self, align: u32, size: usize) -> Result<u32> {
        let size = u32::try_from(size)?;
        self.lane.realloc()?.call(&mut self.store, (0, 0, align, size))
    }

    /// As it is now: it moves when the guest allocates.
    #[inline]
    pub(super) fn memory(&mut self) -> Result<&mut [u8]> {
        Ok(self.lane.memory()?.data_mut(&mut self.store))
    }

    #[inline]
    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        write(self.memory()?, at, bytes)
    }

    pub(super) fn copy(&mut self, bytes: &[u8]) -> Result<(u32, u32)> {
        let at = self.room(1, bytes.len())?;
        self.write(at, bytes)?;
        Ok((at, u32::try_from(bytes.len())?))
    }
}

/// Writes bytes to where there is room for them.
#[inline]
pub(crate) fn write(memory: &mut [u8], at: u32, bytes: &[u8]) -> Result<()> {
    let place = memory.get_mut(at as usize..).and_then(|place| place.get_mut(..bytes.len()));
    place.ok_or_else(out_of_bounds)?.copy_from_slice(bytes);
    Ok(())
}

/// Bytes of an id as text.
pub(crate) const REQUEST_ID: usize = 36;

/// Writes an id as text, the usual way, to where there is room for it.
#[inline]
pub(crate) fn write_id(memory: &mut [u8], at: u32, id: RequestId) -> Result<()> {
    let place = memory.get_mut(at as usize..).and_then(|place| place.first_chunk_mut());
    id.write_ascii(place.ok_or_else(out_of_bounds)?);
    Ok(())
}

/// Checks a place in a memory of so many bytes.
#[inline]
pub(crate) fn within(memory: usize, at: u32, align: u32, size: u32) -> Result<()> {
    if !at.is_multiple_of(align) {
        return Err(format_err!("pointer not aligned"));
    }
    if u64::from(at) + u64::from(size) > memory as u64 {
        return Err(out_of_bounds());
    }
    Ok(())
}

#[cold]
pub(super) fn out_of_bounds() -> wasmtime::Error {
    format_err!("pointer out of bounds")
}

/// How many bytes of texts and lists may be taken out of a guest at once. As wasmtime has it
/// (`Store::set_hostcall_fuel`), so that the lanes do the same.
pub(super) const MAX_TAKEN: usize = 128 << 20;

/// A guest's memory, from which something is taken.
pub(crate) struct View<'a> {
    memory: &'a [u8],
    left: Cell<usize>,
}

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn new(memory: &'a [u8]) -> Self {
        Self { memory, left: Cell::new(MAX_TAKEN) }
    }

    #[inline]
    pub(super) fn bytes<const N: usize>(&self, at: u32) -> Result<[u8; N]> {
        let bytes = self.memory.get(at as usize..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().ok_or_else(out_of_bounds)
    }

    #[inline]
    pub(super) fn list(&self, at: u32, length: u32) -> Result<&'a [u8]> {
        let bytes = self.memory.get(at as usize..).and_then(|bytes| bytes.get(..length as usize));
        let bytes = bytes.ok_or_else(out_of_bounds)?;
        let left = self.left.get().checked_sub(bytes.len());
        self.left.set(left.ok_or_else(|| format_err!("too much data at once"))?);
        Ok(bytes)
    }
}
