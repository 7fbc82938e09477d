//! The tracker on its own.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castcall::Bytes;
use castcall::core::{ComponentId, RequestMessage, ResponseMessage, Timestamp};
use castcall::correlation::{
    CorrelationTracker, PendingRequest, PendingTable, Resolution, TrackerLimits,
};
use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    tracking(&mut suite.group("bench_correlation_tracking_overhead"));
    construction(&mut suite.group("bench_correlation_tracker_construction"));
    request(&mut suite.group("bench_request_message_construction"));
    idle(&mut suite.group("bench_correlation_with_idle_requests"));
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

/// Register, resolve, receive.
fn tracking(group: &mut Group<'_>) {
    let setup = || {
        let requests: Vec<RequestMessage> = (0..1024)
            .map(|_| RequestMessage::new(id("bench/from"), id("bench/to"), "request", 5_000))
            .collect();
        let responses: Vec<ResponseMessage> =
            requests.iter().map(|request| ResponseMessage::success(request, "answer")).collect();
        (CorrelationTracker::new(), requests, responses, 0)
    };
    group.each("tracker", setup, |(tracker, requests, responses, next)| {
        *next = (*next + 1) % requests.len();
        let (sender, mut receiver) = oneshot::channel();
        let request = PendingRequest::for_request(&requests[*next], sender);
        assert!(tracker.register_pending(request).is_ok());
        tracker.resolve(responses[*next].clone()).unwrap();
        black_box(receiver.try_recv().unwrap());
    });
    group.each("tracker-and-messages", CorrelationTracker::new, {
        let (from, to) = (id("bench/from"), id("bench/to"));
        move |tracker| {
            let request = RequestMessage::new(from.clone(), to.clone(), "request", 5_000);
            let (sender, mut receiver) = oneshot::channel();
            let pending = PendingRequest::for_request(&request, sender);
            assert!(tracker.register_pending(pending).is_ok());
            tracker.resolve(ResponseMessage::success(&request, "answer")).unwrap();
            black_box(receiver.try_recv().unwrap());
        }
    });
    group.each("table", PendingTable::<u64, oneshot::Sender<Bytes>>::new, |table| {
        let (sender, mut receiver) = oneshot::channel();
        let now = Instant::now();
        let deadline = now + Duration::from_secs(5);
        let ticket = table.register(table.new_id(), &1, &2, deadline, sender).unwrap();
        let Resolution::Live(entry) = table.resolve(ticket, Instant::now()) else { panic!() };
        entry.sink.send(Bytes::from_static(b"answer")).unwrap();
        black_box(receiver.try_recv().unwrap());
    });
    group.each("reference/uuid-dashmap-oneshot", DashMap::<Uuid, _>::new, |map| {
        let (sender, mut receiver) = oneshot::channel();
        let id = Uuid::new_v4();
        map.insert(id, sender);
        let (_, sender) = map.remove(&id).unwrap();
        sender.send(Bytes::from_static(b"answer")).unwrap();
        black_box(receiver.try_recv().unwrap());
    });
}

fn construction(group: &mut Group<'_>) {
    group.each("tracker", || (), |()| drop(black_box(CorrelationTracker::new())));
    group.each(
        "reference/empty-map",
        || (),
        |()| {
            drop(black_box(Arc::new(Mutex::new(HashMap::<Uuid, Uuid>::new()))));
        },
    );
}

fn request(group: &mut Group<'_>) {
    let ids = || (id("bench/from"), id("bench/to"));
    group.each("request", ids, |(from, to)| {
        let payload = Bytes::from_static(&[7; 64]);
        black_box(RequestMessage::new(from.clone(), to.clone(), payload, 5_000));
    });
    group.each(
        "reference/uuid-and-timestamp",
        || (),
        |()| {
            black_box((Uuid::new_v4(), Timestamp::now()));
        },
    );
}

/// Requests that are answered and made again, beside others that wait.
struct Pending {
    tracker: CorrelationTracker,
    requests: Vec<(RequestMessage, ResponseMessage)>,
    at: usize,
}

const ACTIVE: usize = 1_000;
const IDLE: usize = 1_000_000;

impl Pending {
    fn new(count: usize) -> Self {
        let limits = TrackerLimits { max_pending_per_owner: usize::MAX, ..Default::default() };
        let tracker = CorrelationTracker::with_limits(limits);
        let owners: Vec<_> = (0..1_000).map(|number| id(&format!("bench/{number}"))).collect();
        let requests = (0..count)
            .map(|number| {
                let from = owners[number % owners.len()].clone();
                let to = owners[number * 7 % owners.len()].clone();
                let timeout = 600_000 + fastrand::u64(..600_000);
                let request = RequestMessage::new(from, to, "request", timeout);
                let response = ResponseMessage::success(&request, "answer");
                (request, response)
            })
            .collect();
        let pending = Self { tracker, requests, at: 0 };
        (0..count).for_each(|number| pending.register(number));
        pending
    }

    fn register(&self, number: usize) {
        let sink = |response| drop(black_box(response));
        let request = PendingRequest::for_request(&self.requests[number].0, sink);
        assert!(self.tracker.register_pending(request).is_ok());
    }

    fn renew(&self, number: usize) {
        self.tracker.resolve(self.requests[number].1.clone()).unwrap();
        self.register(number);
    }
}

fn idle(group: &mut Group<'_>) {
    for (id, count) in [("1000-active", ACTIVE), ("1000-active-1000000-idle", ACTIVE + IDLE)] {
        group.each(
            id,
            || Pending::new(count),
            |pending| {
                pending.at = (pending.at + 1) % ACTIVE;
                pending.renew(pending.at);
            },
        );
    }
    group.each(
        "any-of-1001000",
        || Pending::new(ACTIVE + IDLE),
        |pending| {
            pending.renew(fastrand::usize(..ACTIVE + IDLE));
        },
    );
}
