//! The programs that are measured, and the tools that count what they do.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workspace::{Workspace, cargo};

/// The examples of the benches, built.
pub(crate) struct Programs {
    target: PathBuf,
    folder: PathBuf,
}

impl Programs {
    /// Builds them as the benchmarks are built.
    pub(crate) fn build() -> Result<Self> {
        let target = Workspace::load()?.target;
        let mut build = cargo();
        build.args(["build", "--release", "--locked", "--package", "castcall-benches"]);
        ensure!(build.arg("--examples").status()?.success(), "the programs can't be built");
        let folder = target.join("release/examples");
        Ok(Self { target, folder })
    }

    /// Those that were built in a folder already.
    pub(crate) fn in_folder(target: &Path, folder: PathBuf) -> Self {
        Self { target: target.to_owned(), folder }
    }

    /// Runs the benchmarks; returns their table.
    pub(crate) fn suite(&self) -> Result<Value> {
        let file = self.target.join("benchmarks.json");
        let mut bench = cargo();
        bench.args(["bench", "--locked", "--package", "castcall-benches", "--bench"]);
        bench.arg("messaging_benchmarks").env("CASTCALL_BENCH_JSON", &file);
        ensure!(bench.status()?.success(), "the benchmarks fail");
        let text = fs::read_to_string(&file).context("the benchmarks' table")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Runs one of them; returns what it prints.
    pub(crate) fn run(&self, name: &str, args: &[&str]) -> Result<String> {
        let output =
            Command::new(self.folder.join(name)).args(args).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{name} {} fails", args.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// How many instructions one of them runs, all in all.
    pub(crate) fn instructions(&self, name: &str, args: &[&str]) -> Result<u64> {
        let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let text = self.under("valgrind", options, name, args)?;
        let collected = text.lines().find_map(|line| line.split_once("Collected : "));
        let (_, count) = collected.with_context(|| format!("callgrind says only {text}"))?;
        Ok(count.trim().parse()?)
    }

    /// What it allocates, and where, as DHAT says it.
    pub(crate) fn allocations(&self, name: &str, args: &[&str]) -> Result<Value> {
        let file = self.target.join("dhat.json");
        let out = format!("--dhat-out-file={}", file.display());
        self.under("valgrind", ["--tool=dhat", &out], name, args)?;
        Ok(serde_json::from_str(&fs::read_to_string(&file)?)?)
    }

    /// How many system calls it makes, by name.
    pub(crate) fn system_calls(&self, name: &str, args: &[&str]) -> Result<Vec<(String, u64)>> {
        let file = self.target.join("strace.txt");
        let out = format!("--output={}", file.display());
        self.under("strace", ["-f", "-c", "-U", "calls,name", &out], name, args)?;
        let text = fs::read_to_string(&file)?;
        let calls = text.lines().filter_map(|line| {
            let (calls, name) = line.trim().split_once(char::is_whitespace)?;
            Some((name.trim().to_owned(), calls.parse().ok()?))
        });
        // Lines about its own doings begin with a number too.
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        Ok(calls.filter(|(name, _)| name != "total" && is_name(name)).collect())
    }

    /// Which functions of it the processor was in, in per cent, as `perf` samples them.
    pub(crate) fn samples(&self, name: &str, args: &[&str]) -> Result<String> {
        let file = self.target.join("perf.data").display().to_string();
        let options = ["record", "-q", "-F", "5000", "-e", "cycles:u", "-o", &file, "--"];
        self.under("perf", options, name, args)?;
        let mut report = Command::new("perf");
        report.args(["report", "--stdio", "-q", "--no-children", "-F", "overhead,dso,symbol"]);
        let output = report.arg("-i").arg(&file).output()?;
        ensure!(output.status.success(), "perf report fails");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn under<const N: usize>(
        &self,
        tool: &str,
        options: [&str; N],
        name: &str,
        args: &[&str],
    ) -> Result<String> {
        let mut command = Command::new(tool);
        command.args(options).arg(self.folder.join(name)).args(args);
        let output = command.output().with_context(|| format!("{tool} is needed: install it"))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{name} fails under {tool}: {text}");
        Ok(text)
    }
}

/// Whether a program is to be found.
pub(crate) fn is_there(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(OsStr::new(tool)).is_file())
}
