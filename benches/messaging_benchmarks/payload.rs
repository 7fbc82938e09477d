//! Larger payloads: what size adds should be the two copies that isolation forces.

use std::hint::black_box;

use castcall_benches::host::Host;
use castcall_benches::lane::Lane;

use crate::cast::Pair;
use crate::suite::{Group, Suite};

pub(crate) const SIZES: [(&str, usize); 3] =
    [("4-KiB", 4 << 10), ("64-KiB", 64 << 10), ("1-MiB", 1 << 20)];

/// A sample moves at least so many bytes.
const AT_LEAST: usize = 64 << 20;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("payload");
    for (name, bytes) in SIZES {
        two_copies(&mut group, name, bytes);
        for &lane in Lane::ALL {
            bounce(&mut group, lane, name, bytes);
        }
    }
}

/// Out of one memory into a buffer, out of the buffer into another memory; nothing is allocated.
fn two_copies(group: &mut Group<'_>, name: &str, bytes: usize) {
    let setup = || (vec![1_u8; bytes], vec![2_u8; bytes], vec![3_u8; bytes]);
    group.each(&format!("two-copies/{name}"), setup, |(from, buffer, to)| {
        buffer.copy_from_slice(black_box(from));
        to.copy_from_slice(black_box(buffer));
        black_box(to);
    });
}

/// One message at a time, to and fro.
fn bounce(group: &mut Group<'_>, lane: Lane, name: &str, bytes: usize) {
    let setup = || {
        let host = Host::new(lane, 1);
        let pair = Pair::new(&host, 0);
        (host, pair)
    };
    let at_least = (AT_LEAST / bytes) as u64;
    group.bench(&format!("{}/{name}", lane.name()), setup, |(host, pair), iterations| {
        host.time_sized(bytes, at_least, iterations, 1, |_, message| {
            pair.one.cast(pair.other.id(), message).unwrap();
        })
    });
}
