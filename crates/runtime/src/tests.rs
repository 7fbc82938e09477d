//! Nothing here waits for a time to pass and then hopes: whatever must happen is waited for, for
//! as long as [`PATIENCE`].

use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::sync::Parker;

use crate::idle::Idle;
use crate::{Pool, Runnable, Timekeeper, Turn};

const PATIENCE: Duration = Duration::from_secs(30);

type Body = dyn FnOnce(&Turn<'_>) -> Option<Job> + Send;

/// A task out of a closure.
struct Job(Box<Body>);

impl Runnable for Job {
    fn run(self, turn: &Turn<'_>) -> Option<Self> {
        (self.0)(turn)
    }
}

/// One that runs once.
fn once(body: impl FnOnce() + Send + 'static) -> Job {
    turns(move |_| {
        body();
        None
    })
}

fn turns(body: impl FnOnce(&Turn<'_>) -> Option<Job> + Send + 'static) -> Job {
    Job(Box::new(body))
}

fn pool(workers: usize) -> Pool<Job> {
    Pool::builder().workers(workers).build().expect("threads are to be had")
}

/// Waits until `holds`.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::yield_now();
    }
}

/// Everything that the pool had has ended.
#[track_caller]
fn until_ended(pool: &Pool<Job>) {
    until("no thread holds the pool any more", || Arc::strong_count(&pool.shared) == 1);
    assert_eq!(pool.stats().threads, 0);
}

// ---- what is scheduled is run

#[test]
fn everything_scheduled_is_run_exactly_once() {
    const THREADS: usize = 8;
    const EACH: usize = 4_000;
    let pool = pool(4);
    let runs: Arc<Vec<AtomicU32>> =
        Arc::new((0..THREADS * EACH).map(|_| AtomicU32::new(0)).collect());
    let left = Arc::new(AtomicUsize::new(THREADS * EACH));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (pool, runs, left) = (pool.clone(), Arc::clone(&runs), Arc::clone(&left));
            scope.spawn(move || {
                for number in thread * EACH..(thread + 1) * EACH {
                    let (pool, runs, left) = (pool.clone(), Arc::clone(&runs), Arc::clone(&left));
                    // Once from outside, once more after everybody else, once from inside.
                    pool.clone().schedule(turns(move |_| {
                        runs[number].fetch_add(1, Ordering::Relaxed);
                        Some(turns(move |_| {
                            runs[number].fetch_add(1, Ordering::Relaxed);
                            pool.schedule(once(move || {
                                runs[number].fetch_add(1, Ordering::Relaxed);
                                left.fetch_sub(1, Ordering::Release);
                            }));
                            None
                        }))
                    }));
                }
            });
        }
    });
    until("all have been run", || left.load(Ordering::Acquire) == 0);
    pool.shutdown();
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 3));
    until_ended(&pool);
}

#[test]
fn no_wake_up_from_outside_is_lost() {
    for workers in [1, 2, 4] {
        let pool = pool(workers);
        let (sender, receiver) = mpsc::channel();
        for round in 0..10_000 {
            let sender = sender.clone();
            pool.schedule(once(move || sender.send(round).unwrap()));
            assert_eq!(receiver.recv_timeout(PATIENCE), Ok(round));
        }
        pool.shutdown();
    }
}

/// Goes back and forth between the pools.
fn hop(from: Pool<Job>, to: Pool<Job>, left: u32, done: mpsc::Sender<()>) {
    to.clone().schedule(once(move || match left.checked_sub(1) {
        Some(left) => hop(to, from, left, done),
        None => done.send(()).unwrap(),
    }));
}

#[test]
fn no_wake_up_between_threads_is_lost() {
    // Two pools of one worker: each hop finds the other one asleep, or about to be.
    let (ping, pong) = (pool(1), pool(1));
    let (sender, receiver) = mpsc::channel();
    for hops in [50_000, 1_000] {
        hop(ping.clone(), pong.clone(), hops, sender.clone());
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    }
    // Several at once, in one pool.
    let both = pool(2);
    for _ in 0..4 {
        hop(both.clone(), both.clone(), 50_000, sender.clone());
    }
    for _ in 0..4 {
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    }
    for pool in [ping, pong, both] {
        pool.shutdown();
        until_ended(&pool);
    }
}

#[test]
fn what_a_busy_task_schedules_is_taken_by_others() {
    let pool = pool(2);
    let (sender, receiver) = mpsc::channel();
    let inside = pool.clone();
    pool.schedule(once(move || {
        for number in 0..100 {
            let sender = sender.clone();
            inside.schedule(once(move || sender.send(number).unwrap()));
        }
        // Not one of them can run on this worker before it has heard of all.
        let mut heard: Vec<i32> =
            (0..100).map(|_| receiver.recv_timeout(PATIENCE).unwrap()).collect();
        heard.sort_unstable();
        assert!(heard.into_iter().eq(0..100));
        sender.send(100).unwrap();
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(100));
    }));
    pool.shutdown();
    until_ended(&pool);
}

// ---- turns

#[test]
fn a_turn_is_over_after_a_tick_and_others_have_theirs() {
    let pool = pool(1);
    let ran = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let turns_taken = Arc::new(AtomicU32::new(0));

    fn spin(ran: Arc<AtomicBool>, taken: Arc<AtomicU32>, done: mpsc::Sender<()>) -> Job {
        turns(move |turn| {
            taken.fetch_add(1, Ordering::Relaxed);
            while !turn.is_over() {
                std::hint::spin_loop();
            }
            if ran.load(Ordering::Relaxed) {
                done.send(()).unwrap();
                return None;
            }
            Some(spin(ran, taken, done))
        })
    }
    pool.schedule(spin(Arc::clone(&ran), Arc::clone(&turns_taken), sender));
    until("the first turn is on", || turns_taken.load(Ordering::Relaxed) > 0);
    let other = Arc::clone(&ran);
    pool.schedule(once(move || other.store(true, Ordering::Relaxed)));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    pool.shutdown();
}

#[test]
fn the_shared_queue_has_its_turn_although_the_workers_own_is_never_empty() {
    let pool = pool(1);
    let stop = Arc::new(AtomicBool::new(false));
    fn forever(stop: Arc<AtomicBool>) -> Job {
        turns(move |_| (!stop.load(Ordering::Relaxed)).then(|| forever(stop)))
    }
    pool.schedule(forever(Arc::clone(&stop)));
    pool.schedule(forever(Arc::clone(&stop)));
    for _ in 0..1_000 {
        let (sender, receiver) = mpsc::channel();
        pool.schedule(once(move || sender.send(()).unwrap()));
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    }
    stop.store(true, Ordering::Relaxed);
    pool.shutdown();
    until_ended(&pool);
}

// ---- who does not return

#[test]
fn more_tasks_that_block_than_workers_hold_nobody_up() {
    const BLOCKERS: usize = 8;
    let pool = pool(2);
    let (blocked, blocks) = mpsc::channel();
    let mut gates = Vec::new();
    let (ended, ends) = mpsc::channel();
    for _ in 0..BLOCKERS {
        let (gate, closed) = mpsc::channel::<()>();
        gates.push(gate);
        let (blocked, ended) = (blocked.clone(), ended.clone());
        pool.schedule(once(move || {
            blocked.send(()).unwrap();
            let opened = closed.recv_timeout(PATIENCE);
            ended.send(opened).unwrap();
        }));
    }
    // They are all inside at once, and others still run.
    for _ in 0..BLOCKERS {
        assert_eq!(blocks.recv_timeout(PATIENCE), Ok(()));
    }
    for round in 0..1_000 {
        let (sender, receiver) = mpsc::channel();
        pool.schedule(once(move || sender.send(round).unwrap()));
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(round));
    }
    until("all are detached", || pool.stats().detachments >= BLOCKERS as u64);
    assert!(pool.stats().threads >= BLOCKERS + 2, "{:?}", pool.stats());
    for gate in gates {
        gate.send(()).unwrap();
    }
    for _ in 0..BLOCKERS {
        assert_eq!(ends.recv_timeout(PATIENCE), Ok(Ok(())));
    }
    // A detached thread ends after its turn.
    until("the extra threads have ended", || pool.stats().threads == 2);
    pool.shutdown();
    until_ended(&pool);
}

#[test]
fn a_task_may_wait_for_what_it_has_scheduled_itself() {
    let pool = pool(1);
    let (sender, receiver) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    let inside = pool.clone();
    pool.schedule(once(move || {
        inside.schedule(once(move || sender.send(()).unwrap()));
        done.send(receiver.recv_timeout(PATIENCE)).unwrap();
    }));
    assert_eq!(is_done.recv_timeout(PATIENCE), Ok(Ok(())));
    assert!(pool.stats().detachments >= 1);
    pool.shutdown();
}

#[test]
fn what_a_detached_worker_leaves_is_run_exactly_once() {
    const CHILDREN: usize = 20_000;
    for _ in 0..5 {
        let pool = pool(1);
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..CHILDREN).map(|_| 0.into()).collect());
        let (sender, receiver) = mpsc::channel();
        let (inside, counted) = (pool.clone(), Arc::clone(&runs));
        pool.schedule(turns(move |_| {
            let child = |number: usize| {
                let runs = Arc::clone(&counted);
                once(move || {
                    runs[number].fetch_add(1, Ordering::Relaxed);
                })
            };
            // Half of them into its own queue, half when that is no longer its own.
            (0..CHILDREN / 2).for_each(|number| inside.schedule(child(number)));
            until("it is detached", || inside.stats().detachments > 0);
            (CHILDREN / 2..CHILDREN).for_each(|number| inside.schedule(child(number)));
            Some(once(move || sender.send(()).unwrap()))
        }));
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()), "it goes on elsewhere");
        pool.shutdown();
        let once_each = || runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1);
        until("all have been run", once_each);
        until_ended(&pool);
        assert!(once_each());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_detached_thread_makes_way_for_others() {
    use rustix::process::getpriority_process;
    use rustix::thread::gettid;

    let pool = pool(1);
    let (sender, receiver) = mpsc::channel();
    pool.schedule(once(move || {
        let own = || getpriority_process(Some(gettid())).unwrap();
        let before = own();
        until("its priority is lower", || own() > before);
        sender.send(()).unwrap();
    }));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    pool.shutdown();
}

#[test]
fn at_the_limit_the_oldest_is_asked_to_give_up() {
    let pool: Pool<Job> = Pool::builder().workers(1).max_threads(2).build().unwrap();
    assert!(!pool.is_shed(), "this is no worker");
    let (told, tells) = mpsc::channel();

    let (inside, says) = (pool.clone(), told.clone());
    let old_gave_up = Arc::new(AtomicBool::new(false));
    let gave_up = Arc::clone(&old_gave_up);
    pool.schedule(once(move || {
        until("it is shed", || inside.is_shed());
        says.send("the old one gave up").unwrap();
        gave_up.store(true, Ordering::Release);
    }));
    until("the first is detached", || pool.stats().detachments == 1);
    assert!(!old_gave_up.load(Ordering::Acquire), "there is room for one");

    let inside = pool.clone();
    let says = told.clone();
    pool.schedule(once(move || {
        until("the first gives up", || old_gave_up.load(Ordering::Acquire));
        assert!(!inside.is_shed(), "the younger one may stay");
        says.send("the young one goes").unwrap();
    }));
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("the old one gave up"));
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("the young one goes"));

    pool.schedule(once(move || told.send("and others run").unwrap()));
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("and others run"));
    pool.shutdown();
    until_ended(&pool);
}

// ---- time

/// Tells of everything that it is called for, and does as it is told.
struct Witness {
    ticks: Arc<AtomicU64>,
    wakes: Arc<AtomicU64>,
    expire: Box<dyn Fn(Instant) -> Option<Instant> + Send + Sync>,
}

impl Witness {
    fn new(expire: impl Fn(Instant) -> Option<Instant> + Send + Sync + 'static) -> Self {
        Self { ticks: Arc::default(), wakes: Arc::default(), expire: Box::new(expire) }
    }
}

impl Timekeeper for Witness {
    fn tick(&self, _now: Instant) {
        self.ticks.fetch_add(1, Ordering::SeqCst);
    }

    fn expire(&self, now: Instant) -> Option<Instant> {
        (self.expire)(now)
    }

    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until the timer thread no longer ticks.
fn until_asleep(pool: &Pool<Job>) {
    until("the timer thread sleeps", || pool.shared.timer.asleep());
}

#[test]
fn expire_is_called_when_it_is_due() {
    let (sender, receiver) = mpsc::channel();
    // The third wait is long enough for the ticks to end before.
    let waits = [3, 10, 200].map(Duration::from_millis);
    let calls = AtomicUsize::new(0);
    let witness = Witness::new(move |now| {
        let due = waits.get(calls.fetch_add(1, Ordering::Relaxed)).map(|wait| now + *wait);
        sender.send((now, due)).unwrap();
        due
    });
    let pool: Pool<Job> = Pool::builder().workers(1).timekeeper(witness).build().unwrap();
    let mut due = None;
    for _ in 0..=waits.len() {
        let (now, next) = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(due.is_none_or(|due| now >= due), "not before it is due");
        due = next;
    }
    assert!(due.is_none());
    pool.shutdown();
    until_ended(&pool);
    assert!(receiver.try_recv().is_err(), "nothing more was due");
}

#[test]
fn an_alarm_is_never_lost() {
    let (sender, receiver) = mpsc::channel();
    let witness = Witness::new(move |_| {
        sender.send(()).unwrap();
        None
    });
    let pool: Pool<Job> = Pool::builder().workers(1).timekeeper(witness).build().unwrap();
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()), "once at the start");
    // While it ticks, and when it sleeps.
    for round in 0..20_000 {
        if round == 10_000 {
            until_asleep(&pool);
        }
        pool.alarm();
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()), "alarm {round}");
    }
    pool.shutdown();
}

#[test]
fn an_alarm_during_expire_makes_it_run_again() {
    let (entered, enters) = mpsc::channel();
    let (gate, closed) = mpsc::channel::<()>();
    let closed = parking_lot::Mutex::new(closed);
    // Waiting for a channel parks the thread: it swallows the wake-up meant for its loop.
    let witness = Witness::new(move |_| {
        entered.send(()).unwrap();
        closed.lock().recv_timeout(PATIENCE).unwrap();
        None
    });
    let pool: Pool<Job> = Pool::builder().workers(1).timekeeper(witness).build().unwrap();
    assert_eq!(enters.recv_timeout(PATIENCE), Ok(()));
    gate.send(()).unwrap();
    until_asleep(&pool);
    for _ in 0..1_000 {
        pool.alarm();
        assert_eq!(enters.recv_timeout(PATIENCE), Ok(()));
        pool.alarm();
        gate.send(()).unwrap();
        assert_eq!(enters.recv_timeout(PATIENCE), Ok(()));
        gate.send(()).unwrap();
    }
    pool.shutdown();
    until_ended(&pool);
}

#[test]
fn it_ticks_only_while_there_is_work() {
    let witness = Witness::new(|_| None);
    let (ticks, wakes) = (Arc::clone(&witness.ticks), Arc::clone(&witness.wakes));
    let pool: Pool<Job> = Pool::builder().workers(2).timekeeper(witness).build().unwrap();
    for round in 1..=3 {
        until_asleep(&pool);
        let before = ticks.load(Ordering::SeqCst);
        // Nothing is waited for here: time passes in which nothing may happen.
        thread::sleep(Duration::from_millis(20));
        assert_eq!(ticks.load(Ordering::SeqCst), before, "no work, no ticks");

        let (sender, receiver) = mpsc::channel();
        let (its_ticks, its_wakes) = (Arc::clone(&ticks), Arc::clone(&wakes));
        pool.schedule(once(move || {
            let woken = its_wakes.load(Ordering::SeqCst);
            until("ticks while it runs", || its_ticks.load(Ordering::SeqCst) >= before + 5);
            sender.send(woken).unwrap();
        }));
        let woken = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(woken >= round, "woken before the task ran");
    }
    pool.shutdown();
    until_ended(&pool);
}

/// A worker that goes from idle to busy must find the timer thread ticking, or make it tick: or
/// a task that never ends would never be noticed.
#[test]
fn a_task_that_blocks_is_noticed_whenever_it_comes() {
    let pool = pool(1);
    for round in 1..=30 {
        if round % 3 == 0 {
            until_asleep(&pool);
        }
        let (gate, closed) = mpsc::channel::<()>();
        let (ended, ends) = mpsc::channel();
        pool.schedule(once(move || ended.send(closed.recv_timeout(PATIENCE)).unwrap()));
        until("it is detached", || pool.stats().detachments >= round);
        gate.send(()).unwrap();
        assert_eq!(ends.recv_timeout(PATIENCE), Ok(Ok(())));
    }
    pool.shutdown();
    until_ended(&pool);
}

// ---- the end

#[test]
fn shutdown_runs_what_is_queued() {
    for round in 0..200 {
        let pool = pool(1 + round % 3);
        let runs = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let (inside, counted) = (pool.clone(), Arc::clone(&runs));
            pool.schedule(once(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                inside.schedule(once(move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                }));
            }));
        }
        // Perhaps before a single worker has begun.
        pool.shutdown();
        // Unless somebody was detached on a busy machine, all has been run by now.
        if pool.stats().detachments == 0 {
            assert_eq!(runs.load(Ordering::SeqCst), 40);
        }
        until_ended(&pool);
        assert_eq!(runs.load(Ordering::SeqCst), 40);
    }
}

#[test]
fn shutdown_does_not_wait_for_who_does_not_return_but_for_the_rest() {
    let pool = pool(1);
    let (gate, closed) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let inside = pool.clone();
    pool.schedule(turns(move |_| {
        closed.recv_timeout(PATIENCE).unwrap();
        let again = sender.clone();
        inside.schedule(once(move || sender.send("what it scheduled").unwrap()));
        Some(once(move || again.send("its next turn").unwrap()))
    }));
    until("it is detached", || pool.stats().detachments == 1);
    pool.shutdown();
    until("the others have ended", || pool.stats().threads == 1);
    // Nobody is there but the one that comes back, and what it brings is run.
    gate.send(()).unwrap();
    let mut heard = [(); 2].map(|()| receiver.recv_timeout(PATIENCE).unwrap());
    heard.sort_unstable();
    assert_eq!(heard, ["its next turn", "what it scheduled"]);
    until_ended(&pool);
}

#[test]
fn shutdown_from_inside_a_task_does_not_wait_for_itself() {
    let pool = pool(1);
    let (sender, receiver) = mpsc::channel();
    let inside = pool.clone();
    pool.schedule(once(move || {
        inside.shutdown();
        sender.send(()).unwrap();
    }));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(()));
    until_ended(&pool);
    pool.shutdown();
}

#[test]
fn what_is_scheduled_too_late_is_dropped() {
    struct Held(#[expect(dead_code)] Pool<Job>);
    for _ in 0..200 {
        let pool = pool(1);
        let held = Arc::new(Held(pool.clone()));
        let weak: Weak<Held> = Arc::downgrade(&held);
        pool.close();
        // It ends while this schedules: the task is run or dropped, but not kept.
        pool.schedule(once(move || drop(held)));
        until("the task is gone", || weak.strong_count() == 0);
        until_ended(&pool);
        let held = Arc::new(Held(pool.clone()));
        let weak = Arc::downgrade(&held);
        pool.schedule(once(move || drop(held)));
        assert_eq!(weak.strong_count(), 0, "nobody is there");
    }
}

/// Runs a test of this module again, in a process of its own, which can tell by the variable.
fn again(test: &str, variable: &str, stack: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([&format!("tests::{test}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(variable, "yes")
        .env("RUST_MIN_STACK", stack)
        .output()
        .unwrap()
}

#[test]
fn a_panic_ends_the_process() {
    const INSIDE: &str = "CASTCALL_RUNTIME_TEST_PANICS";
    if std::env::var_os(INSIDE).is_some() {
        let pool = pool(1);
        pool.schedule(once(|| panic!("on purpose")));
        thread::sleep(PATIENCE);
        return;
    }
    let output = again("a_panic_ends_the_process", INSIDE, "2097152");
    assert_eq!(output.status.code(), None, "ended by a signal: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("on purpose"));
}

// ---- no threads

#[cfg(target_os = "linux")]
#[test]
fn a_pool_without_threads_is_not_built() {
    const INSIDE: &str = "CASTCALL_RUNTIME_TEST_NO_THREADS";
    if std::env::var_os(INSIDE).is_some() {
        let refused = Pool::builder().build::<Job>().expect_err("no stack is that large");
        let said = refused.to_string();
        assert!(said.starts_with("a worker thread could not be started: "), "{said}");
        assert!(std::error::Error::source(&refused).is_some());
        return;
    }
    let output = again("a_pool_without_threads_is_not_built", INSIDE, "1000000000000000");
    assert!(output.status.success(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_whom_nobody_can_follow_goes_on() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    const INSIDE: &str = "CASTCALL_RUNTIME_TEST_NOBODY_FOLLOWS";
    const STACK: u64 = 1 << 32;
    if std::env::var_os(INSIDE).is_some() {
        let pool = pool(1);
        let (entered, enters) = mpsc::channel();
        let (gate, closed) = mpsc::channel::<()>();
        pool.schedule(once(move || {
            entered.send(()).unwrap();
            closed.recv_timeout(PATIENCE).unwrap();
        }));
        assert_eq!(enters.recv_timeout(PATIENCE), Ok(()));
        // Room for everything but another stack.
        let sizes = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = sizes.split(' ').next().unwrap().parse().unwrap();
        let limit = Rlimit { current: Some(pages * 4096 + STACK / 2), ..getrlimit(Resource::As) };
        setrlimit(Resource::As, limit).unwrap();
        until("nobody can follow", || {
            pool.stats().detachments == 1 && pool.shared.vacant.load(Ordering::SeqCst) == 1
        });
        gate.send(()).unwrap();
        for round in 0..100 {
            let (sender, receiver) = mpsc::channel();
            let inside = pool.clone();
            pool.schedule(once(move || sender.send((round, inside.is_shed())).unwrap()));
            // Who held the place up was asked to give up, and not who comes after it.
            assert_eq!(receiver.recv_timeout(PATIENCE), Ok((round, false)));
        }
        assert_eq!(pool.stats().threads, 1);
        pool.shutdown();
        until_ended(&pool);
        return;
    }
    let output = again("a_worker_whom_nobody_can_follow_goes_on", INSIDE, &STACK.to_string());
    assert!(output.status.success(), "{output:?}");
}

// ---- the rest

#[test]
fn what_it_says_of_itself() {
    let builder = Pool::builder().workers(3).max_threads(1);
    assert_eq!(
        format!("{builder:?}"),
        "Builder { workers: Some(3), max_threads: Some(1), linger: None, .. }"
    );
    let pool: Pool<Job> = builder.build().unwrap();
    until("all sleep", || pool.stats().idle == 3);
    let said = format!("{pool:?}");
    assert_eq!(said, "Pool { stats: PoolStats { threads: 3, idle: 3, detachments: 0 }, .. }");
    pool.shutdown();

    let defaults: Pool<()> = Pool::builder().workers(0).build().unwrap();
    assert_eq!(defaults.stats().threads, thread::available_parallelism().unwrap().get());
    defaults.schedule(());
    defaults.shutdown();
}

#[test]
fn one_sleeper_in_particular_can_be_woken() {
    let idle = Idle::new();
    let parkers = [Parker::new(), Parker::new(), Parker::new()];
    for (number, parker) in parkers.iter().enumerate() {
        idle.enter(number, parker.unparker().clone());
    }
    idle.wake(7);
    assert_eq!(idle.count(), 3);
    idle.wake(1);
    assert_eq!(idle.count(), 2);
    parkers[1].park();
    idle.wake(1);
    assert_eq!(idle.count(), 2);
}
