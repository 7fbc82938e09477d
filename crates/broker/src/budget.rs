//! How much may wait in all mailboxes of a system together.
//!
//! A counter that every send and every delivery writes would be fetched from core to core. So a
//! mailbox takes room in pieces of [`PIECE`] bytes, counts under its own lock, and gives back what
//! it does not need when it has run empty.
//!
//! The last sixteenth is for the first piece of each mailbox: those that fill up leave enough for
//! everybody who has next to nothing waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a mailbox takes at once, and keeps while nobody is short.
const PIECE: usize = 16 << 10;

/// The room of a whole system, in bytes.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// `first`: it is for somebody's first piece.
    fn take(&self, bytes: usize, first: bool) -> bool {
        let limit = if first { self.limit } else { self.limit - self.limit / 16 };
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|&used| used <= limit)
        });
        taken.is_ok()
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One mailbox's part.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    reserved: usize,
}

impl Share {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, reserved: 0 }
    }

    /// Whether there is room for `needed` bytes in all.
    #[inline]
    pub(crate) fn covers(&mut self, needed: usize) -> bool {
        needed <= self.reserved || self.extend(needed)
    }

    #[cold]
    fn extend(&mut self, needed: usize) -> bool {
        let lacking = needed - self.reserved;
        // In pieces, or to the byte where no piece is left.
        let rounded = lacking.checked_next_multiple_of(PIECE).unwrap_or(lacking);
        for more in [rounded, lacking] {
            if self.budget.take(more, needed <= PIECE) {
                self.reserved += more;
                return true;
            }
        }
        false
    }

    /// Nothing waits any more.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.reserved > 0 && (self.reserved > PIECE || self.is_short()) {
            self.give_all();
        }
    }

    fn is_short(&self) -> bool {
        self.budget.used() > self.budget.limit / 2
    }

    /// Nothing will ever wait again.
    #[cold]
    pub(crate) fn give_all(&mut self) {
        self.budget.give(std::mem::take(&mut self.reserved));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.give(self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_in_pieces_and_given_back() {
        let budget = Budget::new(4 * PIECE);
        let mut one = Share::new(Arc::clone(&budget));
        assert!(one.covers(1) && one.covers(PIECE));
        assert_eq!(budget.used(), PIECE);
        // Nobody is short: a piece is kept for next time.
        one.release();
        assert_eq!(budget.used(), PIECE);
        assert!(one.covers(2 * PIECE + 1));
        assert_eq!(budget.used(), 3 * PIECE);
        let mut two = Share::new(Arc::clone(&budget));
        assert!(two.covers(PIECE) && !two.covers(PIECE + 1));
        one.release();
        assert_eq!(budget.used(), PIECE);
        drop(two);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn who_has_much_leaves_others_their_first_piece() {
        let budget = Budget::new(64 * PIECE);
        let mut greedy = Share::new(Arc::clone(&budget));
        let mut others: Vec<_> = (0..5).map(|_| Share::new(Arc::clone(&budget))).collect();
        assert!(greedy.covers(60 * PIECE) && !greedy.covers(60 * PIECE + 1));
        for other in &mut others[..4] {
            assert!(other.covers(1) && other.covers(PIECE) && !other.covers(PIECE + 1));
        }
        assert!(!others[4].covers(1), "all there is");
        greedy.release();
        assert!(others[4].covers(50 * PIECE));
    }

    #[test]
    fn what_is_left_is_given_to_the_byte() {
        let budget = Budget::new(PIECE + 10);
        let mut one = Share::new(Arc::clone(&budget));
        let mut two = Share::new(Arc::clone(&budget));
        assert!(one.covers(1));
        assert!(two.covers(10) && !two.covers(11));
        // Short: nothing is kept.
        one.release();
        assert_eq!(budget.used(), 10);
        assert!(!one.covers(usize::MAX));
    }
}
