//! What an instance empties in its turn.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use castcall_core::{ComponentError, CrashCode, RequestError, Timestamp};
use castcall_correlation::Resolution;

use crate::audited::Heard;
use crate::context::Context;
use crate::dead_letters::Retry;
use crate::message::{CallRef, Callback, Item, Key, Message};
use crate::peer::Peer;
use crate::spans::{Entered, has_failed};
use crate::timings::Span;

/// How many messages a turn may have, so that a thousand busy components have theirs within some
/// tens of milliseconds even if each message is cheap.
const TURN: u32 = 128;

/// What is to be done next: the context has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Enter `handle-message` with [`Context::current`], then [`Inbox::finish`].
    Message,
    /// Enter `handle-callback` with [`Context::current_callback`], then [`Inbox::finish_callback`].
    Callback,
}

/// What waits for an instance, one piece at a time.
///
/// After each [`Inbox::next`] that gave something comes a `finish…`; an instance that crashes in
/// between returns from its turn without.
///
/// It borrows nothing, so that an instance can lay it, for the length of a turn, where host
/// functions find it: [`Inbox::lend`].
pub struct Inbox(Option<Box<Turn>>);

/// What an instance is given in its turns. Lives as long as the instance does.
pub(crate) struct Turn {
    peer: Arc<Peer>,
    incarnation: Key,
    /// How many more messages this turn may have.
    left: u32,
    /// The tick at which it began.
    tick: u64,
    /// Comes before the batch.
    retry: Option<Box<Retry>>,
    batch: VecDeque<Item>,
    heard: Heard,
    in_hand: Option<InHand>,
    /// When the message in hand was given out, if that is measured.
    began: Option<Timestamp>,
    /// While something is handled, if it is traced.
    span: Option<Entered>,
    end: Option<End>,
    /// The component is being stopped, and what is left for it are callbacks.
    draining: bool,
}

/// What the guest was entered with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InHand {
    /// `attempt`: which time it is given, from 1.
    Cast {
        attempt: u32,
    },
    Call(CallRef),
    Callback,
}

/// Why there was nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing waits, and the component is no longer scheduled.
    Empty,
    /// The turn is over.
    Over,
    /// The component is to stop.
    Stop,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = self.0.as_deref();
        f.debug_struct("Inbox")
            .field("in_hand", &turn.and_then(|turn| turn.in_hand.as_ref()))
            .field("waiting", &turn.map(|turn| turn.batch.len()))
            .finish_non_exhaustive()
    }
}

impl Inbox {
    /// One for an instance, to which `retry` is given first.
    pub(crate) fn new(peer: &Arc<Peer>, incarnation: Key, retry: Option<Box<Retry>>) -> Self {
        Self(Some(Box::new(Turn {
            peer: Arc::clone(peer),
            incarnation,
            left: 0,
            tick: 0,
            retry,
            batch: VecDeque::new(),
            heard: Heard::default(),
            in_hand: None,
            began: None,
            span: None,
            end: None,
            draining: false,
        })))
    }

    /// One that gives nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(None)
    }

    /// The inbox itself, for who can't keep what is borrowed. What is left behind is empty; it must
    /// be put back before the turn ends, or what is in it is lost.
    #[must_use]
    pub fn lend(&mut self) -> Self {
        Self(self.0.take())
    }

    /// None: it was lent, and not put back.
    pub(crate) fn turn(&mut self) -> Option<&mut Turn> {
        self.0.as_deref_mut()
    }

    /// What is to be done next, which `context`, the instance's, is given; `None` ends the turn.
    pub fn next(&mut self, context: &mut Context) -> Option<Work> {
        self.0.as_mut()?.next(context)
    }

    /// The message was handled. For a call, `answer` goes to who asked, unless the handler has
    /// taken the call over; for a cast, only whether it is an error matters.
    pub fn finish(&mut self, context: &mut Context, answer: Result<Bytes, ComponentError>) {
        context.leave();
        if let Some(turn) = &mut self.0 {
            turn.finish(answer);
        }
    }

    /// The callback was made.
    pub fn finish_callback(&mut self, context: &mut Context, result: Result<(), ComponentError>) {
        context.leave();
        if let Some(turn) = &mut self.0 {
            turn.finish_callback(result);
        }
    }
}

impl Turn {
    /// The component's turn has come, at this tick; none: it is stopped, and gets its callbacks.
    pub(crate) fn begin_turn(&mut self, tick: Option<u64>) {
        self.left = TURN;
        self.draining = tick.is_none();
        self.tick = tick.unwrap_or_default();
        self.end = None;
        self.in_hand = None;
        self.heard.refresh(&self.peer.broker);
    }

    /// What has not been given out goes back to where it came from.
    pub(crate) fn give_back(&mut self) {
        self.peer.mailbox.give_back(&mut self.batch);
    }

    /// What was to be given out again.
    pub(crate) fn take_retry(&mut self) -> Option<Box<Retry>> {
        self.retry.take()
    }

    fn is_over(&self) -> bool {
        self.left == 0 || self.peer.broker.scheduler.ticks() != self.tick
    }

    fn next(&mut self, context: &mut Context) -> Option<Work> {
        self.in_hand = None;
        if self.end.is_some() {
            return None;
        }
        loop {
            if self.peer.is_stopping() && (!self.draining || self.peer.is_killed()) {
                self.end = Some(End::Stop);
                return None;
            }
            if !self.draining && self.is_over() {
                self.end = Some(End::Over);
                return None;
            }
            if let Some(retry) = self.retry.take() {
                let message = self.again(*retry);
                context.enter(message.untraced);
                context.take_up(Some(Item::Message(message)));
                return Some(Work::Message);
            }
            let Some(item) = context.take_up(self.batch.pop_front()) else {
                if self.peer.mailbox.take(&mut self.batch) {
                    continue;
                }
                self.end = Some(End::Empty);
                return None;
            };
            self.left = self.left.saturating_sub(1);
            let begun = match item {
                Item::Message(message) => {
                    self.begin(message).then_some((Work::Message, message.untraced))
                }
                Item::Callback(callback) => {
                    self.call_back(callback).then_some((Work::Callback, callback.untraced))
                }
            };
            if let Some((work, untraced)) = begun {
                context.enter(untraced);
                return Some(work);
            }
            context.leave();
        }
    }

    #[cold]
    fn again(&mut self, mut retry: Retry) -> Message {
        self.peer.counters.redelivered.add_exclusive(1);
        self.in_hand = Some(InHand::Cast { attempt: retry.attempts + 1 });
        self.began = None;
        self.heard.delivered(&self.peer, &retry.message);
        self.span = self.peer.process(&mut retry.message);
        retry.message
    }

    /// `false`: an answer was on its way when the instance that asked ended.
    #[inline]
    fn call_back(&mut self, callback: &mut Callback) -> bool {
        self.peer.mailbox.callback_begun(callback);
        if callback.owner != self.incarnation {
            return false;
        }
        self.peer.call_ended(false);
        self.heard.called_back(&self.peer, callback);
        if let Some(span) = self.peer.call_back(callback) {
            self.span = Some(span);
        }
        self.peer.counters.callbacks.add_exclusive(1);
        self.in_hand = Some(InHand::Callback);
        true
    }

    /// `false`: it is a call that has ended meanwhile.
    #[inline]
    fn begin(&mut self, message: &mut Message) -> bool {
        self.peer.mailbox.begun(message);
        let counters = &self.peer.counters;
        if let Some(call) = message.call {
            // Also for what was taken in a batch: it may have ended since.
            if !self.peer.broker.pending.is_pending(call.ticket) {
                counters.ended_in_mailbox.add_exclusive(1);
                return false;
            }
            counters.calls_handled.add_exclusive(1);
            self.in_hand = Some(InHand::Call(call));
        } else {
            counters.casts_handled.add_exclusive(1);
            self.in_hand = Some(InHand::Cast { attempt: 1 });
        }
        counters.bytes_handled.add_exclusive(message.payload.len() as u64);
        self.began = message.measured.then(|| self.waited(message));
        self.heard.delivered(&self.peer, message);
        if let Some(span) = self.peer.process(message) {
            self.span = Some(span);
        }
        true
    }

    /// What was handled in it is done.
    #[inline]
    fn leave_span(&mut self) {
        if self.span.is_some() {
            self.span = None;
        }
    }

    /// It is measured, and given out now.
    #[cold]
    fn waited(&self, message: &Message) -> Timestamp {
        let now = self.peer.broker.config.clock.wall();
        let waited = now.as_unix_nanos().saturating_sub(message.timestamp.as_unix_nanos());
        self.peer.timings.record(Span::Waited, waited);
        now
    }

    #[cold]
    fn handled(&self, began: Timestamp) {
        let now = self.peer.broker.config.clock.wall().as_unix_nanos();
        self.peer.timings.record(Span::Handled, now.saturating_sub(began.as_unix_nanos()));
    }

    fn finish(&mut self, answer: Result<Bytes, ComponentError>) {
        if let Some(began) = self.began.take() {
            self.handled(began);
        }
        if let Err(error) = &answer {
            self.peer.counters.handler_errors.add_exclusive(1);
            has_failed(self.span.as_ref(), error);
            tracing::debug!(component = %self.peer.id, %error, "a handler returned an error");
            if let Some(InHand::Cast { .. }) = self.in_hand {
                self.heard.failed(&self.peer, error.into());
            }
        }
        if let Some(InHand::Call(call)) = self.in_hand.take()
            && !self.peer.is_deferred(call)
        {
            self.peer.answer(call, answer);
        }
        self.leave_span();
    }

    fn finish_callback(&mut self, result: Result<(), ComponentError>) {
        self.in_hand = None;
        if let Err(error) = result {
            self.peer.counters.callback_errors.add_exclusive(1);
            has_failed(self.span.as_ref(), &error);
            tracing::debug!(component = %self.peer.id, %error, "a callback returned an error");
            Heard::callback_failed(&self.peer, (&error).into());
        }
        self.leave_span();
    }

    /// How the turn ended.
    pub(crate) fn end(&self) -> End {
        self.end.unwrap_or(End::Over)
    }

    /// The guest has crashed: says what was in hand.
    pub(crate) fn crashed_with(&mut self, code: CrashCode) -> Option<InHand> {
        has_failed(self.span.take().as_ref(), code);
        self.in_hand.take()
    }
}

impl Peer {
    /// Answers a call made to this component.
    pub(crate) fn answer(&self, call: CallRef, answer: Result<Bytes, ComponentError>) -> bool {
        // Looked at when the entry is out: then it is known who reads it, and what was copied just
        // before has reached the cache.
        let limit = self.broker.config.max_payload;
        let read = |peer: &Self, answer: Result<Bytes, ComponentError>| match answer {
            Ok(payload) if payload.len() > limit => Err(RequestError::InvalidPayload(format!(
                "the answer has {} bytes, and {limit} is the most",
                payload.len()
            ))),
            Ok(payload) if !peer.config.codecs.is_any() => {
                match peer.unreadable(&self.id, &payload) {
                    None => Ok(payload),
                    Some(why) => {
                        let mismatch = peer.mismatch(&self.id, why);
                        Err(RequestError::InvalidPayload(format!("the answer: {mismatch}")))
                    }
                }
            }
            Ok(payload) => Ok(payload),
            Err(error) => Err(error.into()),
        };
        let now = self.broker.now();
        match self.broker.pending.resolve(call.ticket, now) {
            Resolution::Live(entry) => {
                entry.sink.measure(now);
                let result = read(&entry.sink.peer, answer);
                self.broker.deliver_by(entry, result, Some(self));
                true
            }
            Resolution::Expired(entry) => {
                self.counters.orphans.add(1);
                self.broker.deliver_by(entry, Err(RequestError::Timeout), Some(self));
                false
            }
            Resolution::Unknown => {
                self.counters.orphans.add(1);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
