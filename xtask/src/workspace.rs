//! What `cargo metadata` says of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A crate of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Its features, but for `default`.
    pub(crate) features: Vec<String>,
    /// What it is built of.
    pub(crate) dependencies: BTreeSet<String>,
    id: String,
}

impl Member {
    /// Whether it is meant for others: everything in `crates` but the tests that are a crate.
    pub(crate) fn is_library(&self) -> bool {
        let in_crates = self.folder.parent().is_some_and(|parent| parent.ends_with("crates"));
        in_crates && self.name != "castcall-integration-tests"
    }
}

pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    pub(crate) target: PathBuf,
    /// What each package, by id, needs, with all features on all platforms.
    graph: BTreeMap<String, Vec<Edge>>,
    names: BTreeMap<String, String>,
}

struct Edge {
    to: String,
    /// Needed by tests and examples only.
    dev_only: bool,
}

/// Cargo, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::workspace());
    cargo
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
            .output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata: {errors}");
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        Self::read(&metadata).context("cargo metadata says something unexpected")
    }

    fn read(metadata: &Value) -> Option<Self> {
        let ids: BTreeSet<&str> =
            metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut members = Vec::new();
        let mut names = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            let (id, name) = (package["id"].as_str()?, package["name"].as_str()?);
            names.insert(id.to_owned(), name.to_owned());
            if ids.contains(id) {
                members.push(member(package)?);
            }
        }
        members.sort_by(|one, other| one.name.cmp(&other.name));
        let mut graph = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let edges: Option<_> = node["deps"].as_array()?.iter().map(edge).collect();
            graph.insert(node["id"].as_str()?.to_owned(), edges?);
        }
        let target = metadata["target_directory"].as_str()?.into();
        Some(Self { members, target, graph, names })
    }

    pub(crate) fn libraries(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_library())
    }

    /// How `member` comes to need the package `name`, for itself or for its tests: the names on
    /// the way there.
    pub(crate) fn way_to(&self, member: &Member, name: &str) -> Option<Vec<&str>> {
        let mut ways = vec![vec![member.id.as_str()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let last = *way.last()?;
            if self.names.get(last).is_some_and(|found| found == name) {
                return Some(way.iter().map(|id| self.names[*id].as_str()).collect());
            }
            for edge in self.graph.get(last).into_iter().flatten() {
                let counts = !edge.dev_only || way.len() == 1;
                if counts && seen.insert(&edge.to) {
                    ways.push([&way[..], &[edge.to.as_str()]].concat());
                }
            }
        }
        None
    }
}

fn member(package: &Value) -> Option<Member> {
    let features = package["features"].as_object()?.keys();
    let dependencies = package["dependencies"].as_array()?.iter();
    Some(Member {
        name: package["name"].as_str()?.to_owned(),
        folder: PathBuf::from(package["manifest_path"].as_str()?).parent()?.into(),
        features: features.filter(|feature| *feature != "default").cloned().collect(),
        dependencies: dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
            .collect(),
        id: package["id"].as_str()?.to_owned(),
    })
}

fn edge(dependency: &Value) -> Option<Edge> {
    let kinds = dependency["dep_kinds"].as_array()?;
    Some(Edge {
        to: dependency["pkg"].as_str()?.to_owned(),
        dev_only: kinds.iter().all(|kind| kind["kind"] == "dev"),
    })
}
