//! What a component can do and ask: the host functions, whoever calls them.

mod in_hand;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_audit::What;
use castcall_core::{
    CancelError, ComponentError, ComponentId, MessagingError, RequestId, TraceContext,
};
use thiserror::Error;

use crate::audited::Attempt;
use crate::guard::Purse;
use crate::message::{CallRef, Item, Key};
use crate::peer::Peer;
use crate::routes::Routes;
use crate::send::{Origin, Payload};
use crate::timings::Sampler;

/// What one instance acts through: it sends, calls and subscribes as its component, and knows
/// which message is being handled. Nothing in it waits.
pub struct Context {
    peer: Arc<Peer>,
    incarnation: Key,
    routes: Routes,
    /// What is being handled.
    in_hand: Option<Item>,
    /// What is sent belongs to it, and not to the trace of the message in hand.
    trace: Option<Arc<TraceContext>>,
    /// What is handled is not traced, nor what is sent.
    untraced: bool,
    sampler: Sampler,
    purse: Purse,
    must_crash: bool,
}

impl Drop for Context {
    fn drop(&mut self) {
        self.purse.give_back(&self.peer.guard);
    }
}

/// Why a call could not be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeferError {
    /// What is being handled is no call: answer by returning.
    #[error("no call is being handled")]
    NotACall,
    /// This call was taken over before: use the token of then.
    #[error("the call was taken over before")]
    AlreadyDeferred,
}

/// Why an answer to a call that was taken over went nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// No such token: never given, or answered before.
    #[error("no such token")]
    UnknownToken,
    /// The call has ended meanwhile: timed out, cancelled, or its requester is gone.
    #[error("the call has ended")]
    CallEnded,
}

/// How many messages a component may send: casts, calls, publishes and changes of subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MessageRate {
    /// How many in a second, in the long run.
    pub messages_per_second: u32,
    /// How many at once after a pause.
    pub burst: u32,
    /// How many at once from now on, before the first is refused.
    pub messages_left: u32,
}

/// What a component uses, and how much it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Messages waiting in its mailbox.
    pub mailbox_messages: u64,
    /// How many may wait there.
    pub mailbox_messages_limit: u64,
    /// Bytes of the messages waiting there.
    pub mailbox_bytes: u64,
    /// How many bytes may wait there.
    pub mailbox_bytes_limit: u64,
    /// Its calls that have not ended, or whose callback is still queued.
    pub pending_requests: u64,
    /// How many there may be at once.
    pub pending_requests_limit: u64,
    /// The longest payload that it may send, in bytes.
    pub payload_bytes_limit: u64,
    /// Its subscriptions.
    pub subscriptions: u64,
    /// How many it may have.
    pub subscriptions_limit: u64,
    /// How many messages it may send; `None` if that is not limited.
    pub message_rate: Option<MessageRate>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("self_id", &self.peer.id)
            .field("in_hand", &self.in_hand)
            .finish_non_exhaustive()
    }
}

impl Context {
    pub(crate) fn new(peer: Arc<Peer>, incarnation: Key) -> Self {
        let routes = Routes::new(&peer);
        Self {
            peer,
            incarnation,
            routes,
            in_hand: None,
            trace: None,
            untraced: false,
            sampler: Sampler::default(),
            purse: Purse::default(),
            must_crash: false,
        }
    }

    /// The component's own id.
    #[must_use]
    pub fn self_id(&self) -> &ComponentId {
        &self.peer.id
    }

    /// The trace that what is being handled belongs to, and what is sent meanwhile.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        trace_of(self.trace.as_ref(), self.in_hand.as_ref()).map(Arc::as_ref)
    }

    /// What is sent from here on, until the handler returns, belongs to `trace`.
    pub fn set_trace(&mut self, trace: TraceContext) {
        self.trace = Some(Arc::new(trace));
        self.untraced = false;
    }

    /// Milliseconds, rounded down, until the deadline of the call being handled.
    #[must_use]
    pub fn remaining_ms(&self) -> Option<u64> {
        let call = self.current()?.call?;
        let left = call.deadline.saturating_duration_since(self.peer.broker.now());
        Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether the call being handled has ended meanwhile.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let call = self.current().and_then(|message| message.call);
        call.is_some_and(|call| !self.peer.broker.pending.is_pending(call.ticket))
    }

    /// Whether the instance must end at once: its component is stopped and its time is up, or too
    /// many others overrun theirs as well. Whoever runs a guest asks at least once a tick.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.peer.is_killed() || self.peer.broker.scheduler.is_shed()
    }

    /// A handle to [`Context::is_interrupted`] that lives as long as it is needed.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        Interrupt(Arc::clone(&self.peer))
    }

    /// Casts.
    ///
    /// # Errors
    ///
    /// The message was refused, and has gone nowhere.
    pub fn send_message(
        &mut self,
        target: &str,
        payload: impl Payload,
    ) -> Result<(), MessagingError> {
        let (peer, size) = (&self.peer, payload.len());
        let trace = trace_of(self.trace.as_ref(), self.in_hand.as_ref());
        let (sender, incarnation) = (&peer.id, self.incarnation);
        let measured = self.sampler.next(peer.broker.coarse.passed());
        let untraced = self.untraced;
        let origin = Origin { peer, sender, incarnation, serving: None, trace, untraced, measured };
        let sent = match self.routes.resolve(peer, target, |rights| rights.cast) {
            Err(MessagingError::CapabilityDenied) => Err(MessagingError::CapabilityDenied),
            route => origin.check_paid_by(&mut self.purse, size).and_then(|()| match route {
                Ok(target) => origin.cast(target, payload),
                Err(MessagingError::ComponentNotFound) => {
                    origin.cast_beyond(target, payload).map_err(|refused| refused.error)
                }
                Err(error) => Err(error),
            }),
        };
        let attempt = Attempt::new(What::Cast, target, size);
        sent.inspect_err(|error| self.must_crash |= peer.refused(error, attempt))
    }

    /// Calls. The callback comes with the returned id, and not before the handler that is running
    /// has returned.
    ///
    /// # Errors
    ///
    /// The message was refused, has gone nowhere, and no callback follows.
    pub fn send_request(
        &mut self,
        target: &str,
        payload: impl Payload,
        timeout_ms: u64,
    ) -> Result<RequestId, MessagingError> {
        let (peer, size) = (&self.peer, payload.len());
        let serving = self.current().and_then(|message| message.call);
        let trace = trace_of(self.trace.as_ref(), self.in_hand.as_ref());
        let (sender, incarnation) = (&peer.id, self.incarnation);
        let measured = self.sampler.next(peer.broker.coarse.passed());
        let untraced = self.untraced;
        let origin = Origin { peer, sender, incarnation, serving, trace, untraced, measured };
        let sent = match self.routes.resolve(peer, target, |rights| rights.call) {
            Err(MessagingError::CapabilityDenied) => Err(MessagingError::CapabilityDenied),
            route => origin.check_paid_by(&mut self.purse, size).and_then(|()| match route {
                Ok(target) => origin.call(target, payload, timeout_ms),
                Err(MessagingError::ComponentNotFound) => {
                    let way = origin.callback()?;
                    let timeout = Duration::from_millis(timeout_ms);
                    let call = origin.call_beyond(target, payload, timeout, way, None);
                    call.map(|call| call.id).map_err(|refused| refused.error)
                }
                Err(error) => Err(error),
            }),
        };
        let attempt = Attempt::new(What::Call, target, size);
        sent.inspect_err(|error| self.must_crash |= peer.refused(error, attempt))
    }

    /// Cancels a call of one's own; its callback still comes, with `cancelled`.
    ///
    /// # Errors
    ///
    /// It has ended, never was, or is another's.
    pub fn cancel_request(&mut self, id: RequestId) -> Result<(), CancelError> {
        let cancelled = self.peer.broker.cancel(&self.peer, self.incarnation, id);
        if cancelled == Err(CancelError::NotOwner) {
            self.must_crash |= self.peer.denied();
        }
        cancelled
    }

    /// Publishes, and says how many subscribers matched.
    ///
    /// # Errors
    ///
    /// The message was refused, and has gone nowhere.
    pub fn publish(&mut self, topic: &str, payload: impl Payload) -> Result<u32, MessagingError> {
        let trace = trace_of(self.trace.as_ref(), self.in_hand.as_ref());
        let peer = &self.peer;
        let (sender, incarnation) = (&peer.id, self.incarnation);
        let measured = self.sampler.next(peer.broker.coarse.passed());
        let untraced = self.untraced;
        let origin = Origin { peer, sender, incarnation, serving: None, trace, untraced, measured };
        let size = payload.len();
        let attempt = Attempt::new(What::Publish, topic, size);
        let published = self.routes.topic(peer, topic).and_then(|(topic, name)| {
            origin.check_paid_by(&mut self.purse, size)?;
            Ok(origin.publish(topic, name, payload))
        });
        published.inspect_err(|error| self.must_crash |= peer.refused(error, attempt))
    }

    /// Subscribes the component. Doing so twice is one subscription.
    ///
    /// # Errors
    ///
    /// The pattern is out of form, there are too many, or the component can't receive.
    pub fn subscribe(&mut self, pattern: &str) -> Result<(), MessagingError> {
        // It is paid for out of the bucket.
        self.purse.give_back(&self.peer.guard);
        let subscribed = self.peer.subscribe(pattern, None);
        subscribed.inspect_err(|error| self.must_crash |= self.peer.not_subscribed(error, pattern))
    }

    /// Subscribes the component as a member of a group.
    ///
    /// # Errors
    ///
    /// The pattern or the group is out of form, there are too many, or the component can't
    /// receive.
    pub fn subscribe_group(&mut self, pattern: &str, group: &str) -> Result<(), MessagingError> {
        self.purse.give_back(&self.peer.guard);
        let subscribed = self.peer.subscribe(pattern, Some(group));
        subscribed.inspect_err(|error| self.must_crash |= self.peer.not_subscribed(error, pattern))
    }

    /// Ends a subscription, in whatever groups; `false` if there was none.
    ///
    /// # Errors
    ///
    /// The pattern is out of form.
    pub fn unsubscribe(&self, pattern: &str) -> Result<bool, MessagingError> {
        self.peer.unsubscribe(pattern)
    }

    /// Whether the component has tried so often what it may not that its instance must end:
    /// whoever runs it asks after each of the functions above, and crashes it.
    #[inline]
    #[must_use]
    pub fn must_crash(&self) -> bool {
        self.must_crash
    }

    /// What the component uses, and how much it may.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = self.peer.usage();
        if let Some(rate) = &mut usage.message_rate {
            rate.messages_left = rate.messages_left.saturating_add(self.purse.left());
        }
        usage
    }

    /// Takes over the call being handled: what the handler returns is ignored, and the call is
    /// answered by [`Context::reply`].
    ///
    /// # Errors
    ///
    /// No call is being handled, or it was taken over before.
    pub fn defer(&self) -> Result<u64, DeferError> {
        let call = self.current().and_then(|message| message.call);
        self.peer.defer(call.ok_or(DeferError::NotACall)?)
    }

    /// Answers a call that was taken over.
    ///
    /// # Errors
    ///
    /// The token is not known, or the call has ended.
    pub fn reply(
        &self,
        token: u64,
        answer: Result<Bytes, ComponentError>,
    ) -> Result<(), ReplyError> {
        let call = self.peer.take_deferred(token).ok_or(ReplyError::UnknownToken)?;
        if self.peer.answer(call, answer) { Ok(()) } else { Err(ReplyError::CallEnded) }
    }
}

/// Tells a guest's watcher whether the guest must end: [`Context::is_interrupted`].
#[derive(Clone)]
pub struct Interrupt(Arc<Peer>);

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.0.id).finish()
    }
}

impl Interrupt {
    /// Whether the instance must end at once. To be asked on the thread that runs it.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.is_killed() || self.0.broker.scheduler.is_shed()
    }
}

/// What is sent while something is handled belongs to its trace.
fn trace_of<'a>(
    set: Option<&'a Arc<TraceContext>>,
    in_hand: Option<&'a Item>,
) -> Option<&'a Arc<TraceContext>> {
    set.or_else(|| match in_hand? {
        Item::Message(message) => message.trace.as_ref(),
        Item::Callback(callback) => callback.trace.as_ref(),
    })
}

/// A call being served bounds the deadline of the calls made meanwhile.
pub(crate) fn bound(deadline: Instant, serving: Option<CallRef>) -> Instant {
    serving.map_or(deadline, |call| deadline.min(call.deadline))
}
