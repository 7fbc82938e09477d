//! How the embedding program reaches one component, and sends as one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_audit::What;
use castcall_codec::CodecSet;
use castcall_core::{
    CancelError, Category, ComponentId, MessagingError, Pattern, RequestError, RequestId, Topic,
    TraceContext,
};
use castcall_correlation::deadline_after;
use castcall_policy::{Action, Explanation};
use castcall_topics::Group;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::audited::Attempt;
use crate::broker::Way;
use crate::context::Usage;
use crate::mailbox::Depth;
use crate::message::CallRef;
use crate::on_end::OnEnd;
use crate::peer::{Peer, PeerState};
use crate::send::{Origin, Refused};
use crate::stats::MessagingStats;
use crate::timings::Latencies;

/// A component or native peer. Clones are handles to the same one; it may be gone.
#[derive(Clone)]
pub struct ComponentHandle {
    pub(crate) peer: Arc<Peer>,
    trace: Option<Arc<TraceContext>>,
}

impl fmt::Debug for ComponentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentHandle")
            .field("id", self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// A cast or publish that was refused, with its payload.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct SendError {
    /// Why.
    #[source]
    pub error: MessagingError,
    /// What was to be sent.
    pub payload: Bytes,
}

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was not made. The payload comes back.
    #[error("the call was refused: {error}")]
    Refused {
        /// Why.
        #[source]
        error: MessagingError,
        /// What was to be sent.
        payload: Bytes,
    },
    /// It was made, and ended so.
    #[error("the call failed: {0}")]
    Failed(#[source] RequestError),
}

impl CallError {
    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Refused { error, .. } => error.category(),
            Self::Failed(error) => error.category(),
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { error, .. } => error.is_retryable(),
            Self::Failed(error) => error.is_retryable(),
        }
    }
}

impl ComponentHandle {
    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self { peer, trace: None }
    }

    /// A handle to the same one, whose messages belong to `trace`, and all that follows from them.
    /// Those of other handles belong to none.
    #[must_use]
    pub fn in_trace(&self, trace: TraceContext) -> Self {
        Self { peer: Arc::clone(&self.peer), trace: Some(Arc::new(trace)) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ComponentId {
        &self.peer.id
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> PeerState {
        self.peer.state()
    }

    /// Tells its instances apart: a number that never comes again. Zero before the first.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.peer.incarnation().0
    }

    /// What waits in its mailbox.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.peer.mailbox.depth()
    }

    /// What it has done.
    #[must_use]
    pub fn stats(&self) -> MessagingStats {
        self.peer.stats()
    }

    /// How long its messages took: a sample of them, since it was loaded.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        self.peer.timings.read()
    }

    /// What it uses, and how much it may.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.peer.usage()
    }

    /// The codecs that it can read; anything, if it does not say.
    #[must_use]
    pub fn codecs(&self) -> CodecSet {
        self.peer.config.codecs
    }

    /// What it is subscribed to now, plain or as a member of a group, in no order.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<(Pattern, Option<Group>)> {
        self.peer.broker.all_subscriptions_of(&self.peer)
    }

    /// Why it may do something, or may not, as of now: to be shown, and to be looked into.
    ///
    /// ```
    /// use castcall_broker::{Action, ComponentHandle};
    /// use castcall_core::ComponentId;
    ///
    /// fn why(orders: &ComponentHandle, stock: &ComponentId) -> String {
    ///     orders.explain(Action::Call(stock)).to_string()
    /// }
    /// ```
    #[must_use]
    pub fn explain(&self, action: Action<'_>) -> Explanation {
        self.peer.guard.rights(self.peer.broker.policy()).explain(action)
    }

    /// Stops it: no new messages, queued casts become dead letters and queued calls end with
    /// `unavailable`, what runs ends, callbacks are delivered, `shutdown` runs. What has not ended
    /// after `grace` is ended. Stopping twice is stopping once.
    ///
    /// Returns whether it ended by itself or by being ended, and `false` if it could not be made
    /// to: a native peer that does not return, or `host`, which ends with the system.
    ///
    /// Cancel safe: the stop goes on.
    pub async fn stop(&self, grace: Duration) -> bool {
        if self.peer.factory.is_none() {
            return false;
        }
        let broker = &self.peer.broker;
        broker.kill_at(deadline_after(broker.now(), grace), &self.peer);
        let stopped = self.peer.on_stopped();
        self.peer.will_unload();
        self.peer.stop();
        let _ = stopped.await;
        !self.peer.is_abandoned()
    }

    /// Starts it again after it has failed for good. `false` if it has not.
    #[must_use]
    pub fn start_again(&self) -> bool {
        self.peer.revive()
    }

    /// Whose messages crashed it too often, so that they are not taken any more.
    #[must_use]
    pub fn cut_off_senders(&self) -> Vec<ComponentId> {
        self.peer.poison.cut_off()
    }

    /// Takes messages of `sender` again, and forgets its crashes. `false` if it was not cut off.
    #[must_use]
    pub fn readmit(&self, sender: &ComponentId) -> bool {
        self.peer.poison.readmit(sender)
    }

    fn origin(&self) -> Origin<'_> {
        let (peer, trace) = (&self.peer, self.trace.as_ref());
        let measured = peer.sampler.next(peer.broker.coarse.passed());
        let (sender, incarnation) = (&peer.id, peer.key);
        Origin { peer, sender, incarnation, serving: None, trace, untraced: false, measured }
    }

    /// Casts to `target` in this one's name.
    ///
    /// # Errors
    ///
    /// The message was refused; its payload comes back.
    pub fn cast(
        &self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        let payload = payload.into();
        let target = target.as_ref();
        let result = self.origin().cast_by_name(target, payload.clone());
        result.map_err(|refused| {
            self.refused(&refused.error, Attempt::new(What::Cast, target, payload.len()));
            SendError { error: refused.error, payload: refused.payload.unwrap_or(payload) }
        })
    }

    /// Calls `target` in this one's name and waits for the answer, at most for `timeout`.
    ///
    /// Cancel safe: dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// The call was refused, or ended without an answer.
    pub async fn call(
        &self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        let payload = payload.into();
        let (sender, receiver) = oneshot::channel();
        let call = self.begin_call(target.as_ref(), &payload, timeout, sender);
        let call = call.map_err(|refused| {
            let attempt = Attempt::new(What::Call, target.as_ref(), payload.len());
            self.refused(&refused.error, attempt);
            CallError::Refused { error: refused.error, payload: payload.clone() }
        })?;
        drop(payload);
        let mut guard = CancelOnDrop { peer: &self.peer, call: Some(call) };
        let result = receiver.await;
        guard.call = None;
        // A sender is never dropped unused while its call is pending.
        result.unwrap_or(Err(RequestError::Unavailable)).map_err(CallError::Failed)
    }

    fn begin_call(
        &self,
        target: &str,
        payload: &Bytes,
        timeout: Duration,
        sender: oneshot::Sender<Result<Bytes, RequestError>>,
    ) -> Result<CallRef, Refused> {
        self.origin().call_by_name(target, payload.clone(), timeout, Way::Future(sender), None)
    }

    /// Calls `target` in this one's name. Whatever the end of the call, `on_end` is called with it,
    /// once, by the thread that ends it: it should hand over, not work. It may send. If it panics,
    /// that is logged. Nothing waits, and no task is started.
    ///
    /// `id` must be new: from [`ComponentHandle::new_request_id`]. The call can be over before this
    /// returns.
    ///
    /// # Errors
    ///
    /// The call was refused, and `on_end` is dropped without a call; the payload comes back. An
    /// `id` that is pending is `invalid-message`.
    pub fn call_with(
        &self,
        id: RequestId,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
        timeout: Duration,
        on_end: impl FnOnce(Result<Bytes, RequestError>) + Send + 'static,
    ) -> Result<(), SendError> {
        let payload = payload.into();
        let way = Way::Closure(OnEnd::new(on_end));
        let origin = self.origin();
        let called = origin.call_by_name(target.as_ref(), payload.clone(), timeout, way, Some(id));
        called.map(|_| ()).map_err(|refused| {
            let attempt = Attempt::new(What::Call, target.as_ref(), payload.len());
            self.refused(&refused.error, attempt);
            SendError { error: refused.error, payload: refused.payload.unwrap_or(payload) }
        })
    }

    /// A new id for [`ComponentHandle::call_with`].
    #[must_use]
    pub fn new_request_id(&self) -> RequestId {
        self.peer.broker.new_id()
    }

    /// Cancels a call that was made through a handle of this one; it ends with `cancelled`.
    ///
    /// # Errors
    ///
    /// It has ended, never was, or is another's.
    pub fn cancel_request(&self, id: RequestId) -> Result<(), CancelError> {
        self.peer.broker.cancel(&self.peer, self.peer.key, id)
    }

    /// Publishes in this one's name and says how many subscribers matched.
    ///
    /// # Errors
    ///
    /// The message was refused; its payload comes back.
    pub fn publish(
        &self,
        topic: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<u32, SendError> {
        let payload = payload.into();
        let topic = topic.as_ref();
        self.publish_to(topic, payload.clone()).map_err(|error| {
            self.refused(&error, Attempt::new(What::Publish, topic, payload.len()));
            SendError { error, payload }
        })
    }

    fn publish_to(&self, topic: &str, payload: Bytes) -> Result<u32, MessagingError> {
        let topic = Topic::new(topic).map_err(|_| MessagingError::InvalidTopic)?;
        let policy = self.peer.broker.policy();
        if !self.peer.guard.may(policy, |rights| rights.may_publish(&topic)) {
            return Err(MessagingError::CapabilityDenied);
        }
        let name = self.peer.broker.auditor.audit.name(&topic);
        let origin = self.origin();
        origin.check(payload.len())?;
        Ok(origin.publish(&topic, &name, payload))
    }

    /// Nobody can be made to end for what the embedding program does with a handle.
    fn refused(&self, error: &MessagingError, attempt: Attempt<'_>) {
        self.peer.refused(error, attempt);
    }

    /// Subscribes it to `pattern`. Doing so twice is one subscription.
    ///
    /// # Errors
    ///
    /// The pattern is out of form, there are too many, or it can't receive.
    pub fn subscribe(&self, pattern: impl AsRef<str>) -> Result<(), MessagingError> {
        let subscribed = self.peer.subscribe(pattern.as_ref(), None);
        subscribed.inspect_err(|error| {
            self.peer.not_subscribed(error, pattern.as_ref());
        })
    }

    /// Subscribes it as a member of `group`.
    ///
    /// # Errors
    ///
    /// The pattern or group is out of form, there are too many, or it can't receive.
    pub fn subscribe_group(
        &self,
        pattern: impl AsRef<str>,
        group: impl AsRef<str>,
    ) -> Result<(), MessagingError> {
        let subscribed = self.peer.subscribe(pattern.as_ref(), Some(group.as_ref()));
        subscribed.inspect_err(|error| {
            self.peer.not_subscribed(error, pattern.as_ref());
        })
    }

    /// Ends a subscription, in whatever groups; `false` if there was none.
    ///
    /// # Errors
    ///
    /// The pattern is out of form.
    pub fn unsubscribe(&self, pattern: impl AsRef<str>) -> Result<bool, MessagingError> {
        self.peer.unsubscribe(pattern.as_ref())
    }
}

/// Cancels a call whose future is dropped.
struct CancelOnDrop<'a> {
    peer: &'a Peer,
    call: Option<CallRef>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            // Whether it was still pending makes no difference to who no longer asks.
            let _ = self.peer.broker.cancel(self.peer, self.peer.key, call.id);
        }
    }
}
