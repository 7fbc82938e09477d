//! What goes to other systems, and comes from them: the broker's side of `castcall-adapter`.
//!
//! Nothing here is on the way of a message between two components of this system: an adapter is
//! asked only when a target is not here, and when something is published.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use castcall_adapter::{Adapter, Call, Destination, Endpoint, Parcel, Refused as Returned, Reply};
use castcall_audit::What;
use castcall_core::{
    ComponentId, CorrelationId, MessagingError, RequestError, RequestId, Topic, TraceContext,
};
use castcall_correlation::Resolution;
use castcall_policy::Rate;
use thiserror::Error;

use crate::audited::Attempt;
use crate::broker::{Broker, Inner, Way};
use crate::config::PeerConfig;
use crate::message::CallRef;
use crate::on_end::OnEnd;
use crate::peer::Peer;
use crate::send::{Origin, Payload, Refused};
use crate::spans::Outgoing;

/// Why no adapter was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// There is one: a broker has one for its whole life. Build another system.
    #[error("an adapter is attached already")]
    Attached,
}

/// A system, as others reach it.
struct Gateway {
    broker: Weak<Inner>,
    /// Owns the calls that come from others. Nobody can send to it.
    link: Arc<Peer>,
}

impl Broker {
    /// Links the system with others. What is addressed to nobody here goes to `adapter` from now
    /// on, and so does what is published.
    ///
    /// # Errors
    ///
    /// There is an adapter.
    pub fn attach(&self, adapter: Arc<dyn Adapter>) -> Result<(), AttachError> {
        let inner = &self.inner;
        // Whoever sends is checked where it sends.
        let config =
            PeerConfig { max_pending: u32::MAX, rate: Rate::Unlimited, ..PeerConfig::default() };
        let broker = Arc::clone(inner);
        let link = Peer::new(broker, ComponentId::host(), config, (false, false), None, None);
        let mut link = link.map_err(|_| AttachError::Attached)?;
        // Ends of calls don't know who made them in another system; their request id does.
        link.name = inner.auditor.audit.nobody();
        inner.set_adapter(Arc::clone(&adapter)).map_err(|_| AttachError::Attached)?;
        adapter.attach(Arc::new(Gateway { broker: Arc::downgrade(inner), link: Arc::new(link) }));
        inner.tell_of_everybody(&*adapter);
        Ok(())
    }
}

impl Inner {
    /// A call that another system was asked to carry has ended.
    fn ended_beyond(&self, call: CallRef, result: Result<Bytes, RequestError>) {
        let now = self.now();
        let resolution = match result {
            Ok(_)
            | Err(RequestError::InvalidPayload(_) | RequestError::ProcessingFailed { .. }) => {
                self.pending.resolve(call.ticket, now)
            }
            Err(_) => self.pending.fail(call.ticket, now),
        };
        match resolution {
            Resolution::Live(entry) => {
                entry.sink.measure(now);
                self.deliver(entry, result);
            }
            Resolution::Expired(entry) => self.deliver(entry, Err(RequestError::Timeout)),
            Resolution::Unknown => {}
        }
    }
}

impl Origin<'_> {
    fn adapter(&self) -> Result<&Arc<dyn Adapter>, MessagingError> {
        self.peer.broker.adapter().ok_or(MessagingError::ComponentNotFound)
    }

    fn parcel(
        &self,
        to: Destination,
        payload: Bytes,
        outgoing: &Outgoing,
        call: Option<Call>,
    ) -> Parcel {
        let codec = castcall_codec::peek(&payload).ok().map(|(prefix, _)| prefix.code());
        Parcel {
            from: self.sender.clone(),
            to,
            payload,
            codec,
            sent: outgoing.at,
            call,
            trace: outgoing.trace.as_deref().cloned(),
            served_groups: Vec::new(),
        }
    }

    /// Casts to somebody who is not here.
    #[cold]
    pub(crate) fn cast_beyond(&self, target: &str, payload: impl Payload) -> Result<(), Refused> {
        let refuse = |error| Refused { error, payload: None };
        let adapter = self.adapter().map_err(refuse)?;
        let target = ComponentId::new(target);
        let target = target.map_err(|_| refuse(MessagingError::InvalidMessage))?;
        let to = Destination::Component(target.clone());
        let outgoing = self.outgoing(What::Cast, target.as_str(), payload.as_slice());
        adapter.send(self.parcel(to, payload.into_bytes(), &outgoing, None), None)?;
        self.accepted_beyond(&outgoing, &target, None);
        Ok(())
    }

    /// Calls somebody who is not here.
    #[cold]
    pub(crate) fn call_beyond(
        &self,
        target: &str,
        payload: impl Payload,
        timeout: Duration,
        way: Way,
        id: Option<RequestId>,
    ) -> Result<CallRef, Refused> {
        let refuse = |error| Refused { error, payload: None };
        let broker = &self.peer.broker;
        let adapter = self.adapter().map_err(refuse)?;
        let target = ComponentId::new(target);
        let target = target.map_err(|_| refuse(MessagingError::InvalidMessage))?;
        let native = way.is_native();
        let outgoing = self.outgoing(What::Call, target.as_str(), payload.as_slice());
        let call = self.register(broker.beyond, timeout, way, id, &outgoing).map_err(refuse)?;
        let remaining = call.deadline.saturating_duration_since(broker.now());
        let weak = Arc::downgrade(broker);
        let reply: Reply = Box::new(move |result| {
            if let Some(broker) = weak.upgrade() {
                broker.ended_beyond(call, result);
            }
        });
        let about = Call { id: call.id, remaining };
        let to = Destination::Component(target.clone());
        let parcel = self.parcel(to, payload.into_bytes(), &outgoing, Some(about));
        match adapter.send(parcel, Some(reply)) {
            Ok(()) => {}
            Err(returned) => self.withdraw(call, native, returned.into())?,
        }
        self.accepted_beyond(&outgoing, &target, Some(call.id));
        Ok(call)
    }

    /// Hands a published message on, if there is anybody to hand it to; says how many got it.
    pub(crate) fn publish_beyond(
        &self,
        topic: &Topic,
        payload: &Bytes,
        outgoing: &Outgoing,
        served_groups: Vec<Box<str>>,
    ) -> u32 {
        let Some(adapter) = self.peer.broker.adapter() else { return 0 };
        let to = Destination::Topic(topic.clone());
        let mut parcel = self.parcel(to, payload.clone(), outgoing, None);
        parcel.served_groups = served_groups;
        adapter.publish(parcel)
    }
}

impl From<Returned> for Refused {
    fn from(returned: Returned) -> Self {
        Self { error: returned.error, payload: Some(returned.payload) }
    }
}

impl Gateway {
    fn origin<'a>(
        &'a self,
        from: &'a ComponentId,
        trace: Option<&'a Arc<TraceContext>>,
    ) -> Origin<'a> {
        let (incarnation, broker) = (self.link.key, &self.link.broker);
        let measured = self.link.sampler.next(broker.coarse.passed());
        let (peer, untraced) = (&self.link, false);
        Origin { peer, sender: from, incarnation, serving: None, trace, untraced, measured }
    }
}

impl Endpoint for Gateway {
    fn knows(&self, component: &ComponentId) -> bool {
        let Some(broker) = self.broker.upgrade() else { return false };
        broker.route(component.as_str()).is_ok_and(|peer| peer.receives)
    }

    fn deliver(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Returned> {
        let Parcel { from, to, payload, call, trace, .. } = parcel;
        let returned = |error| Returned { error, payload: payload.clone() };
        let Some(broker) = self.broker.upgrade() else {
            return Err(returned(MessagingError::ShuttingDown));
        };
        let Destination::Component(target) = to else {
            return Err(returned(MessagingError::InvalidMessage));
        };
        let target = broker.route(target.as_str()).map_err(returned)?;
        let trace = trace.map(Arc::new);
        let origin = self.origin(&from, trace.as_ref());
        let what = if call.is_some() { What::Call } else { What::Cast };
        let attempt = Attempt::new(what, target.id.as_str(), payload.len());
        origin.check(payload.len()).map_err(returned)?;
        let sent = match (call, reply) {
            (None, _) => origin.cast_or_refuse(&target, payload.clone()),
            (Some(Call { id, remaining }), reply) => {
                let timeout = remaining.min(broker.config.max_timeout);
                let on_end = OnEnd::new(move |result| {
                    if let Some(reply) = reply {
                        reply(result);
                    }
                });
                origin.call_then(id, &target, payload.clone(), timeout, on_end).map(|_| ())
            }
        };
        sent.map_err(|refused| {
            origin.denied_here(&refused.error, attempt);
            returned(refused.error)
        })
    }

    fn publish(&self, parcel: &mut Parcel) -> u32 {
        let (Some(_broker), Destination::Topic(topic)) = (self.broker.upgrade(), &parcel.to) else {
            return 0;
        };
        let trace = parcel.trace.clone().map(Arc::new);
        let origin = self.origin(&parcel.from, trace.as_ref());
        let outgoing = origin.outgoing(What::Publish, topic.as_str(), &parcel.payload);
        origin.publish_here(topic, &parcel.payload, &outgoing, &mut parcel.served_groups)
    }

    fn cancel(&self, call: CorrelationId) {
        if let Some(broker) = self.broker.upgrade() {
            // Whether it was still pending makes no difference to who no longer asks.
            let _ = broker.cancel(&self.link, self.link.key, call);
        }
    }
}
