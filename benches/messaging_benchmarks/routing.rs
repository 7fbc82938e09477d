//! A message into a mailbox and out of it, without threads and without WebAssembly.

use castcall::{Bytes, ComponentHandle, Context, Message};
use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;

use crate::reference::bare_tokio;
use crate::suite::{Group, Suite, bursts};

/// In the codec `raw`.
const MESSAGE: [u8; 64] = [0x55; 64];

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("routing");
    from_outside(&mut group, 1);
    from_outside(&mut group, 64);
    from_inside(&mut group, 64);
    bare_tokio::queue(&mut group, 1);
    bare_tokio::queue(&mut group, 64);
}

struct Peers {
    host: OneThread,
    sender: ComponentHandle,
}

impl Peers {
    fn new(burst: usize) -> Self {
        let host = OneThread::new(Lane::Component);
        host.register("bench/receiver", |_: &mut Context, message: Message| Ok(message.payload));
        let sender =
            host.register("bench/sender", move |context: &mut Context, message: Message| {
                for _ in 0..burst {
                    context.send_message("bench/receiver", message.payload.clone()).unwrap();
                }
                Ok(Bytes::new())
            });
        Self { host, sender }
    }
}

fn from_outside(group: &mut Group<'_>, burst: usize) {
    let setup = || Peers::new(burst);
    group.bench(&format!("cast-by-handle/{burst}-queued"), setup, |peers, iterations| {
        bursts(iterations, burst, || {
            for _ in 0..burst {
                peers.sender.cast("bench/receiver", Bytes::from_static(&MESSAGE)).unwrap();
            }
            peers.host.run_all();
        })
    });
}

/// As a guest sends: through its context, which remembers the way.
fn from_inside(group: &mut Group<'_>, burst: usize) {
    let setup = || Peers::new(burst);
    group.bench(&format!("cast-by-context/{burst}-queued"), setup, |peers, iterations| {
        bursts(iterations, burst, || {
            peers.sender.cast("bench/sender", Bytes::from_static(&MESSAGE)).unwrap();
            peers.host.run_all();
        })
    });
}
