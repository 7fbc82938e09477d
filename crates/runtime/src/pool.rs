//! The pool: its threads, and what they share.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::thread;
use std::time::Duration;
use std::{fmt, io};

use crossbeam_deque::{Injector, Steal};
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex, RwLock};

use crate::idle::Idle;
use crate::timer::{self, Timer};
use crate::worker::{self, Handle};
use crate::{LINGER, Runnable, Timekeeper};

pub(crate) struct Shared<R> {
    pub(crate) injector: Injector<R>,
    /// Tasks whose last turn took a tick or more: they wait behind all others, but not for long.
    pub(crate) slow: Injector<R>,
    pub(crate) workers: RwLock<Vec<Arc<Handle<R>>>>,
    pub(crate) idle: Idle,
    pub(crate) ticks: CachePadded<AtomicU64>,
    pub(crate) timer: Timer,
    pub(crate) timekeeper: Box<dyn Timekeeper>,
    /// Worker threads, detached ones included.
    pub(crate) threads: AtomicUsize,
    /// Workers' places: at first as many as were asked for. A worker takes its place with it when
    /// it ends because of a shutdown; one that is detached leaves it to who follows.
    pub(crate) places: AtomicUsize,
    /// Places of detached workers whom nobody has followed yet.
    pub(crate) vacant: AtomicUsize,
    pub(crate) max_threads: usize,
    pub(crate) detachments: AtomicU64,
    /// How long a worker waits awake before it sleeps; zero: not at all.
    pub(crate) linger: Duration,
    next_number: AtomicUsize,
    /// Workers end when they find nothing more to do, and the timer thread after them.
    shutdown: AtomicBool,
    /// Told when a worker is no longer one.
    pub(crate) left: (Mutex<()>, Condvar),
}

impl<R> Shared<R> {
    pub(crate) fn has_work(&self) -> bool {
        self.has_work_beyond(0)
    }

    /// The same, but for so many tasks that each worker has of its own.
    pub(crate) fn has_work_beyond(&self, own: usize) -> bool {
        !self.injector.is_empty()
            || !self.slow.is_empty()
            || self.workers.read().iter().any(|worker| worker.stealer.len() > own)
    }

    /// Whether anybody is not asleep.
    pub(crate) fn is_busy(&self) -> bool {
        self.idle.count() < self.threads.load(Ordering::Relaxed)
    }

    pub(crate) fn is_shutdown(&self) -> bool {
        self.shutdown.load(Ordering::Acquire)
    }

    /// Shut down, and every worker has ended, detached ones too: they need the ticks to be ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_shutdown() && self.threads.load(Ordering::Acquire) == 0
    }

    /// Whether there was a vacant place; it is the caller's then.
    pub(crate) fn take_place(&self) -> bool {
        let one_less = |vacant: usize| vacant.checked_sub(1);
        self.vacant.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_less).is_ok()
    }

    /// Whether anybody is there, or about to be, who is not detached.
    pub(crate) fn has_workers(&self) -> bool {
        self.places.load(Ordering::SeqCst) > 0
    }

    /// Drops what was scheduled too late. It may hold what holds the pool, which would never end.
    pub(crate) fn discard(&self) {
        for queue in [&self.injector, &self.slow] {
            loop {
                match queue.steal() {
                    Steal::Success(runnable) => drop(runnable),
                    Steal::Retry => {}
                    Steal::Empty => break,
                }
            }
        }
    }
}

/// Starts a worker thread with a place of its own.
pub(crate) fn add_worker<R: Runnable>(shared: &Arc<Shared<R>>) -> io::Result<()> {
    shared.places.fetch_add(1, Ordering::SeqCst);
    spawn_worker(shared).inspect_err(|_| {
        shared.places.fetch_sub(1, Ordering::SeqCst);
    })
}

/// Starts a worker thread in a place that is there.
pub(crate) fn spawn_worker<R: Runnable>(shared: &Arc<Shared<R>>) -> io::Result<()> {
    let number = shared.next_number.fetch_add(1, Ordering::Relaxed);
    shared.threads.fetch_add(1, Ordering::Relaxed);
    let its = Arc::clone(shared);
    let spawned = thread::Builder::new().name(format!("castcall-{number}")).spawn(move || {
        worker::main(&its, number);
        its.threads.fetch_sub(1, Ordering::SeqCst);
        // Whoever schedules now sees that nobody is left, or what was scheduled is seen here.
        fence(Ordering::SeqCst);
        if its.is_stopped() {
            its.discard();
        }
        its.timer.unpark();
    });
    if let Err(error) = spawned {
        shared.threads.fetch_sub(1, Ordering::Relaxed);
        return Err(error);
    }
    Ok(())
}

/// Worker threads and a timer thread. Clones are handles to the same pool.
///
/// Dropping handles ends nothing; [`Pool::shutdown`] does.
pub struct Pool<R: Runnable> {
    pub(crate) shared: Arc<Shared<R>>,
}

/// What a pool is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Worker threads, those included that have been detached and still run.
    pub threads: usize,
    /// How many of them sleep.
    pub idle: usize,
    /// How often a worker was detached because its task did not end its turn.
    pub detachments: u64,
}

/// A pool that could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The system would not start a thread: raise its limit, or ask for fewer workers.
    Spawn(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => write!(f, "a worker thread could not be started: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spawn(error) => Some(error),
        }
    }
}

/// Builds a [`Pool`].
#[derive(Default)]
pub struct Builder {
    workers: Option<NonZeroUsize>,
    max_threads: Option<usize>,
    linger: Option<Duration>,
    timekeeper: Option<Box<dyn Timekeeper>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("max_threads", &self.max_threads)
            .field("linger", &self.linger)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// How many tasks run at once; by default as many as there are cores. Zero means the default.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = NonZeroUsize::new(workers);
        self
    }

    /// How many worker threads there may be, detached ones included; by default 256 more than
    /// workers. At the limit the task that has run longest is asked to give up:
    /// [`Pool::is_shed`].
    #[must_use]
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max_threads = Some(threads);
        self
    }

    /// How long a worker waits awake for its next task, at most, before it sleeps, by default
    /// [`LINGER`]; zero: not at all. One worker does so at a time, as long as it is not in vain; none
    /// does on a machine with one core.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = Some(time);
        self
    }

    /// What the timer thread calls.
    #[must_use]
    pub fn timekeeper(mut self, timekeeper: impl Timekeeper) -> Self {
        self.timekeeper = Some(Box::new(timekeeper));
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The system would not start a thread.
    pub fn build<R: Runnable>(self) -> Result<Pool<R>, BuildError> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = self.workers.map_or(cores, NonZeroUsize::get);
        // With one core, nobody could add anything meanwhile.
        let linger = if cores > 1 { self.linger.unwrap_or(LINGER) } else { Duration::ZERO };
        let shared = Arc::new(Shared {
            injector: Injector::new(),
            slow: Injector::new(),
            workers: RwLock::new(Vec::new()),
            idle: Idle::new(),
            ticks: CachePadded::new(AtomicU64::new(0)),
            timer: Timer::new(),
            timekeeper: self.timekeeper.unwrap_or_else(|| Box::new(())),
            threads: AtomicUsize::new(0),
            places: AtomicUsize::new(0),
            vacant: AtomicUsize::new(0),
            max_threads: self.max_threads.unwrap_or(workers + 256).max(workers + 1),
            detachments: AtomicU64::new(0),
            linger,
            next_number: AtomicUsize::new(0),
            shutdown: AtomicBool::new(false),
            left: Default::default(),
        });
        let pool = Pool { shared };
        let result = (0..workers).try_for_each(|_| add_worker(&pool.shared));
        let result = result.and_then(|()| {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name("castcall-timer".into());
            let join = thread.spawn(move || timer::main(&shared))?;
            pool.shared.timer.set_thread(join.thread().clone());
            Ok(())
        });
        match result {
            Ok(()) => Ok(pool),
            Err(error) => {
                pool.shutdown();
                Err(BuildError::Spawn(error))
            }
        }
    }
}

impl<R: Runnable> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runnable> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Runnable for () {
    fn run(self, _turn: &crate::Turn<'_>) -> Option<Self> {
        None
    }
}

impl Pool<()> {
    /// Starts to build one, of whatever kind of task.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<R: Runnable> Pool<R> {
    /// Lets a worker run `runnable`. From inside a task of this pool, the same worker, next, unless
    /// another has nothing to do; never waits. After [`Pool::shutdown`] nothing is run any more.
    pub fn schedule(&self, runnable: R) {
        worker::schedule(&self.shared, runnable);
    }

    /// Makes the timer thread ask its [`Timekeeper`] what is due.
    pub fn alarm(&self) {
        self.shared.timer.alarm();
    }

    /// How many ticks have passed: about one each [`TICK`](crate::TICK) while there is work.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.shared.ticks.load(Ordering::Relaxed)
    }

    /// Whether the task that calls this is to give up, since too many tasks overrun their turns.
    #[must_use]
    pub fn is_shed(&self) -> bool {
        worker::is_shed(&self.shared)
    }

    /// What the pool is doing.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            threads: self.shared.threads.load(Ordering::Relaxed),
            idle: self.shared.idle.count(),
            detachments: self.shared.detachments.load(Ordering::Relaxed),
        }
    }

    /// Tells the threads to end when they have run what is queued, and returns.
    pub fn close(&self) {
        self.shared.shutdown.store(true, Ordering::Release);
        self.shared.idle.wake_all();
        self.shared.timer.unpark();
    }

    /// The same, and waits for the workers to end; not for detached ones, which end after their
    /// turn, and not if it is called from one of them.
    pub fn shutdown(&self) {
        self.close();
        let shared = &self.shared;
        if worker::is_worker(shared) {
            return;
        }
        let (lock, left) = &shared.left;
        let mut guard = lock.lock();
        while shared.has_workers() {
            // A worker may have begun to sleep just now, or have been detached.
            shared.idle.wake_all();
            left.wait_for(&mut guard, crate::TICK);
        }
    }
}
