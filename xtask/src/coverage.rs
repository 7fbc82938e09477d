//! `cargo xtask coverage`: how many lines of the library crates the tests run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::workspace::{Member, Workspace, cargo};

/// Of the lines of each library crate, in per cent.
const THRESHOLD: f64 = 95.0;

/// Files that don't count, and why. One that reaches the threshold has no place here.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "crates/wasm/src/wasi/wait.rs",
    "hands each function of wasi:io on to wasmtime-wasi's own; what is ours, the waiting, is tested \
     through those that guests wait by",
)];

const TOOL: &str = "cargo-llvm-cov";
const TOOL_VERSION: &str = "0.9.1";

/// Tests beside the code, and the models that they compare with; what stands in a folder `tests`
/// of a crate is left out anyway.
const TESTS: &str = r"/src/(.*/)?(tests|model)(\.rs$|/)";

/// The options of `cargo xtask coverage`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installs LLVM's tools, from Debian, if there are none.
    #[arg(long)]
    install: bool,
    /// Lists the lines that no test runs.
    #[arg(long)]
    missing: bool,
}

/// Runs the tests and prints the coverage of each file and crate; fails below the threshold.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let llvm = Llvm::find(args.install)?;
    let tool = tool(&workspace)?;
    let report = workspace.target.join("coverage.json");
    // What is left of an earlier build would count with the lines of then.
    let mut clean = llvm.run(&tool);
    clean.args(["clean", "--workspace"]);
    ensure!(clean.status()?.success(), "cargo llvm-cov clean fails");
    // No examples: linking them takes longer than the rest, and nobody runs them.
    let mut test = llvm.run(&tool);
    test.args(["--locked", "--workspace", "--lib", "--tests", "--json", "--summary-only"]);
    test.args(["--ignore-filename-regex", TESTS, "--output-path"]).arg(&report);
    for member in &workspace.members {
        if !member.is_library() {
            let tests_others = member.folder.parent().is_some_and(|up| up.ends_with("crates"));
            let exclude = if tests_others { "--exclude-from-report" } else { "--exclude" };
            test.args([exclude, &member.name]);
        }
    }
    ensure!(test.status()?.success(), "the tests fail");
    if args.missing {
        let mut missing = llvm.run(&tool);
        missing.args(["report", "--show-missing-lines", "--ignore-filename-regex", TESTS]);
        ensure!(missing.status()?.success(), "cargo llvm-cov report fails");
    }
    let report = fs::read(&report).with_context(|| report.display().to_string())?;
    let files = files(&serde_json::from_slice(&report)?).context("an unexpected report")?;
    judge(&workspace, &files)
}

struct File {
    path: PathBuf,
    lines: Lines,
}

#[derive(Clone, Copy, Default)]
struct Lines {
    count: u64,
    covered: u64,
}

impl Lines {
    fn percent(self) -> f64 {
        if self.count == 0 { 100.0 } else { self.covered as f64 * 100.0 / self.count as f64 }
    }

    fn suffice(self) -> bool {
        self.percent() >= THRESHOLD
    }
}

fn files(report: &Value) -> Option<Vec<File>> {
    let mut files = Vec::new();
    for file in report["data"][0]["files"].as_array()? {
        let path = Path::new(file["filename"].as_str()?);
        let lines = &file["summary"]["lines"];
        files.push(File {
            path: path.strip_prefix(crate::workspace()).unwrap_or(path).into(),
            lines: Lines { count: lines["count"].as_u64()?, covered: lines["covered"].as_u64()? },
        });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Some(files)
}

fn judge(workspace: &Workspace, files: &[File]) -> Result<()> {
    let mut faults = Vec::new();
    println!("\n{:48}{:>7}{:>9}{:>9}", "", "lines", "not run", "run");
    for member in workspace.libraries() {
        let lines = print(member, files);
        if lines.count == 0 {
            faults.push(format!("{}: no line was measured", member.name));
        } else if !lines.suffice() {
            faults.push(format!("{}: {:.2} %", member.name, lines.percent()));
        }
    }
    for (path, _) in EXCEPTIONS {
        match files.iter().find(|file| file.path == Path::new(path)) {
            None => faults.push(format!("{path}: an exception, and there is no such file")),
            Some(file) if file.lines.suffice() => {
                faults.push(format!("{path}: an exception that it needs no longer"));
            }
            Some(_) => {}
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!(
        "expected {THRESHOLD} % of the lines of each crate; exceptions, with their reasons, stand \
         in xtask/src/coverage.rs\n{}",
        faults.join("\n")
    )
}

/// Prints a crate's files, and returns what counts of them.
fn print(member: &Member, files: &[File]) -> Lines {
    let folder = member.folder.strip_prefix(crate::workspace()).unwrap_or(&member.folder);
    let mut sum = Lines::default();
    for file in files.iter().filter(|file| file.path.starts_with(folder)) {
        let path = file.path.display().to_string();
        let exception = EXCEPTIONS.iter().find(|(excepted, _)| *excepted == path);
        print_line(&path, file.lines, exception.map_or("", |(_, reason)| reason));
        if exception.is_none() {
            sum.count += file.lines.count;
            sum.covered += file.lines.covered;
        }
    }
    print_line(&member.name, sum, if sum.suffice() { "" } else { "too few" });
    println!();
    sum
}

fn print_line(name: &str, lines: Lines, remark: &str) {
    let missing = lines.count - lines.covered;
    println!("{name:48}{:>7}{missing:>9}{:>8.2}%  {remark}", lines.count, lines.percent());
}

/// LLVM's tools, of the version that the compiler has: they read only what is not newer.
enum Llvm {
    /// cargo-llvm-cov finds them itself: in the environment, or as a component of the toolchain.
    Known,
    In(PathBuf),
}

impl Llvm {
    fn find(install: bool) -> Result<Self> {
        if env::var_os("LLVM_COV").is_some() && env::var_os("LLVM_PROFDATA").is_some() {
            return Ok(Self::Known);
        }
        let version = rustc(&["--version", "--verbose"])?;
        let field = |name: &str| {
            let mut lines = version.lines();
            lines.find_map(|line| line.strip_prefix(name)).context("rustc does not say its LLVM")
        };
        let major = field("LLVM version: ")?.split('.').next().unwrap_or_default();
        let own = Path::new(rustc(&["--print", "sysroot"])?.trim())
            .join("lib/rustlib")
            .join(field("host: ")?)
            .join("bin/llvm-profdata");
        if own.exists() {
            return Ok(Self::Known);
        }
        let folder = PathBuf::from(format!("/usr/lib/llvm-{major}/bin"));
        let package = format!("llvm-{major}");
        if !folder.join("llvm-cov").exists() && install {
            let apt = |args: &[&str]| Command::new("apt-get").args(args).status();
            apt(&["update"])?;
            apt(&["install", "--yes", "--no-install-recommends", &package])?;
        }
        ensure!(
            folder.join("llvm-cov").exists(),
            "no llvm-cov {major}, the compiler's version: `apt-get install {package}`, or \
             `rustup component add llvm-tools`, or set LLVM_COV and LLVM_PROFDATA"
        );
        Ok(Self::In(folder))
    }

    /// cargo-llvm-cov, with these tools.
    fn run(&self, tool: &Path) -> Command {
        let mut command = Command::new(tool);
        command.current_dir(crate::workspace()).arg("llvm-cov");
        if let Self::In(folder) = self {
            command.env("LLVM_COV", folder.join("llvm-cov"));
            command.env("LLVM_PROFDATA", folder.join("llvm-profdata"));
        }
        command
    }
}

fn rustc(args: &[&str]) -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(args).output()?;
    ensure!(output.status.success(), "rustc {}", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// cargo-llvm-cov, built into the target folder if it is not there. Unoptimised: building it is
/// what takes long.
fn tool(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target.join("tools");
    let tool = root.join("bin").join(TOOL);
    if !tool.exists() {
        let package = format!("{TOOL}@{TOOL_VERSION}");
        let mut install = cargo();
        install.args(["install", "--debug", "--locked", "--root"]).arg(&root).arg(&package);
        ensure!(install.status()?.success(), "{package} can't be installed");
    }
    Ok(tool)
}
