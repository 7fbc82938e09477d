//! Every order in which senders, a component's turn, its stop and its restart may meet at its
//! mailbox, up to three preemptions.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

use bytes::Bytes;
use castcall_core::{ComponentId, RequestId, Timestamp};
use loom::model::Builder;
use loom::sync::atomic::AtomicBool;
use loom::sync::{Arc, Mutex as Actor};
use loom::thread;

use crate::budget::Budget;
use crate::config::MailboxConfig;
use crate::mailbox::{Gate, Mailbox, Pushed};
use crate::message::{Callback, Item, Key, Message};
use crate::sync::AtomicUsize;

/// What a peer is to its mailbox. Whoever is told to schedule it runs its turn there and then.
struct Peer {
    mailbox: Mailbox,
    actor: Actor<()>,
    inside: AtomicBool,
    handled: AtomicUsize,
    stopping: AtomicBool,
    finished: AtomicBool,
}

impl Peer {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(MailboxConfig::default(), Budget::new(usize::MAX)),
            actor: Actor::new(()),
            inside: AtomicBool::new(false),
            handled: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        })
    }

    /// A cast.
    fn send(&self) {
        let message = Message {
            sender: ComponentId::host(),
            payload: Bytes::from_static(b"four"),
            topic: None,
            timestamp: Timestamp::from_unix_nanos(0),
            trace: None,
            measured: false,
            untraced: false,
            call: None,
        };
        if let Pushed::Queued { wake: true, .. } = self.mailbox.push(message) {
            self.turn();
        }
    }

    /// The end of a call.
    fn call_back(&self) {
        let callback = Callback {
            request_id: RequestId::new(),
            result: Ok(Bytes::new()),
            trace: None,
            untraced: false,
            owner: Key(1),
        };
        if self.mailbox.push_callback(callback, |_| ()) == Some(true) {
            self.turn();
        }
    }

    /// As `Peer::turn` and `Inbox::next` have it.
    fn turn(&self) {
        let _actor = self.actor.lock().unwrap();
        assert!(!self.mailbox.is_parked(), "scheduled before its restart");
        if self.stopping.load(SeqCst) {
            self.finished.store(true, Relaxed);
            return;
        }
        let mut batch = VecDeque::new();
        while self.mailbox.take(&mut batch) {
            assert!(!self.inside.swap(true, SeqCst), "entered twice");
            for item in batch.drain(..) {
                if let Item::Message(message) = item {
                    self.mailbox.begun(&message);
                }
                self.handled.fetch_add(1, Relaxed);
            }
            self.inside.store(false, SeqCst);
        }
        if self.stopping.load(SeqCst) {
            self.finished.store(true, Relaxed);
        }
    }

    /// As `Peer::stop`.
    fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.mailbox.set_gate(Gate::Closing);
        if self.mailbox.wake() {
            self.turn();
        }
    }
}

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

#[test]
fn what_is_added_is_handled() {
    model(|| {
        let peer = Peer::new();
        let others: [fn(&Peer); 2] = [Peer::send, Peer::call_back];
        let others = others.map(|add| {
            let peer = Arc::clone(&peer);
            thread::spawn(move || add(&peer))
        });
        peer.send();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(peer.handled.load(Relaxed), 3);
        assert!(!peer.mailbox.is_scheduled());
        assert_eq!(peer.mailbox.depth(), Default::default());
    });
}

#[test]
fn a_stop_is_never_overlooked() {
    model(|| {
        let peer = Peer::new();
        let its = Arc::clone(&peer);
        let sender = thread::spawn(move || its.call_back());
        let its = Arc::clone(&peer);
        let other = thread::spawn(move || its.send());
        peer.stop();
        sender.join().unwrap();
        other.join().unwrap();
        assert!(peer.finished.load(Relaxed));
    });
}

#[test]
fn a_restart_finds_what_came_meanwhile() {
    model(|| {
        let peer = Peer::new();
        // Its turn is on, and crashes.
        assert!(peer.mailbox.wake());
        let its = Arc::clone(&peer);
        let sender = thread::spawn(move || {
            its.send();
            its.call_back();
        });
        assert!(peer.mailbox.park(Instant::now()));
        let its = Arc::clone(&peer);
        let timer = thread::spawn(move || {
            if its.mailbox.wake() {
                its.turn();
            }
        });
        sender.join().unwrap();
        timer.join().unwrap();
        assert_eq!(peer.handled.load(Relaxed), 2);
        assert!(!peer.mailbox.is_scheduled() && !peer.mailbox.is_parked());
    });
}
