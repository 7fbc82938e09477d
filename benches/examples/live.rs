//! As many components at once as are asked for, or as the machine bears, and each answers a call:
//! `live [COUNT] [--lane=LANE]`. Writes a line of JSON. Run as root, it raises
//! `vm.max_map_count`, which is the machine's and stays raised.

use std::env;
use std::error::Error;
use std::fs;
use std::time::Instant;

use castcall::{Bytes, Component, System};
use castcall_benches::host::{Host, TIMEOUT};
use castcall_benches::lane::Lane;
use castcall_benches::settings::{self, message};
use serde_json::json;

/// Mappings that a component may need, more or less.
const MAPS_EACH: usize = 8;

/// What a process has of addresses on x86-64, with four levels of page tables.
const ADDRESSES: u64 = 1 << 47;

/// More than that have no room for memories of 4 GiB.
const MANY: usize = 30_000;
/// Bytes that each memory then sets aside.
const RESERVED: u64 = 128 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut count, mut lane) = (10_000, Lane::ALL[0]);
    for arg in env::args().skip(1) {
        match arg.strip_prefix("--lane=") {
            Some(name) => lane = Lane::by_name(name).ok_or_else(|| format!("no lane {name}"))?,
            None => count = arg.parse()?,
        }
    }
    let max_maps = raise_max_maps(count * MAPS_EACH)?;
    let builder = System::builder();
    // As many as there are addresses for, unless each sets fewer aside.
    let small = count > MANY;
    let builder = if small { builder.memory_reservation(RESERVED) } else { builder };
    let host = Host::of(lane, builder);
    let wasm = Bytes::from(settings::fixture("echo-handler"));
    let id = |number: usize| format!("bench/live-{number}");
    let load = |number| {
        let component = Component::bytes(wasm.clone()).capabilities(settings::capabilities());
        let component = component.quotas(settings::quotas());
        host.runtime.block_on(host.system.load(id(number), component))
    };
    // What the first one brings with it is not each one's.
    load(0)?;
    let before = Memory::read()?;
    let start = Instant::now();
    let mut live = 1;
    let mut error = None;
    while live < count && error.is_none() {
        match load(live) {
            Ok(_) => live += 1,
            Err(refused) => error = Some(refused.to_string()),
        }
    }
    let loaded = start.elapsed();
    let idle = Memory::read()?;
    let mut answered = 0;
    for number in 0..live {
        let answer = host.runtime.block_on(host.system.call(id(number), message(7), TIMEOUT));
        answered += usize::from(answer.is_ok_and(|answer| answer == message(7)));
    }
    let after = Memory::read()?;
    let others = (live - 1).max(1) as u64;
    let maps = fs::read_to_string("/proc/self/maps")?.lines().count();
    let stopped_by = error.map(|error| {
        let limit = if maps + MAPS_EACH >= max_maps {
            format!("vm.max_map_count, {max_maps}")
        } else if after.addresses > ADDRESSES / 10 * 9 {
            "the 128 TiB of addresses that a process has".to_owned()
        } else {
            "neither vm.max_map_count nor addresses; memory, probably".to_owned()
        };
        format!("{limit} ({error})")
    });
    let report = json!({
        "lane": lane.name(),
        "wanted": count,
        "small_reservation": small,
        "live": live,
        "answered": answered,
        "bytes_each": (after.resident - before.resident) / others,
        "bytes_each_before_the_call": (idle.resident - before.resident) / others,
        "addresses_each": (after.addresses - before.addresses) / others,
        "maps_each": maps as f64 / live as f64,
        "load_us_each": loaded.as_micros() as f64 / others as f64,
        "stopped_by": stopped_by,
    });
    println!("{report}");
    Ok(())
}

/// As root: at least so many, if that is more than there may be. Returns how many there may be.
fn raise_max_maps(wanted: usize) -> Result<usize, Box<dyn Error>> {
    const FILE: &str = "/proc/sys/vm/max_map_count";
    let read = || fs::read_to_string(FILE)?.trim().parse().map_err(Box::<dyn Error>::from);
    if read()? < wanted && fs::write(FILE, wanted.to_string()).is_err() {
        eprintln!("vm.max_map_count stays {}: only root can raise it", read()?);
    }
    read()
}

/// Bytes.
struct Memory {
    resident: u64,
    addresses: u64,
}

impl Memory {
    fn read() -> Result<Self, Box<dyn Error>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            number.map(|kib| kib << 10).ok_or_else(|| format!("no {name}"))
        };
        Ok(Self { resident: of("VmRSS")?, addresses: of("VmSize")? })
    }
}
