//! What recording costs a sender: off, denials alone, and on, at 100,000 casts a second and as fast
//! as it goes, beside bare queues and in a path of some 400 ns, which is what a cast takes.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use castcall_audit::{
    Audit, AuditConfig, Denial, Kind, Level, Name, NameCache, Record, Sink, Sinks, What,
};
use castcall_core::{ComponentId, Timestamp};
use criterion::{Criterion, criterion_group};
use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;

/// Counts what it is given.
struct Nowhere;

impl Sink for Nowhere {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        black_box(lines);
        Ok(())
    }
}

fn audit(level: Level) -> Audit {
    let mut config = AuditConfig::default();
    config.level = level;
    let sinks = Sinks { all: Some(Box::new(Nowhere)), denials: Some(Box::new(Nowhere)) };
    Audit::to(&config, sinks).unwrap()
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn names(audit: &Audit) -> (Name, Name) {
    (audit.name(&id("shop/orders")), audit.name(&id("shop/stock")))
}

#[inline]
fn cast(audit: &Audit, (who, whom): &(Name, Name), at: u64) {
    if audit.is_on() {
        let at = Timestamp::from_unix_nanos(at);
        let record = Record::new(Kind::Send, at, who).what(What::Cast).whom(whom);
        audit.record(record.codec(0x51).size(64).trace_id(Some([7; 16])));
    }
}

fn delivery(audit: &Audit, (who, whom): &(Name, Name), at: u64) {
    if audit.is_on() {
        let at = Timestamp::from_unix_nanos(at);
        let record = Record::new(Kind::Delivery, at, who).what(What::Cast).whom(whom);
        audit.record(record.codec(0x51).size(64).trace_id(Some([7; 16])));
    }
}

/// In a loop, so that what is on is saturated.
fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("audit");
    for (name, level) in
        [("off", Level::Off), ("denials alone", Level::Denials), ("on, saturated", Level::All)]
    {
        let audit = audit(level);
        let names = names(&audit);
        let mut n = 0;
        group.bench_function(format!("record/{name}"), |b| {
            b.iter(|| {
                n += 1;
                cast(black_box(&audit), black_box(&names), n);
            });
        });
        if level == Level::All {
            println!("of {n} records {:.0} % dropped", percent(audit.status().dropped, n));
        }
    }
    let audit = audit(Level::All);
    let (who, whom) = names(&audit);
    let pair = (who.clone(), whom);
    let mut n = 0;
    group.throughput(criterion::Throughput::Elements(4_000));
    group.bench_function("4,000 records, recorded and written", |b| {
        b.iter(|| {
            for _ in 0..4_000 {
                n += 1_000_000;
                cast(&audit, &pair, n);
            }
            audit.flush().unwrap();
        });
    });
    group.throughput(criterion::Throughput::Elements(1));
    group.bench_function("deny, one flood", |b| {
        b.iter(|| {
            let denial = Denial::new(Timestamp::from_unix_nanos(1), &who, What::Cast, "bank/vault");
            audit.deny(black_box(denial));
        });
    });
    let (sender, mut cache) = (id("shop/orders"), NameCache::default());
    group.bench_function("a name from the cache", |b| {
        b.iter(|| black_box(&mut cache).get(black_box(&audit), black_box(&sender)) as *const Name);
    });
    group.bench_function("a name from the audit", |b| b.iter(|| audit.name(black_box(&sender))));
    group.finish();
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn percent(part: u64, of: u64) -> f64 {
    part as f64 * 100.0 / of as f64
}

/// Some 400 ns that nothing can be left out of.
struct Path(u64);

impl Path {
    fn new() -> Self {
        let mut path = Self(1_000_000);
        let began = Instant::now();
        path.walk();
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap().max(1);
        path.0 = 1_000_000 * 400 / nanos;
        path
    }

    fn walk(&mut self) {
        let mut x = black_box(1_u64);
        for _ in 0..self.0 {
            x = black_box(x.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
    }
}

const BURST: u32 = 100;

/// For so long, 100 of them at each millisecond: the median of what one took, in nanoseconds.
fn paced(time: Duration, run: impl FnMut(u64)) -> f64 {
    steady(time, Duration::from_millis(1), run)
}

fn steady(time: Duration, every: Duration, mut run: impl FnMut(u64)) -> f64 {
    let mut took = Vec::new();
    let began = Instant::now();
    let (mut next, mut n) = (began, 0);
    while began.elapsed() < time {
        while Instant::now() < next {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        for _ in 0..BURST {
            n += 1;
            run(n);
        }
        took.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(BURST));
        next = (next + every).max(start);
    }
    median(took)
}

/// A bare queue, emptied by another thread each 5 ms.
fn drained<T: Send + 'static>(
    pop: impl FnMut() -> Option<T> + Send + 'static,
    run: impl FnOnce() -> f64,
) -> f64 {
    let done = Arc::new(AtomicBool::new(false));
    let drain = thread::spawn({
        let (done, mut pop) = (Arc::clone(&done), pop);
        move || {
            while !done.load(Ordering::Relaxed) {
                while let Some(item) = pop() {
                    black_box(item);
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let took = run();
    done.store(true, Ordering::Relaxed);
    drain.join().unwrap();
    took
}

type Event = [u64; 9];

fn at_100_000_a_second() {
    const TIME: Duration = Duration::from_secs(3);
    let event = |n| black_box([n, 1, 2, 3, 4, 5, 6, 7, 8]) as Event;
    println!("\nat 100,000 a second, 100 each millisecond; median ns");
    let loop_alone = paced(TIME, |n| {
        black_box(n);
    });
    let show = |what: &str, ns: f64| println!("  {what:<48} {:>7.1}", ns - loop_alone);

    for (name, level) in [("off", Level::Off), ("on", Level::All)] {
        let audit = audit(level);
        let names = names(&audit);
        show(&format!("record, {name}"), paced(TIME, |n| cast(&audit, &names, n)));
        if level == Level::All {
            println!("  {:<48} {:>7}", "  of these dropped", audit.status().dropped);
        }
    }
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Event>::new(8_192);
    let pop = move || consumer.pop().ok();
    let ns = drained(pop, || {
        paced(TIME, |n| {
            let _ = producer.push(event(n));
        })
    });
    show("bare rtrb", ns);
    let queue = Arc::new(ArrayQueue::<Event>::new(8_192));
    let other = Arc::clone(&queue);
    let ns = drained(
        move || other.pop(),
        || {
            paced(TIME, |n| {
                let _ = queue.push(event(n));
            })
        },
    );
    show("bare crossbeam ArrayQueue", ns);
    let vec = Arc::new(Mutex::new(Vec::<Event>::with_capacity(8_192)));
    let other = Arc::clone(&vec);
    let swap = move || {
        let full = std::mem::replace(&mut *other.lock(), Vec::with_capacity(8_192));
        (!full.is_empty()).then_some(full)
    };
    let ns = drained(swap, || paced(TIME, |n| vec.lock().push(event(n))));
    show("bare Mutex<Vec>, swapped", ns);
}

/// In turns, so that what else the machine does hits all alike.
fn in_a_path() {
    const ROUNDS: usize = 15;
    const TIME: Duration = Duration::from_millis(300);
    println!("\na path of some 400 ns at 100,000 a second; median ns, and the ratio");
    let (off, on) = (audit(Level::Off), audit(Level::All));
    let (no_names, names) = (names(&off), names(&on));
    let mut path = Path::new();
    let mut took = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        took[0].push(paced(TIME, |n| {
            path.walk();
            cast(&off, &no_names, n);
        }));
        took[1].push(paced(TIME, |n| {
            path.walk();
            cast(&on, &names, n);
        }));
        took[2].push(paced(TIME, |n| {
            path.walk();
            cast(&on, &names, n);
            delivery(&on, &names, n);
        }));
    }
    let medians = took.map(median);
    for (what, ns) in ["off", "send recorded", "send and delivery recorded"].iter().zip(medians) {
        println!("  {what:<48} {ns:>7.1}   {:.3}", ns / medians[0]);
    }
    println!("  {:<48} {:>7}", "  of these dropped", on.status().dropped);

    println!("\nthe same as fast as it goes");
    let before = on.status().dropped;
    let mut took = [const { Vec::new() }; 2];
    let mut recorded = 0;
    for _ in 0..ROUNDS {
        took[0].push(steady(TIME, Duration::ZERO, |n| {
            path.walk();
            cast(&off, &no_names, n);
        }));
        took[1].push(steady(TIME, Duration::ZERO, |n| {
            path.walk();
            cast(&on, &names, n);
            recorded += 1;
        }));
    }
    let medians = took.map(median);
    for (what, ns) in ["off", "send recorded"].iter().zip(medians) {
        println!("  {what:<48} {ns:>7.1}   {:.3}", ns / medians[0]);
    }
    let dropped = percent(on.status().dropped - before, recorded);
    println!("  {:<48} {dropped:>7.1} %", "  of these dropped");
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

criterion_group!(benches, calls);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    at_100_000_a_second();
    in_a_path();
}
