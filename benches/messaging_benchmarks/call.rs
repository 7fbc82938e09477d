//! Calls from guest to guest, with their callbacks.

use crate::floors;
use crate::host::Host;
use crate::reference::{bare_tokio, kameo, ractor};
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("call");
    floors::import(&mut group);
    floors::handle_message(&mut group);
    floors::callback_and_request(&mut group);
    call(&mut group, "64-in-flight/1-worker", 1, 64);
    call(&mut group, "64-in-flight/2-workers", 2, 64);
    call(&mut group, "1-in-flight/1-worker", 1, 1);
    call(&mut group, "1-in-flight/2-workers", 2, 1);
    bare_tokio::round_trip(&mut group);
    kameo::ask(&mut group);
    ractor::call(&mut group);
}

/// The time is that of one call: `send-request` in the requester, `handle-message` in the echo,
/// `handle-callback` in the requester, and all between.
fn call(group: &mut Group<'_>, id: &str, workers: usize, in_flight: usize) {
    let setup = || {
        let host = Host::new(workers);
        host.load("bench/echo", "echo-handler");
        host.load("bench/caller", "call-bouncer");
        host
    };
    group.bench(id, setup, |host, iterations| {
        host.time(iterations, in_flight, |_, message| {
            host.system.cast("bench/caller", message).unwrap();
        })
    });
}
