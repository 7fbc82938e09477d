//! One worker thread: its run queue, and the loop that empties it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use crossbeam_deque::{Injector, Steal, Stealer, Worker as Queue};
use crossbeam_utils::CachePadded;

use crate::linger::Linger;
use crate::pool::{self, Shared};
use crate::priority::ThreadId;
use crate::sync::Parker;
use crate::{Runnable, Turn};

/// How many turns pass before a worker looks at the shared queue although its own is not empty.
const FAIRNESS: u32 = 61;

/// How many ticks after a worker has begun with a slow task it takes the next although others wait.
/// One turn is a tick, or two: those others have half of the time, and more.
const SLOW_SHARE: u64 = 4;

/// What others see of a worker.
pub(crate) struct Handle<R> {
    pub(crate) number: usize,
    pub(crate) stealer: Stealer<R>,
    /// Counts the beginnings and ends of turns: odd while one is on.
    pub(crate) turns: CachePadded<AtomicU64>,
    /// `turns` at the last tick; the timer thread's alone.
    pub(crate) seen: AtomicU64,
    /// Another thread takes this worker's place: end after this turn.
    pub(crate) detached: AtomicBool,
    /// There are too many detached threads: end this turn as soon as may be.
    pub(crate) shed: AtomicBool,
    pub(crate) thread: ThreadId,
}

/// What only the worker itself sees.
struct Local<R: Runnable> {
    shared: Arc<Shared<R>>,
    me: Arc<Handle<R>>,
    queue: Queue<R>,
    turn: Cell<u32>,
    /// The tick at which it took a slow task last.
    slow_at: Cell<u64>,
    linger: Linger,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

/// Runs `f` with the current thread's worker, if it has one that belongs to `shared`.
fn with_local<R: Runnable, T>(
    shared: &Arc<Shared<R>>,
    f: impl FnOnce(&Local<R>) -> T,
) -> Option<T> {
    CURRENT
        .try_with(|current| {
            let current = current.borrow();
            let local = current.as_ref()?.downcast_ref::<Local<R>>()?;
            Arc::ptr_eq(&local.shared, shared).then(|| f(local))
        })
        .ok()
        .flatten()
}

/// Puts `runnable` into the current worker's queue, or else the shared one.
pub(crate) fn schedule<R: Runnable>(shared: &Arc<Shared<R>>, runnable: R) {
    if runnable.is_slow() {
        return push_shared(shared, &shared.slow, runnable);
    }
    let mut runnable = Some(runnable);
    with_local(shared, |local| {
        if local.me.detached.load(Ordering::Relaxed) {
            return;
        }
        if let Some(runnable) = runnable.take() {
            let others_wait = !local.queue.is_empty();
            local.queue.push(runnable);
            // What a task wakes runs next, on the same worker, in a warm cache, when the task's
            // turn ends. A second worker is worth waking only if more than that waits.
            if others_wait {
                shared.idle.hint();
            }
        }
    });
    if let Some(runnable) = runnable {
        push_shared(shared, &shared.injector, runnable);
    }
}

fn push_shared<R: Runnable>(shared: &Shared<R>, queue: &Injector<R>, runnable: R) {
    queue.push(runnable);
    shared.idle.notify();
    if shared.is_stopped() {
        shared.discard();
    }
}

/// Whether the current thread runs a task of `shared` that it should give up.
pub(crate) fn is_shed<R: Runnable>(shared: &Arc<Shared<R>>) -> bool {
    with_local(shared, |local| local.me.shed.load(Ordering::Relaxed)).unwrap_or(false)
}

/// Whether the current thread is a worker of `shared`.
pub(crate) fn is_worker<R: Runnable>(shared: &Arc<Shared<R>>) -> bool {
    with_local(shared, |_| ()).is_some()
}

/// Dropped only by a panic. What the task has left half done is unknown, and whoever waits for it
/// would wait for ever.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// The body of a worker thread.
pub(crate) fn main<R: Runnable>(shared: &Arc<Shared<R>>, number: usize) {
    let queue = Queue::new_fifo();
    let me = Arc::new(Handle {
        number,
        stealer: queue.stealer(),
        turns: CachePadded::new(AtomicU64::new(0)),
        seen: AtomicU64::new(0),
        detached: AtomicBool::new(false),
        shed: AtomicBool::new(false),
        thread: ThreadId::current(),
    });
    shared.workers.write().push(Arc::clone(&me));
    // Whoever follows a detached worker begins with those that don't take long.
    let slow_at = Cell::new(shared.ticks.load(Ordering::Relaxed));
    let shared = Arc::clone(shared);
    let linger = Linger::new(shared.linger);
    let local = Rc::new(Local { shared, me, queue, turn: Cell::new(0), slow_at, linger });
    CURRENT.set(Some(local.clone()));
    local.run();
    CURRENT.set(None);
    local.retire();
}

impl<R: Runnable> Local<R> {
    fn run(&self) {
        let parker = Parker::new();
        while self.has_place() {
            let Some(runnable) = self.next() else {
                if self.shared.is_shutdown() {
                    self.give_up_place();
                    return;
                }
                if !self.lingers() {
                    self.sleep(&parker);
                }
                continue;
            };
            if let Some(runnable) = self.turn(runnable) {
                if runnable.is_slow() {
                    // Whoever looks for work next takes it: here, or there.
                    self.shared.slow.push(runnable);
                    continue;
                }
                // It has had a whole turn, which may be a tick: what has come from elsewhere
                // meanwhile goes first, and not only when `FAIRNESS` has it.
                if !self.shared.injector.is_empty() {
                    let _ = self.shared.injector.steal_batch(&self.queue);
                }
                self.queue.push(runnable);
            }
        }
    }

    /// Whether nobody has taken this worker's place.
    fn has_place(&self) -> bool {
        if !self.me.detached.load(Ordering::Acquire) {
            return true;
        }
        let stays = self.shared.take_place();
        if stays {
            self.me.detached.store(false, Ordering::Release);
        }
        stays
    }

    /// Ends the place along with the worker, if it still has one.
    fn give_up_place(&self) {
        if !self.me.detached.swap(true, Ordering::AcqRel) || self.shared.take_place() {
            self.shared.places.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn turn(&self, runnable: R) -> Option<R> {
        let turns = self.me.turns.load(Ordering::Relaxed);
        let ticks = &self.shared.ticks;
        let turn = Turn { ticks, began: ticks.load(Ordering::Relaxed) };
        // Meant for the turn before, if the worker has kept its place since.
        if self.me.shed.load(Ordering::Relaxed) {
            self.me.shed.store(false, Ordering::Relaxed);
        }
        let abort = AbortOnPanic;
        self.me.turns.store(turns + 1, Ordering::Relaxed);
        let again = runnable.run(&turn);
        self.me.turns.store(turns + 2, Ordering::Relaxed);
        std::mem::forget(abort);
        again
    }

    fn next(&self) -> Option<R> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if turn.is_multiple_of(FAIRNESS)
            && let Some(runnable) = self.shared.injector.steal().success()
        {
            return Some(runnable);
        }
        let ticks = self.shared.ticks.load(Ordering::Relaxed);
        if ticks.wrapping_sub(self.slow_at.get()) >= SLOW_SHARE
            && let Some(runnable) = self.steal_slow()
        {
            return Some(runnable);
        }
        self.queue.pop().or_else(|| self.search())
    }

    fn steal_slow(&self) -> Option<R> {
        let runnable = self.shared.slow.steal().success()?;
        self.slow_at.set(self.shared.ticks.load(Ordering::Relaxed));
        Some(runnable)
    }

    fn search(&self) -> Option<R> {
        self.shared.idle.begin_search();
        let found = self.steal();
        self.shared.idle.end_search();
        if found.is_some() && self.shared.has_work() {
            self.shared.idle.hint();
        }
        found
    }

    fn steal(&self) -> Option<R> {
        loop {
            let mut retry = false;
            match self.shared.injector.steal_batch_and_pop(&self.queue) {
                Steal::Success(runnable) => return Some(runnable),
                Steal::Retry => retry = true,
                Steal::Empty => {}
            }
            for other in self.shared.workers.read().iter() {
                if other.number == self.me.number {
                    continue;
                }
                match other.stealer.steal() {
                    Steal::Success(runnable) => return Some(runnable),
                    Steal::Retry => retry = true,
                    Steal::Empty => {}
                }
            }
            match self.steal_slow() {
                Some(runnable) => return Some(runnable),
                None if !retry && self.shared.slow.is_empty() => return None,
                None => {}
            }
        }
    }

    /// Waits awake for a moment, if that is worth it. Returns whether something has come.
    fn lingers(&self) -> bool {
        let idle = &self.shared.idle;
        // One is enough.
        if idle.is_searched() || !self.linger.is_due() {
            return false;
        }
        idle.begin_search();
        // What a worker has just woken, it does next itself.
        let found = self.linger.wait_for(|| self.shared.has_work_beyond(1));
        idle.end_search();
        found
    }

    fn sleep(&self, parker: &Parker) {
        let idle = &self.shared.idle;
        idle.enter(self.me.number, parker.unparker().clone());
        let detached = self.me.detached.load(Ordering::Acquire);
        if !self.shared.has_work() && !self.shared.is_shutdown() && !detached {
            parker.park();
        }
        idle.leave(self.me.number);
        // Even if it has not slept: the timer thread may have seen it in the list, and gone to
        // sleep itself.
        self.shared.timer.rouse(&*self.shared.timekeeper);
    }

    /// Leaves what is queued to the others.
    fn retire(&self) {
        while let Some(runnable) = self.queue.pop() {
            self.shared.injector.push(runnable);
        }
        self.shared.workers.write().retain(|worker| worker.number != self.me.number);
        // Of two who end at once, one with something left and the other in the belief that there
        // is nothing, one sees what the other has done.
        fence(Ordering::SeqCst);
        let forsaken =
            self.shared.is_shutdown() && !self.shared.has_workers() && self.shared.has_work();
        if forsaken && let Err(error) = pool::add_worker(&self.shared) {
            tracing::error!(%error, "no thread could be started for what was left");
        }
        self.shared.idle.notify();
        self.shared.left.1.notify_all();
    }
}
