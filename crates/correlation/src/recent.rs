//! Which calls are pending, for whoever only asks that: without the lock of their shard.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many places of a shard are remembered; where few calls are pending, these are all.
const PLACES: usize = 128;

/// The serials of some of the calls that are pending in a shard. Written under the shard's lock.
///
/// Who reads without it learns what it would have learned with it, a moment before or after: what
/// happened before the question, in any way that the two threads could know of, is seen, since
/// reads of one atomic never go back.
pub(crate) struct Recent([AtomicU64; PLACES]);

impl Recent {
    pub(crate) fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    /// A call was put there.
    #[inline]
    pub(crate) fn began(&self, place: u32, serial: NonZeroU64) {
        self.of(place).store(serial.get(), Relaxed);
    }

    /// It was taken out. Another, at a place that shares the number, may have been put in since.
    #[inline]
    pub(crate) fn ended(&self, place: u32, serial: NonZeroU64) {
        let of = self.of(place);
        if of.load(Relaxed) == serial.get() {
            of.store(0, Relaxed);
        }
    }

    /// Whether the call is pending for sure. If not, the shard knows.
    #[inline]
    pub(crate) fn has(&self, place: u32, serial: NonZeroU64) -> bool {
        self.of(place).load(Relaxed) == serial.get()
    }

    #[inline]
    fn of(&self, place: u32) -> &AtomicU64 {
        &self.0[place as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_of_a_place_is_remembered() {
        let recent = Recent::new();
        let [one, two] = [1, 2].map(|serial| NonZeroU64::new(serial).unwrap());
        recent.began(5, one);
        assert!(recent.has(5, one) && !recent.has(5, two) && !recent.has(6, one));
        let same = 5 + PLACES as u32;
        recent.began(same, two);
        assert!(recent.has(same, two) && !recent.has(5, one));
        recent.ended(5, one);
        assert!(recent.has(same, two));
        recent.ended(same, two);
        assert!(!recent.has(same, two));
    }
}
