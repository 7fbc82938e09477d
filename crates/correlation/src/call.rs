//! A pending call as a shard keeps it, and the doubly linked lists that run through the calls.

use std::num::NonZeroU64;

use castcall_core::CorrelationId;

use crate::slab::{NIL, PLACES, Slab};

/// The list of one owner's calls.
pub(crate) const OWNER: usize = 0;
/// The list of calls to one target.
pub(crate) const TARGET: usize = 1;
/// The list of one bucket of the timing wheel.
pub(crate) const TIMER: usize = 2;

/// A pending call. The fields without the sink fill 72 bytes.
pub(crate) struct Call<S> {
    /// Never given to another call of the shard: makes a ticket good for this call alone.
    pub(crate) serial: NonZeroU64,
    /// In nanoseconds of the table's epoch.
    pub(crate) deadline: u64,
    pub(crate) id: CorrelationId,
    pub(crate) id_tag: u32,
    /// Whether it is found by `id_tag`, and not by what the id says.
    pub(crate) indexed: bool,
    /// Its owner's record in the key index.
    pub(crate) owner: u32,
    /// Its target's.
    pub(crate) target: u32,
    pub(crate) links: [Link; 3],
    pub(crate) sink: S,
}

/// The neighbours of a call in one list: two numbers in one, which so stays in a register.
#[derive(Clone, Copy)]
pub(crate) struct Link(u64);

impl Link {
    #[cfg(test)]
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// `prev`: for the first of a list, what [`Slab::push_front`] was given as `anchor`.
    #[inline]
    fn new(prev: u32, next: u32) -> Self {
        Self(u64::from(prev) << 32 | u64::from(next))
    }

    #[inline]
    fn prev(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    fn next(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    fn set_prev(&mut self, prev: u32) {
        *self = Self::new(prev, self.next());
    }

    #[inline]
    fn set_next(&mut self, next: u32) {
        *self = Self::new(self.prev(), next);
    }
}

/// What stood around a call that was taken out of a list.
pub(crate) struct Gap {
    prev: u32,
    /// The call behind it, or [`NIL`].
    pub(crate) next: u32,
}

impl Gap {
    /// The list's anchor, if the call was its first: the head is `next` now.
    pub(crate) fn anchor(&self) -> Option<u32> {
        (self.prev >= PLACES).then_some(self.prev)
    }
}

pub(crate) type Calls<S> = Slab<Call<S>>;

impl<S> Calls<S> {
    /// Makes `call` the first of the list that began at `head`, and returns the link that it must
    /// have there. `anchor`, at least [`PLACES`], comes back when the first of the list is
    /// unlinked.
    #[inline]
    pub(crate) fn push_front(&mut self, list: usize, head: u32, anchor: u32, call: u32) -> Link {
        if head != NIL {
            self[head].links[list].set_prev(call);
        }
        Link::new(anchor, head)
    }

    /// Closes the list around a call that had `link` there.
    #[inline]
    pub(crate) fn unlink(&mut self, list: usize, link: Link) -> Gap {
        let (prev, next) = (link.prev(), link.next());
        if prev < PLACES {
            self[prev].links[list].set_next(next);
        }
        if next != NIL {
            self[next].links[list].set_prev(prev);
        }
        Gap { prev, next }
    }

    /// Gives the list that begins at `head` another anchor.
    pub(crate) fn set_anchor(&mut self, list: usize, head: u32, anchor: u32) {
        if head != NIL {
            self[head].links[list].set_prev(anchor);
        }
    }

    /// The calls of the list that begins at `head`.
    pub(crate) fn list(&self, list: usize, head: u32) -> impl Iterator<Item = &Call<S>> {
        let mut at = head;
        std::iter::from_fn(move || {
            let call = (at != NIL).then(|| &self[at])?;
            at = call.links[list].next();
            Some(call)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(calls: &mut Calls<u32>, sink: u32) -> u32 {
        calls.insert(Call {
            serial: NonZeroU64::MIN,
            deadline: 0,
            id: CorrelationId::new(),
            id_tag: 0,
            indexed: false,
            owner: NIL,
            target: NIL,
            links: [Link::NONE; 3],
            sink,
        })
    }

    #[test]
    fn lists_link_and_unlink() {
        let mut calls = Calls::new();
        let [a, b, c] = [1, 2, 3].map(|sink| call(&mut calls, sink));
        for (head, next) in [(NIL, a), (a, b), (b, c)] {
            calls[next].links[TIMER] = calls.push_front(TIMER, head, PLACES + 7, next);
        }
        let walk = |calls: &Calls<u32>, head| -> Vec<u32> {
            calls.list(TIMER, head).map(|call| call.sink).collect()
        };
        assert_eq!(walk(&calls, c), [3, 2, 1]);
        let unlink = |calls: &mut Calls<u32>, call| {
            let Call { links, .. } = calls.remove(call);
            calls.unlink(TIMER, links[TIMER])
        };
        assert_eq!(unlink(&mut calls, b).anchor(), None);
        assert_eq!(walk(&calls, c), [3, 1]);
        let gap = unlink(&mut calls, c);
        assert_eq!((gap.anchor(), gap.next), (Some(PLACES + 7), a));
        calls.set_anchor(TIMER, a, NIL);
        let gap = unlink(&mut calls, a);
        assert_eq!((gap.anchor(), gap.next), (Some(NIL), NIL));
    }

    #[test]
    fn a_call_is_small() {
        assert_eq!(size_of::<Call<[u64; 4]>>(), 72 + 32);
    }
}
