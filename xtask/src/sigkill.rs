//! `cargo xtask sigkill`: a process that changes a state directory is killed, at any moment, again
//! and again; what it had flushed must be there, and nothing else.

mod child;
mod script;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use castcall_state::StateDirectory;
use fastrand::Rng;

pub(crate) use child::{Args as ChildArgs, run as run_child};
use script::{Model, Script};

/// The latest moment at which a process is killed, after its start.
const LONGEST_MS: f64 = 60.0;

/// How long a process may take that is not killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The options of `cargo xtask sigkill`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many processes are started and killed.
    #[arg(long, default_value_t = 100)]
    rounds: u64,
    /// What they do and when they are killed. The moment is not the same twice, though. At random
    /// if it is not given.
    #[arg(long)]
    seed: Option<u64>,
}

/// Kills, opens and compares, until all rounds are done or something is wrong.
pub(crate) fn run(args: &Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(crate::simulate::random_seed);
    println!("seed {seed}, {} rounds", args.rounds);
    let began = Instant::now();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state");
    let mut tally = Tally::default();
    let mut known = Model::default();
    for round in 0..args.rounds {
        let seed = seed.wrapping_add(round);
        known = one_round(&path, seed, known, &mut tally)
            .with_context(|| format!("round {round}, with seed {seed}"))
            .map_err(|error| keep(&path, error))?;
    }
    let Tally { killed, early, flushes, unflushed, changes, .. } = tally;
    println!(
        "{killed} killed, {early} of them before they had opened it; {changes} changes, {flushes} \
         flushes; {unflushed} times more was found than was flushed; {:.1} s: nothing was lost and \
         nothing invented",
        began.elapsed().as_secs_f64(),
    );
    Ok(())
}

#[derive(Default)]
struct Tally {
    killed: u64,
    early: u64,
    flushes: u64,
    unflushed: u64,
    changes: u64,
    /// The last id of a dead letter that was given out.
    last_id: u64,
}

/// What a process said before its end.
#[derive(Debug, Default)]
struct Said {
    opened: bool,
    closed: bool,
    /// How many changes it had begun, and how many of them it had flushed.
    begun: u64,
    flushed: u64,
    flushes: u64,
    /// The first and the last id that it was given.
    ids: Option<(u64, u64)>,
}

fn one_round(path: &Path, seed: u64, known: Model, tally: &mut Tally) -> Result<Model> {
    let mut rng = Rng::with_seed(seed ^ 0x5119_4b11);
    // Some come to their end.
    let spared = rng.u32(..10) == 0;
    let changes = if spared { rng.u64(..500) } else { u64::MAX };
    let mut child = start(path, seed, changes)?;
    let out = child.stdout.take().context("it has no output")?;
    let listener = thread::spawn(move || listen(BufReader::new(out)));
    if spared {
        wait(&mut child)?;
    } else {
        thread::sleep(Duration::from_secs_f64(rng.f64() * LONGEST_MS / 1e3));
        // SIGKILL.
        child.kill()?;
        child.wait()?;
        tally.killed += 1;
    }
    let said = listener.join().map_err(|_| anyhow::anyhow!("the listener panicked"))??;
    ensure!(said.closed == spared, "it ended by itself: {said:?}");
    if let Some((first, last)) = said.ids {
        let before = std::mem::replace(&mut tally.last_id, last);
        ensure!(first > before, "the id {first} came again: {before} was given out before");
    }
    tally.early += u64::from(!said.opened);
    tally.flushes += said.flushes;
    tally.changes += said.begun;

    let state = StateDirectory::open(path, script::config())?;
    let found = Model::read(&state)?;
    state.close_blocking()?;
    let (subscriptions, letters) = compare(seed, known, &found, &said)?;
    tally.unflushed += u64::from(subscriptions.max(letters) > said.flushed);
    Ok(found)
}

/// Plays what it did, and finds what is there among what may be. Returns after how many changes.
fn compare(seed: u64, known: Model, found: &Model, said: &Said) -> Result<(u64, u64)> {
    let mut script = Script::new(seed, known);
    let (mut subscriptions, mut letters) = (None, None);
    for done in 0..=said.begun {
        if done >= said.flushed {
            let model = &script.model;
            subscriptions =
                (model.subscriptions == found.subscriptions).then_some(done).or(subscriptions);
            letters = model.same_letters(found).then_some(done).or(letters);
        }
        script.change();
    }
    match (subscriptions, letters) {
        (Some(subscriptions), Some(letters)) => Ok((subscriptions, letters)),
        (None, _) => {
            bail!("the subscriptions are not those after any change: {said:?}\n{found:#?}")
        }
        (_, None) => bail!("the letters are not those after any change: {said:?}\n{found:#?}"),
    }
}

fn start(path: &Path, seed: u64, changes: u64) -> Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("sigkill-child").arg(path).args([seed.to_string(), changes.to_string()]);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)
}

fn wait(child: &mut Child) -> Result<()> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "it failed: {status}");
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            bail!("it does not come to its end");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn listen(mut out: impl BufRead) -> Result<Said> {
    let mut said = Said::default();
    let mut line = String::new();
    loop {
        line.clear();
        out.read_line(&mut line)?;
        // What has no end was cut off by its death.
        let Some(whole) = line.strip_suffix('\n') else { return Ok(said) };
        match whole.split_once(' ') {
            None if whole == "open" => said.opened = true,
            None if whole == "closed" => (said.closed, said.flushed) = (true, said.begun),
            Some(("begin", number)) => said.begun = number.parse()?,
            Some(("id", number)) => {
                let id = number.parse()?;
                said.ids = Some((said.ids.map_or(id, |(first, _)| first), id));
            }
            Some(("flushed", number)) => {
                said.flushed = number.parse()?;
                said.flushes += 1;
            }
            _ => bail!("it said {whole:?}"),
        }
    }
}

/// Leaves what is wrong where it is, for whoever looks for the cause.
fn keep(path: &Path, error: anyhow::Error) -> anyhow::Error {
    let kept = env::temp_dir().join(format!("castcall-sigkill-{}", std::process::id()));
    match std::fs::rename(path, &kept) {
        Ok(()) => error.context(format!("the directory is kept: {}", kept.display())),
        Err(_) => error,
    }
}
