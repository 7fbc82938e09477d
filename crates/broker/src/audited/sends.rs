//! Sends, and what was denied.

use castcall_audit::{Audit, Denial, Kind, Level, Name, Record, What, Why};
use castcall_core::{ComponentId, MessagingError, RequestId};

use super::{About, Attempt, trace_id};
use crate::peer::Peer;
use crate::send::Origin;
use crate::spans::Outgoing;

impl Origin<'_> {
    fn audit(&self) -> &Audit {
        &self.peer.broker.auditor.audit
    }

    /// What a record of this payload would say; `None` if there is none to be made.
    #[inline]
    pub(crate) fn about(&self, payload: &[u8]) -> Option<About> {
        self.audit().is_on().then(|| About::of(payload))
    }

    /// A message was accepted for `to`, a target or topic.
    #[inline]
    pub(crate) fn record_send(&self, outgoing: &Outgoing, to: &Name, id: Option<RequestId>) {
        let Some(about) = outgoing.about else { return };
        self.with_name(|who| {
            let record = Record::new(Kind::Send, outgoing.at, who).what(outgoing.what);
            let published = outgoing.what == What::Publish;
            let record = if published { record.topic(to) } else { record.whom(to) };
            let record = record.codec(about.codec).size(about.size).request_id(id);
            self.audit().record(record.trace_id(trace_id(outgoing.trace.as_ref())));
        });
    }

    /// A message to somebody in another system was accepted.
    pub(crate) fn accepted_beyond(
        &self,
        outgoing: &Outgoing,
        to: &ComponentId,
        id: Option<RequestId>,
    ) {
        // Of an audit that is off, a name costs nothing.
        self.accepted(outgoing, &self.audit().name(to), id);
    }

    #[inline]
    fn with_name(&self, record: impl FnOnce(&Name)) {
        if std::ptr::eq(self.sender, &raw const self.peer.id) {
            record(&self.peer.name);
        } else {
            // In the name of somebody in another system.
            record(&self.audit().name(self.sender));
        }
    }

    /// Something that another system brought was denied.
    #[cold]
    pub(crate) fn denied_here(&self, error: &MessagingError, attempt: Attempt<'_>) {
        if *error == MessagingError::CapabilityDenied {
            let who = self.audit().name(self.sender);
            // What somebody in another system may is asked there: here, only poison is.
            self.peer.deny(&who, attempt, Why::Poison, None);
        }
    }
}

impl Peer {
    /// It tried what it may not.
    #[cold]
    pub(crate) fn denied_attempt(&self, attempt: Attempt<'_>) {
        if self.broker.auditor.audit.level() == Level::Off {
            return;
        }
        let (policy, whom) = (self.broker.policy(), attempt.whom);
        // What its rights allow was refused since its messages crash the target.
        let allowed = match attempt.what {
            What::Cast => self.guard.may(policy, |rights| rights.may_cast(whom)),
            What::Call => self.guard.may(policy, |rights| rights.may_call(whom)),
            _ => false,
        };
        let why = if allowed { Why::Poison } else { Why::CapabilityDenied };
        self.deny(&self.name, attempt, why, None);
    }

    /// It tried to cancel another's call.
    #[cold]
    pub(crate) fn denied_cancel(&self, id: RequestId) {
        let attempt = Attempt { what: What::Cancel, whom: "", size: None };
        self.deny(&self.name, attempt, Why::NotOwner, Some(id));
    }

    fn deny(&self, who: &Name, attempt: Attempt<'_>, why: Why, id: Option<RequestId>) {
        let at = self.broker.exact_wall();
        let denial = Denial::new(at, who, attempt.what, attempt.whom).why(why).request_id(id);
        self.broker.auditor.audit.deny(match attempt.size {
            Some(size) => denial.size(size),
            None => denial,
        });
    }
}
