//! One path and nothing else, on one thread, with ticks by count, to be looked at with a profiler; the
//! same instructions each time:
//! `valgrind --tool=callgrind one_path cast|call [MESSAGES [IN_FLIGHT [BYTES]]]`, with
//! `--lane=LANE`, and with `--traced` for a tracer that samples nothing.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use castcall::broker::{BrokerConfig, Tracing};
use castcall::{Bytes, Context, Message};
use castcall_benches::lane::Lane;
use castcall_benches::one_thread::OneThread;
use castcall_benches::settings::message_of;
use castcall_benches::watchers::Never;

fn main() -> Result<(), Box<dyn Error>> {
    let (options, args): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let mut lane = Lane::ALL[0];
    let mut config = BrokerConfig::default();
    for option in &options {
        match option.split_once('=') {
            Some(("--lane", name)) => {
                lane = Lane::by_name(name).ok_or_else(|| format!("no lane {name}"))?;
            }
            None if option == "--traced" => config.tracing = Tracing(Some(Arc::new(Never))),
            _ => return Err(format!("no option {option}").into()),
        }
    }
    let path = args.first().map_or("cast", String::as_str);
    let number =
        |at: usize, default: usize| args.get(at).map_or(Ok(default), |text| text.parse::<usize>());
    let (messages, in_flight, bytes) = (number(1, 1_000_000)?, number(2, 64)?, number(3, 64)?);

    let host = OneThread::of(lane, config);
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    host.register("bench/done", move |_: &mut Context, _: Message| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::new())
    });
    let (sender, target) = match path {
        "cast" => {
            let bouncer = host.compile("bouncer");
            let _other = host.start("bench/other", &bouncer);
            (host.start("bench/one", &bouncer), "bench/other")
        }
        "call" => {
            let _echo = host.load("bench/echo", "echo-handler");
            (host.load("bench/caller", "call-bouncer"), "bench/caller")
        }
        other => return Err(format!("no path {other}").into()),
    };

    let each = messages / in_flight;
    let message = message_of(bytes, each as u64);
    let start = Instant::now();
    for _ in 0..in_flight {
        sender.cast(target, message.clone())?;
    }
    host.run_all();
    let time = start.elapsed();
    assert_eq!(arrived.load(Ordering::Relaxed), in_flight);
    println!("{} {path}s, {} ns each", each * in_flight, time.as_nanos() / messages as u128);
    Ok(())
}
