//! `castcall`: runs systems of WebAssembly components, and talks to them.
//!
//! One file for each command; what a running system is asked goes as JSON over a socket
//! ([`control`]), from [`client`] to [`server`], which does it
//! ([`connection`], [`deeds`]).

// Both panic when nobody reads: see `print`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod args;
mod check;
mod client;
mod connection;
mod control;
mod deeds;
mod diagram;
mod exit;
mod inspect;
mod interrupt;
mod new;
mod output;
mod payload;
mod place;
mod print;
mod record;
mod run;
mod server;
mod talk;
mod top;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Args, Command};
use crate::exit::Failure;

fn main() -> ExitCode {
    let args = Args::parse();
    match command(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::remark(&failure);
            failure.code()
        }
    }
}

fn command(args: Args) -> Result<(), Failure> {
    let Args { format, command } = args;
    match command {
        Command::Run(run) => run::run(&run),
        Command::Check { application } => check::check(&application, format),
        Command::New { name, folder, guest } => {
            new::new(&name, folder.as_deref(), guest.as_deref())
        }
        Command::Inspect { file } => inspect::inspect(&file, format),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "castcall", &mut script);
            print::answer(&String::from_utf8_lossy(&script))
        }
        Command::Record(record) => record::record(&record),
        Command::Diagram(args) => diagram::diagram(&args),
        Command::Top(args) => top::top(&args),
        Command::Talk(talk) => talk::talk(talk, format),
    }
}
