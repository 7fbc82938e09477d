//! The chores of this workspace.
//!
//! Each subcommand is a module with its `Args` and a `run`.

mod fixtures;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the castcall workspace")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Makes the guests that tests and benchmarks load.
    Fixtures(fixtures::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Fixtures(args) => fixtures::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}
