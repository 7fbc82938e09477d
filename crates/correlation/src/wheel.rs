//! When which call ends, if no answer comes: a hierarchical timing wheel, one for each shard.
//!
//! Its ticks are nanoseconds, not some half a millisecond as wheels usually have: 11 levels of 64
//! buckets span all 64 bits, a bucket of the lowest level holds one deadline, and so what is due
//! is told exactly without ever walking calls that are not. Whoever wants fewer wakes than
//! deadlines rounds up where it sleeps, not here.
//!
//! A call lies on the level of the highest digit (of 6 bits) in which its deadline differs from
//! `current`. So all calls of a level are due before those of the levels above, a level's buckets
//! are due in the order of their numbers, and nothing has to move when `current` advances to
//! before the first bucket. When that bucket's time comes its calls go down by at least a level.

use crate::call::{Call, Calls, Link, TIMER};
use crate::slab::{NIL, PLACES};

const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// Where the calls of the bucket whose time has come wait to be looked at. This takes one step
/// however many they are, and can be left half done.
const OPEN: usize = LEVELS * BUCKETS;
/// How many calls are looked at for the exact deadline of the first; a longer bucket's start
/// must do. Small, since each may be a cache miss under the lock.
const LOOK_AHEAD: usize = 16;

/// Indexes `calls` by deadline; the lists run through the calls.
pub(crate) struct Wheel {
    /// Buckets that begin earlier have been opened.
    current: u64,
    /// For each level, which buckets hold calls.
    occupied: [u64; LEVELS],
    heads: [u32; OPEN + 1],
}

/// What [`Wheel::poll`] found.
pub(crate) enum Due {
    /// This call's time has come: it is out of the wheel.
    Call(u32),
    /// A step was made; poll again.
    More,
    /// Nothing more is due.
    Nothing,
}

impl Wheel {
    pub(crate) const fn new() -> Self {
        Self { current: 0, occupied: [0; LEVELS], heads: [NIL; OPEN + 1] }
    }

    /// Adds a call by its deadline, and returns the link that it must have.
    #[inline]
    pub(crate) fn insert<S>(&mut self, calls: &mut Calls<S>, deadline: u64, call: u32) -> Link {
        // What is overdue lies where the hand stands.
        let deadline = deadline.max(self.current);
        let differing = (deadline ^ self.current).checked_ilog2().unwrap_or(0);
        let level = differing / BITS;
        let digit = (deadline >> (level * BITS)) as usize % BUCKETS;
        let bucket = level as usize * BUCKETS + digit;
        self.occupied[level as usize] |= 1 << digit;
        let head = std::mem::replace(&mut self.heads[bucket], call);
        calls.push_front(TIMER, head, PLACES + bucket as u32, call)
    }

    /// Takes a call out that had `link`.
    #[inline]
    pub(crate) fn remove<S>(&mut self, calls: &mut Calls<S>, link: Link) {
        let gap = calls.unlink(TIMER, link);
        if let Some(anchor) = gap.anchor() {
            self.set_head((anchor - PLACES) as usize, gap.next);
        }
    }

    /// Makes one step, which looks at one call or opens one bucket.
    pub(crate) fn poll<S>(&mut self, calls: &mut Calls<S>, now: u64) -> Due {
        let open = self.heads[OPEN];
        if open != NIL {
            let Call { deadline, links, .. } = calls[open];
            self.remove(calls, links[TIMER]);
            if deadline <= now {
                return Due::Call(open);
            }
            calls[open].links[TIMER] = self.insert(calls, deadline, open);
            return Due::More;
        }
        match self.first() {
            Some((bucket, start)) if start <= now => {
                self.current = self.current.max(start);
                let head = self.heads[bucket];
                self.set_head(bucket, NIL);
                self.heads[OPEN] = head;
                calls.set_anchor(TIMER, head, PLACES + OPEN as u32);
                Due::More
            }
            _ => {
                self.current = self.current.max(now);
                Due::Nothing
            }
        }
    }

    /// A time no later than the first deadline, exact where few calls lie close together. Once
    /// all that was due then has been polled, a time returned again is later.
    ///
    /// What is overdue counts as due at the latest time polled for.
    pub(crate) fn earliest<S>(&self, calls: &Calls<S>) -> Option<u64> {
        let (bucket, start) = match self.heads[OPEN] {
            NIL => self.first()?,
            _ => (OPEN, self.current),
        };
        let mut list = calls.list(TIMER, self.heads[bucket]);
        let first = list.by_ref().take(LOOK_AHEAD).map(|call| call.deadline).min()?;
        Some(if list.next().is_none() { first } else { start })
    }

    /// The first bucket in time that holds calls, and when it begins.
    fn first(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|occupied| *occupied != 0)?;
        let digit = self.occupied[level].trailing_zeros();
        let shift = level as u32 * BITS;
        // The digits above are those of `current`, the digits below are zero.
        let above = u64::MAX.checked_shl(shift + BITS).unwrap_or(0) & self.current;
        Some((level * BUCKETS + digit as usize, above | u64::from(digit) << shift))
    }

    #[inline]
    fn set_head(&mut self, bucket: usize, head: u32) {
        self.heads[bucket] = head;
        if head == NIL && bucket != OPEN {
            self.occupied[bucket / BUCKETS] &= !(1 << (bucket % BUCKETS));
        }
    }

    /// Whether it holds no call.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == [0; LEVELS] && self.heads.iter().all(|head| *head == NIL)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use castcall_core::CorrelationId;

    use super::*;

    #[derive(Default)]
    struct Timers {
        wheel: Wheel,
        calls: Calls<()>,
    }

    impl Default for Wheel {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<S> Default for Calls<S> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Timers {
        fn insert(&mut self, deadline: u64) -> u32 {
            let call = self.calls.insert(Call {
                serial: NonZeroU64::MIN,
                deadline,
                id: CorrelationId::new(),
                id_tag: 0,
                indexed: false,
                owner: NIL,
                target: NIL,
                links: [Link::NONE; 3],
                sink: (),
            });
            self.calls[call].links[TIMER] = self.wheel.insert(&mut self.calls, deadline, call);
            call
        }

        fn remove(&mut self, call: u32) {
            let Call { links, .. } = self.calls.remove(call);
            self.wheel.remove(&mut self.calls, links[TIMER]);
        }

        /// The deadlines that fire at `now`, in order, and how many steps that took.
        fn fire(&mut self, now: u64) -> (Vec<u64>, usize) {
            let (mut fired, mut steps) = (Vec::new(), 1);
            loop {
                match self.wheel.poll(&mut self.calls, now) {
                    Due::Call(call) => fired.push(self.calls.remove(call).deadline),
                    Due::More => {}
                    Due::Nothing => break,
                }
                steps += 1;
            }
            fired.sort_unstable();
            (fired, steps)
        }

        fn earliest(&self) -> Option<u64> {
            self.wheel.earliest(&self.calls)
        }
    }

    /// Around every bucket boundary of every level, and the ends of time.
    fn boundaries(start: u64) -> Vec<u64> {
        let steps = (0..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let mut all: Vec<u64> = steps.map(|step: u64| start.saturating_add(step)).collect();
        all.extend([start, u64::MAX - 1, u64::MAX]);
        all.sort_unstable();
        all
    }

    #[test]
    fn fires_exactly_at_each_deadline() {
        for start in [0, 63, 64, (1 << 62) - 1, 1 << 62, 0x5555_5555_5555_5555] {
            let mut timers = Timers::default();
            assert_eq!(timers.fire(start).0, [0; 0]);
            let deadlines = boundaries(start);
            for deadline in deadlines.iter().rev() {
                timers.insert(*deadline);
            }
            let mut fired = Vec::new();
            for deadline in &deadlines {
                if let Some(before) = deadline.checked_sub(1).filter(|before| *before >= start) {
                    fired.extend(timers.fire(before).0);
                }
                assert!(!fired.contains(deadline) || fired.last() == Some(deadline));
                fired.extend(timers.fire(*deadline).0);
                assert_eq!(fired.last(), Some(deadline), "from {start}");
            }
            assert_eq!(fired, deadlines);
            assert!(timers.wheel.is_empty() && timers.earliest().is_none());
        }
    }

    #[test]
    fn fires_all_at_once_after_a_long_sleep() {
        let mut timers = Timers::default();
        let deadlines = boundaries(1 << 40);
        for deadline in &deadlines {
            timers.insert(*deadline);
        }
        let (fired, steps) = timers.fire(u64::MAX);
        assert_eq!(fired, deadlines);
        assert!(steps < deadlines.len() * (LEVELS + 1), "{steps} steps");
    }

    #[test]
    fn following_earliest_fires_all_in_time_in_few_wakes() {
        let mut timers = Timers::default();
        let deadlines = boundaries(1 << 40);
        // A crowd, too long to be looked through, in a bucket far away.
        let crowd: Vec<u64> = (0..1_000).map(|n| (1 << 50) + n * 1_000_003).collect();
        for deadline in deadlines.iter().chain(&crowd) {
            timers.insert(*deadline);
        }
        let (mut last, mut wakes, mut count) = (None, 0, 0);
        while let Some(next) = timers.earliest() {
            assert!(Some(next) > last, "the clock stands still");
            let (fired, _) = timers.fire(next);
            assert!(fired.iter().all(|deadline| *deadline == next), "late at {next}");
            count += fired.len();
            wakes += 1;
            last = Some(next);
        }
        assert_eq!(count, deadlines.len() + crowd.len());
        assert!(wakes < count + 4 * LEVELS, "{wakes} wakes");
    }

    #[test]
    fn overdue_calls_fire_at_once() {
        let mut timers = Timers::default();
        timers.fire(1_000_000);
        timers.insert(5);
        timers.insert(1_000_000);
        assert_eq!(timers.earliest(), Some(5));
        assert_eq!(timers.fire(1_000_000).0, [5, 1_000_000]);
        // A clock behind fires nothing too early, and loses nothing.
        timers.insert(900_000);
        assert_eq!(timers.fire(800_000).0, [0; 0]);
        assert_eq!(timers.fire(1_000_001).0, [900_000]);
    }

    #[test]
    fn removed_calls_do_not_fire() {
        let mut timers = Timers::default();
        let calls: Vec<u32> = (1..=100).map(|n| timers.insert(n * 100)).collect();
        for call in calls.iter().step_by(2) {
            timers.remove(*call);
        }
        assert_eq!(timers.fire(10_000).0.len(), 50);
        assert!(timers.wheel.is_empty());
    }

    #[test]
    fn a_bucket_left_half_done_is_gone_on_with() {
        let mut timers = Timers::default();
        for n in 0..100 {
            timers.insert((1 << 30) + n);
        }
        // Opens the bucket and looks at some calls, at a time when none is due yet.
        for _ in 0..10 {
            assert!(matches!(
                timers.wheel.poll(&mut timers.calls, 1 << 30),
                Due::More | Due::Call(_)
            ));
        }
        let early = timers.insert((1 << 30) + 5);
        assert!(timers.earliest().is_some_and(|at| at <= (1 << 30) + 5));
        timers.remove(early);
        assert!(timers.fire((1 << 30) + 99).0.len() >= 99);
        assert!(timers.wheel.is_empty());
    }
}
