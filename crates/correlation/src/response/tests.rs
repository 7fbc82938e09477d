use std::sync::mpsc;
use std::time::{Duration, Instant};

use castcall_core::{Category, ComponentId, ComponentMessage, CorrelationId};

use super::*;
use crate::entry::CallOutcome;

const TIMEOUT: Duration = Duration::from_millis(500);

fn id(id: &str) -> ComponentId {
    ComponentId::new(id).unwrap()
}

fn path(path: &str) -> ReplyPath {
    ReplyPath::new(path).unwrap()
}

fn message() -> ComponentMessage {
    ComponentMessage::new(id("a"), id("b"), "m")
}

fn required() -> ResponseRequired {
    ResponseRequired::new(path("replies.here")).within(TIMEOUT)
}

fn register(manager: &ResponseManager, owner: &str, now: Instant) -> CorrelationId {
    let registered =
        manager.register_response_required_for_at(&id(owner), &message(), required(), now);
    registered.unwrap()
}

fn respond(
    manager: &ResponseManager,
    id: CorrelationId,
    now: Instant,
) -> Result<PendingResponse, RejectedResponse> {
    let response = message().with_correlation_id(id);
    let handled = manager.handle_response_at(response.clone(), None, now);
    handled.map(|(pending, message)| {
        assert_eq!(message, response);
        pending
    })
}

#[test]
fn a_response_is_accepted_once() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    let command = message().with_correlation_id(CorrelationId::new());
    let registered =
        manager.register_response_required_for_at(&id("a"), &command, required(), now).unwrap();
    assert_eq!(Some(registered), command.correlation_id);
    assert!(manager.contains(registered) && !manager.contains(CorrelationId::new()));
    assert_eq!(manager.get_reply_to(registered), Some(path("replies.here")));
    let pending = respond(&manager, registered, now).unwrap();
    let expected = PendingResponse {
        correlation_id: registered,
        owner: id("a"),
        target: id("b"),
        reply_to: path("replies.here"),
        timeout: TIMEOUT,
        registered_at: now,
    };
    assert_eq!(pending, expected);
    let rejected = respond(&manager.clone(), registered, now).unwrap_err();
    assert!(matches!(rejected, RejectedResponse::AlreadyResolved { .. }));
    assert_eq!(rejected.id(), Some(registered));
    assert_eq!((rejected.category(), rejected.is_retryable()), (Category::Caller, false));
    assert_eq!(rejected.into_message().correlation_id, Some(registered));
    assert_eq!(manager.get_reply_to(registered), None);
    let counts = manager.counts();
    assert_eq!((counts.registered, counts.completed, counts.orphaned), (1, 1, 1));
    assert_eq!(manager.status(), ResponseStatus::default());
}

#[test]
fn the_explicit_id_wins() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    let [one, two] = [(); 2].map(|()| register(&manager, "a", now));
    let response = message().with_correlation_id(one);
    let (pending, response) = manager.handle_response_at(response, Some(two), now).unwrap();
    assert_eq!(pending.correlation_id, two);
    assert!(manager.contains(one));
    let stranger = CorrelationId::new();
    let rejected = manager.handle_response_at(response, Some(stranger), now).unwrap_err();
    assert!(matches!(rejected, RejectedResponse::Unknown { id, .. } if id == stranger));
    assert!(manager.handle_response_at(message(), Some(one), now).is_ok());
    let rejected = manager.handle_response_at(message(), None, now).unwrap_err();
    assert_eq!(
        rejected,
        RejectedResponse::NoCorrelationId { message: rejected.clone().into_message() }
    );
    assert_eq!(rejected.id(), None);
}

#[test]
fn time_runs_out_exactly_and_is_told_once() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    let pending = register(&manager, "a", now);
    let never = |_, _| panic!("too early");
    assert_eq!(manager.expire_at(now + TIMEOUT - Duration::from_nanos(1), never), 0);
    // The deadline has passed and the timer has not fired: the deadline wins, and the synthetic
    // response comes from the timer all the same.
    let late = now + TIMEOUT;
    let rejected = respond(&manager, pending, late).unwrap_err();
    assert!(matches!(rejected, RejectedResponse::TimedOut { .. }));
    assert_eq!(rejected.category(), Category::Timeout);
    assert!(!manager.cancel_at(pending, late));
    assert_eq!(manager.list_all_pending_at(late)[0].remaining, Duration::ZERO);
    let mut sent = Vec::new();
    assert_eq!(manager.expire_at(late, |to, response| sent.push((to, response))), 1);
    assert_eq!(sent, [(path("replies.here"), TimeoutResponse::new(pending, TIMEOUT))]);
    let rejected = respond(&manager, pending, late).unwrap_err();
    assert!(matches!(rejected, RejectedResponse::TimedOut { .. }));
    assert_eq!(manager.expire_at(late, never), 0);
    assert_eq!((manager.counts().timed_out, manager.status().count), (1, 0));
}

#[test]
fn an_omitted_timeout_is_the_longest() {
    let config = ResponseConfig { max_timeout: TIMEOUT, ..ResponseConfig::default() };
    let (manager, now) = (ResponseManager::with_config(config), Instant::now());
    let omitted = ResponseRequired::new(path("c"));
    let register = |required: &ResponseRequired| {
        manager.register_response_required_for_at(&id("a"), &message(), required.clone(), now)
    };
    register(&omitted).unwrap();
    assert_eq!(manager.list_all_pending_at(now)[0].timeout, TIMEOUT);
    for timeout in [Duration::ZERO, TIMEOUT + Duration::from_nanos(1), Duration::MAX] {
        let required = omitted.clone().within(timeout);
        let refused = register(&required).unwrap_err();
        assert!(
            matches!(refused, RegisterResponseError::InvalidTimeout { max, .. } if max == TIMEOUT)
        );
        assert_eq!((refused.category(), refused.is_retryable()), (Category::Caller, false));
        assert_eq!(refused.into_required(), required);
    }
    register(&omitted.clone().within(TIMEOUT)).unwrap();
    assert_eq!(manager.expire_at(now + TIMEOUT, |_, _| ()), 2);
}

#[test]
fn owners_are_capped_and_ids_pend_once() {
    let config = ResponseConfig { max_pending_per_owner: 2, ..ResponseConfig::default() };
    let (manager, now) = (ResponseManager::with_config(config), Instant::now());
    let first = register(&manager, "a", now);
    let again = message().with_correlation_id(first);
    let register_again =
        || manager.register_response_required_for_at(&id("a"), &again, required(), now);
    let refused = register_again().unwrap_err();
    assert_eq!(refused, RegisterResponseError::AlreadyPending { id: first, required: required() });
    register(&manager, "a", now);
    let refused = register_again().unwrap_err();
    assert!(matches!(&refused, RegisterResponseError::TooManyPending { limit: 2, .. }));
    assert!(refused.is_retryable());
    assert_eq!(refused.to_string(), "a waits for 2 responses, as many as it may");
    assert_eq!(refused.into_required(), required());
    register(&manager, "c", now);
    assert_eq!(manager.status(), ResponseStatus { count: 3, owners: 2 });
    // An id may come again when it has ended, and then counts as pending.
    respond(&manager, first, now).unwrap();
    assert_eq!(register_again(), Ok(first));
    assert!(respond(&manager, first, now).is_ok());
}

#[test]
fn cancelling_tells_the_handler_once() {
    let (sender, cancelled) = mpsc::channel();
    let handler = move |pending| sender.send(pending).unwrap();
    let manager = ResponseManager::builder().on_cancel(handler).build();
    let now = Instant::now();
    let pending = register(&manager, "a", now);
    assert!(manager.cancel_at(pending, now) && !manager.cancel_at(pending, now));
    let told: Vec<PendingResponse> = cancelled.try_iter().collect();
    assert_eq!(told.iter().map(|told| told.correlation_id).collect::<Vec<_>>(), [pending]);
    let rejected = respond(&manager, pending, now).unwrap_err();
    assert!(matches!(rejected, RejectedResponse::Cancelled { .. }));
    assert!(!manager.cancel(CorrelationId::new()));
}

#[test]
fn what_is_taken_is_remembered_as_told() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    let after = |outcome| {
        let pending = register(&manager, "a", now);
        assert!(manager.take(pending, outcome).is_some());
        assert_eq!(manager.take(pending, outcome), None);
        respond(&manager, pending, now).unwrap_err()
    };
    use RejectedResponse as R;
    assert!(matches!(after(CallOutcome::Completed), R::AlreadyResolved { .. }));
    assert!(matches!(after(CallOutcome::TargetGone), R::AlreadyResolved { .. }));
    assert!(matches!(after(CallOutcome::TimedOut), R::TimedOut { .. }));
    assert!(matches!(after(CallOutcome::Cancelled), R::Cancelled { .. }));
    assert!(matches!(after(CallOutcome::Withdrawn), R::Unknown { .. }));
    assert_eq!(manager.status(), ResponseStatus::default());
}

#[test]
fn memory_of_ended_commands_is_bounded() {
    let config = ResponseConfig { max_remembered: 2, ..ResponseConfig::default() };
    let (manager, now) = (ResponseManager::with_config(config), Instant::now());
    let ids = [(); 3].map(|()| register(&manager, "a", now));
    for id in ids {
        respond(&manager, id, now).unwrap();
    }
    assert!(matches!(respond(&manager, ids[0], now), Err(RejectedResponse::Unknown { .. })));
    assert!(matches!(
        respond(&manager, ids[1], now),
        Err(RejectedResponse::AlreadyResolved { .. })
    ));
}

#[test]
fn an_owner_is_listed_and_ended_alone() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    let second = Duration::from_millis(1);
    let old = register(&manager, "a", now);
    register(&manager, "c", now);
    let new = register(&manager, "a", now + second);
    let list = manager.list_pending_for_at(&id("a"), now + second * 2);
    assert_eq!(list.iter().map(|one| one.correlation_id).collect::<Vec<_>>(), [old, new]);
    let expected = PendingResponseSnapshot {
        correlation_id: new,
        owner: id("a"),
        target: id("b"),
        reply_to: path("replies.here"),
        timeout: TIMEOUT,
        age: second,
        remaining: TIMEOUT - second,
    };
    assert_eq!(list[1], expected);
    assert_eq!(manager.list_all_pending().len(), 3);
    assert_eq!(manager.list_pending_for(&id("nobody")), []);
    let mut ended = Vec::new();
    assert_eq!(manager.end_owner(&id("a"), |pending| ended.push(pending.owner)), 2);
    assert_eq!(ended, [id("a"), id("a")]);
    assert!(matches!(respond(&manager, old, now), Err(RejectedResponse::Cancelled { .. })));
    assert_eq!(manager.status(), ResponseStatus { count: 1, owners: 1 });
    manager.shrink();
    assert_eq!(manager.list_all_pending().len(), 1);
    let other = manager.list_all_pending().remove(0).owner;
    assert_eq!(manager.end_owner(&other, drop), 1);
    manager.shrink();
    assert_eq!(manager.inner.table.footprint(), 0);
}

#[test]
fn handlers_may_use_the_manager() {
    let (manager, now) = (ResponseManager::new(), Instant::now());
    register(&manager, "a", now);
    let again = manager.clone();
    manager.expire_at(now + TIMEOUT, |_, _| {
        register(&again, "a", now + TIMEOUT);
    });
    assert_eq!(manager.status().count, 1);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn in_a_runtime_a_handler_is_called_by_itself() {
    let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |to, response| sender.send((to, response)).unwrap();
    let manager = ResponseManager::builder().on_timeout(handler).build();
    let (began, timeout) = (Instant::now(), Duration::from_millis(20));
    let required = ResponseRequired::new(path("x://y")).within(timeout);
    // Earlier than what the task sleeps for; and there is one task for all.
    let far = required.clone().within(Duration::from_secs(200));
    manager.register_response_required_for(&id("a"), &message(), far).unwrap();
    tokio::task::yield_now().await;
    let id = manager.register_response_required_for(&id("a"), &message(), required).unwrap();
    let first = tokio::time::timeout(Duration::from_secs(30), sent.recv()).await.unwrap();
    assert_eq!(first, Some((path("x://y"), TimeoutResponse::new(id, timeout))));
    assert!(began.elapsed() >= timeout);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 1);
    // With the last clone its task ends, and the handler with it.
    drop(manager);
    assert_eq!(sent.recv().await, None);
}

#[test]
fn without_a_time_told_the_clock_is_asked() {
    let manager = ResponseManager::new();
    assert_eq!(manager.expire(|_, _| unreachable!("nothing waits")), 0);
    let now = Instant::now();
    let waits = register(&manager, "a", now);
    assert_eq!(
        (manager.list_pending_for(&id("a")).len(), manager.list_all_pending().len()),
        (1, 1)
    );
    assert!(manager.list_pending_for(&id("b")).is_empty());
    let [late, later] =
        [1, 2].map(|times| register(&manager, "a", now - Duration::from_secs(times * 10)));
    assert!(manager.cancel(waits) && !manager.cancel(late));
    let answered = manager.handle_response(message(), Some(later));
    assert!(matches!(answered, Err(RejectedResponse::TimedOut { .. })));
    let mut paths = Vec::new();
    assert_eq!(manager.expire(|path, _| paths.push(path)), 2);
    assert_eq!(paths, [path("replies.here"), path("replies.here")]);
}

#[test]
fn its_settings_can_be_asked_for() {
    let config = ResponseConfig { max_remembered: 7, ..ResponseConfig::default() };
    assert_eq!(ResponseManager::with_config(config).config(), &config);
}

#[test]
fn it_can_be_printed() {
    let manager = ResponseManager::new();
    register(&manager, "a", Instant::now());
    let printed = format!("{manager:?}");
    assert!(printed.starts_with("ResponseManager { config: ResponseConfig {"), "{printed}");
    assert!(printed.contains("status: ResponseStatus { count: 1, owners: 1 }"), "{printed}");
    let builder = format!("{:?}", ResponseManager::builder());
    assert!(builder.starts_with("ResponseManagerBuilder { config:"), "{builder}");
}
