//! Numbered places for values: paged, so that growth copies nothing, with a free list.

use std::ops::{Index, IndexMut};

/// No place.
pub(crate) const NIL: u32 = u32::MAX;
/// Places are numbered below this; numbers from here on are free for other uses.
pub(crate) const PLACES: u32 = 1 << 31;

/// Small enough that a shard in light use stays light, large enough to allocate rarely.
const PAGE: usize = 64;

/// Values under small numbers that stay the same while the value is in.
pub(crate) struct Slab<T> {
    /// A released page is an empty slice; its number stays, for the places behind it.
    pages: Vec<Box<[Place<T>]>>,
    released: Vec<u32>,
    free: u32,
    len: u32,
}

enum Place<T> {
    Free(u32),
    Taken(T),
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), released: Vec::new(), free: NIL, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Where the next value will be put.
    ///
    /// # Panics
    ///
    /// There are 2^31 values in it.
    #[inline]
    pub(crate) fn vacant(&mut self) -> u32 {
        if self.free == NIL {
            self.grow();
        }
        self.free
    }

    /// Puts a value in.
    ///
    /// # Panics
    ///
    /// As [`vacant`](Self::vacant).
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.insert_with(|| value)
    }

    /// Puts in what `make` makes. If that panics, nothing is put in.
    ///
    /// # Panics
    ///
    /// As [`vacant`](Self::vacant).
    #[inline]
    pub(crate) fn insert_with(&mut self, make: impl FnOnce() -> T) -> u32 {
        let place = self.vacant();
        let (page, offset) = split(place);
        let cell = &mut self.pages[page][offset];
        let Place::Free(next) = *cell else { unreachable!("the free list holds free places") };
        *cell = Place::Taken(make());
        self.free = next;
        self.len += 1;
        place
    }

    /// Takes a value out.
    ///
    /// # Panics
    ///
    /// There is none at that place.
    #[inline]
    pub(crate) fn remove(&mut self, place: u32) -> T {
        let (page, offset) = split(place);
        let cell = std::mem::replace(&mut self.pages[page][offset], Place::Free(self.free));
        let Place::Taken(value) = cell else { unreachable!("place {place} is free") };
        self.free = place;
        self.len -= 1;
        value
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let (page, offset) = split(place);
        match self.pages.get(page)?.get(offset)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let (page, offset) = split(place);
        match self.pages.get_mut(page)?.get_mut(offset)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// All values; walks all places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| &**page).filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }

    /// Gives back the pages that hold nothing; walks all places. The lowest are filled first
    /// afterwards, so that the rest empties in time.
    pub(crate) fn shrink(&mut self) {
        for page in &mut self.pages {
            if page.iter().all(|place| matches!(place, Place::Free(_))) {
                *page = Box::default();
            }
        }
        while self.pages.last().is_some_and(|page| page.is_empty()) {
            self.pages.pop();
        }
        self.pages.shrink_to_fit();
        self.released = Vec::new();
        self.free = NIL;
        for (number, page) in self.pages.iter_mut().enumerate().rev() {
            if page.is_empty() {
                self.released.push(number as u32);
            }
            for (offset, place) in page.iter_mut().enumerate().rev() {
                if let Place::Free(next) = place {
                    *next = self.free;
                    self.free = (number * PAGE + offset) as u32;
                }
            }
        }
    }

    /// Bytes allocated.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        let places: usize = self.pages.iter().map(|page| page.len()).sum();
        let pages = self.pages.capacity() * size_of::<Box<[Place<T>]>>();
        places * size_of::<Place<T>>() + pages + self.released.capacity() * size_of::<u32>()
    }

    #[cold]
    fn grow(&mut self) {
        let number = self.released.pop().unwrap_or(self.pages.len() as u32);
        assert!(number < PLACES / PAGE as u32, "2^31 values are in one slab");
        let first = number * PAGE as u32;
        let after = |offset| if offset + 1 == PAGE as u32 { NIL } else { first + offset + 1 };
        let page = (0..PAGE as u32).map(|offset| Place::Free(after(offset))).collect();
        match self.pages.get_mut(number as usize) {
            Some(released) => *released = page,
            None => self.pages.push(page),
        }
        self.free = first;
    }
}

#[inline]
fn split(place: u32) -> (usize, usize) {
    (place as usize / PAGE, place as usize % PAGE)
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: u32) -> &T {
        let (page, offset) = split(place);
        match &self.pages[page][offset] {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("place {place} is free"),
        }
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        let (page, offset) = split(place);
        match &mut self.pages[page][offset] {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("place {place} is free"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_reused() {
        let mut slab = Slab::new();
        let a = slab.insert("a");
        let b = slab.insert("b");
        assert_ne!(a, b);
        assert_eq!(slab.remove(a), "a");
        assert_eq!(slab.get(a), None);
        assert_eq!(slab.insert("c"), a);
        assert_eq!((slab[a], slab[b], slab.len()), ("c", "b", 2));
        assert_eq!(slab.iter().collect::<Vec<_>>(), [&"c", &"b"]);
        assert_eq!(slab.get(12_345), None);
    }

    #[test]
    fn growth_moves_nothing() {
        let mut slab = Slab::new();
        let first = slab.insert(0);
        let before: *const i32 = &slab[first];
        for value in 1..10_000 {
            slab.insert(value);
        }
        assert_eq!(before, &raw const slab[first]);
    }

    #[test]
    fn shrinking_keeps_what_is_in() {
        let mut slab = Slab::new();
        let places: Vec<u32> = (0..PAGE * 5).map(|value| slab.insert(value)).collect();
        // Keep one value in the third page and one in the fourth.
        let kept = [places[PAGE * 2 + 7], places[PAGE * 3]];
        for place in places.iter().filter(|place| !kept.contains(place)) {
            slab.remove(*place);
        }
        slab.shrink();
        assert_eq!(slab.pages.len(), 4);
        assert_eq!(slab.pages.iter().filter(|page| !page.is_empty()).count(), 2);
        assert_eq!((slab[kept[0]], slab[kept[1]]), (PAGE * 2 + 7, PAGE * 3));
        // What is free is found again, first in the pages that are still there.
        let free = PAGE * 2 - 2;
        for value in 0..free {
            assert!(slab.insert(value) >= PAGE as u32 * 2);
        }
        assert!(slab.insert(0) < PAGE as u32 * 2);
        assert_eq!(slab.len(), free + 3);
    }

    #[test]
    fn an_empty_slab_shrinks_to_nothing() {
        let mut slab = Slab::new();
        let places: Vec<u32> = (0..1_000).map(|value| slab.insert(value)).collect();
        for place in places {
            slab.remove(place);
        }
        slab.shrink();
        assert_eq!((slab.pages.capacity(), slab.released.capacity(), slab.len()), (0, 0, 0));
        assert_eq!(slab.insert(1), 0);
    }
}
