//! How long a message is under way when nothing else is: from idle, and while the receiver is half
//! busy. Through castcall, and through a bare channel of tokio to a thread that enters the same
//! guest, in turns, so that both meet the same noise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use castcall::{Bytes, Context, Message, MessagingError, System};
use castcall_benches::host::{Host, TIMEOUT};
use castcall_benches::lane::Lane;
use castcall_benches::settings::{current_thread, payload};
use tokio::sync::mpsc;

use crate::floors::Entered;
use crate::suite::Suite;

/// How often it is changed from one to the other.
const BLOCKS: usize = 20;

pub(crate) fn run(suite: &mut Suite) {
    suite.measured("wake-up", |less| {
        let paths = paths();
        for _ in 0..BLOCKS {
            paths.iter().for_each(|(_, path)| from_idle(path, 100 / less.min(20)));
        }
        report("wake-up", &paths, &[("p50", 0.5), ("p99", 0.99)])
    });
    suite.measured("half-load", |less| {
        let paths = paths();
        let count = 20_000 / less;
        // The slowest path's: what it can do at most, in messages of which half are sent.
        let service = paths.iter().map(|(_, path)| service_time(path, count)).max();
        let gap = 2 * service.unwrap_or_default();
        for block in 0..BLOCKS {
            paths.iter().for_each(|(_, path)| paced(path, count, gap, block as u64));
        }
        report("half-load", &paths, &[("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)])
    });
}

/// A way to send a message that says when it was due.
struct Path {
    /// False: there is no room now.
    send: Box<dyn Fn([u8; 64]) -> bool>,
    arrivals: Arc<Arrivals>,
}

/// When messages were handled, in nanoseconds after they were due.
struct Arrivals {
    epoch: Instant,
    count: AtomicUsize,
    /// Those that count.
    nanos: Vec<AtomicU64>,
    kept: AtomicUsize,
    keeps: AtomicUsize,
}

/// Where a message says when it was due.
const DUE: std::ops::Range<usize> = 8..16;

impl Arrivals {
    fn new() -> Self {
        let nanos = (0..1 << 20).map(|_| AtomicU64::new(0)).collect();
        let (count, kept, keeps) = Default::default();
        Self { epoch: Instant::now(), count, nanos, kept, keeps }
    }

    fn arrived(&self, message: &[u8]) {
        let due = message[DUE].try_into().map(u64::from_le_bytes).expect("eight bytes");
        let took = self.now().saturating_sub(due);
        if self.keeps.load(Ordering::Relaxed) == 1
            && let Some(place) = self.nanos.get(self.kept.fetch_add(1, Ordering::Relaxed))
        {
            place.store(took, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn wait_for(&self, count: usize) {
        let start = Instant::now();
        while self.count.load(Ordering::Acquire) < count {
            thread::yield_now();
            assert!(start.elapsed() < TIMEOUT, "messages are lost");
        }
    }

    fn quantile(&self, part: f64) -> f64 {
        let kept = self.kept.load(Ordering::Relaxed).min(self.nanos.len());
        let mut nanos: Vec<u64> =
            self.nanos[..kept].iter().map(|nanos| nanos.load(Ordering::Relaxed)).collect();
        nanos.sort_unstable();
        nanos.get((kept as f64 * part) as usize).copied().unwrap_or_default() as f64
    }
}

fn paths() -> Vec<(&'static str, Path)> {
    let lanes = Lane::ALL.iter().map(|&lane| (lane.name(), castcall(lane)));
    lanes.chain([("tokio", bare())]).collect()
}

/// To a guest that casts what it gets to a native peer. That is one delivery more than the other
/// path has.
fn castcall(lane: Lane) -> Path {
    let host = Host::without_done(lane, System::builder().workers(1));
    let guest = host.load("bench/one", "bouncer");
    let arrivals = Arc::new(Arrivals::new());
    let native = Arc::clone(&arrivals);
    host.register("bench/done", move |_: &mut Context, message: Message| {
        native.arrived(&message.payload);
        Ok(Bytes::new())
    });
    let send = move |message: [u8; 64]| {
        let sent = host.system.cast(guest.id(), Bytes::copy_from_slice(&message));
        match sent {
            Ok(()) => true,
            Err(refused) if refused.error == MessagingError::MailboxFull => false,
            Err(refused) => panic!("{refused}"),
        }
    };
    Path { send: Box::new(send), arrivals }
}

/// To a thread that waits for a channel and enters the same guest, whose import does nothing.
fn bare() -> Path {
    let (sender, mut receiver) = mpsc::channel::<[u8; 64]>(1024);
    let arrivals = Arc::new(Arrivals::new());
    let noted = Arc::clone(&arrivals);
    thread::spawn(move || {
        let mut guest = Entered::new("bouncer");
        current_thread().block_on(async {
            while let Some(message) = receiver.recv().await {
                guest.enter(&message);
                noted.arrived(&message);
            }
        });
    });
    Path { send: Box::new(move |message| sender.try_send(message).is_ok()), arrivals }
}

fn due(nanos: u64) -> [u8; 64] {
    let mut message = payload(0);
    message[DUE].copy_from_slice(&nanos.to_le_bytes());
    message
}

/// One message, when everybody has gone to sleep.
fn from_idle(path: &Path, count: usize) {
    let before = path.arrivals.count.load(Ordering::Acquire);
    path.arrivals.keeps.store(1, Ordering::Relaxed);
    for number in 1..=count {
        thread::sleep(Duration::from_micros(fastrand::u64(300..700)));
        assert!((path.send)(due(path.arrivals.now())));
        path.arrivals.wait_for(before + number);
    }
}

/// How long one message takes when they come as fast as they can.
fn service_time(path: &Path, count: usize) -> Duration {
    let before = path.arrivals.count.load(Ordering::Acquire);
    let start = Instant::now();
    for _ in 0..count {
        while !(path.send)(due(0)) {
            thread::yield_now();
        }
    }
    path.arrivals.wait_for(before + count);
    start.elapsed() / count as u32
}

/// Messages that are due at random moments, `gap` apart in the mean, the same for all paths. What is
/// sent late counts from when it was due.
fn paced(path: &Path, count: usize, gap: Duration, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let before = path.arrivals.count.load(Ordering::Acquire);
    path.arrivals.keeps.store(1, Ordering::Relaxed);
    let mut next = path.arrivals.now() as f64;
    for _ in 0..count {
        next += -(1.0 - random.f64()).ln() * gap.as_nanos() as f64;
        while path.arrivals.now() < next as u64 {
            std::hint::spin_loop();
        }
        while !(path.send)(due(next as u64)) {
            thread::yield_now();
        }
    }
    path.arrivals.wait_for(before + count);
}

fn report(name: &str, paths: &[(&str, Path)], parts: &[(&str, f64)]) -> Vec<(String, f64)> {
    let of = |(path, Path { arrivals, .. }): &(&str, Path)| {
        let path = (*path).to_owned();
        let figures = parts.iter().map(move |(part, quantile)| {
            (format!("{name}/{path}/{part}"), arrivals.quantile(*quantile))
        });
        figures.collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}
