//! The process that is killed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use castcall_core::DeadLetterId;
use castcall_state::StateDirectory;

use super::script::{Change, Model, Script, config, letter};

/// What the process is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    path: PathBuf,
    seed: u64,
    changes: u64,
}

/// Makes changes, and says of each that it begins, and of each flush that it is done.
pub(crate) fn run(args: &Args) -> Result<()> {
    let state = StateDirectory::open(&args.path, config())?;
    let known = Model::read(&state)?;
    let mut ids = known.ids();
    let mut last = ids.values().copied().max().unwrap_or(0);
    let mut script = Script::new(args.seed, known);
    // Not buffered: what was said must be out before the next thing is done.
    let mut out = io::stdout().lock();
    let mut say = |what: String| out.write_all(what.as_bytes()).and_then(|()| out.flush());
    say("open\n".to_owned())?;
    for done in 1..=args.changes {
        say(format!("begin {done}\n"))?;
        if let Some(id) = change(&state, script.change(), &mut ids)? {
            ensure!(id > last, "the id {id} came after {last}");
            last = id;
            say(format!("id {id}\n"))?;
        }
        if Script::flushes(args.seed, done) {
            state.flush_blocking()?;
            say(format!("flushed {done}\n"))?;
        } else if done % 40 == 0 {
            // So that there are commits that nobody asked for.
            thread::sleep(Duration::from_millis(args.seed % 8));
        }
    }
    state.close_blocking()?;
    say("closed\n".to_owned())?;
    Ok(())
}

/// Makes a change, and returns the id that was given out.
fn change(
    state: &StateDirectory,
    change: Change,
    ids: &mut BTreeMap<u64, u64>,
) -> Result<Option<u64>> {
    let letters = state.dead_letters();
    let id_of = |mark: u64| ids.get(&mark).copied().map(DeadLetterId).context("an unknown letter");
    match change {
        Change::Subscribe(component, pattern, group) => {
            state.subscribed(&component, &pattern, Some(group))?;
        }
        Change::Unsubscribe(component, pattern) => {
            state.unsubscribed(&component, &pattern);
        }
        Change::Unload(component) => {
            state.unloaded(&component);
        }
        Change::Add { mark } => {
            let id = letters.add(letter(mark, 1)).0;
            ids.insert(mark, id);
            return Ok(Some(id));
        }
        Change::Take { mark } => {
            letters.take(id_of(mark)?).context("a letter is missing")?;
        }
        Change::PutBack { mark, attempts } => {
            ensure!(letters.put_back(id_of(mark)?, letter(mark, attempts)), "it can't be put back");
        }
    }
    Ok(None)
}
