//! The way from the threads that record to the writer: a bounded queue for each thread, with one
//! producer and one consumer, so that recording takes no lock and shares no counter.
//!
//! A thread gets its queue when it records for the first time, and leaves it to the next new thread
//! when it ends: there are as many queues as there were threads at once.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;

use parking_lot::Mutex;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::record::Event;

thread_local! {
    /// One for each audit that this thread records for: rarely more than one.
    static RINGS: RefCell<Mine> = const { RefCell::new(Mine(Vec::new())) };
}

struct Mine(Vec<Ring>);

impl Drop for Mine {
    fn drop(&mut self) {
        for ring in self.0.drain(..) {
            if let Some(home) = ring.home.upgrade() {
                home.idle.lock().push(ring);
            }
        }
    }
}

/// The recording end of a queue.
struct Ring {
    audit: u32,
    producer: Producer<Event>,
    drops: Arc<Drops>,
    /// Records were dropped, and it is to be said so before the next one.
    dropping: bool,
    /// How many more are pushed before looking whether the writer should be woken.
    until_look: usize,
    home: Weak<Rings>,
}

/// What was dropped on one queue.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Both only grow, so that who finds `told` unchanged knows that nobody has told since.
    total: AtomicU64,
    told: AtomicU64,
    /// When, last.
    at: AtomicU64,
}

/// A look at [`Drops`].
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    total: u64,
    told: u64,
}

impl Drops {
    pub(crate) fn add(&self, at: u64) {
        self.at.store(at, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::AcqRel);
    }

    /// The same where only one thread adds: a tenth of the cost.
    fn add_exclusive(&self, at: u64) {
        self.at.store(at, Ordering::Relaxed);
        self.total.store(self.total.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How many have not been told, and when the last was. Who asks, tells.
    pub(crate) fn take(&self) -> Option<(u64, u64)> {
        let total = self.total.load(Ordering::Acquire);
        let count = total - self.told.swap(total, Ordering::AcqRel);
        (count > 0).then(|| (count, self.at.load(Ordering::Relaxed)))
    }

    /// To be asked before looking at what is in the queue.
    pub(crate) fn seen(&self) -> Seen {
        let told = self.told.load(Ordering::Acquire);
        Seen { told, total: self.total.load(Ordering::Acquire) }
    }

    /// How many of those seen then have not been told. Nothing was pushed after them, or who did
    /// so would have told first.
    pub(crate) fn take_seen(&self, Seen { total, told }: Seen) -> Option<(u64, u64)> {
        if total == told {
            return None;
        }
        let took = self.told.compare_exchange(told, total, Ordering::AcqRel, Ordering::Relaxed);
        took.is_ok().then(|| (total - told, self.at.load(Ordering::Relaxed)))
    }
}

/// The writer's end of a queue.
pub(crate) struct Outlet {
    pub(crate) consumer: Consumer<Event>,
    pub(crate) drops: Arc<Drops>,
}

/// All queues of one audit.
pub(crate) struct Rings {
    capacity: usize,
    /// Of threads that have ended.
    idle: Mutex<Vec<Ring>>,
    /// Not yet seen by the writer.
    fresh: Mutex<Vec<Outlet>>,
    all: Mutex<Vec<Arc<Drops>>>,
    /// Records of threads that were ending, and had no queue any more.
    strays: Drops,
    closed: AtomicBool,
    pub(crate) waker: Waker,
}

impl Rings {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            idle: Mutex::default(),
            fresh: Mutex::default(),
            all: Mutex::default(),
            strays: Drops::default(),
            closed: AtomicBool::new(false),
            waker: Waker::default(),
        }
    }

    /// Queues an event, or drops it as dropped.
    #[inline]
    pub(crate) fn push(self: &Arc<Self>, audit: u32, event: Event) {
        let pushed = RINGS.try_with(|mine| {
            // Nothing in here records.
            let Ok(mut mine) = mine.try_borrow_mut() else { return false };
            if let Some(ring) = mine.0.iter_mut().find(|ring| ring.audit == audit) {
                ring.push(event);
                return true;
            }
            self.first(&mut mine.0, audit, event);
            true
        });
        if pushed != Ok(true) {
            self.strays.add(event.at());
        }
    }

    #[cold]
    fn first(self: &Arc<Self>, mine: &mut Vec<Ring>, audit: u32, event: Event) {
        mine.retain(|ring| !ring.producer.is_abandoned());
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        let idle = self.idle.lock().pop();
        let mut ring = idle.unwrap_or_else(|| self.make(audit));
        ring.push(event);
        mine.push(ring);
    }

    fn make(self: &Arc<Self>, audit: u32) -> Ring {
        let (producer, consumer) = RingBuffer::new(self.capacity);
        let drops = Arc::new(Drops::default());
        self.all.lock().push(Arc::clone(&drops));
        self.fresh.lock().push(Outlet { consumer, drops: Arc::clone(&drops) });
        let (home, until_look) = (Arc::downgrade(self), self.capacity / 4);
        Ring { audit, producer, drops, dropping: false, until_look, home }
    }

    /// The queues that were made since this was asked last.
    pub(crate) fn fresh(&self) -> Vec<Outlet> {
        std::mem::take(&mut self.fresh.lock())
    }

    pub(crate) fn strays(&self) -> &Drops {
        &self.strays
    }

    /// How many records were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let all = self.all.lock();
        self.strays.total() + all.iter().map(|drops| drops.total()).sum::<u64>()
    }

    /// No more queues are made.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

impl Ring {
    #[inline]
    fn push(&mut self, event: Event) {
        if self.dropping && !self.tell(event.at()) || self.producer.push(event).is_err() {
            self.drop_one(event.at());
            return;
        }
        self.until_look -= 1;
        if self.until_look == 0 {
            self.look();
        }
    }

    /// Says how many were dropped, in their place, if there is room by now.
    #[cold]
    fn tell(&mut self, at: u64) -> bool {
        if self.producer.is_full() {
            return false;
        }
        self.dropping = false;
        if let Some((count, _)) = self.drops.take() {
            // There is room: nobody else pushes.
            let _ = self.producer.push(Event::dropped(at, count));
        }
        true
    }

    #[cold]
    fn drop_one(&mut self, at: u64) {
        self.drops.add_exclusive(at);
        if !self.dropping {
            self.dropping = true;
            self.wake();
        }
    }

    #[cold]
    fn look(&mut self) {
        let capacity = self.producer.buffer().capacity();
        self.until_look = capacity / 4;
        if self.producer.slots() < capacity / 2 {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(home) = self.home.upgrade() {
            home.waker.wake();
        }
    }
}

/// Wakes the writer, at the price of a system call only if it sleeps.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    sleeping: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Waker {
    pub(crate) fn wake(&self) {
        if self.sleeping.load(Ordering::SeqCst)
            && self.sleeping.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// By the writer: sleeps so long, unless `is_due`, or until it is woken.
    pub(crate) fn sleep(&self, time: std::time::Duration, is_due: impl FnOnce() -> bool) {
        self.thread.get_or_init(std::thread::current);
        self.sleeping.store(true, Ordering::SeqCst);
        // What was asked for before that would not have woken us.
        if !is_due() {
            std::thread::park_timeout(time);
        }
        self.sleeping.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outlet: &mut Outlet) -> Vec<Result<u64, u64>> {
        let slots = outlet.consumer.slots();
        let chunk = outlet.consumer.read_chunk(slots).unwrap();
        chunk.into_iter().map(|event| event.kind().map(|_| event.at())).collect()
    }

    fn event(at: u64) -> Event {
        let at = castcall_core::Timestamp::from_unix_nanos(at);
        crate::Record::new(crate::Kind::Send, at, &crate::Name::NONE).event
    }

    #[test]
    fn what_finds_no_room_is_counted_in_its_place() {
        let rings = Arc::new(Rings::new(16));
        for at in 0..20 {
            rings.push(901, event(at));
        }
        let mut outlet = rings.fresh().pop().unwrap();
        assert_eq!(drain(&mut outlet), (0..16).map(Ok).collect::<Vec<_>>());
        rings.push(901, event(20));
        assert_eq!(drain(&mut outlet), [Err(4), Ok(20)]);
        assert_eq!(outlet.drops.take(), None);
        assert_eq!(rings.dropped(), 4);
    }

    #[test]
    fn what_is_dropped_last_is_told_by_the_writer() {
        let rings = Arc::new(Rings::new(16));
        for at in 0..17 {
            rings.push(902, event(at));
        }
        let mut outlet = rings.fresh().pop().unwrap();
        let seen = outlet.drops.seen();
        assert_eq!(drain(&mut outlet).len(), 16);
        assert_eq!(outlet.drops.take_seen(seen), Some((1, 16)));
        assert_eq!(outlet.drops.take_seen(seen), None);
        // It has been told.
        for at in 17..34 {
            rings.push(902, event(at));
        }
        let seen = outlet.drops.seen();
        assert_eq!(drain(&mut outlet).len(), 16);
        // Who records was first.
        rings.push(902, event(34));
        assert_eq!(outlet.drops.take_seen(seen), None);
        assert_eq!(drain(&mut outlet), [Err(1), Ok(34)]);
    }

    #[test]
    fn threads_leave_their_queue_to_the_next() {
        let rings = Arc::new(Rings::new(16));
        for at in 0..5 {
            let rings = Arc::clone(&rings);
            std::thread::spawn(move || rings.push(903, event(at))).join().unwrap();
        }
        let mut fresh = rings.fresh();
        assert_eq!(fresh.len(), 1);
        assert_eq!(drain(&mut fresh[0]), (0..5).map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn a_closed_audit_takes_nothing_and_its_queues_go() {
        let rings = Arc::new(Rings::new(16));
        rings.push(904, event(1));
        drop(rings.fresh());
        rings.close();
        let other = Arc::new(Rings::new(16));
        other.push(905, event(1));
        RINGS.with(|mine| assert!(!mine.borrow().0.iter().any(|ring| ring.audit == 904)));
        rings.push(904, event(2));
        assert!(rings.fresh().is_empty());
        assert_eq!(rings.strays().take(), None);
    }
}
