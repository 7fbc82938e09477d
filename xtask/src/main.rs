//! The chores of this workspace.
//!
//! Each subcommand is a module with its `Args` and a `run`.

mod abi;
mod bench;
mod coverage;
mod fixtures;
mod instructions;
mod layers;
mod schema;
mod sigkill;
mod simulate;
mod workspace;

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
    /// Derives from wit/ how guests of the core lane are entered.
    Abi(abi::Args),
    /// Makes the guests that tests and benchmarks load.
    Fixtures(fixtures::Args),
    /// Checks who knows whom, and that each crate builds alone.
    Layers(layers::Args),
    /// Says how many lines of the library crates the tests run.
    Coverage(coverage::Args),
    /// Measures what castcall costs, and writes docs/performance.md and docs/performance.json.
    Bench(bench::Args),
    /// Counts the instructions of a cast and of a call, and compares them with what they were.
    Instructions(instructions::Args),
    /// Writes the JSON Schemas of the manifests, and the tables of docs/manifest.md.
    Schema(schema::Args),
    /// Runs chaos in virtual time and watches the promises about calls.
    Simulate(simulate::Args),
    /// Kills a process that keeps state, at any moment, and looks what is left.
    Sigkill(sigkill::Args),
    /// The process that is killed.
    #[command(hide = true)]
    SigkillChild(sigkill::ChildArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Abi(args) => abi::run(&args),
        Chore::Fixtures(args) => fixtures::run(&args),
        Chore::Layers(args) => layers::run(&args),
        Chore::Coverage(args) => coverage::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Instructions(args) => instructions::run(&args),
        Chore::Schema(args) => schema::run(&args),
        Chore::Simulate(args) => simulate::run(&args),
        Chore::Sigkill(args) => sigkill::run(&args),
        Chore::SigkillChild(args) => sigkill::run_child(&args),
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
