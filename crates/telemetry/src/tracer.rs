//! Castcall's spans as OpenTelemetry's.

use castcall_broker::{Follows, Tracer};
use castcall_core::TraceContext;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Begins traces, and puts castcall's spans into them. Needs the layer of `tracing-opentelemetry` in
/// the subscriber: [`Otlp`](crate::Otlp) makes both.
#[derive(Debug, Clone, Copy)]
pub struct OtelTracer {
    ratio: f64,
}

impl OtelTracer {
    /// Of what begins outside, and belongs to no trace yet, the part `ratio` is traced: 0 to 1.
    /// What comes with a trace is traced if that is sampled.
    #[must_use]
    pub fn new(ratio: f64) -> Self {
        Self { ratio }
    }
}

impl Tracer for OtelTracer {
    #[inline]
    fn begins(&self) -> bool {
        self.ratio >= 1.0 || (self.ratio > 0.0 && fastrand::f64() < self.ratio)
    }

    fn place(&self, span: &Span, follows: Follows<'_>) -> Option<TraceContext> {
        let before = match follows {
            Follows::From(trace) | Follows::Among(trace) => Some(trace),
            _ => None,
        };
        if let Some(trace) = before {
            let context = to_otel(trace);
            if let Follows::Among(_) = follows {
                span.add_link(context.clone());
            }
            // Fails if nobody has the layer, and then there is no span to place.
            let _ = span.set_parent(Context::new().with_remote_span_context(context));
        }
        from_otel(span.context().span().span_context(), before)
    }
}

fn to_otel(trace: &TraceContext) -> SpanContext {
    // One that can't be read is not worth losing the span for.
    let state: TraceState = trace.tracestate().parse().unwrap_or_default();
    SpanContext::new(
        TraceId::from_bytes(trace.trace_id()),
        SpanId::from_bytes(trace.parent_id()),
        TraceFlags::new(trace.flags()),
        true,
        state,
    )
}

fn from_otel(context: &SpanContext, before: Option<&TraceContext>) -> Option<TraceContext> {
    let flags = context.trace_flags().to_u8();
    let (trace, span) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
    let placed = TraceContext::new(trace, span, flags)?;
    match before.map(TraceContext::tracestate) {
        None | Some("") => Some(placed),
        Some(state) => placed.with_state(state).ok(),
    }
}
