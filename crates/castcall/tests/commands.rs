//! Commands: each that was sent is followed by exactly one reply, at its reply path.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use castcall::core::{ComponentError, ComponentId, CorrelationId, MessagingError};
use castcall::{
    CommandReply, ComponentHandle, Context, Message, OpaquePath, Policy, ReplyErrorKind,
    ResponseConfig, System,
};

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for a reply that must not come to come all the same.
const QUIET: Duration = Duration::from_millis(50);

type Replies = Receiver<(ComponentId, CommandReply)>;

/// Takes replies, and says who sent them.
async fn inbox(system: &System, id: &str) -> (ComponentHandle, Replies) {
    let (sender, replies) = mpsc::channel();
    let handler = move |_: &mut Context, message: Message| {
        let reply = CommandReply::from_json(&message.payload)
            .map_err(|error| ComponentError::InvalidPayload(error.to_string()))?;
        let _ = sender.send((message.sender, reply));
        Ok("")
    };
    (system.register_fn(id, handler).await.unwrap(), replies)
}

/// Answers as it is told to.
async fn worker(system: &System, id: &str) -> ComponentHandle {
    let handler = |context: &mut Context, message: Message| match &message.payload[..] {
        b"fail" => Err(ComponentError::failed(7, "no")),
        b"unreadable" => Err(ComponentError::InvalidPayload("what?".into())),
        b"panic" => panic!("as told"),
        b"hold" => {
            context.defer().unwrap();
            Ok(Vec::new())
        }
        other => Ok(other.to_ascii_uppercase()),
    };
    system.register_fn(id, handler).await.unwrap()
}

async fn stage() -> (System, Replies) {
    let system = System::builder().policy(Policy::open()).build().unwrap();
    worker(&system, "worker").await;
    let (_, replies) = inbox(&system, "inbox").await;
    (system, replies)
}

fn send(system: &System, payload: &'static str, timeout: Duration) -> CorrelationId {
    let command = system.command("worker", payload).reply_to("inbox").unwrap();
    command.timeout(timeout).send().unwrap()
}

/// The one reply, checked for what all replies have.
fn one(replies: &Replies, id: CorrelationId) -> CommandReply {
    let (sender, reply) = replies.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sender, "host");
    assert_eq!((reply.correlation_id, reply.in_reply_to, reply.is_response), (id, id, true));
    assert_eq!(reply.success, reply.payload.is_some());
    assert_eq!(reply.success, reply.error.is_none());
    assert!(matches!(replies.recv_timeout(QUIET), Err(RecvTimeoutError::Timeout)));
    reply
}

fn assert_nothing_is_left(system: &System) {
    let status = system.responses().status();
    assert_eq!((status.count, status.owners), (0, 0));
    assert_eq!(system.calls().pending, 0);
}

#[tokio::test]
async fn an_answer_is_cast_to_a_component() {
    let (system, replies) = stage().await;
    let id = send(&system, "hello", PATIENCE);
    let reply = one(&replies, id);
    assert_eq!(reply.into_result().unwrap(), "HELLO");
    assert_eq!(system.replies().delivered, 1);
    assert_eq!(system.responses().counts().completed, 1);
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn errors_are_told_apart() {
    let (system, replies) = stage().await;
    let error = |payload| {
        let id = send(&system, payload, PATIENCE);
        one(&replies, id).into_result().unwrap_err()
    };
    let failed = error("fail");
    assert_eq!((failed.kind, failed.code), (ReplyErrorKind::ProcessingFailed, Some(7)));
    assert_eq!(failed.message, "no");
    assert_eq!(error("unreadable").kind, ReplyErrorKind::InvalidPayload);
    assert_eq!(error("panic").kind, ReplyErrorKind::Crashed);
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn a_timeout_is_told_and_never_early() {
    let (system, replies) = stage().await;
    let (began, timeout) = (Instant::now(), Duration::from_millis(30));
    let id = send(&system, "hold", timeout);
    let list = system.responses().list_pending_for(&ComponentId::host());
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].correlation_id, list[0].timeout), (id, timeout));
    assert_eq!((list[0].target.as_str(), list[0].reply_to.to_string()), ("worker", "inbox".into()));
    let (_, reply) = replies.recv_timeout(PATIENCE).unwrap();
    assert!(began.elapsed() >= timeout);
    let error = reply.into_result().unwrap_err();
    assert_eq!((error.kind, error.timeout_ms), (ReplyErrorKind::Timeout, Some(30)));
    assert_eq!(system.responses().counts().timed_out, 1);
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn what_is_refused_is_told_at_once_and_leaves_nothing() {
    let config = ResponseConfig {
        max_pending_per_owner: 1,
        max_timeout: PATIENCE,
        ..ResponseConfig::default()
    };
    let system = System::builder().policy(Policy::open()).responses(config).build().unwrap();
    worker(&system, "worker").await;
    let (_, replies) = inbox(&system, "inbox").await;
    let send = |target: &str, timeout| {
        let command = system.command(target, "hold").reply_to("inbox").unwrap();
        command.timeout(timeout).send()
    };
    let refused = |target, timeout| {
        let refused = send(target, timeout).unwrap_err();
        assert_eq!(refused.payload, "hold");
        refused.error
    };
    assert_eq!(refused("nobody", PATIENCE), MessagingError::ComponentNotFound);
    assert_eq!(refused("no body", PATIENCE), MessagingError::InvalidMessage);
    assert_eq!(refused("host", PATIENCE), MessagingError::CannotReceive);
    assert_eq!(refused("worker", Duration::ZERO), MessagingError::InvalidTimeout);
    assert_eq!(refused("worker", PATIENCE * 2), MessagingError::InvalidTimeout);
    assert!(system.command("worker", "x").reply_to("in box").is_err());
    assert_nothing_is_left(&system);
    let held = send("worker", PATIENCE).unwrap();
    assert_eq!(refused("worker", PATIENCE), MessagingError::TooManyPending);
    assert!(system.responses().cancel(held));
    one(&replies, held);
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn an_omitted_timeout_is_the_longest() {
    let longest = Duration::from_millis(20);
    let system = System::builder().policy(Policy::open()).max_timeout(longest).build().unwrap();
    worker(&system, "worker").await;
    let (_, replies) = inbox(&system, "inbox").await;
    let id = system.command("worker", "hold").reply_to("inbox").unwrap().send().unwrap();
    assert_eq!(one(&replies, id).error.unwrap().timeout_ms, Some(20));
}

#[tokio::test]
async fn a_topic_is_published_to() {
    let (system, replies) = stage().await;
    let (other, others) = inbox(&system, "other").await;
    other.subscribe("replies.*").unwrap();
    let command = system.command("worker", "x").reply_to("replies.of.worker").unwrap();
    let id = command.send().unwrap();
    assert_eq!(one(&others, id).into_result().unwrap(), "X");
    assert!(replies.try_recv().is_err());
}

#[tokio::test]
async fn an_opaque_path_goes_to_its_handler() {
    let (sender, replies) = mpsc::channel();
    let handler = move |path: OpaquePath, reply: CommandReply| {
        sender.send((path.to_string(), reply.correlation_id)).unwrap();
        assert!(reply.success, "as a test: a panic harms nobody");
    };
    let system = System::builder().policy(Policy::open()).on_opaque_reply(handler).build().unwrap();
    worker(&system, "worker").await;
    for payload in ["x", "fail", "y"] {
        let command = system.command("worker", payload).reply_to("mq://a/b").unwrap();
        let id = command.send().unwrap();
        assert_eq!(replies.recv_timeout(PATIENCE).unwrap(), ("mq://a/b".into(), id));
    }
    wait_until(|| system.replies().delivered == 2 && system.replies().refused == 1);
}

#[tokio::test]
async fn replies_that_reach_nobody_are_counted() {
    let (system, replies) = stage().await;
    for path in ["mq://a/b", "nobody", "host"] {
        let command = system.command("worker", "x").reply_to(path).unwrap();
        command.send().unwrap();
    }
    wait_until(|| system.replies().unhandled == 1 && system.replies().refused == 2);
    assert!(replies.try_recv().is_err());
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn a_cancel_ends_the_call_and_is_told_once() {
    let (system, replies) = stage().await;
    let id = send(&system, "hold", PATIENCE);
    assert_eq!(system.responses().get_reply_to(id).unwrap().to_string(), "inbox");
    assert!(system.responses().cancel(id));
    assert!(!system.responses().cancel(id));
    let error = one(&replies, id).into_result().unwrap_err();
    assert_eq!(error.kind, ReplyErrorKind::Cancelled);
    assert_eq!((system.calls().cancelled, system.responses().counts().cancelled), (1, 1));
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn a_native_peer_sends_and_its_end_is_told() {
    let (system, replies) = stage().await;
    let (asker, own) = inbox(&system, "asker").await;
    let command = |payload: &'static str, path| {
        let command = system.command("worker", payload).from(&asker);
        command.reply_to(path).unwrap().timeout(PATIENCE).send().unwrap()
    };
    command("x", asker.id());
    let (sender, reply) = own.recv_timeout(PATIENCE).unwrap();
    assert_eq!((sender.as_str(), reply.success), ("asker", true));
    let inbox = ComponentId::new("inbox").unwrap();
    let held = command("hold", &inbox);
    assert_eq!(system.responses().list_pending_for(asker.id()).len(), 1);
    assert!(asker.stop(PATIENCE).await);
    let (sender, reply) = replies.recv_timeout(PATIENCE).unwrap();
    assert_eq!((sender.as_str(), reply.correlation_id), ("asker", held));
    assert_eq!(reply.error.unwrap().kind, ReplyErrorKind::Unavailable);
    assert_nothing_is_left(&system);
}

#[tokio::test]
async fn the_end_of_the_target_is_told() {
    let (system, replies) = stage().await;
    let id = send(&system, "hold", PATIENCE);
    assert!(system.component("worker").unwrap().stop(PATIENCE).await);
    assert_eq!(one(&replies, id).error.unwrap().kind, ReplyErrorKind::Unavailable);
}

#[tokio::test]
async fn a_reply_too_long_to_send_says_so() {
    let system = System::builder().policy(Policy::open()).max_payload(1_000).build().unwrap();
    worker(&system, "worker").await;
    let (_, replies) = inbox(&system, "inbox").await;
    let payload = "x".repeat(500);
    let id = system.command("worker", payload).reply_to("inbox").unwrap().send().unwrap();
    assert_eq!(one(&replies, id).error.unwrap().kind, ReplyErrorKind::ReplyTooLarge);
}

#[tokio::test]
async fn a_shutdown_ends_what_waits() {
    let (sender, replies) = mpsc::channel();
    let handler = move |_: OpaquePath, reply: CommandReply| sender.send(reply).unwrap();
    let system = System::builder().policy(Policy::open()).on_opaque_reply(handler).build().unwrap();
    worker(&system, "worker").await;
    system.command("worker", "hold").reply_to("mq://a").unwrap().send().unwrap();
    system.shutdown(PATIENCE).await;
    let reply = replies.recv_timeout(PATIENCE).unwrap();
    assert_eq!(reply.error.unwrap().kind, ReplyErrorKind::Unavailable);
    assert_nothing_is_left(&system);
    // What pends when the last handle goes ends too, and keeps nothing alive.
    drop(system);
    assert!(matches!(replies.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected)));
}

#[tokio::test]
async fn under_answers_timeouts_and_cancels_there_is_one_reply_each() {
    const COMMANDS: usize = 3_000;
    let (sender, replies): (Sender<CommandReply>, _) = mpsc::channel();
    let handler = move |_: OpaquePath, reply: CommandReply| sender.send(reply).unwrap();
    let system = System::builder().policy(Policy::open()).on_opaque_reply(handler).build().unwrap();
    for worker_id in ["one", "two"] {
        worker(&system, worker_id).await;
    }
    let canceller = {
        let system = system.clone();
        std::thread::spawn(move || {
            let mut cancelled = 0;
            while !system.components().iter().any(|peer| peer.id() == "done") {
                for pending in system.responses().list_all_pending().iter().step_by(3) {
                    cancelled += u64::from(system.responses().cancel(pending.correlation_id));
                }
            }
            cancelled
        })
    };
    let mut expected = HashMap::new();
    for number in 0..COMMANDS {
        let target = ["one", "two"][number % 2];
        let payload = ["x", "hold", "y", "fail"][number / 2 % 4];
        let command = system.command(target, payload).reply_to("mq://a").unwrap();
        let timeout = Duration::from_micros(100 + (number as u64 * 37) % 3_000);
        // A mailbox may be full.
        if let Ok(id) = command.timeout(timeout).send() {
            expected.insert(id, 0);
        }
    }
    wait_until(|| system.responses().status().count == 0);
    worker(&system, "done").await;
    let cancelled = canceller.join().unwrap();
    wait_until(|| system.replies().delivered == expected.len() as u64);
    for reply in replies.try_iter() {
        *expected.get_mut(&reply.correlation_id).unwrap() += 1;
    }
    assert!(expected.values().all(|replies| *replies == 1));
    let counts = system.responses().counts();
    assert_eq!(counts.cancelled, cancelled);
    assert_eq!(counts.registered - counts.withdrawn, expected.len() as u64);
    assert_nothing_is_left(&system);
}

fn wait_until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}
