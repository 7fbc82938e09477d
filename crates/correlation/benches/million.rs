//! What a million pending calls change: `cargo bench -p castcall-correlation --bench million`.
//!
//! How late timeouts come, and that none comes early; what ending one owner costs; what a call
//! costs beside others that wait; how much memory each takes (Linux). Prints the machine's load,
//! since a busy machine is late by its own doing.

use std::fs;
use std::hint::black_box;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use castcall_core::{ComponentId, CorrelationId, RequestMessage, ResponseMessage};
use castcall_correlation::{CorrelationTracker, PendingRequest, PendingTable, TrackerLimits};

const MILLION: usize = 1_000_000;

fn main() {
    println!("load average before: {}", load());
    lateness(0);
    lateness(MILLION);
    ending_an_owner();
    active_among_idle();
    println!("load average after: {}", load());
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned()).trim().to_owned()
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn tracker() -> CorrelationTracker {
    let limits = TrackerLimits { max_pending_per_owner: usize::MAX, ..Default::default() };
    CorrelationTracker::with_limits(limits)
}

fn far_off() -> Duration {
    Duration::from_millis(600_000 + fastrand::u64(..600_000))
}

fn register(
    tracker: &CorrelationTracker,
    id: CorrelationId,
    [from, to]: [&ComponentId; 2],
    timeout: Duration,
    sink: impl FnOnce(ResponseMessage) + Send + 'static,
) {
    let (from, to) = (from.clone(), to.clone());
    let requested_at = Instant::now();
    let correlation_id = id;
    let request =
        PendingRequest { correlation_id, response_tx: sink, requested_at, timeout, from, to };
    assert!(tracker.register_pending(request).is_ok());
}

/// 4,000 timeouts spread over 2 s, expired by the tracker's own task.
fn lateness(others: usize) {
    const TIMEOUTS: usize = 4_000;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.unwrap();
    let _entered = runtime.enter();
    let tracker = tracker();
    let owners: Vec<_> = (0..1_000).map(|number| id(&format!("bench/{number}"))).collect();
    let ends = || [&owners[fastrand::usize(..1_000)], &owners[fastrand::usize(..1_000)]];
    let before = resident();
    for _ in 0..others {
        register(&tracker, CorrelationId::new(), ends(), far_off(), drop);
    }
    if let (Some(before), Some(after), 1..) = (before, resident(), others) {
        println!("memory: {} bytes for each of {others}", (after - before) / others as u64);
    }
    let (sender, receiver) = mpsc::channel();
    for _ in 0..TIMEOUTS {
        let timeout = Duration::from_micros(100_000 + fastrand::u64(..2_000_000));
        let sender = sender.clone();
        // Taken before the request's own clock starts: what is measured is too late by that.
        let deadline = Instant::now() + timeout;
        let sink = move |_| {
            let now = Instant::now();
            sender.send((now.saturating_duration_since(deadline), now < deadline)).unwrap();
        };
        register(&tracker, CorrelationId::new(), ends(), timeout, sink);
    }
    let ended: Vec<_> = receiver.iter().take(TIMEOUTS).collect();
    assert!(ended.iter().all(|(_, early)| !early), "a timeout came early");
    assert_eq!(tracker.pending_count(), others);
    let mut late: Vec<_> = ended.iter().map(|(late, _)| *late).collect();
    late.sort_unstable();
    println!(
        "lateness of {TIMEOUTS} timeouts beside {others} pending: p50 {:?}, p99 {:?}, max {:?}, \
         none early",
        late[TIMEOUTS / 2],
        late[TIMEOUTS * 99 / 100],
        late[TIMEOUTS - 1]
    );
}

/// Bytes of memory that the process holds.
fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4_096)
}

/// Owners of ten calls each: one and the same, ended and registered again and again, in a table
/// of so many; and another one each time, whose calls are in no cache.
fn ending_an_owner() {
    let measure = |calls: usize| {
        let table = PendingTable::<u64, ()>::new();
        let owners = calls as u64 / 10;
        let deadline = Instant::now() + Duration::from_secs(3_600);
        let own = |owner| {
            for _ in 0..10 {
                let target = fastrand::u64(..1_000);
                table.register(table.new_id(), &owner, &target, deadline, ()).unwrap();
            }
        };
        (0..10 * owners).for_each(|call| {
            // In turn, so that an owner's calls do not lie side by side.
            let owner = call % owners;
            let target = fastrand::u64(..1_000);
            table.register(table.new_id(), &owner, &target, deadline, ()).unwrap();
        });
        let median = |choose: &dyn Fn(u64) -> u64| {
            let mut times: Vec<_> = (0..5_000)
                .map(|round| {
                    let owner = choose(round);
                    let start = Instant::now();
                    let count = table.end_owner(&owner, |entry| _ = black_box(entry));
                    let time = start.elapsed();
                    assert_eq!(count, 10);
                    own(owner);
                    time
                })
                .collect();
            times.sort_unstable();
            times[times.len() / 2]
        };
        (median(&|_| 7), median(&|round| round * 7_919 % owners))
    };
    let (few, million) = (measure(1_000), measure(MILLION));
    let ratio = |one: Duration, other: Duration| other.as_secs_f64() / one.as_secs_f64();
    println!(
        "end_owner of 10 calls among 1,000 / among 1,000,000: the same owner {:?} / {:?} ({:.2}), \
         another each time {:?} / {:?} ({:.2})",
        few.0,
        million.0,
        ratio(few.0, million.0),
        few.1,
        million.1,
        ratio(few.1, million.1)
    );
}

/// Resolves and registers one of 1,000 calls, beside none or a million that only wait; then any of
/// them all. Rounds of each in turn, so that the machine's moods meet all.
fn active_among_idle() {
    const ACTIVE: usize = 1_000;
    let owners: Vec<_> = (0..1_000).map(|number| id(&format!("bench/{number}"))).collect();
    let make = |count: usize| {
        let tracker = tracker();
        let requests: Vec<_> = (0..count)
            .map(|number| {
                let (from, to) = (&owners[number % 1_000], &owners[number * 7 % 1_000]);
                let request = RequestMessage::new(from.clone(), to.clone(), "request", 900_000);
                let response = ResponseMessage::success(&request, "answer");
                register(&tracker, request.correlation_id, [from, to], far_off(), |_| ());
                response
            })
            .collect();
        (tracker, requests)
    };
    let (few, many) = (make(ACTIVE), make(ACTIVE + MILLION));
    let time = |(tracker, responses): &(CorrelationTracker, Vec<ResponseMessage>), among: usize| {
        let chosen: Vec<_> = (0..2_000).map(|_| fastrand::usize(..among)).collect();
        let start = Instant::now();
        for number in chosen {
            let response = &responses[number];
            tracker.resolve(response.clone()).unwrap();
            let ends = [&response.to, &response.from];
            let timeout = Duration::from_secs(900);
            register(tracker, response.correlation_id, ends, timeout, |_| ());
        }
        start.elapsed().as_nanos() as f64 / 2_000.0
    };
    let mut rounds: [Vec<f64>; 3] = Default::default();
    for _ in 0..200 {
        rounds[0].push(time(&few, ACTIVE));
        rounds[1].push(time(&many, ACTIVE));
        rounds[2].push(time(&many, ACTIVE + MILLION));
    }
    let [few, beside, any] = rounds.map(|mut round| {
        round.sort_unstable_by(f64::total_cmp);
        round[round.len() / 2]
    });
    println!(
        "resolve and register one of 1,000: {few:.0} ns alone, {beside:.0} ns beside a million \
         ({:.2}); any of 1,001,000: {any:.0} ns ({:.2})",
        beside / few,
        any / few
    );
}
