//! What the audit is told, and from where: the one place that knows how a record is made.
//!
//! Nothing here decides anything. On the path of a message each function begins with a comparison
//! ([`Audit::is_on`]), and costs some ten nanoseconds if the audit is on: names are numbers that
//! peers, routes and mailboxes keep, and time is the coarse clock's.

mod deliveries;
mod ends;
mod sends;

use std::sync::Arc;

use castcall_audit::{Audit, Name, Note, NoteKind, What};
use castcall_core::{ComponentId, TraceContext};
use castcall_policy::{Change, Observer, Policy};
use dashmap::DashMap;

use crate::clock::Clock;
use crate::message::{Key, Message};
use crate::peer::Peer;

pub(crate) use deliveries::Heard;
pub(crate) use ends::why_not_started;

/// The audit of a broker, and the names of those who may be a call's target.
pub(crate) struct Auditor {
    pub(crate) audit: Audit,
    /// Of those who are here; empty if the audit is off.
    targets: DashMap<Key, Name, foldhash::fast::RandomState>,
    /// The policy tells it of changes as long as it is held.
    _policy: Option<Arc<dyn Observer>>,
}

/// Notes what is granted and revoked.
struct PolicyNotes {
    audit: Audit,
    clock: Clock,
}

impl Observer for PolicyNotes {
    fn changed(&self, change: &Change<'_>) {
        let note = Note::new(NoteKind::CapabilityChange, self.clock.wall())
            .who(&ComponentId::host())
            .detail(change.to_string());
        self.audit.note(match change.who() {
            Some(who) => note.whom(who.as_str()),
            None => note.whom("*"),
        });
    }
}

impl Auditor {
    pub(crate) fn new(audit: Audit, policy: &Policy, clock: &Clock) -> Self {
        let observer = audit.is_on().then(|| {
            let notes = PolicyNotes { audit: audit.clone(), clock: clock.clone() };
            let observer: Arc<dyn Observer> = Arc::new(notes);
            policy.observe(&observer);
            observer
        });
        Self { audit, targets: DashMap::default(), _policy: observer }
    }

    /// Somebody is here.
    pub(crate) fn came(&self, peer: &Peer) {
        if self.audit.is_on() {
            self.targets.insert(peer.key, peer.name.clone());
        }
    }

    /// Somebody is gone.
    pub(crate) fn went(&self, peer: &Peer) {
        if self.audit.is_on() {
            self.targets.remove(&peer.key);
            peer.note(NoteKind::Unload, |note| note.who(&ComponentId::host()));
        }
    }
}

/// What a record says of a payload.
#[derive(Clone, Copy)]
pub(crate) struct About {
    codec: Option<u64>,
    size: usize,
}

impl About {
    fn of(payload: &[u8]) -> Self {
        let prefix = castcall_codec::peek(payload).ok();
        // What is no envelope may begin with anything: only a codec that is known is one.
        let codec = prefix.and_then(|(prefix, _)| prefix.codec());
        Self { codec: codec.map(castcall_codec::Codec::code), size: payload.len() }
    }
}

/// What somebody asked for, should it be denied.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) what: What,
    /// The target, topic or pattern, as it was given.
    pub(crate) whom: &'a str,
    /// The length of the payload, if there is one.
    pub(crate) size: Option<usize>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(what: What, whom: &'a str, size: usize) -> Self {
        Self { what, whom, size: Some(size) }
    }

    pub(crate) fn subscribe(pattern: &'a str) -> Self {
        Self { what: What::Subscribe, whom: pattern, size: None }
    }
}

fn trace_id(trace: Option<&Arc<TraceContext>>) -> Option<[u8; 16]> {
    trace.map(|trace| trace.trace_id())
}

/// What a message is, in the words of the audit and of spans.
pub(crate) fn what_of(message: &Message) -> What {
    match message {
        Message { call: Some(_), .. } => What::Call,
        Message { topic: Some(_), .. } => What::Publish,
        _ => What::Cast,
    }
}
