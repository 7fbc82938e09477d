//! Spans of what happens to messages, and the traces that they belong to.
//!
//! Three kinds, with the names and attributes of OpenTelemetry's semantic conventions for messaging:
//! `send`, while a message is sent; `process`, while its handler runs; `callback`, while the end of a
//! call is handled. They are `tracing` spans of the target `castcall::message`, level DEBUG, so that
//! whatever is logged meanwhile stands in one that has the call's request id. Without a subscriber
//! that wants them they cost a load and a comparison.
//!
//! Which trace they belong to is a [`Tracer`]'s to say. What is not sampled gets no span.
//!
//! Source: <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>, 1.37.

use std::fmt;
use std::sync::Arc;

use castcall_audit::{What, Why};
use castcall_core::{RequestId, Timestamp, TraceContext};
use tracing::field::{Empty, display};
use tracing::{Level, Span};

use crate::audited::{About, what_of};
use crate::message::{Callback, Message};
use crate::peer::Peer;
use crate::send::Origin;

/// Ties castcall's spans to traces, and says what is traced.
///
/// Without one, a message belongs to the trace that its sender was handling or had set, and spans
/// are made of all messages, whatever they belong to.
pub trait Tracer: Send + Sync + 'static {
    /// Whether a trace is to begin with a message that belongs to none. Asked once for what begins
    /// outside; what follows from a message that was not traced is not traced either. On the path of
    /// each message: it should take a few nanoseconds.
    fn begins(&self) -> bool;

    /// A span was made that follows from another: returns what those that follow from it shall
    /// follow from. `None`: the same.
    fn place(&self, span: &Span, follows: Follows<'_>) -> Option<TraceContext>;
}

/// What a span follows from.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Follows<'a> {
    /// Nothing that is traced: a trace begins.
    Nothing,
    /// Another span.
    From(&'a TraceContext),
    /// Another span, together with others: what was published comes to several.
    Among(&'a TraceContext),
}

/// A broker's tracer, if it has one.
#[derive(Clone, Default)]
pub struct Tracing(pub Option<Arc<dyn Tracer>>);

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracing").field(&self.0.is_some()).finish()
    }
}

/// Whether somebody wants spans at all.
#[inline]
fn wanted() -> bool {
    tracing::enabled!(target: "castcall::message", Level::DEBUG)
}

macro_rules! message_span {
    ($name:literal, $kind:literal, $type:literal, $what:expr, $destination:expr, $client:expr) => {
        tracing::debug_span!(
            target: "castcall::message",
            $name,
            otel.kind = $kind,
            otel.name = %format_args!(concat!($name, " {}"), $destination),
            otel.status_code = Empty,
            error.type = Empty,
            messaging.system = "castcall",
            messaging.operation.name = $what.as_str(),
            messaging.operation.type = $type,
            messaging.destination.name = %$destination,
            messaging.client.id = %$client,
            messaging.message.body.size = Empty,
            messaging.message.conversation_id = Empty,
            request_id = Empty,
        )
    };
}

fn failed(span: &Span, why: Why) {
    span.record("error.type", why.as_str());
    span.record("otel.status_code", "ERROR");
}

fn has_request_id(span: &Span, id: RequestId) {
    span.record("request_id", display(id));
    span.record("messaging.message.conversation_id", display(id));
}

/// A message on its way out: what its span, its record and each of its copies say.
pub(crate) struct Outgoing {
    pub(crate) what: What,
    /// Bytes of its payload.
    pub(crate) size: usize,
    /// When; the clock is read once.
    pub(crate) at: Timestamp,
    /// For the audit, if that is on.
    pub(crate) about: Option<About>,
    /// The trace that it belongs to.
    pub(crate) trace: Option<Arc<TraceContext>>,
    /// It was decided that what it belongs to is not traced.
    pub(crate) untraced: bool,
    /// Open until it is sent. Boxed, since most have none.
    span: Option<Box<Span>>,
}

impl Outgoing {
    pub(crate) fn is_call(&self, id: RequestId) {
        if let Some(span) = &self.span {
            has_request_id(span, id);
        }
    }

    pub(crate) fn refused(&self, why: impl Into<Why>) {
        if let Some(span) = &self.span {
            failed(span, why.into());
        }
    }
}

impl Origin<'_> {
    /// A message is about to be sent to `destination`.
    #[inline]
    pub(crate) fn outgoing(&self, what: What, destination: &str, payload: &[u8]) -> Outgoing {
        let (mut untraced, tracer) = (self.untraced, &self.peer.broker.config.tracing.0);
        let traced = match (self.trace, tracer) {
            (Some(trace), Some(_)) => trace.is_sampled(),
            (None, Some(tracer)) => {
                untraced = untraced || !tracer.begins();
                !untraced
            }
            (_, None) => true,
        };
        let mut outgoing = Outgoing {
            what,
            size: payload.len(),
            at: self.stamp(),
            about: self.about(payload),
            trace: self.trace.cloned(),
            untraced,
            span: None,
        };
        if traced && wanted() {
            self.open_span(&mut outgoing, destination);
        }
        outgoing
    }

    #[cold]
    fn open_span(&self, outgoing: &mut Outgoing, destination: &str) {
        let what = outgoing.what;
        let span = message_span!("send", "producer", "send", what, destination, self.sender);
        span.record("messaging.message.body.size", outgoing.size);
        if let Some(tracer) = &self.peer.broker.config.tracing.0 {
            let follows = self.trace.map_or(Follows::Nothing, |trace| Follows::From(trace));
            if let Some(placed) = tracer.place(&span, follows) {
                outgoing.trace = Some(Arc::new(placed));
            }
        }
        outgoing.span = Some(Box::new(span));
    }
}

impl Peer {
    /// Whether what belongs to this trace gets spans.
    #[inline]
    fn is_traced(&self, trace: Option<&Arc<TraceContext>>) -> bool {
        let traced = match &self.broker.config.tracing.0 {
            Some(_) => trace.is_some_and(|trace| trace.is_sampled()),
            None => true,
        };
        traced && wanted()
    }

    /// A handler is about to be entered with the message; what it sends follows from its span.
    #[inline]
    pub(crate) fn process(&self, message: &mut Message) -> Option<Entered> {
        self.is_traced(message.trace.as_ref()).then(|| self.process_in_span(message))
    }

    #[cold]
    fn process_in_span(&self, message: &mut Message) -> Entered {
        let what = what_of(message);
        let destination = message.topic.as_ref().map_or(self.id.as_str(), |topic| topic.as_str());
        let span = message_span!("process", "consumer", "process", what, destination, self.id);
        span.record("messaging.message.body.size", message.payload.len());
        if let Some(call) = message.call {
            has_request_id(&span, call.id);
        }
        if let (Some(tracer), Some(trace)) = (&self.broker.config.tracing.0, &message.trace) {
            let among = message.topic.is_some();
            let follows = if among { Follows::Among(trace) } else { Follows::From(trace) };
            if let Some(placed) = tracer.place(&span, follows) {
                message.trace = Some(Arc::new(placed));
            }
        }
        Entered::new(span)
    }

    /// A callback is about to be made; what it sends follows from its span.
    #[inline]
    pub(crate) fn call_back(&self, callback: &mut Callback) -> Option<Entered> {
        self.is_traced(callback.trace.as_ref()).then(|| self.call_back_in_span(callback))
    }

    #[cold]
    fn call_back_in_span(&self, callback: &mut Callback) -> Entered {
        let what = What::Callback;
        let span = message_span!("callback", "consumer", "process", what, self.id, self.id);
        has_request_id(&span, callback.request_id);
        match &callback.result {
            Ok(payload) => {
                span.record("messaging.message.body.size", payload.len());
            }
            Err(error) => failed(&span, error.into()),
        }
        if let (Some(tracer), Some(trace)) = (&self.broker.config.tracing.0, &callback.trace)
            && let Some(placed) = tracer.place(&span, Follows::From(trace))
        {
            callback.trace = Some(Arc::new(placed));
        }
        Entered::new(span)
    }
}

/// What was done in a span has failed.
#[cold]
pub(crate) fn has_failed(span: Option<&Entered>, why: impl Into<Why>) {
    if let Some(span) = span {
        failed(&span.0, why.into());
    }
}

/// A span that is entered for as long as this lives. Unlike [`tracing::span::EnteredSpan`] it may
/// lie in what could go to another thread; it is made and dropped within one turn, and so on one.
pub(crate) struct Entered(Span);

impl Entered {
    fn new(span: Span) -> Self {
        span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        Self(span)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.with_subscriber(|(id, subscriber)| subscriber.exit(id));
    }
}
