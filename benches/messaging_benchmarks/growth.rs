//! What a message costs when there are many others: components that do nothing, and calls that
//! wait.

use std::time::{Duration, Instant};

use castcall::broker::{Handlers, native_factory};
use castcall::{Bytes, ComponentHandle, Context, Message, MessagingError, RequestId};
use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;
use castcall_benches::settings::{message, peer};

use crate::suite::{Group, Suite};

const COMPONENTS: [usize; 3] = [10, 1_000, 10_000];
const PENDING: [usize; 3] = [0, 10_000, 1_000_000];
/// Four pairs, of which each has sixteen messages under way.
const ACTIVE: usize = 8;
const IN_FLIGHT: usize = 64;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("growth");
    for &lane in Lane::ALL {
        for count in COMPONENTS {
            among(&mut group, lane, count);
        }
        for count in COMPONENTS {
            any_of(&mut group, lane, count);
        }
        for count in PENDING {
            beside(&mut group, lane, count);
        }
    }
    for count in [1_000, 1_000_000] {
        renew(&mut group, count);
    }
}

/// Goes on until all have come to `bench/done`.
fn bounce(host: &OneThread, iterations: u64, mut send: impl FnMut(usize, Bytes)) -> Duration {
    let each = iterations.max(8192).div_ceil(IN_FLIGHT as u64);
    let start = Instant::now();
    for number in 0..IN_FLIGHT {
        send(number, message(each));
    }
    host.run_all();
    start.elapsed().mul_f64(iterations as f64 / (each * IN_FLIGHT as u64) as f64)
}

fn with_done(lane: Lane) -> OneThread {
    let host = OneThread::new(lane);
    host.register("bench/done", |_: &mut Context, _: Message| Ok(Bytes::new()));
    host
}

/// Four pairs that bounce casts, among others that are idle.
fn among(group: &mut Group<'_>, lane: Lane, count: usize) {
    let setup = || {
        let host = with_done(lane);
        let bouncer = host.compile("bouncer");
        let start = |number| host.start(&format!("bench/c{number}"), &bouncer);
        let components: Vec<_> = (0..count).map(start).collect();
        // Those that are active lie anywhere among the others.
        let active: Vec<_> =
            (0..ACTIVE).map(|number| components[number * count / ACTIVE].clone()).collect();
        (host, components, active)
    };
    let id = format!("{}/{ACTIVE}-active-of-{count}-components", lane.name());
    group.bench(&id, setup, |(host, _, active), iterations| {
        bounce(host, iterations, |number, message| {
            let at = number % (ACTIVE / 2) * 2;
            active[at].cast(active[at + 1].id(), message).unwrap();
        })
    });
}

/// From outside to any of them: a delivery with its lookup, and without what a guest does to send.
fn any_of(group: &mut Group<'_>, lane: Lane, count: usize) {
    let setup = || {
        let host = with_done(lane);
        let echo = host.compile("echo-handler");
        let start = |number| host.start(&format!("bench/c{number}"), &echo);
        let components: Vec<_> = (0..count).map(start).collect();
        let sender = host.register("bench/sender", |_: &mut Context, _: Message| Ok(Bytes::new()));
        (host, components, sender)
    };
    let id = format!("{}/any-of-{count}-components", lane.name());
    group.bench(&id, setup, |(host, components, sender), iterations| {
        let rounds = iterations.div_ceil(IN_FLIGHT as u64);
        let start = Instant::now();
        for _ in 0..rounds {
            for _ in 0..IN_FLIGHT {
                let target = &components[fastrand::usize(..components.len())];
                sender.cast(target.id(), message(0)).unwrap();
            }
            host.run_all();
        }
        start.elapsed().mul_f64(iterations as f64 / (rounds * IN_FLIGHT as u64) as f64)
    });
}

/// A native peer whose calls are taken over by another and never answered.
struct Waiting {
    asker: ComponentHandle,
    ids: Vec<RequestId>,
}

const LONG: Duration = Duration::from_secs(3_000);

impl Waiting {
    fn new(host: &OneThread, count: usize) -> Self {
        let defer = |context: &mut Context, _: Message| {
            context.defer().unwrap();
            Ok(Bytes::new())
        };
        host.register("bench/keeper", defer);
        let mut config = peer();
        config.max_pending = u32::MAX;
        let handlers = Handlers { receives: true, calls_back: true };
        let nothing = || |_: &mut Context, _: Message| Ok(Bytes::new());
        let id = "bench/asker".parse().unwrap();
        let (asker, _) = host.broker.add(id, config, handlers, native_factory(nothing)).unwrap();
        host.run_all();
        let mut waiting = Self { asker, ids: Vec::with_capacity(count) };
        for _ in 0..count {
            let id = waiting.ask(host);
            waiting.ids.push(id);
        }
        host.run_all();
        waiting
    }

    fn ask(&self, host: &OneThread) -> RequestId {
        loop {
            let id = self.asker.new_request_id();
            match self.asker.call_with(id, "bench/keeper", message(0), LONG, drop) {
                Ok(()) => return id,
                Err(refused) if refused.error == MessagingError::MailboxFull => host.run_all(),
                Err(refused) => panic!("{refused}"),
            }
        }
    }
}

/// Calls from guest to guest, beside others that wait for their answer.
fn beside(group: &mut Group<'_>, lane: Lane, count: usize) {
    let setup = || {
        let host = with_done(lane);
        let _echo = host.load("bench/echo", "echo-handler");
        let caller = host.load("bench/caller", "call-bouncer");
        let waiting = Waiting::new(&host, count);
        (host, caller, waiting)
    };
    let id = format!("{}/calls-beside-{count}-pending", lane.name());
    group.bench(&id, setup, |(host, caller, waiting), iterations| {
        bounce(host, iterations, |_, message| waiting.asker.cast(caller.id(), message).unwrap())
    });
}

/// Any one of the calls that wait is cancelled, and another made.
fn renew(group: &mut Group<'_>, count: usize) {
    let setup = || {
        let host = with_done(Lane::ALL[0]);
        let waiting = Waiting::new(&host, count);
        (host, waiting)
    };
    group.each(&format!("cancel-and-call-any-of-{count}-pending"), setup, |(host, waiting)| {
        let at = fastrand::usize(..waiting.ids.len());
        waiting.asker.cancel_request(waiting.ids[at]).unwrap();
        waiting.ids[at] = waiting.ask(host);
    });
}
