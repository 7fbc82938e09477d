//! On what it was measured.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// What git has checked out; with a mark if that is not all.
pub(crate) fn commit() -> Result<String> {
    output(Command::new("git").current_dir(crate::workspace()).args([
        "describe",
        "--always",
        "--dirty=, with changes",
        "--abbrev=12",
        "--exclude=*",
    ]))
}

pub(crate) fn describe() -> Result<Value> {
    let cores = thread::available_parallelism()?.get();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = field(&cpuinfo, "model name").context("a processor without a name")?;
    let family = field(&cpuinfo, "cpu family").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let memory = field(&meminfo, "MemTotal").context("no memory")?;
    let kib: u64 = memory.trim_end_matches(" kB").parse()?;
    Ok(json!({
        "cpu": format!("{cpu}, family {family}"),
        "cores": cores,
        "memory_gib": kib >> 20,
        "kernel": output(Command::new("uname").arg("-r"))?,
        "rustc": output(Command::new("rustc").arg("--version"))?,
    }))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?} fails");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
