//! What the tracker and the table cost, beside the least that such a thing could be made of.
//!
//! `cargo bench -p castcall-correlation --bench tracker`. The same rows, and those of the whole
//! system, are in `benches/`; these need no WebAssembly to build.

use std::hint::black_box;
use std::time::{Duration, Instant};

use castcall_core::{Bytes, ComponentId, RequestMessage, ResponseMessage};
use castcall_correlation::{CorrelationTracker, PendingRequest, PendingTable, Resolution};
use criterion::{Criterion, criterion_group, criterion_main};
use dashmap::DashMap;
use tokio::sync::oneshot;
use uuid::Uuid;

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

/// Register, resolve, receive.
fn tracking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracking");
    let requests: Vec<RequestMessage> = (0..1024)
        .map(|_| RequestMessage::new(id("bench/from"), id("bench/to"), "request", 5_000))
        .collect();
    let responses: Vec<ResponseMessage> =
        requests.iter().map(|request| ResponseMessage::success(request, "answer")).collect();
    let tracker = CorrelationTracker::new();
    let mut next = 0;
    group.bench_function("tracker", |bencher| {
        bencher.iter(|| {
            next = (next + 1) % requests.len();
            let (sender, mut receiver) = oneshot::channel();
            let request = PendingRequest::for_request(&requests[next], sender);
            assert!(tracker.register_pending(request).is_ok());
            tracker.resolve(responses[next].clone()).unwrap();
            receiver.try_recv().unwrap()
        });
    });
    let table = PendingTable::<u64, oneshot::Sender<Bytes>>::new();
    group.bench_function("table", |bencher| {
        bencher.iter(|| {
            let (sender, mut receiver) = oneshot::channel();
            let now = Instant::now();
            let deadline = now + Duration::from_secs(5);
            let ticket = table.register(table.new_id(), &1, &2, deadline, sender).unwrap();
            let Resolution::Live(entry) = table.resolve(ticket, Instant::now()) else { panic!() };
            entry.sink.send(Bytes::from_static(b"answer")).unwrap();
            receiver.try_recv().unwrap()
        });
    });
    group.finish();
}

/// What it could be made of, together and one by one.
fn floors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("floor");
    let map = DashMap::<Uuid, oneshot::Sender<Bytes>>::new();
    group.bench_function("uuid-dashmap-oneshot", |bencher| {
        bencher.iter(|| {
            let (sender, mut receiver) = oneshot::channel();
            let id = Uuid::new_v4();
            map.insert(id, sender);
            let (_, sender) = map.remove(&id).unwrap();
            sender.send(Bytes::from_static(b"answer")).unwrap();
            receiver.try_recv().unwrap()
        });
    });
    group.bench_function("oneshot", |bencher| {
        bencher.iter(|| {
            let (sender, mut receiver) = oneshot::channel();
            sender.send(Bytes::from_static(b"answer")).unwrap();
            receiver.try_recv().unwrap()
        });
    });
    group.bench_function("two-looks-at-the-clock", |bencher| {
        bencher.iter(|| (black_box(Instant::now()), black_box(Instant::now())));
    });
    let response =
        ResponseMessage::success(&RequestMessage::new(id("a"), id("b"), "request", 1), "answer");
    group.bench_function("a-response-cloned-and-dropped", |bencher| {
        bencher.iter(|| drop(black_box(response.clone())));
    });
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
}

criterion_group! { name = benches; config = config(); targets = tracking, floors }
criterion_main!(benches);
