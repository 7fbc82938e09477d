//! From a compiled component to one that can be sent to.

use std::time::{Duration, Instant};

use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;

use crate::floors::{self, AT_ONCE};
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("start");
    floors::instantiate(&mut group, "wasmtime-pooled", true);
    floors::instantiate(&mut group, "wasmtime-on-demand", false);
    for &lane in Lane::ALL {
        start(&mut group, lane);
    }
}

/// Added, instantiated and up; that it is stopped again does not count.
fn start(group: &mut Group<'_>, lane: Lane) {
    let setup = || {
        let host = OneThread::new(lane);
        let component = host.compile("echo-handler");
        (host, component)
    };
    group.bench(lane.name(), setup, |(host, component), iterations| {
        let mut time = Duration::ZERO;
        let mut left = iterations;
        while left > 0 {
            let count = left.min(AT_ONCE);
            let ids: Vec<_> = (0..count).map(|number| format!("bench/{number}")).collect();
            let began = Instant::now();
            let handles: Vec<_> = ids.iter().map(|id| host.start(id, component)).collect();
            time += began.elapsed();
            host.stop(&handles);
            left -= count;
        }
        time
    });
}
