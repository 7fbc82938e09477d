//! Tokio's channels.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use castcall_benches::settings::{current_thread, payload};
use tokio::sync::{mpsc, oneshot};

use super::{RUNTIMES, on};
use crate::suite::{Group, bursts};

type Request = ([u8; 64], oneshot::Sender<[u8; 64]>);

/// A request through an `mpsc`, its answer through a `oneshot`, between two tasks.
pub(crate) fn round_trip(group: &mut Group<'_>) {
    for (threads, runtime) in RUNTIMES {
        let setup = || {
            let runtime = runtime();
            let (sender, receiver) = mpsc::channel(1024);
            runtime.spawn(echo(receiver));
            (runtime, sender)
        };
        group.bench(&format!("tokio/{threads}"), setup, |(runtime, sender), iterations| {
            on(runtime, ask(sender.clone(), iterations))
        });
    }
}

/// The same between two threads, each of which has to be woken each time.
pub(crate) fn between_threads(group: &mut Group<'_>) {
    let setup = || {
        let (sender, receiver) = mpsc::channel(1024);
        thread::spawn(|| current_thread().block_on(echo(receiver)));
        (current_thread(), sender)
    };
    group.bench("tokio/between-threads/1-in-flight", setup, |(runtime, sender), iterations| {
        runtime.block_on(ask(sender.clone(), iterations))
    });
}

async fn echo(mut receiver: mpsc::Receiver<Request>) {
    while let Some((payload, reply)) = receiver.recv().await {
        let _ = reply.send(payload);
    }
}

async fn ask(sender: mpsc::Sender<Request>, iterations: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        let (reply, answer) = oneshot::channel();
        sender.send((payload(0), reply)).await.unwrap();
        black_box(answer.await.unwrap());
    }
    start.elapsed()
}

/// Into a channel and out of it, without a task.
pub(crate) fn queue(group: &mut Group<'_>, burst: usize) {
    let setup = || mpsc::channel(1024);
    let id = format!("tokio/mpsc/{burst}-queued");
    group.bench(&id, setup, |(sender, receiver), iterations| {
        bursts(iterations, burst, || {
            for _ in 0..burst {
                sender.try_send(payload(0)).unwrap();
            }
            for _ in 0..burst {
                black_box(receiver.try_recv().unwrap());
            }
        })
    });
}
