//! Deliveries, and what handlers made of them.

use castcall_audit::{Kind, NameCache, Record, What, Why};
use castcall_core::{ComponentId, Topic};

use super::{About, trace_id, what_of};
use crate::broker::Inner;
use crate::message::{Callback, Message};
use crate::peer::Peer;

/// The names of those that a component hears from, and of what.
#[derive(Default)]
pub(crate) struct Heard {
    senders: NameCache<ComponentId>,
    topics: NameCache<Topic>,
    generation: u64,
    /// Whether what was delivered last was published.
    was_published: bool,
}

impl Heard {
    /// Names of who is unloaded should not be kept.
    pub(crate) fn refresh(&mut self, broker: &Inner) {
        if broker.auditor.audit.is_on() && self.generation != broker.generation() {
            self.generation = broker.generation();
            self.senders.clear();
            self.topics.clear();
        }
    }

    /// A handler is about to be entered with it.
    #[inline(always)]
    pub(crate) fn delivered(&mut self, peer: &Peer, message: &Message) {
        if peer.broker.auditor.audit.is_on() {
            self.record_delivery(peer, message);
        }
    }

    #[inline(never)]
    fn record_delivery(&mut self, peer: &Peer, message: &Message) {
        let audit = &peer.broker.auditor.audit;
        self.was_published = message.topic.is_some();
        let about = About::of(&message.payload);
        let who = self.senders.get(audit, &message.sender);
        let record = Record::new(Kind::Delivery, peer.broker.coarse.wall(), who)
            .what(what_of(message))
            .whom(&peer.name)
            .codec(about.codec)
            .size(about.size)
            .request_id(message.request_id())
            .trace_id(trace_id(message.trace.as_ref()));
        audit.record(match &message.topic {
            Some(topic) => record.topic(self.topics.get(audit, topic)),
            None => record,
        });
    }

    /// A callback is about to be made: by who called, to who called.
    #[inline]
    pub(crate) fn called_back(&self, peer: &Peer, callback: &Callback) {
        let audit = &peer.broker.auditor.audit;
        if !audit.is_on() {
            return;
        }
        let record = Record::new(Kind::Delivery, peer.broker.coarse.wall(), &peer.name)
            .what(What::Callback)
            .whom(&peer.name)
            .request_id(callback.request_id);
        audit.record(match &callback.result {
            Ok(payload) => {
                let about = About::of(payload);
                record.codec(about.codec).size(about.size)
            }
            Err(error) => record.why(error),
        });
    }

    /// The handler of the cast or copy that was delivered last returned an error.
    #[cold]
    pub(crate) fn failed(&self, peer: &Peer, why: Why) {
        let audit = &peer.broker.auditor.audit;
        let Some(who) = self.senders.last().filter(|_| audit.is_on()) else { return };
        let what = if self.was_published { What::Publish } else { What::Cast };
        let record = Record::new(Kind::HandlerError, peer.broker.coarse.wall(), who);
        let record = record.what(what).whom(&peer.name).why(why);
        audit.record(match self.topics.last().filter(|_| self.was_published) {
            Some(topic) => record.topic(topic),
            None => record,
        });
    }

    /// A callback returned an error.
    #[cold]
    pub(crate) fn callback_failed(peer: &Peer, why: Why) {
        let audit = &peer.broker.auditor.audit;
        if audit.is_on() {
            let record = Record::new(Kind::HandlerError, peer.broker.coarse.wall(), &peer.name);
            audit.record(record.what(What::Callback).whom(&peer.name).why(why));
        }
    }
}
