use bytes::Bytes;
use castcall_core::{ComponentId, RequestId, Timestamp};

use super::*;
use crate::message::Key;

fn message() -> Message {
    Message {
        sender: ComponentId::host(),
        payload: Bytes::from_static(b"four"),
        topic: None,
        timestamp: Timestamp::from_unix_nanos(0),
        trace: None,
        measured: false,
        untraced: false,
        call: None,
    }
}

fn callback() -> Callback {
    Callback {
        request_id: RequestId::new(),
        result: Ok(Bytes::new()),
        trace: None,
        untraced: false,
        owner: Key(1),
    }
}

fn mailbox(messages: usize) -> Mailbox {
    let config = MailboxConfig { messages, ..MailboxConfig::default() };
    Mailbox::new(config, Budget::new(usize::MAX))
}

#[test]
fn callbacks_and_messages_have_room_apart() {
    let mailbox = mailbox(2);
    for _ in 0..5 {
        assert!(mailbox.push_callback(callback(), |_| ()).is_some());
    }
    for _ in 0..2 {
        assert!(matches!(mailbox.push(message()), Pushed::Queued { .. }));
    }
    assert!(matches!(mailbox.push(message()), Pushed::Full(_)));
    assert!(mailbox.push_callback(callback(), |_| ()).is_some());
    assert_eq!(mailbox.depth(), Depth { messages: 2, bytes: 8, callbacks: 6 });
}

#[test]
fn what_was_taken_and_not_begun_takes_up_room() {
    let mailbox = mailbox(1);
    assert!(matches!(mailbox.push(message()), Pushed::Queued { wake: true, .. }));
    let mut batch = VecDeque::new();
    assert!(mailbox.take(&mut batch));
    assert!(matches!(mailbox.push(message()), Pushed::Full(_)));
    mailbox.begun(&message());
    assert!(matches!(mailbox.push(message()), Pushed::Queued { wake: false, .. }));
}

fn answer(len: usize) -> Callback {
    Callback { result: Ok(vec![0; len].into()), ..callback() }
}

/// Pushes an answer, and says whether it found room.
fn push_answer(mailbox: &Mailbox, len: usize) -> bool {
    let mut result = None;
    let count = |what: &Result<Bytes, RequestError>| result = Some(what.clone());
    assert!(mailbox.push_callback(answer(len), count).is_some());
    match result.expect("told") {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, RequestError::Dropped);
            false
        }
    }
}

#[test]
fn answers_that_wait_take_their_part_of_the_budget() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let budget = Budget::new(64 << 10);
        let config = MailboxConfig { overflow, ..MailboxConfig::default() };
        let mailbox = Mailbox::new(config, Arc::clone(&budget));
        assert!(push_answer(&mailbox, OWN_ANSWERS), "its own room");
        assert_eq!(budget.used(), 0);
        assert!(push_answer(&mailbox, 40 << 10));
        assert!(budget.used() >= 40 << 10);
        assert!(!push_answer(&mailbox, 40 << 10), "the callback waits, and its answer is gone");
        assert!(push_answer(&mailbox, 0));
        assert_eq!(mailbox.depth().callbacks, 4);
        // What was taken out and not begun is still there.
        let mut batch = VecDeque::new();
        for round in 0..4 {
            if batch.is_empty() {
                assert!(mailbox.take(&mut batch));
            }
            let Some(Item::Callback(callback)) = batch.pop_front() else { panic!("a callback") };
            assert_eq!(round == 2, callback.result.is_err());
            if round == 0 {
                assert!(overflow == Overflow::DropOldest || !push_answer(&mailbox, 60 << 10));
            }
            mailbox.callback_begun(&callback);
            if round == 0 {
                assert!(push_answer(&mailbox, 60 << 10), "its own room is free again");
            }
        }
        while mailbox.take(&mut batch) {
            batch.clear();
        }
        assert_eq!(budget.used(), 0, "short of room, nothing is kept");
    }
}
