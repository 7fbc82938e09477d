//! Casts from guest to guest.

use castcall::{ComponentHandle, System, SystemBuilder};
use castcall_benches::host::Host;
use castcall_benches::lane::Lane;
use castcall_benches::watchers::everything;

use crate::floors;
use crate::reference::{kameo, ractor};
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("cast");
    floors::import(&mut group);
    floors::handle_message_uncopied(&mut group);
    for &lane in Lane::ALL {
        let mut bounce = |id: &str, workers, pairs, in_flight, builder: fn() -> SystemBuilder| {
            let id = format!("{}/{id}", lane.name());
            bounce(&mut group, &id, lane, workers, pairs, in_flight, builder);
        };
        bounce("64-in-flight/1-worker", 1, 1, 64, System::builder);
        bounce("64-in-flight/1-worker/audited", 1, 1, 64, everything);
        bounce("64-in-flight/2-workers", 2, 1, 64, System::builder);
        bounce("1-in-flight/1-worker", 1, 1, 1, System::builder);
        bounce("1-in-flight/2-workers", 2, 1, 1, System::builder);
        bounce("8-pairs/1-worker", 1, 8, 64, System::builder);
    }
    kameo::tell(&mut group);
    ractor::cast(&mut group);
}

/// Messages go to and fro between the two of a pair. The time is that of one cast: an import in
/// one guest, `handle-message` in the other, and all between.
pub(crate) fn bounce(
    group: &mut Group<'_>,
    id: &str,
    lane: Lane,
    workers: usize,
    pairs: usize,
    in_flight: usize,
    builder: fn() -> SystemBuilder,
) {
    let setup = || {
        let host = Host::of(lane, builder().workers(workers));
        let pairs: Vec<Pair> = (0..pairs).map(|number| Pair::new(&host, number)).collect();
        (host, pairs)
    };
    group.bench(id, setup, |(host, pairs), iterations| {
        host.time(iterations, pairs.len() * in_flight, |number, message| {
            let Pair { one, other } = &pairs[number % pairs.len()];
            one.cast(other.id(), message).unwrap();
        })
    });
}

pub(crate) struct Pair {
    pub(crate) one: ComponentHandle,
    pub(crate) other: ComponentHandle,
}

impl Pair {
    pub(crate) fn new(host: &Host, number: usize) -> Self {
        let load = |side| host.load(&format!("bench/{side}-{number}"), "bouncer");
        Self { one: load("one"), other: load("other") }
    }
}
