//! Many threads at one table.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use castcall_core::CorrelationId;
use castcall_correlation::{CancelRefusal, Entry, PendingTable, Resolution};

/// Runs its closure in the end, also if that is a panic: others wait for it.
struct AtTheEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtTheEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn every_call_ends_exactly_once() {
    const CALLERS: usize = 3;
    const CALLS: usize = 30_000;
    let table = PendingTable::<usize, usize>::new();
    let ends: Vec<AtomicU8> = (0..CALLERS * CALLS).map(|_| AtomicU8::new(0)).collect();
    let end = |entry: Entry<usize, usize>| {
        ends[entry.sink].fetch_add(1, SeqCst);
    };
    let end_any = |resolution| match resolution {
        Resolution::Live(entry) | Resolution::Expired(entry) => end(entry),
        Resolution::Unknown => {}
    };
    let callers = AtomicUsize::new(CALLERS);
    let (to_answer, answering) = mpsc::channel();
    let (to_cancel, cancelling) = mpsc::channel();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (table, callers) = (&table, &callers);
            let (to_answer, to_cancel) = (to_answer.clone(), to_cancel.clone());
            scope.spawn(move || {
                let _left = AtTheEnd(|| _ = callers.fetch_sub(1, SeqCst));
                for call in 0..CALLS {
                    let id = if call % 2 == 0 { table.new_id() } else { CorrelationId::new() };
                    let timeout = Duration::from_nanos(1 << (call % 30));
                    let deadline = Instant::now() + timeout;
                    let (owner, target) = (call % 7, call % 11);
                    let sink = caller * CALLS + call;
                    let ticket = table.register(id, &owner, &target, deadline, sink).unwrap();
                    // Both race for some of the calls, with each other and with the timer.
                    if call % 3 != 0 {
                        to_answer.send((id, ticket)).unwrap();
                    }
                    if call % 3 != 1 {
                        to_cancel.send((id, owner)).unwrap();
                    }
                }
            });
        }
        drop((to_answer, to_cancel));
        scope.spawn(|| {
            for (nth, (id, ticket)) in answering.into_iter().enumerate() {
                end_any(match nth % 4 {
                    0 => table.fail(ticket, Instant::now()),
                    1 => table.resolve_id(id, Instant::now()),
                    _ => table.resolve(ticket, Instant::now()),
                });
            }
        });
        scope.spawn(|| {
            for (id, owner) in cancelling {
                let stranger = table.cancel(id, &(owner + 1), Instant::now());
                assert!(matches!(stranger, Err(CancelRefusal::NotOwner | CancelRefusal::NotFound)));
                match table.cancel(id, &owner, Instant::now()) {
                    Ok(entry) | Err(CancelRefusal::Expired(entry)) => end(entry),
                    Err(_) => {}
                }
            }
        });
        scope.spawn(|| {
            for round in 0.. {
                if callers.load(SeqCst) == 0 {
                    break;
                }
                table.expire(Instant::now(), end);
                match round % 64 {
                    0 => table.end_owner(&(round % 7), end),
                    1 => table.end_target(&(round % 11), end),
                    2 => {
                        table.shrink();
                        0
                    }
                    _ => 0,
                };
            }
        });
    });
    table.expire(Instant::now() + Duration::from_secs(60), end);
    assert_eq!(table.pending_count(), 0);
    assert!(ends.iter().all(|ends| ends.load(SeqCst) == 1));
    let counts = table.counts();
    assert_eq!(counts.registered, (CALLERS * CALLS) as u64);
    let gone = counts.target_gone + counts.owner_gone;
    let ended = counts.completed + counts.timed_out + counts.cancelled + gone;
    assert_eq!(ended, counts.registered);
}

/// One driver sleeps as `arm` tells it, and is woken by nothing but the alarm. A deadline that it
/// misses it would sleep through: one call is due in an hour, and nobody else registers.
#[test]
fn the_driver_misses_no_deadline() {
    const ROUNDS: usize = 20_000;
    let stop = AtomicBool::new(false);
    let ended = AtomicUsize::new(0);
    let table = PendingTable::<u8, ()>::new();
    thread::scope(|scope| {
        let driver = scope.spawn(|| {
            while !stop.load(SeqCst) {
                let now = Instant::now();
                table.expire(now, |entry| {
                    assert!(entry.deadline() <= now);
                    ended.fetch_add(1, SeqCst);
                });
                match table.arm(now) {
                    Some(next) => {
                        thread::park_timeout(next.saturating_duration_since(Instant::now()));
                    }
                    None => thread::park(),
                }
            }
        });
        let driver = driver.thread().clone();
        let alarm = driver.clone();
        let stopped = AtTheEnd(|| {
            stop.store(true, SeqCst);
            driver.unpark();
        });
        table.set_alarm(Arc::new(move || alarm.unpark())).unwrap();
        let hour = Instant::now() + Duration::from_secs(3_600);
        table.register(CorrelationId::new(), &1, &2, hour, ()).unwrap();
        driver.unpark();
        let mut in_time = true;
        for round in 0..ROUNDS {
            // Sooner or later after the last call ended, to meet the driver at each of its steps.
            (0..round % 256).for_each(|_| std::hint::spin_loop());
            let registered = Instant::now();
            let deadline = registered + Duration::from_nanos(round as u64 * 7_919 % 5_000);
            table.register(CorrelationId::new(), &1, &2, deadline, ()).unwrap();
            let mut spins = 0;
            while in_time && ended.load(SeqCst) <= round {
                spins += 1;
                if spins % 1_024 == 0 {
                    thread::yield_now();
                    in_time = registered.elapsed() < Duration::from_secs(20);
                }
            }
        }
        drop(stopped);
        assert!(in_time, "the driver slept through a deadline");
    });
}
