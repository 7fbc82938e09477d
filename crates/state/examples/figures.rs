//! How long it takes: to add a dead letter, to commit, and until a change is durable.
//!
//! `cargo run --release -p castcall-state --example figures [directory]`; without one, in the
//! directory for temporary files.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_core::{ComponentId, DeadLetter, DeadLetterReason, Pattern, Timestamp};
use castcall_state::{DeadLetterLimits, DeadLetters, StateConfig, StateDirectory};

fn main() -> Result<(), Box<dyn Error>> {
    let within = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(within)?;
    println!("add(), full store, 64 bytes: {:.0} ns in memory alone", add(&in_memory())?);
    println!("for comparison, 4 KiB and fdatasync:     {}", bare(folder.path())?);
    let path = folder.path().join("state");
    let state = StateDirectory::open(&path, StateConfig::default())?;
    println!("add(), the same, durable:    {:.0} ns", add(state.dead_letters())?);
    state.flush_blocking()?;
    let component = ComponentId::new("component")?;

    let times = flushes(&state, &component, 1, 500)?;
    println!("change and flush, one change:            {times}");
    let times = flushes(&state, &component, 1_000, 50)?;
    println!("change and flush, 1,000 changes:         {times}");
    println!("change until durable, by itself:         {}", durable(&state, &component, 500)?);

    for (flood, pause) in [("100,000 letters a second", 1), ("letters without a pause", 0)] {
        let times = flooded(&state, &component, Duration::from_millis(pause))?;
        println!("under {flood}: {times}");
    }
    let began = Instant::now();
    state.close_blocking()?;
    println!("closing it:  {:.1} ms", millis(began));
    let began = Instant::now();
    let state = StateDirectory::open(&path, StateConfig::default())?;
    let count = state.dead_letters().count();
    println!("opening it, {count} letters of 1 KiB: {:.1} ms", millis(began));
    Ok(())
}

fn in_memory() -> DeadLetters {
    DeadLetters::in_memory(DeadLetterLimits::default())
}

fn letter(bytes: usize) -> Result<DeadLetter, castcall_core::InvalidComponentId> {
    Ok(DeadLetter {
        from: ComponentId::new("shop/orders")?,
        to: ComponentId::new("shop/mailer")?,
        topic: None,
        payload: Bytes::from(vec![7; bytes]),
        sent: Timestamp::now(),
        died: Timestamp::now(),
        reason: DeadLetterReason::Crashed,
        attempts: 1,
        trace: None,
        mismatch: None,
    })
}

/// Nanoseconds for each, of a store that is full, so that each pushes another out.
fn add(letters: &DeadLetters) -> Result<f64, Box<dyn Error>> {
    const ADDED: u32 = 2_000_000;
    let letter = letter(64)?;
    for _ in 0..letters.limits().count {
        letters.add(letter.clone());
    }
    let began = Instant::now();
    for _ in 0..ADDED {
        black_box(letters.add(letter.clone()));
    }
    Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(ADDED))
}

/// What the disk takes without a database.
fn bare(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut file = File::create(folder.join("bare"))?;
    let mut times = Vec::new();
    for _ in 0..500 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(millis(began));
    }
    Ok(summary(times))
}

fn flushes(
    state: &StateDirectory,
    component: &ComponentId,
    changes: u32,
    rounds: u32,
) -> Result<String, Box<dyn Error>> {
    let mut times = Vec::new();
    for round in 0..rounds {
        for n in 0..changes {
            let pattern = Pattern::new(format!("flushed.{round}.{n}"))?;
            state.subscribed(component, &pattern, None)?;
        }
        let began = Instant::now();
        state.flush_blocking()?;
        times.push(millis(began));
    }
    Ok(summary(times))
}

fn durable(
    state: &StateDirectory,
    component: &ComponentId,
    rounds: u32,
) -> Result<String, Box<dyn Error>> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let pattern = Pattern::new(format!("durable.{round}"))?;
        let began = Instant::now();
        state.subscribed(component, &pattern, None)?;
        while state.status().pending_subscriptions > 0 {
            thread::sleep(Duration::from_micros(100));
        }
        times.push(millis(began));
        state.unsubscribed(component, &pattern);
        // Out of step with the commits.
        thread::sleep(Duration::from_micros(u64::from(round % 17) * 900));
    }
    Ok(summary(times))
}

/// `durable`, while another thread adds 100 letters of 1 KiB at a time.
fn flooded(
    state: &StateDirectory,
    component: &ComponentId,
    pause: Duration,
) -> Result<String, Box<dyn Error>> {
    let letter = letter(1_024)?;
    let (stop, added) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let times = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    state.dead_letters().add(letter.clone());
                }
                added.fetch_add(100, Ordering::Relaxed);
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
            }
        });
        let times = durable(state, component, 300);
        stop.store(true, Ordering::Relaxed);
        times
    })?;
    let rate = added.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    Ok(format!("{times}, with {rate:.0} letters a second"))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn summary(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("{:.1} / {:.1} / {:.1} ms (p50 / p99 / max)", at(0.5), at(0.99), at(1.0))
}
