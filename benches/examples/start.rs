//! Starts instances without threads, to be looked at by `perf` and `callgrind`:
//! `perf stat -e instructions:u,instructions:k start [STARTS [GUEST [LIVE [--lane=LANE]]]]`. So many
//! live at once; a hundred, as in the benchmark, if it is not said (valgrind has addresses for a
//! few). That they are stopped counts too, but not in the time that is told.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;

fn main() -> Result<(), Box<dyn Error>> {
    let (options, args): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let mut lane = Lane::ALL[0];
    for option in &options {
        let name = option.strip_prefix("--lane=").ok_or_else(|| format!("no option {option}"))?;
        lane = Lane::by_name(name).ok_or_else(|| format!("no lane {name}"))?;
    }
    let starts = args.first().map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let guest = args.get(1).map_or("echo-handler", String::as_str);
    let live = args.get(2).map_or(Ok(100), |text| text.parse::<usize>())?.max(1);

    let host = OneThread::new(lane);
    let component = host.compile(guest);
    let ids: Vec<_> = (0..live).map(|number| format!("bench/{number}")).collect();
    let mut time = Duration::ZERO;
    for _ in 0..starts.div_ceil(live) {
        let began = Instant::now();
        let handles: Vec<_> = ids.iter().map(|id| host.start(id, &component)).collect();
        time += began.elapsed();
        host.stop(&handles);
    }
    let each = time.as_nanos() / starts.max(1).next_multiple_of(live) as u128;
    println!("{starts} starts, {each} ns each");
    Ok(())
}
