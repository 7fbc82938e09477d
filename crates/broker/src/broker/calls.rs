//! How a call ends, whoever ends it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use castcall_core::{CancelError, RequestError, RequestId, TraceContext};
use castcall_correlation::{CancelRefusal, Entry, Resolution};
use tokio::sync::oneshot;

use super::Inner;
use crate::message::{CallRef, Callback, Key};
use crate::on_end::OnEnd;
use crate::peer::Peer;
use crate::timings::Span;

/// Where the outcome of a call goes.
pub(crate) struct Sink {
    /// Who made the call.
    pub(crate) peer: Arc<Peer>,
    pub(crate) way: Way,
    /// The trace that the call belongs to: what follows from its end does too.
    pub(crate) trace: Option<Arc<TraceContext>>,
    /// It was decided that it is not traced.
    pub(crate) untraced: bool,
    /// When it was made, in nanoseconds since the broker was; 0 if that does not matter.
    pub(crate) began: u64,
}

/// How who made a call is told.
pub(crate) enum Way {
    /// By the `handle-callback` of the instance that asked.
    Callback,
    /// Through a future.
    Future(oneshot::Sender<Result<Bytes, RequestError>>),
    /// By a closure.
    Closure(OnEnd),
}

impl Way {
    /// Whether the call is made from outside its owner's instance.
    pub(crate) fn is_native(&self) -> bool {
        !matches!(self, Self::Callback)
    }
}

impl Sink {
    /// The call is being answered.
    #[inline]
    pub(crate) fn measure(&self, now: Instant) {
        if self.began != 0 {
            let took = self.peer.broker.coarse.since_start(now).saturating_sub(self.began);
            self.peer.timings.record(Span::Answered, took);
        }
    }
}

impl Inner {
    /// Hands a call's outcome to who made it. The entry was removed by the caller: nobody else
    /// can do the same.
    pub(crate) fn deliver(&self, entry: Entry<Key, Sink>, result: Result<Bytes, RequestError>) {
        self.deliver_by(entry, result, None);
    }

    /// The same, for an outcome that the target, `by`, made.
    #[inline]
    pub(crate) fn deliver_by(
        &self,
        entry: Entry<Key, Sink>,
        result: Result<Bytes, RequestError>,
        by: Option<&Peer>,
    ) {
        let Entry { id, owner, target, sink, .. } = entry;
        let Sink { peer, way, trace, untraced, .. } = sink;
        let called_back = !way.is_native();
        let count = |result: &_| {
            peer.count_outcome(result, called_back);
            self.call_ended(&peer, id, target, result, by);
        };
        match way {
            Way::Callback => {
                let callback = Callback { request_id: id, result, trace, untraced, owner };
                if peer.mailbox.push_callback(callback, count) == Some(true) {
                    self.schedule(&peer);
                }
            }
            Way::Future(sender) => {
                count(&result);
                peer.call_ended(true);
                let _ = sender.send(result);
            }
            Way::Closure(on_end) => {
                count(&result);
                peer.call_ended(true);
                on_end.call(result);
            }
        }
    }

    /// Hands over what a sweep of the table ends. The table's order is as random as its hashes,
    /// so a simulation has one of its own.
    pub(super) fn deliver_all(
        &self,
        error: &RequestError,
        sweep: impl FnOnce(&mut dyn FnMut(Entry<Key, Sink>)),
    ) {
        if !self.is_simulated() {
            return sweep(&mut |entry| self.deliver(entry, Err(error.clone())));
        }
        let mut all = Vec::new();
        sweep(&mut |entry| all.push(entry));
        all.sort_unstable_by_key(|entry| (entry.deadline(), entry.id));
        for entry in all {
            self.deliver(entry, Err(error.clone()));
        }
    }

    /// Ends a call that its target will not answer.
    pub(crate) fn fail(&self, call: CallRef, error: RequestError) {
        match self.pending.fail(call.ticket, self.now()) {
            Resolution::Live(entry) => self.deliver(entry, Err(error)),
            Resolution::Expired(entry) => self.deliver(entry, Err(RequestError::Timeout)),
            Resolution::Unknown => {}
        }
    }

    pub(crate) fn cancel(&self, peer: &Peer, owner: Key, id: RequestId) -> Result<(), CancelError> {
        match self.pending.cancel(id, &owner, self.now()) {
            Ok(entry) => {
                self.give_up_beyond(&entry);
                self.call_cancelled(&entry);
                self.deliver(entry, Err(RequestError::Cancelled));
                Ok(())
            }
            Err(CancelRefusal::NotOwner) => {
                peer.counters.denied_cancels.add(1);
                peer.denied_cancel(id);
                tracing::warn!(component = %peer.id, %id, "tried to cancel another's call");
                Err(CancelError::NotOwner)
            }
            Err(CancelRefusal::Expired(entry)) => {
                self.deliver(entry, Err(RequestError::Timeout));
                Err(CancelError::NotFound)
            }
            Err(_) => Err(CancelError::NotFound),
        }
    }

    /// Ends the calls of an instance that is gone: nobody is left to be told, but for
    /// futures and closures.
    pub(crate) fn end_owner(&self, owner: Key) {
        self.pending.end_owner(&owner, |entry| {
            self.give_up_beyond(&entry);
            if entry.sink.way.is_native() {
                self.deliver(entry, Err(RequestError::Unavailable));
            } else {
                self.requester_gone(&entry);
            }
        });
    }

    /// Nobody waits for a call any more; if another system has it, it should know.
    fn give_up_beyond(&self, entry: &Entry<Key, Sink>) {
        if entry.target == self.beyond
            && let Some(adapter) = self.adapter()
        {
            adapter.cancel(entry.id);
        }
    }

    /// Ends all calls to a component.
    pub(crate) fn end_target(&self, target: Key) {
        self.deliver_all(&RequestError::Unavailable, |ended| {
            self.pending.end_target(&target, ended);
        });
    }
}
