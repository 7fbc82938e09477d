//! Mailboxes with too much in them.

use castcall::broker::PeerConfig;
use castcall::{CallError, Category, MailboxConfig, MessagingError, Overflow, RequestError};
use castcall_integration_tests::{Gate, PATIENCE, Stage, eventually, fixture, mailbox};

/// A system with a `gate` that is held, and so takes nothing out of its mailbox.
async fn held(mailbox: MailboxConfig) -> (Stage, Gate) {
    let stage = Stage::with_requester().await;
    let gate = Gate::new();
    let mut config = PeerConfig::default();
    config.mailbox = mailbox;
    stage.add_native_with("gate", config, &gate).await;
    stage.cast("gate", "hold").unwrap();
    gate.is_holding().await;
    (stage, gate)
}

async fn let_through(stage: &Stage, gate: &Gate) -> Vec<String> {
    gate.open();
    eventually("an empty mailbox", || stage.stats_of("gate").mailbox_messages == 0).await;
    // Behind whatever was taken out last.
    stage.tell("gate", "last").await;
    let mut payloads = gate.payloads();
    assert_eq!(payloads.pop().as_deref(), Some("last"));
    payloads
}

#[tokio::test]
async fn reject_tells_the_sender_and_gives_the_payload_back() {
    let (stage, gate) = held(mailbox(2, Overflow::Reject)).await;
    stage.cast("gate", "a").unwrap();
    assert_eq!(stage.tell("requester", "cast gate b").await, "ok");
    let refused = stage.cast("gate", "c").unwrap_err();
    assert_eq!(refused.error, MessagingError::MailboxFull);
    assert_eq!(refused.error.category(), Category::Overload);
    assert!(refused.error.is_retryable());
    assert_eq!(&refused.payload[..], b"c");
    for what in ["cast gate d", "call gate 5000 e"] {
        let error = stage.ask("requester", what).await.unwrap_err();
        assert!(error.to_string().ends_with("mailbox-full"), "{what}: {error}");
    }
    let refused = stage.call("gate", "f", PATIENCE).await.unwrap_err();
    let expected = CallError::Refused { error: MessagingError::MailboxFull, payload: "f".into() };
    assert_eq!(refused, expected);
    assert_eq!(stage.calls().pending, 0, "a refused call leaves nothing pending");
    assert_eq!(stage.stats_of("gate").mailbox_messages, 2);

    assert_eq!(let_through(&stage, &gate).await, ["hold", "a", "b"]);
    let stats = stage.stats_of("gate");
    assert_eq!((stats.overflowed, stats.dead_letters), (0, 0), "nothing was accepted and lost");
    assert_eq!(stage.stats_of("requester").refused, 2);
    assert_eq!(stage.stats_of("requester").callbacks, 0);
}

#[tokio::test]
async fn drop_newest_drops_what_finds_no_room() {
    let (stage, gate) = held(mailbox(2, Overflow::DropNewest)).await;
    for payload in ["a", "b", "c", "d"] {
        stage.cast("gate", payload).unwrap();
    }
    assert_eq!(stage.outcome("gate", 5000, "e").await, "dropped");
    let error = stage.call("gate", "f", PATIENCE).await.unwrap_err();
    assert_eq!(error, CallError::Failed(RequestError::Dropped));
    assert_eq!(error.category(), Category::Overload);

    assert_eq!(let_through(&stage, &gate).await, ["hold", "a", "b"]);
    let stats = stage.stats_of("gate");
    assert_eq!((stats.overflowed, stats.dead_letters), (4, 2), "casts are letters, calls are told");
}

#[tokio::test]
async fn drop_oldest_drops_what_has_waited_longest() {
    let (stage, gate) = held(mailbox(2, Overflow::DropOldest)).await;
    let first = stage.request("gate", 5000, "a").await;
    for payload in ["b", "c", "d"] {
        stage.cast("gate", payload).unwrap();
    }
    assert_eq!(stage.results(1).await, [format!("{first} dropped")]);
    assert_eq!(let_through(&stage, &gate).await, ["hold", "c", "d"]);
    let stats = stage.stats_of("gate");
    assert_eq!((stats.overflowed, stats.dead_letters), (2, 1));
}

#[tokio::test]
async fn bytes_are_bounded_as_messages_are() {
    let mut bytes = MailboxConfig::default();
    bytes.bytes = 10;
    let (stage, gate) = held(bytes).await;
    stage.cast("gate", "12345").unwrap();
    stage.cast("gate", "12345").unwrap();
    let refused = stage.cast("gate", "1").unwrap_err();
    assert_eq!(refused.error, MessagingError::MailboxFull);
    // It weighs nothing.
    stage.cast("gate", "").unwrap();
    assert_eq!(stage.stats_of("gate").mailbox_bytes, 10);
    assert_eq!(let_through(&stage, &gate).await, ["hold", "12345", "12345", ""]);
}

#[tokio::test]
async fn a_component_that_loops_overflows_as_anybody_does() {
    let stage = Stage::with_requester().await;
    let busy = fixture("slow-handler").mailbox(mailbox(1, Overflow::Reject));
    let slow = stage.add_with("slow", busy).await;
    stage.cast("slow", "forever").unwrap();
    eventually("the loop", || slow.stats().casts_handled == 1).await;
    assert_eq!(stage.tell("requester", "cast slow 1").await, "ok");
    let error = stage.ask("requester", "cast slow 1").await.unwrap_err();
    assert!(error.to_string().ends_with("mailbox-full"), "{error}");
}

#[tokio::test]
async fn a_full_mailbox_loses_no_callback() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let small = fixture("callback-receiver-component").mailbox(mailbox(1, Overflow::DropOldest));
    stage.add_with("requester", small).await;
    // Twenty calls whose answers wait behind the gate, ...
    stage.request("gate", 20_000, "hold").await;
    for number in 0..19 {
        stage.request("gate", 20_000, &number.to_string()).await;
    }
    // ... and then come at once, while others crowd the mailbox.
    gate.open();
    for _ in 0..1000 {
        stage.cast("requester", "noise").unwrap();
    }
    eventually("all callbacks", || stage.stats_of("requester").callbacks == 20).await;
    assert_eq!(stage.stats_of("requester").answered, 20);
}
