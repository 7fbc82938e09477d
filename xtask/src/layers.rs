//! `cargo xtask layers`: the arrows between the crates, and that each builds alone.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::workspace::{Member, Workspace, cargo};

/// Which crates of castcall each may be built of. What tests and examples need besides is free,
/// but for wasmtime.
const LAYERS: &[(&str, &[&str])] = &[
    ("castcall-core", &[]),
    ("castcall-runtime", &[]),
    ("castcall-correlation", &["castcall-core"]),
    ("castcall-topics", &["castcall-core"]),
    ("castcall-codec", &[]),
    ("castcall-adapter", &["castcall-core"]),
    ("castcall-policy", &["castcall-core"]),
    ("castcall-state", &["castcall-core"]),
    ("castcall-manifest", &["castcall-core", "castcall-codec"]),
    ("castcall-audit", &["castcall-core"]),
    (
        "castcall-broker",
        &[
            "castcall-adapter",
            "castcall-audit",
            "castcall-codec",
            "castcall-core",
            "castcall-correlation",
            "castcall-policy",
            "castcall-topics",
        ],
    ),
    ("castcall-diagram", &["castcall-core"]),
    ("castcall-telemetry", &["castcall-core", "castcall-broker"]),
    ("castcall-wasm", &["castcall-core", "castcall-broker"]),
    ("castcall-testkit", &["castcall-core", "castcall-correlation", "castcall-broker"]),
    (
        "castcall",
        &[
            "castcall-adapter",
            "castcall-audit",
            "castcall-broker",
            "castcall-codec",
            "castcall-core",
            "castcall-correlation",
            "castcall-manifest",
            "castcall-policy",
            "castcall-runtime",
            "castcall-state",
            "castcall-topics",
            "castcall-wasm",
        ],
    ),
    ("castcall-cli", &["castcall", "castcall-diagram", "castcall-telemetry"]),
];

/// Who may need wasmtime, directly or not. Everybody else builds, and is tested, without it.
const NEED_WASMTIME: [&str; 3] = ["castcall-wasm", "castcall", "castcall-cli"];

/// The options of `cargo xtask layers`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Looks at the arrows only, and builds nothing.
    #[arg(long)]
    arrows: bool,
}

/// Checks the arrows, then builds each library crate alone: with no features, with each feature
/// alone, with all.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let faults = wrong_arrows(&workspace);
    if !faults.is_empty() {
        bail!("the layers are broken (xtask/src/layers.rs)\n{}", faults.join("\n"));
    }
    println!("the arrows are right: {} library crates", workspace.libraries().count());
    if args.arrows {
        return Ok(());
    }
    for member in workspace.libraries() {
        for features in selections(member) {
            build(member, &features)?;
        }
    }
    Ok(())
}

fn wrong_arrows(workspace: &Workspace) -> Vec<String> {
    let mut faults = Vec::new();
    for member in workspace.libraries() {
        let name = member.name.as_str();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            faults.push(format!("{name}: a new crate; say which layers it may know"));
            continue;
        };
        for dependency in &member.dependencies {
            let ours = workspace.members.iter().any(|member| member.name == *dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{name}: must know nothing of {dependency}"));
            }
        }
        if !NEED_WASMTIME.contains(&name)
            && let Some(way) = workspace.way_to(member, "wasmtime")
        {
            faults.push(format!("{name}: needs wasmtime, by way of {}", way.join(" -> ")));
        }
    }
    for (layer, _) in LAYERS {
        if !workspace.libraries().any(|member| member.name == *layer) {
            faults.push(format!("{layer}: there is no such crate any more"));
        }
    }
    faults
}

/// Arguments for cargo.
fn selections(member: &Member) -> Vec<Vec<String>> {
    let none = || vec!["--no-default-features".to_owned()];
    let mut selections = vec![none()];
    for feature in &member.features {
        selections.push([none(), vec!["--features".into(), feature.clone()]].concat());
    }
    // One feature alone is all of them.
    if member.features.len() > 1 {
        selections.push(vec!["--all-features".into()]);
    }
    selections
}

fn build(member: &Member, features: &[String]) -> Result<()> {
    let started = Instant::now();
    let what = format!("{} {}", member.name, features.join(" "));
    let status = cargo()
        .args(["check", "--quiet", "--locked", "--package", &member.name])
        .args(features)
        .status()?;
    if !status.success() {
        bail!("{what}: does not build alone");
    }
    println!("{what}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
