//! Makes a [`ComponentManifest`] of a tree.

use std::path::Path;
use std::sync::Arc;

use castcall_core::{ComponentId, Pattern, TargetPattern};

use super::{
    Backoff, Capabilities, Codecs, ComponentManifest, Limits, Mailbox, Overflow, Quotas, Restart,
    RestartPolicy, check::check,
};
use crate::error::ManifestError;
use crate::keys::component::COMPONENT;
use crate::problem::ProblemKind;
use crate::read::{Entries, Reader};
use crate::source::Source;
use crate::wasi::Wasi;

/// Reads a whole file.
pub(crate) fn component(
    source: Arc<Source>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<ComponentManifest, ManifestError> {
    let read = Reader::new(source, &COMPONENT).document(|reader, entries| {
        // Without an id or a path there is an error, and nobody gets to see these.
        let mut manifest = ComponentManifest::new(ComponentId::host(), "");
        overlay(reader, entries, &mut manifest);
        // What follows from an error need not be said.
        if reader.problems.errors() == 0 {
            check(reader, entries, &manifest);
        }
        find_wasm(reader, entries, &manifest, exists);
        manifest
    });
    read.map(|(manifest, _)| manifest)
}

/// Notes that there is no component where the manifest says.
pub(crate) fn find_wasm(
    reader: &mut Reader,
    entries: &Entries<'_>,
    manifest: &ComponentManifest,
    exists: &dyn Fn(&Path) -> bool,
) {
    let span = entries.written(&["wasm"]);
    if span.is_some() && !manifest.wasm.as_os_str().is_empty() && !exists(&manifest.wasm) {
        let message = format!("there is no file {}", manifest.wasm.display());
        let problem = reader.problem(ProblemKind::FileMissing, span, message);
        reader.note(problem.expected("a WebAssembly component"));
    }
}

/// Puts what is written over what `manifest` says already.
pub(crate) fn overlay(
    reader: &mut Reader,
    entries: &Entries<'_>,
    manifest: &mut ComponentManifest,
) {
    put(&mut manifest.id, reader.id(entries, "id"));
    put(&mut manifest.wasm, reader.path(entries, "wasm"));
    put_some(&mut manifest.description, reader.text(entries, "description"));
    put_some(&mut manifest.version, reader.text(entries, "version"));
    manifest.config.extend(reader.settings(entries, "config").unwrap_or_default());
    if let Some(entries) = reader.table(entries, "codecs") {
        codecs(reader, &entries, &mut manifest.codecs);
    }
    if let Some(entries) = reader.table(entries, "topics") {
        put(&mut manifest.topics.subscribe, reader.subscriptions(&entries, "subscribe"));
    }
    if let Some(entries) = reader.table(entries, "mailbox") {
        mailbox(reader, &entries, &mut manifest.mailbox);
    }
    if let Some(entries) = reader.table(entries, "capabilities") {
        capabilities(reader, &entries, &mut manifest.capabilities);
    }
    if let Some(entries) = reader.table(entries, "quotas") {
        quotas(reader, &entries, &mut manifest.quotas);
    }
    if let Some(entries) = reader.table(entries, "limits") {
        limits(reader, &entries, &mut manifest.limits);
    }
    if let Some(entries) = reader.table(entries, "restart") {
        restart(reader, &entries, &mut manifest.restart);
    }
}

fn codecs(reader: &mut Reader, entries: &Entries<'_>, codecs: &mut Codecs) {
    put_some(&mut codecs.preferred, reader.codec(entries, "preferred"));
    put_some(&mut codecs.accepts, reader.codecs(entries, "accepts"));
}

fn mailbox(reader: &mut Reader, entries: &Entries<'_>, mailbox: &mut Mailbox) {
    put(&mut mailbox.messages, reader.count(entries, "messages"));
    put(&mut mailbox.bytes, reader.size(entries, "bytes"));
    match reader.word(entries, "overflow") {
        Some("drop-newest") => mailbox.overflow = Overflow::DropNewest,
        Some("drop-oldest") => mailbox.overflow = Overflow::DropOldest,
        Some(_) => mailbox.overflow = Overflow::Reject,
        None => {}
    }
}

fn capabilities(reader: &mut Reader, entries: &Entries<'_>, capabilities: &mut Capabilities) {
    let Rights { cast, call, publish, subscribe } = rights(reader, entries);
    put(&mut capabilities.cast, cast);
    put(&mut capabilities.call, call);
    put(&mut capabilities.publish, publish);
    put(&mut capabilities.subscribe, subscribe);
    if let Some(entries) = reader.table(entries, "wasi") {
        wasi(reader, &entries, &mut capabilities.wasi);
    }
}

/// The rights that are patterns, as far as they are there.
pub(crate) struct Rights {
    pub(crate) cast: Option<Vec<TargetPattern>>,
    pub(crate) call: Option<Vec<TargetPattern>>,
    pub(crate) publish: Option<Vec<Pattern>>,
    pub(crate) subscribe: Option<Vec<Pattern>>,
}

pub(crate) fn rights(reader: &mut Reader, entries: &Entries<'_>) -> Rights {
    Rights {
        cast: reader.targets(entries, "cast"),
        call: reader.targets(entries, "call"),
        publish: reader.topics(entries, "publish"),
        subscribe: reader.topics(entries, "subscribe"),
    }
}

pub(crate) fn wasi(reader: &mut Reader, entries: &Entries<'_>, wasi: &mut Wasi) {
    put(&mut wasi.env, reader.environment(entries, "env"));
    put(&mut wasi.dirs, reader.folders(entries, "dirs"));
    put(&mut wasi.clocks, reader.flag(entries, "clocks"));
    put(&mut wasi.random, reader.flag(entries, "random"));
    put(&mut wasi.stdio, reader.flag(entries, "stdio"));
    put(&mut wasi.network, reader.flag(entries, "network"));
}

fn quotas(reader: &mut Reader, entries: &Entries<'_>, quotas: &mut Quotas) {
    put(&mut quotas.messages_per_second, reader.count(entries, "messages-per-second"));
    put_some(&mut quotas.burst, reader.count(entries, "burst"));
    put(&mut quotas.pending_requests, reader.count(entries, "pending-requests"));
    put(&mut quotas.payload_bytes, reader.size(entries, "payload-bytes"));
    put(&mut quotas.subscriptions, reader.count(entries, "subscriptions"));
}

fn limits(reader: &mut Reader, entries: &Entries<'_>, limits: &mut Limits) {
    put(&mut limits.memory_bytes, reader.size(entries, "memory-bytes"));
    put(&mut limits.table_elements, reader.count(entries, "table-elements"));
    put(&mut limits.execution, reader.duration(entries, "execution"));
}

fn restart(reader: &mut Reader, entries: &Entries<'_>, restart: &mut Restart) {
    match reader.word(entries, "policy") {
        Some("always") => restart.policy = RestartPolicy::Always,
        Some("never") => restart.policy = RestartPolicy::Never,
        Some(_) => restart.policy = RestartPolicy::OnCrash,
        None => {}
    }
    put(&mut restart.max_restarts, reader.count(entries, "max-restarts"));
    put(&mut restart.window, reader.duration(entries, "window"));
    if let Some(entries) = reader.table(entries, "backoff") {
        backoff(reader, &entries, &mut restart.backoff);
    }
    put(&mut restart.redeliver, reader.count(entries, "redeliver"));
    put(&mut restart.poison_threshold, reader.count(entries, "poison-threshold"));
}

fn backoff(reader: &mut Reader, entries: &Entries<'_>, backoff: &mut Backoff) {
    put(&mut backoff.initial, reader.duration(entries, "initial"));
    put(&mut backoff.max, reader.duration(entries, "max"));
    put(&mut backoff.jitter, reader.fraction(entries, "jitter"));
}

/// What is not written stays as it is.
pub(crate) fn put<T>(slot: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *slot = written;
    }
}

pub(crate) fn put_some<T>(slot: &mut Option<T>, written: Option<T>) {
    if written.is_some() {
        *slot = written;
    }
}
