//! Makes an [`ApplicationManifest`] of a tree, and of the manifests that it names.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use castcall_core::ComponentId;

use super::grants;
use super::{ApplicationManifest, ComponentEntry, Grants, PeerGrants, SystemOptions};
use crate::component::{
    ComponentManifest, Rights, check, find_wasm, overlay, put, put_some, rights, wasi,
};
use crate::error::ManifestError;
use crate::keys::application::{APPLICATION, OVERRIDES};
use crate::problem::{Problem, ProblemKind};
use crate::read::{Entries, Reader};
use crate::scalar::show_size;
use crate::source::Source;

/// Loads the manifest of a component; whether it should look for the WebAssembly component.
pub(super) type Load<'l> = dyn FnMut(&Path, bool) -> Result<ComponentManifest, ManifestError> + 'l;

pub(super) fn application(
    source: Arc<Source>,
    load: &mut Load<'_>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<ApplicationManifest, ManifestError> {
    let read = Reader::new(source, &APPLICATION).document(|reader, entries| {
        let system = reader.table(entries, "system").map(|entries| system(reader, &entries));
        let mut application = ApplicationManifest {
            system: system.unwrap_or_default(),
            components: BTreeMap::new(),
            peers: BTreeMap::new(),
            warnings: Vec::new(),
        };
        let mut ids = BTreeMap::new();
        for (name, span, entries) in reader.tables(entries, "components", Some(OVERRIDES)) {
            if let Some(entry) = component(reader, &entries, load, exists) {
                fits(reader, &entries, &entry.component, &application.system);
                known_once(reader, &entries, &mut ids, name, span, &entry.component.id);
                application.components.insert(name.to_owned(), entry);
            }
        }
        for (name, span, entries) in reader.tables(entries, "peers", None) {
            let Rights { cast, call, publish, subscribe } = rights(reader, &entries);
            let peer = PeerGrants {
                cast: cast.unwrap_or_default(),
                call: call.unwrap_or_default(),
                publish: publish.unwrap_or_default(),
                subscribe: subscribe.unwrap_or_default(),
            };
            let Some(id) = reader.any_id(name, span.clone()) else { continue };
            if let Some(component) = ids.get(&id) {
                let message = format!("`{id}` is the component `{component}`");
                let problem = reader
                    .problem(ProblemKind::DuplicateId, Some(span), message)
                    .suggest(format!("write `[components.{component}.grants]`"));
                reader.note(problem);
            }
            application.peers.insert(id, peer);
        }
        application
    });
    read.map(|(application, warnings)| ApplicationManifest { warnings, ..application })
}

fn system(reader: &mut Reader, entries: &Entries<'_>) -> SystemOptions {
    let mut system = SystemOptions::default();
    put_some(&mut system.workers, reader.count(entries, "workers"));
    put_some(&mut system.max_threads, reader.count(entries, "max-threads"));
    put(&mut system.max_payload_bytes, reader.size(entries, "max-payload-bytes"));
    put(&mut system.max_timeout, reader.duration(entries, "max-timeout"));
    put_some(&mut system.state_directory, reader.path(entries, "state-directory"));
    put_some(&mut system.audit, reader.path(entries, "audit"));
    put(&mut system.forbid_unchecked, reader.flag(entries, "forbid-unchecked"));
    if let (Some(workers), Some(threads)) = (system.workers, system.max_threads)
        && threads < workers
    {
        let message = format!("{workers} workers need more than {threads} threads");
        let place = entries.written(&["max-threads"]);
        let problem = reader.problem(ProblemKind::Contradiction, place, message);
        reader.note(problem.expected(format!("at least `workers`, {workers}")));
    }
    system
}

fn component(
    reader: &mut Reader,
    entries: &Entries<'_>,
    load: &mut Load<'_>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<ComponentEntry> {
    let errors = reader.problems.errors();
    let given = reader.table(entries, "grants").map(|table| {
        let granted = grants(reader, &table);
        (table, granted)
    });
    let manifest = reader.path(entries, "manifest");
    let another_wasm = entries.written(&["wasm"]).is_some();
    let loaded = manifest.as_deref().map(|manifest| load(manifest, !another_wasm));
    let mut component = match loaded {
        Some(Ok(component)) => component,
        failed => {
            if let Some(Err(error)) = failed {
                not_loaded(reader, entries, error);
            }
            // What is written here is looked at all the same.
            overlay(reader, entries, &mut ComponentManifest::new(ComponentId::host(), ""));
            return None;
        }
    };
    overlay(reader, entries, &mut component);
    find_wasm(reader, entries, &component, exists);
    // What follows from an error need not be said.
    if reader.problems.errors() > errors {
        return None;
    }
    check(reader, entries, &component);
    if let Some((table, grants)) = &given {
        grants::look_for_use(reader, table, grants, &component);
    }
    let granted = given.map(|(_, grants)| grants).unwrap_or_default();
    grants::look_for_subscriptions(reader, entries, &granted, &component);
    Some(ComponentEntry { manifest: manifest?, component, grants: granted })
}

/// A file that is not there is pointed to from here; what is wrong in it, from there.
fn not_loaded(reader: &mut Reader, entries: &Entries<'_>, error: ManifestError) {
    let in_the_file = |problem: &Problem| problem.place.is_some() || problem.file != error.file;
    if let [problem] = &error.problems[..]
        && matches!(problem.kind, ProblemKind::FileMissing | ProblemKind::FileUnreadable)
        && !in_the_file(problem)
    {
        let place = entries.written(&["manifest"]);
        let moved = reader.problem(problem.kind, place, problem.message.clone());
        reader.note(moved.expected("the `Component.toml` of a component"));
    } else {
        reader.problems.extend(error);
    }
}

fn grants(reader: &mut Reader, entries: &Entries<'_>) -> Grants {
    if entries.is_empty() {
        let message = format!("`{}` grants nothing", entries.path());
        let problem = reader.problem(ProblemKind::Empty, entries.span.clone(), message).suggest(
            "leave the table out: nothing is granted that does not stand there".to_owned(),
        );
        reader.note(problem);
    }
    let Rights { cast, call, publish, subscribe } = rights(reader, entries);
    let mut grants = Grants {
        cast: cast.unwrap_or_default(),
        call: call.unwrap_or_default(),
        publish: publish.unwrap_or_default(),
        subscribe: subscribe.unwrap_or_default(),
        ..Grants::default()
    };
    if let Some(entries) = reader.table(entries, "wasi") {
        wasi(reader, &entries, &mut grants.wasi);
    }
    grants
}

/// Notes what the system's options forbid.
fn fits(
    reader: &mut Reader,
    entries: &Entries<'_>,
    component: &ComponentManifest,
    system: &SystemOptions,
) {
    if component.quotas.payload_bytes > system.max_payload_bytes {
        let (most, asked) =
            (show_size(system.max_payload_bytes), show_size(component.quotas.payload_bytes));
        let message = format!("`{}` may send {asked} at once, and the system {most}", component.id);
        let place = entries.whereabouts(&["quotas", "payload-bytes"]);
        let problem = reader
            .problem(ProblemKind::Contradiction, place, message)
            .expected(format!("`quotas.payload-bytes` of at most {most}"))
            .suggest("raise `system.max-payload-bytes`, or lower the quota".to_owned());
        reader.note(problem);
    }
    if system.forbid_unchecked && component.codecs.accepts.is_none() {
        let message = format!("`{}` does not say which codecs it accepts", component.id);
        let problem = reader
            .problem(ProblemKind::Unchecked, entries.span.clone(), message)
            .expected("`codecs.accepts`, since `system.forbid-unchecked` is set");
        reader.note(problem);
    }
}

/// Notes an id that another component has already.
fn known_once(
    reader: &mut Reader,
    entries: &Entries<'_>,
    ids: &mut BTreeMap<ComponentId, String>,
    name: &str,
    span: Range<usize>,
    id: &ComponentId,
) {
    let Some(other) = ids.insert(id.clone(), name.to_owned()) else { return };
    let place = entries.written(&["id"]).unwrap_or(span);
    let message = format!("the components `{other}` and `{name}` are both `{id}`");
    let problem = reader
        .problem(ProblemKind::DuplicateId, Some(place), message)
        .suggest(format!("write `id = \"…\"` below `[components.{name}]`"));
    reader.note(problem);
}
