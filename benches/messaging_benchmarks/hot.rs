//! One receiver that many send to.

use std::thread;
use std::time::{Duration, Instant};

use castcall::{Bytes, ComponentHandle, Context, MailboxConfig, Message, MessagingError};
use castcall_benches::host::{Host, TIMEOUT};
use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;

use crate::suite::{Group, Suite};

const SENDERS: usize = 16;

/// In the codec `raw`.
const MESSAGE: [u8; 64] = [0x55; 64];

/// What is sent: bytes that nobody allocates, or bytes that each sender does. With the latter the
/// allocator is measured too, when one core frees what another took.
type Payload = (&'static str, fn() -> Bytes);

const PAYLOADS: [Payload; 2] =
    [("", || Bytes::from_static(&MESSAGE)), ("/own-payloads", || Bytes::copy_from_slice(&MESSAGE))];

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("hot");
    for &lane in Lane::ALL {
        for payload in PAYLOADS {
            alone(&mut group, lane, payload);
            contended(&mut group, lane, payload);
        }
    }
}

fn nothing(_: &mut Context, _: Message) -> Result<Bytes, castcall::ComponentError> {
    Ok(Bytes::new())
}

/// What the delivery of a message costs that waits in the mailbox, while nobody else does
/// anything: full mailboxes are filled, and the time is that of emptying them.
fn alone(group: &mut Group<'_>, lane: Lane, (suffix, payload): Payload) {
    let setup = || {
        let host = OneThread::new(lane);
        let receiver = host.load("bench/hot", "echo-handler");
        let senders = |number| host.register(&format!("bench/sender-{number}"), nothing);
        let senders: Vec<_> = (0..SENDERS).map(senders).collect();
        (host, receiver, senders)
    };
    let id = format!("{}/delivery-alone{suffix}", lane.name());
    group.bench(&id, setup, |(host, receiver, senders), iterations| {
        let full = MailboxConfig::default().messages as u64;
        let mut time = Duration::ZERO;
        let mut left = iterations.next_multiple_of(full);
        let scale = iterations as f64 / left as f64;
        while left > 0 {
            for number in 0..full {
                let sender = &senders[number as usize % senders.len()];
                sender.cast(receiver.id(), payload()).unwrap();
            }
            let start = Instant::now();
            host.run_all();
            time += start.elapsed();
            left -= full;
        }
        time.mul_f64(scale)
    });
}

/// The same while sixteen, on another core, send as much as the mailbox takes.
fn contended(group: &mut Group<'_>, lane: Lane, (suffix, payload): Payload) {
    let setup = || {
        let host = Host::new(lane, 1);
        let receiver = host.load("bench/hot", "echo-handler");
        let senders = |number| host.register(&format!("bench/sender-{number}"), nothing);
        let senders: Vec<_> = (0..SENDERS).map(senders).collect();
        (host, receiver, senders)
    };
    let id = format!("{}/{SENDERS}-senders{suffix}", lane.name());
    group.bench(&id, setup, |(_host, receiver, senders), iterations| {
        let handled = |receiver: &ComponentHandle| receiver.stats().casts_handled;
        let before = handled(receiver);
        let start = Instant::now();
        for number in 0..iterations {
            let sender = &senders[number as usize % senders.len()];
            while let Err(refused) = sender.cast(receiver.id(), payload()) {
                assert_eq!(refused.error, MessagingError::MailboxFull);
                thread::yield_now();
            }
        }
        while handled(receiver) < before + iterations {
            thread::yield_now();
            assert!(start.elapsed() < TIMEOUT, "stuck");
        }
        start.elapsed()
    });
}
