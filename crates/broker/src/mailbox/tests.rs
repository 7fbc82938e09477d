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
        assert!(mailbox.push_callback(callback()).is_some());
    }
    for _ in 0..2 {
        assert!(matches!(mailbox.push(message()), Pushed::Queued { .. }));
    }
    assert!(matches!(mailbox.push(message()), Pushed::Full(_)));
    assert!(mailbox.push_callback(callback()).is_some());
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
