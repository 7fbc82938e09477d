//! Claims are counted against the bytes: for a codec in which an element may have none.

use core::cell::Cell;

use super::Rules;

/// All claims together are no more than the bytes that are left in here at first: each element has
/// a byte of its own.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a>(pub(crate) &'a Cell<usize>);

impl Rules for Budget<'_> {
    const BORROW: bool = true;

    #[inline]
    fn claim(self, elements: usize) -> bool {
        let left = self.0.get().checked_sub(elements);
        left.inspect(|left| self.0.set(*left)).is_some()
    }

    #[inline]
    fn room(self, elements: usize) -> usize {
        elements
    }
}
