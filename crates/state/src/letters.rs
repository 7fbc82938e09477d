//! The store of dead letters, to be shared between threads.

use std::fmt;
use std::sync::Arc;

use castcall_core::{DeadLetter, DeadLetterId};
use parking_lot::{Mutex, MutexGuard};

use crate::filter::DeadLetterFilter;
use crate::signal::Signal;
use crate::store::{Evicted, Store};

/// Bounds of a store of dead letters. When one is reached, the oldest letters are dropped and
/// counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetterLimits {
    /// How many letters. Default: 10,000.
    pub count: usize,
    /// How many bytes, of all together: of each its payload, its names, and
    /// [`DeadLetterLimits::OVERHEAD`], or [`DeadLetterLimits::MISMATCH`] as well. Default: 16 MiB.
    pub bytes: usize,
}

impl DeadLetterLimits {
    /// What each letter counts for besides its payload and names, in bytes.
    pub const OVERHEAD: usize = 128;

    /// What a letter counts for that says which codecs would have been accepted, in bytes.
    pub const MISMATCH: usize = 512;

    /// Bounds in letters and in bytes. A letter that alone is over the bound is dropped at once.
    #[must_use]
    pub fn new(count: usize, bytes: usize) -> Self {
        Self { count, bytes }
    }
}

impl Default for DeadLetterLimits {
    fn default() -> Self {
        Self::new(10_000, 16 << 20)
    }
}

/// Dead letters, bounded, the oldest first. A clone is another handle to the same store.
///
/// Memory is the truth: everything here answers from it, takes some hundred nanoseconds (what
/// looks at many letters: as long as that takes), and never waits for a disk. That of a
/// [`crate::StateDirectory`] is also written to it, some milliseconds later, and is there again
/// after a restart. Letters that come and go in between never touch the disk.
///
/// # To send again
///
/// Take a letter, send it, and put it back if it is refused: it keeps its id and its place. In
/// between it is in the caller's hands alone: a crash may lose it, or, if the letter's going was
/// not committed yet, bring it back although it was sent.
///
/// ```
/// use bytes::Bytes;
/// use castcall_core::{ComponentId, DeadLetter, DeadLetterReason, InvalidComponentId, Timestamp};
/// use castcall_state::{DeadLetterLimits, DeadLetters};
///
/// let letters = DeadLetters::in_memory(DeadLetterLimits::default());
/// let id = letters.add(DeadLetter {
///     from: ComponentId::new("shop")?,
///     to: ComponentId::new("mailer")?,
///     topic: None,
///     payload: Bytes::from_static(b"hello"),
///     sent: Timestamp::now(),
///     died: Timestamp::now(),
///     reason: DeadLetterReason::Unavailable,
///     attempts: 0,
///     trace: None,
///     mismatch: None,
/// });
///
/// let send = |_: &DeadLetter| false; // still unavailable
/// let letter = letters.take(id).expect("it was just added");
/// if !send(&letter) {
///     letters.put_back(id, letter);
/// }
/// assert_eq!(letters.count(), 1);
/// # Ok::<(), InvalidComponentId>(())
/// ```
#[derive(Clone)]
pub struct DeadLetters {
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    /// Tells the writer, if there is one.
    signal: Option<Arc<Signal>>,
}

impl DeadLetters {
    /// An empty store that lasts as long as the process.
    #[must_use]
    pub fn in_memory(limits: DeadLetterLimits) -> Self {
        Self::with(Store::in_memory(limits), None)
    }

    pub(crate) fn durable(store: Store, signal: Arc<Signal>) -> Self {
        Self::with(store, Some(signal))
    }

    fn with(store: Store, signal: Option<Arc<Signal>>) -> Self {
        Self { shared: Arc::new(Shared { store: Mutex::new(store), signal }) }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock()
    }

    /// Changes the store, and tells the writer if it does not know yet.
    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store();
        let result = change(&mut store);
        let tell = store.tell();
        drop(store);
        if tell && let Some(signal) = &self.shared.signal {
            signal.changed();
        }
        result
    }

    /// Adds a letter, and drops the oldest ones if there is no room. The id is greater than those
    /// of all letters before, and never comes again: not in this store, and not in this state
    /// directory, whatever happens to the process.
    pub fn add(&self, letter: DeadLetter) -> DeadLetterId {
        // What is evicted is dropped after the lock is gone.
        let (id, _evicted): (u64, Evicted) = self.change(|store| store.add(letter));
        DeadLetterId(id)
    }

    /// Puts back, under its id and in its place, what was taken out.
    ///
    /// `false`, and nothing happens, if a letter with that id is there, or there never was one. A
    /// letter that is older than all others in a full store is dropped, and counted, at once: so
    /// it would have been had it stayed.
    pub fn put_back(&self, id: DeadLetterId, letter: DeadLetter) -> bool {
        let (done, _evicted): (bool, Evicted) = self.change(|store| store.put_back(id.0, letter));
        done
    }

    /// Takes a letter out.
    #[must_use = "the letter is in nobody else's hands"]
    pub fn take(&self, id: DeadLetterId) -> Option<DeadLetter> {
        self.change(|store| store.take(id.0))
    }

    /// Takes out up to `limit` of the letters that `filter` means, the oldest first.
    #[must_use = "the letters are in nobody else's hands"]
    pub fn take_matching(
        &self,
        filter: &DeadLetterFilter,
        limit: usize,
    ) -> Vec<(DeadLetterId, DeadLetter)> {
        self.change(|store| {
            let ids: Vec<_> = store.matching(filter, 0).take(limit).map(|(id, _)| id).collect();
            ids.into_iter().filter_map(|id| Some((id, store.take(id.0)?))).collect()
        })
    }

    /// A letter, which stays. The payload is shared.
    #[must_use]
    pub fn get(&self, id: DeadLetterId) -> Option<DeadLetter> {
        self.store().get(id.0).cloned()
    }

    /// Up to `limit` of the letters that `filter` means, the oldest first, after the letter
    /// `after`. For the next page, give the last one's id. The payloads are shared.
    ///
    /// Looks at no more letters than it needs for that, but at all there are if few are meant; for
    /// that time, others wait.
    #[must_use]
    pub fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<DeadLetterId>,
        limit: usize,
    ) -> Vec<(DeadLetterId, DeadLetter)> {
        let store = self.store();
        let matching = store.matching(filter, after.map_or(0, |id| id.0));
        matching.take(limit).map(|(id, letter)| (id, letter.clone())).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.store().count()
    }

    /// How much they take, in bytes, as [`DeadLetterLimits::bytes`] counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.store().bytes()
    }

    /// How many were dropped for want of room, since the store was made or opened.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.store().dropped()
    }

    /// Its bounds.
    #[must_use]
    pub fn limits(&self) -> DeadLetterLimits {
        self.store().limits()
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store();
        f.debug_struct("DeadLetters")
            .field("count", &store.count())
            .field("bytes", &store.bytes())
            .field("dropped", &store.dropped())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::letter;
    use proptest::prelude::*;

    fn all(letters: &DeadLetters) -> Vec<u64> {
        let all = letters.list(&DeadLetterFilter::new(), None, usize::MAX);
        all.into_iter().map(|(id, _)| id.0).collect()
    }

    fn weight(bytes: usize) -> usize {
        DeadLetterLimits::OVERHEAD + "sender".len() + "to".len() + bytes
    }

    #[test]
    fn the_oldest_make_room() {
        let letters = DeadLetters::in_memory(DeadLetterLimits::new(3, weight(100) + weight(50)));
        for bytes in [1, 2, 3] {
            letters.add(letter("to", bytes));
        }
        // Bytes are short before letters are.
        letters.add(letter("to", 100));
        assert_eq!((all(&letters), letters.dropped()), (vec![3, 4], 2));
        assert_eq!(letters.bytes(), weight(100) + weight(3));
        letters.add(letter("to", 10));
        assert_eq!((all(&letters), letters.dropped()), (vec![4, 5], 3));
        // One that never fits takes all others with it, as each of them is older.
        letters.add(letter("to", 1_000));
        assert_eq!((letters.count(), letters.bytes(), letters.dropped()), (0, 0, 6));
        assert!(format!("{letters:?}").contains("dropped: 6"));
    }

    #[test]
    fn the_oldest_has_no_way_back_into_a_full_store() {
        let letters = DeadLetters::in_memory(DeadLetterLimits::new(2, usize::MAX));
        let first = letters.add(letter("to", 1));
        let taken = letters.take(first).unwrap();
        letters.add(letter("to", 2));
        letters.add(letter("to", 3));
        assert!(letters.put_back(first, taken));
        assert_eq!((all(&letters), letters.dropped()), (vec![2, 3], 1));
    }

    #[test]
    fn payloads_are_shared() {
        let letters = DeadLetters::in_memory(DeadLetterLimits::default());
        let one = letter("to", 100);
        let id = letters.add(one.clone());
        assert_eq!(letters.get(id).unwrap().payload.as_ptr(), one.payload.as_ptr());
        assert_eq!(letters.take(id).unwrap().payload.as_ptr(), one.payload.as_ptr());
        assert_eq!(letters.limits(), DeadLetterLimits::default());
    }

    proptest! {
        #[test]
        fn pages_are_the_whole(count in 0usize..50, page in 1usize..9) {
            let letters = DeadLetters::in_memory(DeadLetterLimits::new(40, usize::MAX));
            for n in 0..count {
                letters.add(letter(["a", "b"][n % 2], n));
            }
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let some = letters.list(&DeadLetterFilter::new(), after, page);
                let Some((last, _)) = some.last() else { break };
                after = Some(*last);
                paged.extend(some.into_iter().map(|(id, _)| id.0));
            }
            prop_assert_eq!(paged, all(&letters));
        }
    }
}
