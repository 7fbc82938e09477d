//! Claims are counted against the bytes.

use core::cell::Cell;

use super::Rules;

/// All claims together are no more than the bytes that are left in here at first: each element has
/// a byte of its own.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a, const BORROW: bool>(pub(crate) &'a Cell<usize>);

impl<const BORROW: bool> Rules for Budget<'_, BORROW> {
    const BORROW: bool = BORROW;

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
