//! Ends of calls, dead letters, subscriptions, and the lives of components.

use bytes::Bytes;
use castcall_audit::{Audit, Kind, Note, NoteKind, Record, Why};
use castcall_core::{ComponentId, DeadLetterReason, Pattern, RequestError, RequestId, Timestamp};
use castcall_correlation::Entry;
use castcall_topics::Group;

use super::{About, trace_id, what_of};
use crate::broker::{Inner, Sink};
use crate::instance::StartError;
use crate::message::{Key, Message};
use crate::peer::Peer;

impl Inner {
    fn audit(&self) -> &Audit {
        &self.auditor.audit
    }

    /// The exact time. If what happens now is recorded, so that what follows from it has no earlier
    /// stamp, though that be by the coarse clock.
    pub(crate) fn exact_wall(&self) -> Timestamp {
        let wall = self.config.clock.wall();
        if self.audit().is_on() {
            self.coarse.not_before(wall);
        }
        wall
    }

    /// A call of `peer` has ended. `by`: its target, if that ended it.
    #[inline]
    pub(crate) fn call_ended(
        &self,
        peer: &Peer,
        id: RequestId,
        target: Key,
        result: &Result<Bytes, RequestError>,
        by: Option<&Peer>,
    ) {
        if !self.audit().is_on() {
            return;
        }
        let record = Record::new(Kind::CallEnd, self.coarse.wall(), &peer.name).request_id(id);
        let record = match result {
            Ok(payload) => {
                let about = About::of(payload);
                record.codec(about.codec).size(about.size)
            }
            Err(_) => record,
        };
        let record = record.why(result);
        match by {
            Some(by) => self.audit().record(record.whom(&by.name)),
            None => self.record_whom(record, target),
        }
    }

    /// A call has ended with who made it.
    pub(crate) fn requester_gone(&self, entry: &Entry<Key, Sink>) {
        if self.audit().is_on() {
            let who = &entry.sink.peer.name;
            let record = Record::new(Kind::CallEnd, self.coarse.wall(), who).request_id(entry.id);
            self.record_whom(record.why(Why::RequesterGone), entry.target);
        }
    }

    /// Who made a call has cancelled it.
    pub(crate) fn call_cancelled(&self, entry: &Entry<Key, Sink>) {
        if self.audit().is_on() {
            let who = &entry.sink.peer.name;
            let record = Record::new(Kind::Cancel, self.exact_wall(), who).request_id(entry.id);
            self.record_whom(record, entry.target);
        }
    }

    /// With the name of the target, unless that is gone, or in another system: the record of the
    /// send says who it was.
    fn record_whom(&self, record: Record<'_>, target: Key) {
        match self.auditor.targets.get(&target) {
            Some(target) => self.audit().record(record.whom(&target)),
            None => self.audit().record(record),
        }
    }

    /// A subscription began or ended.
    pub(crate) fn subscription(
        &self,
        kind: Kind,
        peer: &Peer,
        pattern: &Pattern,
        group: Option<&Group>,
    ) {
        let audit = self.audit();
        if !audit.is_on() {
            return;
        }
        let pattern = audit.name(pattern);
        let record = Record::new(kind, self.exact_wall(), &peer.name).topic(&pattern);
        match group {
            Some(group) => audit.record(record.whom(&audit.group(group.as_str()))),
            None => audit.record(record),
        }
    }
}

impl Peer {
    /// A message to it became a dead letter.
    pub(crate) fn died(&self, message: &Message, reason: DeadLetterReason) {
        let audit = &self.broker.auditor.audit;
        if !audit.is_on() {
            return;
        }
        let about = About::of(&message.payload);
        let who = audit.name(&message.sender);
        let record = Record::new(Kind::DeadLetter, self.broker.exact_wall(), &who)
            .what(what_of(message))
            .whom(&self.name)
            .why(reason)
            .codec(about.codec)
            .size(about.size)
            .trace_id(trace_id(message.trace.as_ref()));
        match &message.topic {
            Some(topic) => audit.record(record.topic(&audit.name(topic))),
            None => audit.record(record),
        }
    }

    /// Something befell the component.
    pub(crate) fn note(&self, kind: NoteKind, more: impl FnOnce(Note) -> Note) {
        // The embedding program itself comes and goes with the system.
        if self.broker.auditor.audit.is_on() && self.factory.is_some() {
            let note = Note::new(kind, self.broker.exact_wall()).whom(&self.id);
            self.broker.auditor.audit.note(more(note));
        }
    }

    /// It did not start, and is gone.
    pub(crate) fn note_not_started(&self, error: &StartError) {
        self.note(NoteKind::Failure, |note| note.why(why_not_started(error)));
    }

    /// Its first instance, or another after a crash, has started.
    pub(crate) fn note_started(&self, first: bool, ended: Option<Why>, incarnation: Key) {
        if first {
            let host = ComponentId::host();
            self.note(NoteKind::Load, |note| note.who(&host).incarnation(incarnation.0));
        } else {
            self.note(NoteKind::Restart, |note| {
                note.why(ended.unwrap_or(Why::Asked)).incarnation(incarnation.0)
            });
        }
    }
}

/// As a record says it.
pub(crate) fn why_not_started(error: &StartError) -> Why {
    match error {
        StartError::Crashed(code) => (*code).into(),
        StartError::Refused(error) => error.into(),
        StartError::Stopped => Why::ShuttingDown,
        StartError::NoRoom => Why::Other,
    }
}
