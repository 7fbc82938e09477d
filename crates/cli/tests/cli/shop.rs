//! A small system in a folder of its own, and the command that is used on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn fixture(name: &str) -> PathBuf {
    let components = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/components");
    Path::new(components).join(name).with_extension("wasm").canonicalize().unwrap()
}

/// A folder with a shop in it, and a runtime folder of its own.
pub(crate) struct Shop(pub(crate) TempDir);

/// A system that runs; killed with the test.
pub(crate) struct Running(pub(crate) Child);

impl Shop {
    pub(crate) fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        for (id, wasm, more) in [
            (
                "requester",
                "callback-receiver-component",
                "[capabilities]\ncall = [\"shop/*\"]\ncast = [\"shop/*\"]\nsubscribe = [\"news.*\"]\n",
            ),
            ("echo", "echo-handler", "[codecs]\npreferred = \"cbor\"\naccepts = [\"cbor\"]\n"),
            ("trapper", "trapping-handler", ""),
        ] {
            let wasm = fixture(wasm);
            shop.write(
                &format!("{id}.toml"),
                &format!("id = \"shop/{id}\"\nwasm = {wasm:?}\n{more}"),
            );
        }
        shop.write(
            "castcall.toml",
            "[components.requester]\nmanifest = \"requester.toml\"\ngrants.call = [\"*\"]\n\
             grants.cast = [\"*\"]\ngrants.subscribe = [\"*\"]\n\
             [components.echo]\nmanifest = \"echo.toml\"\n\
             [components.trapper]\nmanifest = \"trapper.toml\"\n",
        );
        shop
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_castcall"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", self.0.path()).env_remove("CASTCALL_SYSTEM");
        command.env_remove("RUST_LOG").env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        command.env_remove("OTEL_SERVICE_NAME");
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it prints, when all is well.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<_> = ["--format", "json"].iter().chain(args).copied().collect();
        serde_json::from_str(&self.says(&args)).unwrap()
    }

    /// With which code it ends, and what it says of that.
    pub(crate) fn fails(&self, args: &[&str]) -> (i32, String) {
        said(&self.output(args))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self) -> Running {
        self.run_application("castcall.toml", "shop/trapper")
    }

    /// Runs an application until it has loaded `last`.
    pub(crate) fn run_application(&self, manifest: &str, last: &str) -> Running {
        let running = self.start(&[manifest, "--metrics", "0"]);
        eventually("the system runs", || {
            let there = self.output(&["components", "--format", "json"]);
            there.status.success() && String::from_utf8_lossy(&there.stdout).contains(last)
        });
        running
    }

    /// `run` with these arguments, as far as it comes.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(&[&["run"], args].concat());
        let log = fs::File::create(self.path("log")).unwrap();
        Running(command.stderr(log).spawn().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.0.path().join("log")).unwrap()
    }
}

impl Running {
    pub(crate) fn interrupt(&self) {
        signal(&self.0, Signal::INT);
    }

    /// The code that it ended with.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // In order, if it can.
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.interrupt();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// With which code a command ended, and what it said of that: never a panic.
pub(crate) fn said(output: &Output) -> (i32, String) {
    let why = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!why.contains("panicked at"), "{why}");
    (output.status.code().unwrap_or_else(|| panic!("{output:?}")), why)
}
