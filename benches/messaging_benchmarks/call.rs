//! Calls from guest to guest, with their callbacks.

use castcall::{System, SystemBuilder};
use castcall_benches::host::Host;
use castcall_benches::lane::Lane;
use castcall_benches::watchers::everything;

use crate::floors;
use crate::reference::{bare_tokio, kameo, ractor};
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("call");
    floors::import(&mut group);
    floors::handle_message(&mut group);
    floors::callback_and_request(&mut group);
    for &lane in Lane::ALL {
        let mut call = |id: &str, workers, in_flight, builder: fn() -> SystemBuilder| {
            call(&mut group, &format!("{}/{id}", lane.name()), lane, workers, in_flight, builder);
        };
        call("64-in-flight/1-worker", 1, 64, System::builder);
        call("64-in-flight/1-worker/audited", 1, 64, everything);
        call("64-in-flight/2-workers", 2, 64, System::builder);
        call("1-in-flight/1-worker", 1, 1, System::builder);
        call("1-in-flight/2-workers", 2, 1, System::builder);
        call("1-in-flight/2-workers/audited", 2, 1, everything);
    }
    bare_tokio::round_trip(&mut group);
    kameo::ask(&mut group);
    ractor::call(&mut group);
}

/// The time is that of one call: `send-request` in the requester, `handle-message` in the echo,
/// `handle-callback` in the requester, and all between.
fn call(
    group: &mut Group<'_>,
    id: &str,
    lane: Lane,
    workers: usize,
    in_flight: usize,
    builder: fn() -> SystemBuilder,
) {
    let setup = || {
        let host = Host::of(lane, builder().workers(workers));
        let echo = host.load("bench/echo", "echo-handler");
        let caller = host.load("bench/caller", "call-bouncer");
        (host, echo, caller)
    };
    group.bench(id, setup, |(host, _, caller), iterations| {
        host.time(iterations, in_flight, |_, message| {
            host.system.cast(caller.id(), message).unwrap();
        })
    });
}
