//! The way of a message into a mailbox.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_audit::{Name, What, Why};
use castcall_core::{
    ComponentId, DeadLetterReason, MessagingError, RequestError, RequestId, Timestamp, Topic,
    TraceContext,
};
use castcall_correlation::deadline_after;

use crate::broker::{Sink, Way};
use crate::context::bound;
use crate::guard::Purse;
use crate::mailbox::Pushed;
use crate::message::{CallRef, Key, Message};
use crate::on_end::OnEnd;
use crate::peer::Peer;
use crate::spans::Outgoing;

/// Bytes that may still have to be copied out of a guest. They are copied once, after every check
/// that needs only their length.
pub trait Payload {
    /// How many bytes.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they lie.
    fn as_slice(&self) -> &[u8];

    /// The bytes, owned.
    fn into_bytes(self) -> Bytes;
}

impl Payload for &[u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn as_slice(&self) -> &[u8] {
        self
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl Payload for Bytes {
    fn len(&self) -> usize {
        Bytes::len(self)
    }

    fn as_slice(&self) -> &[u8] {
        self
    }

    fn into_bytes(self) -> Bytes {
        self
    }
}

/// A refused message.
pub(crate) struct Refused {
    pub(crate) error: MessagingError,
    pub(crate) payload: Option<Bytes>,
}

/// Who sends, and as what.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) peer: &'a Arc<Peer>,
    /// In whose name: the peer's own, or that of somebody in another system.
    pub(crate) sender: &'a ComponentId,
    pub(crate) incarnation: Key,
    /// The call that is being served meanwhile.
    pub(crate) serving: Option<CallRef>,
    /// The trace that what is sent belongs to.
    pub(crate) trace: Option<&'a Arc<TraceContext>>,
    /// It was decided that what led to it is not traced.
    pub(crate) untraced: bool,
    /// How long it takes is measured.
    pub(crate) measured: bool,
}

impl Origin<'_> {
    /// What can be said before the target is looked up: it must have been checked already that
    /// the sender may do this. Costs a token.
    pub(crate) fn check(&self, size: usize) -> Result<(), MessagingError> {
        self.check_with(size, || self.take_token())
    }

    /// The same for an instance that has tokens of its own.
    #[inline]
    pub(crate) fn check_paid_by(
        &self,
        purse: &mut Purse,
        size: usize,
    ) -> Result<(), MessagingError> {
        let (broker, guard) = (&self.peer.broker, &self.peer.guard);
        self.check_with(size, || {
            if !guard.is_limited() || purse.pay(guard, broker.coarse.passed()) {
                return Ok(());
            }
            self.take_token()
        })
    }

    #[inline]
    fn check_with(
        &self,
        size: usize,
        pay: impl FnOnce() -> Result<(), MessagingError>,
    ) -> Result<(), MessagingError> {
        if self.peer.broker.is_shutting_down() {
            return Err(MessagingError::ShuttingDown);
        }
        pay()?;
        let limit = self.peer.max_payload();
        if size > limit {
            return Err(MessagingError::PayloadTooLarge { limit: limit as u64 });
        }
        Ok(())
    }

    /// The coarse clock lags by up to a tick: by that alone nobody is refused, or told to come
    /// again too early.
    fn take_token(&self) -> Result<(), MessagingError> {
        let broker = &self.peer.broker;
        let guard = &self.peer.guard;
        if !self.is_from_outside() && guard.take_token(|| broker.coarse.passed()).is_ok() {
            return Ok(());
        }
        guard.take_token(|| broker.coarse.since_start(broker.now()))
    }

    /// Whether the peer's instance is not what sends.
    fn is_from_outside(&self) -> bool {
        self.incarnation == self.peer.key
    }

    fn check_target(&self, target: &Peer, payload: &[u8]) -> Result<(), MessagingError> {
        if target.poison.is_cut_off(self.sender) {
            return Err(MessagingError::CapabilityDenied);
        }
        if !target.receives {
            return Err(MessagingError::CannotReceive);
        }
        match target.unreadable(self.sender, payload) {
            None => Ok(()),
            Some(why) => Err(MessagingError::CodecNotAccepted(target.mismatch(self.sender, why))),
        }
    }

    pub(crate) fn cast(
        &self,
        target: &Arc<Peer>,
        payload: impl Payload,
    ) -> Result<(), MessagingError> {
        self.cast_or_refuse(target, payload).map_err(|refused| refused.error)
    }

    pub(crate) fn cast_or_refuse(
        &self,
        target: &Arc<Peer>,
        payload: impl Payload,
    ) -> Result<(), Refused> {
        let refuse = |error| Refused { error, payload: None };
        self.check_target(target, payload.as_slice()).map_err(refuse)?;
        let outgoing = self.outgoing(What::Cast, target.id.as_str(), payload.as_slice());
        let accepted = || self.accepted(&outgoing, &target.name, None);
        let message = self.message(payload.into_bytes(), &outgoing, None, None);
        match target.mailbox.push(message) {
            Pushed::Queued { wake, dropped } => {
                accepted();
                target.after_push(wake, dropped);
            }
            Pushed::Dropped(message) => {
                accepted();
                target.overflowed(message);
            }
            Pushed::Unavailable(message) => {
                accepted();
                target.dead_letter(message, DeadLetterReason::Unavailable, 0);
            }
            Pushed::Full(message) => {
                outgoing.refused(Why::MailboxFull);
                let payload = Some(message.payload);
                return Err(Refused { error: MessagingError::MailboxFull, payload });
            }
            Pushed::Gone(message) => {
                outgoing.refused(Why::ComponentNotFound);
                let payload = Some(message.payload);
                return Err(Refused { error: MessagingError::ComponentNotFound, payload });
            }
        }
        Ok(())
    }

    /// A call whose callback comes through the mailbox.
    pub(crate) fn call(
        &self,
        target: &Arc<Peer>,
        payload: impl Payload,
        timeout_ms: u64,
    ) -> Result<RequestId, MessagingError> {
        let way = self.callback()?;
        let timeout = Duration::from_millis(timeout_ms);
        self.call_with(target, payload, timeout, way, None)
            .map(|call| call.id)
            .map_err(|refused| refused.error)
    }

    /// The way of an outcome to the instance that asks, if that can be called back.
    pub(crate) fn callback(&self) -> Result<Way, MessagingError> {
        if self.peer.calls_back {
            Ok(Way::Callback)
        } else {
            Err(MessagingError::NoCallbackHandler)
        }
    }

    /// A cast from a handle, to whoever has that id, here or in another system.
    pub(crate) fn cast_by_name(&self, target: &str, payload: Bytes) -> Result<(), Refused> {
        let refuse = |error| Refused { error, payload: None };
        let policy = self.peer.broker.policy();
        if !self.peer.guard.may(policy, |rights| rights.may_cast(target)) {
            return Err(refuse(MessagingError::CapabilityDenied));
        }
        self.check(payload.len()).map_err(refuse)?;
        match self.peer.broker.route(target) {
            Ok(target) => self.cast_or_refuse(&target, payload),
            Err(MessagingError::ComponentNotFound) => self.cast_beyond(target, payload),
            Err(error) => Err(refuse(error)),
        }
    }

    /// A call from a handle, to whoever has that id, here or in another system.
    pub(crate) fn call_by_name(
        &self,
        target: &str,
        payload: Bytes,
        timeout: Duration,
        way: Way,
        id: Option<RequestId>,
    ) -> Result<CallRef, Refused> {
        let refuse = |error| Refused { error, payload: None };
        let policy = self.peer.broker.policy();
        if !self.peer.guard.may(policy, |rights| rights.may_call(target)) {
            return Err(refuse(MessagingError::CapabilityDenied));
        }
        self.check(payload.len()).map_err(refuse)?;
        match self.peer.broker.route(target) {
            Ok(target) => self.call_with(&target, payload, timeout, way, id),
            Err(MessagingError::ComponentNotFound) => {
                self.call_beyond(target, payload, timeout, way, id)
            }
            Err(error) => Err(refuse(error)),
        }
    }

    /// A call of that id, whose outcome goes to `on_end`.
    pub(crate) fn call_then(
        &self,
        id: RequestId,
        target: &Arc<Peer>,
        payload: Bytes,
        timeout: Duration,
        on_end: OnEnd,
    ) -> Result<CallRef, Refused> {
        self.call_with(target, payload, timeout, Way::Closure(on_end), Some(id))
    }

    fn call_with(
        &self,
        target: &Arc<Peer>,
        payload: impl Payload,
        timeout: Duration,
        way: Way,
        id: Option<RequestId>,
    ) -> Result<CallRef, Refused> {
        let broker = &self.peer.broker;
        let refuse = |error| Refused { error, payload: None };
        self.check_target(target, payload.as_slice()).map_err(refuse)?;
        let native = way.is_native();
        let outgoing = self.outgoing(What::Call, target.id.as_str(), payload.as_slice());
        let call = self.register(target.key, timeout, way, id, &outgoing).map_err(refuse)?;
        let message = self.message(payload.into_bytes(), &outgoing, Some(call), None);
        let accepted = || self.accepted(&outgoing, &target.name, Some(call.id));
        let (error, message) = match target.mailbox.push(message) {
            Pushed::Queued { wake, dropped } => {
                accepted();
                target.after_push(wake, dropped);
                return Ok(call);
            }
            Pushed::Dropped(_) => {
                target.counters.overflowed.add(1);
                accepted();
                broker.fail(call, RequestError::Dropped);
                return Ok(call);
            }
            Pushed::Unavailable(_) => {
                accepted();
                broker.fail(call, RequestError::Unavailable);
                return Ok(call);
            }
            Pushed::Full(message) => (MessagingError::MailboxFull, message),
            Pushed::Gone(message) => (MessagingError::ComponentNotFound, message),
        };
        outgoing.refused(&error);
        self.withdraw(call, native, Refused { error, payload: Some(message.payload) })?;
        accepted();
        Ok(call)
    }

    /// Enters a call to `target` among those that are pending.
    pub(crate) fn register(
        &self,
        target: Key,
        timeout: Duration,
        way: Way,
        id: Option<RequestId>,
        outgoing: &Outgoing,
    ) -> Result<CallRef, MessagingError> {
        let broker = &self.peer.broker;
        // Who is being stopped may still say goodbye, and would not hear an answer.
        if self.peer.is_stopping() {
            return Err(MessagingError::ShuttingDown);
        }
        if timeout.is_zero() || timeout > broker.config.max_timeout {
            return Err(MessagingError::InvalidTimeout);
        }
        let native = way.is_native();
        if !self.peer.call_began(native) {
            return Err(MessagingError::TooManyPending);
        }
        let now = broker.now();
        let deadline = bound(deadline_after(now, timeout), self.serving);
        let began = if self.measured { broker.coarse.since_start(now) } else { 0 };
        let (trace, untraced) = (outgoing.trace.clone(), outgoing.untraced);
        let sink = || {
            // Of a callback, what the other ways would bring is not moved.
            let way = if native { way } else { Way::Callback };
            Sink { peer: Arc::clone(self.peer), way, trace, untraced, began }
        };
        let Some(id) = id.or_else(|| broker.next_id()) else {
            let (owner, target) = (&self.incarnation, &target);
            let (id, ticket) = broker.pending.register_new(owner, target, deadline, |_| sink());
            outgoing.is_call(id);
            return Ok(CallRef { id, ticket, deadline });
        };
        outgoing.is_call(id);
        match broker.pending.register(id, &self.incarnation, &target, deadline, sink()) {
            Ok(ticket) => Ok(CallRef { id, ticket, deadline }),
            Err(_) => {
                self.peer.call_ended(native);
                // The sender gave one id twice, or a simulation's random bits have come twice.
                Err(MessagingError::InvalidMessage)
            }
        }
    }

    /// Takes a call back that was refused after it was registered. `Ok` if it has ended on its own
    /// meanwhile: then who asked is told so, and not that it was refused.
    pub(crate) fn withdraw(
        &self,
        call: CallRef,
        native: bool,
        refused: Refused,
    ) -> Result<(), Refused> {
        // Nobody can have seen the entry: its id was not told to anybody. It may have timed out,
        // or its owner may have been stopped, and then it has ended on its own.
        if self.peer.broker.pending.withdraw(call.ticket).is_none() {
            return Ok(());
        }
        self.peer.call_ended(native);
        Err(refused)
    }

    /// To whoever is subscribed; returns how many. `name`: of the topic.
    pub(crate) fn publish(&self, topic: &Topic, name: &Name, payload: impl Payload) -> u32 {
        let outgoing = self.outgoing(What::Publish, topic.as_str(), payload.as_slice());
        self.accepted(&outgoing, name, None);
        let payload = payload.into_bytes();
        let mut served = Vec::new();
        let matched = self.publish_here(topic, &payload, &outgoing, &mut served);
        let beyond = self.publish_beyond(topic, &payload, &outgoing, served);
        matched.saturating_add(beyond)
    }

    /// Gives a copy to everybody here who is subscribed, but for groups that are `served`.
    pub(crate) fn publish_here(
        &self,
        topic: &Topic,
        payload: &Bytes,
        outgoing: &Outgoing,
        served: &mut Vec<Box<str>>,
    ) -> u32 {
        self.peer.broker.fan_out(topic, served, |subscriber| {
            let message = self.message(payload.clone(), outgoing, None, Some(topic.clone()));
            if subscriber.poison.is_cut_off(self.sender) {
                return Some((message, DeadLetterReason::Poison));
            }
            if subscriber.unreadable(self.sender, &message.payload).is_some() {
                return Some((message, DeadLetterReason::CodecNotAccepted));
            }
            match subscriber.mailbox.push(message) {
                Pushed::Queued { wake, dropped } => {
                    subscriber.after_push(wake, dropped);
                    None
                }
                // Not taken: another member of a group may have room.
                Pushed::Dropped(message) => Some((message, DeadLetterReason::Dropped)),
                Pushed::Unavailable(message) => Some((message, DeadLetterReason::Unavailable)),
                Pushed::Full(message) => Some((message, DeadLetterReason::MailboxFull)),
                Pushed::Gone(message) => Some((message, DeadLetterReason::NotFound)),
            }
        })
    }

    /// A component that runs has the ticks going. A program that sends to an idle system has not:
    /// the coarse clock shows when something was last done.
    pub(crate) fn stamp(&self) -> Timestamp {
        let (broker, exact) = (&self.peer.broker, self.measured || self.is_from_outside());
        if exact { broker.exact_wall() } else { broker.coarse.wall() }
    }

    /// A message was accepted for `to`, a target or topic.
    #[inline]
    pub(crate) fn accepted(&self, outgoing: &Outgoing, to: &Name, id: Option<RequestId>) {
        self.count(outgoing);
        self.record_send(outgoing, to, id);
    }

    #[inline]
    fn count(&self, outgoing: &Outgoing) {
        let (counters, bytes) = (&self.peer.counters, outgoing.size as u64);
        if self.is_from_outside() {
            match outgoing.what {
                What::Cast => counters.casts_sent.add(1),
                What::Call => counters.calls_sent.add(1),
                _ => counters.published.add(1),
            }
            counters.bytes_sent.add(bytes);
        } else {
            match outgoing.what {
                What::Cast => counters.own.casts.add_exclusive(1),
                What::Call => counters.own.calls.add_exclusive(1),
                _ => counters.own.published.add_exclusive(1),
            }
            counters.own.bytes.add_exclusive(bytes);
        }
    }

    fn message(
        &self,
        payload: Bytes,
        outgoing: &Outgoing,
        call: Option<CallRef>,
        topic: Option<Topic>,
    ) -> Message {
        Message {
            sender: self.sender.clone(),
            payload,
            topic,
            timestamp: outgoing.at,
            trace: outgoing.trace.clone(),
            call,
            measured: self.measured,
            untraced: outgoing.untraced,
        }
    }
}
