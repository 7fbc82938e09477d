//! Casts from guest to guest.

use castcall::{ComponentHandle, SystemBuilder};

use crate::floors;
use crate::host::Host;
use crate::reference::{kameo, ractor};
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("cast");
    floors::import(&mut group);
    floors::handle_message_uncopied(&mut group);
    bounce(&mut group, "64-in-flight/1-worker", 1, 1, 64);
    bounce(&mut group, "64-in-flight/2-workers", 2, 1, 64);
    bounce(&mut group, "1-in-flight/1-worker", 1, 1, 1);
    bounce(&mut group, "1-in-flight/2-workers", 2, 1, 1);
    bounce(&mut group, "8-pairs/1-worker", 1, 8, 64);
    bounce(&mut group, "8-pairs/2-workers", 2, 8, 64);
    kameo::tell(&mut group);
    ractor::cast(&mut group);
}

/// Messages go to and fro between the two of a pair. The time is that of one cast: an import in
/// one guest, `handle-message` in the other, and all between.
fn bounce(group: &mut Group<'_>, id: &str, workers: usize, pairs: usize, in_flight: usize) {
    let setup = || {
        let host = Host::new(workers);
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

/// One pair, 64 in flight, in a system of one's own making.
pub(crate) fn bounce_in(
    group: &mut Group<'_>,
    id: &str,
    workers: usize,
    builder: impl Fn() -> SystemBuilder,
) {
    let setup = || {
        let host = Host::of(builder().workers(workers));
        let pair = Pair::new(&host, 0);
        (host, pair)
    };
    group.bench(id, setup, |(host, Pair { one, other }), iterations| {
        host.time(iterations, 64, |_, message| one.cast(other.id(), message).unwrap())
    });
}

struct Pair {
    one: ComponentHandle,
    other: ComponentHandle,
}

impl Pair {
    fn new(host: &Host, number: usize) -> Self {
        let load = |side| host.load(&format!("bench/{side}-{number}"), "bouncer");
        Self { one: load("one"), other: load("other") }
    }
}
