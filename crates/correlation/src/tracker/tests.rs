use std::sync::mpsc;

use castcall_core::{RequestMessage, ResponseMessage};

use super::*;

const TIMEOUT: Duration = Duration::from_millis(500);

fn id(id: &str) -> ComponentId {
    ComponentId::new(id).unwrap()
}

fn request(from: &str, to: &str) -> RequestMessage {
    RequestMessage::new(id(from), id(to), "q", 500)
}

/// A tracker, the time, and where outcomes go.
struct Bench {
    tracker: CorrelationTracker,
    now: Instant,
    sink: mpsc::Sender<ResponseMessage>,
    outcomes: mpsc::Receiver<ResponseMessage>,
}

impl Bench {
    fn new(limits: TrackerLimits) -> Self {
        let (sink, outcomes) = mpsc::channel();
        let tracker = CorrelationTracker::with_limits(limits);
        Self { tracker, now: Instant::now(), sink, outcomes }
    }

    fn pending(&self, request: &RequestMessage) -> PendingRequest<mpsc::Sender<ResponseMessage>> {
        PendingRequest::for_request_at(request, self.sink.clone(), self.now)
    }

    fn register(&self, from: &str, to: &str) -> RequestMessage {
        let request = request(from, to);
        self.tracker.register_pending(self.pending(&request)).unwrap();
        request
    }

    fn errors(&self) -> Vec<RequestError> {
        self.outcomes.try_iter().map(|outcome| outcome.result.unwrap_err()).collect()
    }

    fn assert_empty(&self) {
        assert_eq!(self.tracker.pending_count(), 0);
        for owner in ["a", "b", "c"] {
            assert_eq!(self.tracker.pending_count_of(&id(owner)), 0);
        }
    }
}

#[test]
fn a_response_reaches_its_request_once() {
    let bench = Bench::new(TrackerLimits::default());
    let request = bench.register("a", "b");
    let other = bench.register("a", "b");
    assert!(bench.tracker.contains(request.correlation_id));
    let response = ResponseMessage::success(&request, "x");
    bench.tracker.resolve_at(response.clone(), bench.now).unwrap();
    assert_eq!(bench.outcomes.try_recv(), Ok(response.clone()));
    let again = bench.tracker.clone().resolve_at(response.clone(), bench.now);
    assert_eq!(again, Err(ResolveError::Unknown(response)));
    assert!(!bench.tracker.contains(request.correlation_id));
    assert!(bench.tracker.contains(other.correlation_id));
    let tracker = &bench.tracker;
    assert_eq!((tracker.pending_count(), tracker.pending_count_of(&id("a"))), (1, 1));
    assert_eq!((tracker.completed_count(), tracker.orphaned_count()), (1, 1));
}

#[test]
fn a_requester_that_is_gone_is_told_apart() {
    let mut bench = Bench::new(TrackerLimits::default());
    let request = bench.register("a", "b");
    bench.outcomes = mpsc::channel().1;
    let response = ResponseMessage::success(&request, "x");
    let resolved = bench.tracker.resolve_at(response.clone(), bench.now).unwrap_err();
    assert_eq!(resolved, ResolveError::RequesterGone(response.clone()));
    assert_eq!(resolved.into_response(), response);
    assert_eq!(bench.tracker.completed_count(), 1);
    bench.assert_empty();
}

#[test]
fn time_runs_out_exactly() {
    let bench = Bench::new(TrackerLimits::default());
    let request = bench.register("a", "b");
    let tracker = &bench.tracker;
    let just_before = bench.now + TIMEOUT - Duration::from_nanos(1);
    assert_eq!(tracker.cleanup_expired_at(just_before), 0);
    assert_eq!(tracker.cleanup_expired_at(bench.now + TIMEOUT), 1);
    let outcome = bench.outcomes.try_recv().unwrap();
    assert_eq!(outcome.correlation_id, request.correlation_id);
    assert_eq!((outcome.from, outcome.to), (id("b"), id("a")));
    assert_eq!(outcome.result, Err(RequestError::Timeout));
    assert_eq!((tracker.timeout_count(), tracker.cleanup_expired()), (1, 0));
    bench.assert_empty();
}

#[test]
fn the_deadline_wins_over_late_answers_and_cancels() {
    let bench = Bench::new(TrackerLimits::default());
    let (one, two) = (bench.register("a", "b"), bench.register("a", "b"));
    let late = bench.now + TIMEOUT;
    let response = ResponseMessage::success(&one, "x");
    let resolved = bench.tracker.resolve_at(response.clone(), late);
    assert_eq!(resolved, Err(ResolveError::Unknown(response)));
    let cancelled = bench.tracker.cancel_at(two.correlation_id, &id("a"), late);
    assert_eq!(cancelled, Err(CancelError::NotFound));
    assert_eq!(bench.errors(), [RequestError::Timeout, RequestError::Timeout]);
    assert_eq!((bench.tracker.timeout_count(), bench.tracker.orphaned_count()), (2, 1));
    bench.assert_empty();
}

#[test]
fn only_the_owner_cancels() {
    let bench = Bench::new(TrackerLimits::default());
    let request = bench.register("a", "b");
    let cancel = |owner| bench.tracker.cancel(request.correlation_id, &id(owner));
    assert_eq!(
        (cancel("b"), cancel("c")),
        (Err(CancelError::NotOwner), Err(CancelError::NotOwner))
    );
    assert_eq!(bench.errors(), []);
    assert_eq!((cancel("a"), cancel("a")), (Ok(()), Err(CancelError::NotFound)));
    assert_eq!(cancel("b"), Err(CancelError::NotFound));
    assert_eq!(bench.errors(), [RequestError::Cancelled]);
    assert_eq!(bench.tracker.cancelled_count(), 1);
    bench.assert_empty();
}

#[test]
fn refusals_give_the_request_back() {
    let limits = TrackerLimits { max_pending_per_owner: 2, max_timeout: TIMEOUT };
    let bench = Bench::new(limits);
    let register = |pending| bench.tracker.register_pending(pending);

    let mut pending = bench.pending(&request("a", "b"));
    for timeout in [Duration::ZERO, TIMEOUT + Duration::from_nanos(1), Duration::MAX] {
        pending.timeout = timeout;
        let error = register(pending.clone()).unwrap_err();
        assert!(matches!(error, RegisterPendingError::InvalidTimeout { max: TIMEOUT, .. }));
        assert!(!error.is_retryable() && !error.to_string().is_empty());
        assert_eq!(error.into_request().timeout, timeout);
    }

    let first = bench.register("a", "b");
    let twin = register(bench.pending(&first)).unwrap_err();
    assert!(matches!(twin, RegisterPendingError::AlreadyPending { .. }), "{twin:?}");
    // The sink that comes back is the one that was passed, and works.
    twin.into_request().response_tx.send(ResponseMessage::success(&first, "twin")).unwrap();
    assert!(bench.outcomes.try_recv().unwrap().is_success());

    bench.register("a", "c");
    let error = register(bench.pending(&request("a", "b"))).unwrap_err();
    assert!(matches!(error, RegisterPendingError::TooManyPending { limit: 2, .. }));
    assert!(error.is_retryable() && error.to_string().starts_with("a has 2 "));
    bench.register("b", "a");

    // One ends, so there is room for one, in whatever way it ended.
    bench.tracker.cancel(first.correlation_id, &id("a")).unwrap();
    bench.register("a", "b");
    assert_eq!(bench.tracker.pending_count_of(&id("a")), 2);
    assert_eq!(bench.tracker.counts().registered, 4);
}

#[test]
fn owners_and_targets_end_together() {
    let bench = Bench::new(TrackerLimits::default());
    for _ in 0..10 {
        bench.register("a", "b");
        bench.register("a", "c");
        bench.register("b", "c");
    }
    assert_eq!(bench.tracker.end_target(&id("b"), &RequestError::Unavailable), 10);
    assert_eq!(bench.errors(), [const { RequestError::Unavailable }; 10]);
    assert_eq!(bench.tracker.end_owner(&id("a")), 10);
    assert_eq!(bench.errors(), [], "a requester that is no more hears nothing");
    assert_eq!(bench.tracker.pending_count_of(&id("b")), 10);
    assert_eq!(bench.tracker.end_owner(&id("b")), 10);
    let counts = bench.tracker.counts();
    assert_eq!((counts.target_gone, counts.owner_gone), (10, 20));
    bench.assert_empty();
    bench.tracker.shrink();
    let Inner { table, owners, .. } = &*bench.tracker.inner;
    assert_eq!((table.footprint(), owners.capacity()), (0, 0));
}

#[test]
fn a_sink_may_use_the_tracker() {
    let limits = TrackerLimits { max_pending_per_owner: 1, ..TrackerLimits::default() };
    let bench = Bench::new(limits);
    let first = request("a", "b");
    let (tracker, second) = (bench.tracker.clone(), bench.pending(&request("a", "b")));
    let sink = move |_| tracker.register_pending(second).unwrap();
    let pending = PendingRequest::for_request_at(&first, sink, bench.now);
    bench.tracker.register_pending(pending).unwrap();
    let late = bench.now + TIMEOUT;
    // What a sink registers may be due in its turn, and may come out at once.
    let ended = bench.tracker.cleanup_expired_at(late);
    assert_eq!(ended + bench.tracker.cleanup_expired_at(late), 2);
    assert_eq!(bench.errors(), [RequestError::Timeout]);
    bench.assert_empty();
}

#[test]
fn each_count_counts_its_own() {
    let bench = Bench::new(TrackerLimits::default());
    let counts = || {
        let tracker = &bench.tracker;
        let ended = [tracker.completed_count(), tracker.timeout_count(), tracker.cancelled_count()];
        (tracker.pending_count(), ended, tracker.orphaned_count())
    };
    assert_eq!(counts(), (0, [0; 3], 0));
    let requests: Vec<_> = (0..9).map(|_| bench.register("a", "b")).collect();
    assert_eq!(counts(), (9, [0; 3], 0));
    for request in &requests[..2] {
        let response = ResponseMessage::success(request, "x");
        bench.tracker.resolve_at(response.clone(), bench.now).unwrap();
        bench.tracker.resolve_at(response, bench.now).unwrap_err();
    }
    for request in &requests[2..5] {
        bench.tracker.cancel_at(request.correlation_id, &id("a"), bench.now).unwrap();
    }
    assert_eq!(counts(), (4, [2, 0, 3], 2));
    assert_eq!(bench.tracker.cleanup_expired_at(bench.now + TIMEOUT), 4);
    assert_eq!(counts(), (0, [2, 4, 3], 2));
    assert!(!bench.tracker.contains(requests[0].correlation_id));
}

#[cfg(feature = "tokio")]
mod with_a_runtime {
    use tokio::runtime::{Builder, Handle, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    fn register(
        tracker: &CorrelationTracker,
        timeout_ms: u64,
    ) -> oneshot::Receiver<ResponseMessage> {
        let request = RequestMessage::new(id("a"), id("b"), "q", timeout_ms);
        let (sink, outcome) = oneshot::channel();
        tracker.register_pending(PendingRequest::for_request(&request, sink)).unwrap();
        outcome
    }

    /// The outcome, unless it never comes.
    async fn within_reason(outcome: oneshot::Receiver<ResponseMessage>) -> ResponseMessage {
        tokio::time::timeout(Duration::from_secs(30), outcome).await.unwrap().unwrap()
    }

    #[test]
    fn expires_by_itself_with_one_task() {
        let start = Instant::now();
        runtime().block_on(async {
            let tracker = CorrelationTracker::new();
            let far = register(&tracker, 3_600_000);
            tokio::task::yield_now().await;
            // Earlier than what the task sleeps for.
            let outcomes = [register(&tracker, 20), register(&tracker, 10)];
            assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
            for outcome in outcomes {
                assert_eq!(within_reason(outcome).await.result, Err(RequestError::Timeout));
            }
            assert!(start.elapsed() >= Duration::from_millis(20));
            assert_eq!(tracker.timeout_count(), 2);
            // The last clone takes the task with it, and the sinks of what is pending.
            drop(tracker);
            assert!(far.await.is_err());
            while Handle::current().metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Time goes on by itself as soon as every task waits: one that never does would stop it.
    #[test]
    fn while_nothing_is_due_its_task_sleeps() {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let tracker = CorrelationTracker::new();
            let outcome = register(&tracker, 3_000_000);
            let turns = Handle::current().metrics();
            tokio::time::timeout(Duration::from_secs(3_600), outcome).await.unwrap().unwrap();
            assert_eq!(turns.num_alive_tasks(), 1);
        });
    }

    #[test]
    fn many_at_once_let_others_run() {
        runtime().block_on(async {
            let tracker = CorrelationTracker::new();
            let outcomes: Vec<_> = (0..5_000).map(|_| register(&tracker, 1)).collect();
            for outcome in outcomes {
                assert_eq!(within_reason(outcome).await.result, Err(RequestError::Timeout));
            }
            assert_eq!(tracker.timeout_count(), 5_000);
        });
    }

    #[test]
    fn another_runtime_takes_over() {
        let tracker = CorrelationTracker::new();
        let first = runtime();
        let within = first.enter();
        let mut lost = register(&tracker, 5);
        drop(within);
        drop(first);
        assert!(lost.try_recv().is_err());
        runtime().block_on(async {
            let outcome = register(&tracker, 5);
            assert_eq!(within_reason(outcome).await.result, Err(RequestError::Timeout));
            assert_eq!(lost.await.unwrap().result, Err(RequestError::Timeout));
        });
    }
}

#[test]
fn without_a_time_told_the_clock_is_asked() {
    let bench = Bench::new(TrackerLimits::default());
    bench.register("a", "b");
    assert_eq!(bench.tracker.cleanup_expired(), 0);
    let long_ago = Bench { now: bench.now - Duration::from_secs(10), ..bench };
    long_ago.register("a", "b");
    let late = long_ago.register("a", "b");
    assert_eq!(long_ago.tracker.cancel(late.correlation_id, &id("a")), Err(CancelError::NotFound));
    assert_eq!(long_ago.tracker.cleanup_expired(), 1);
    assert_eq!(long_ago.errors(), [RequestError::Timeout, RequestError::Timeout]);
    assert_eq!(long_ago.tracker.pending_count(), 1);
}

#[test]
fn what_waits_can_be_printed_without_its_sinks() {
    let bench = Bench::new(TrackerLimits::default());
    let request = bench.register("a", "b");
    let tracker = format!("{:?}", bench.tracker);
    assert!(tracker.starts_with("CorrelationTracker { limits: TrackerLimits {"), "{tracker}");
    assert!(tracker.contains("pending: 1, registered: 1"), "{tracker}");
    let pending = format!("{:?}", bench.pending(&request));
    let start = format!("PendingRequest {{ correlation_id: {}, ", request.correlation_id);
    assert!(pending.starts_with(&start) && !pending.contains("response_tx"), "{pending}");
    let table = PendingTable::<u8, u8>::new();
    assert_eq!(format!("{table:?}"), "PendingTable { .. }");
}
