//! Spans, and how they hang together.

use castcall::audit::{Audit, AuditConfig, MemorySink, Sinks};
use castcall::core::TraceContext;
use castcall::{Policy, System};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::collector::{COLLECTOR, attributes};

fn builder() -> castcall::SystemBuilder {
    let tracer = COLLECTOR.otlp.lock().unwrap().tracer();
    System::builder().workers(2).policy(Policy::open()).tracer(tracer)
}

/// The spans of a trace, once there are so many.
async fn spans_of(trace: &str, count: usize) -> Vec<Span> {
    let context: TraceContext = trace.parse().unwrap();
    let of_trace = || {
        COLLECTOR.flush();
        COLLECTOR.with(|kept| {
            let ours = kept.spans.iter().filter(|span| span.trace_id == context.trace_id());
            ours.cloned().collect::<Vec<_>>()
        })
    };
    eventually("the spans", || of_trace().len() >= count).await;
    of_trace()
}

/// The span of that name that a component is the client of.
fn find<'a>(spans: &'a [Span], name: &str, client: &str) -> &'a Span {
    let of = |span: &&Span| {
        span.name == name && attributes(&span.attributes)["messaging.client.id"] == client
    };
    let mut found = spans.iter().filter(of);
    let span = found.next().unwrap_or_else(|| panic!("no {name} of {client}: {spans:#?}"));
    assert!(found.next().is_none(), "two {name} of {client}: {spans:#?}");
    span
}

const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn a_call_through_wasm_is_one_trace() {
    let stage = Stage::guarded(builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("echo", "echo-handler").await;
    let traced = stage.host().in_trace(FIRST.parse().unwrap());
    let id = traced.call("requester", "call echo 5000 hello", PATIENCE).await.unwrap();
    let id = String::from_utf8(id.to_vec()).unwrap();
    // host → requester → echo, and the callback.
    let spans = spans_of(FIRST, 5).await;
    let sent = find(&spans, "send requester", "host");
    let told = find(&spans, "process requester", "requester");
    let called = find(&spans, "send echo", "requester");
    let echoed = find(&spans, "process echo", "echo");
    let called_back = find(&spans, "callback requester", "requester");
    assert_eq!(spans.len(), 5);
    let parent: TraceContext = FIRST.parse().unwrap();
    assert_eq!(sent.parent_span_id, parent.parent_id());
    for (child, parent) in [(told, sent), (called, told), (echoed, called), (called_back, called)] {
        assert_eq!(child.parent_span_id, parent.span_id, "{} of {}", child.name, parent.name);
    }
    assert_eq!(called.kind(), SpanKind::Producer);
    assert_eq!(echoed.kind(), SpanKind::Consumer);
    for span in [called, echoed, called_back] {
        let attributes = attributes(&span.attributes);
        assert_eq!(attributes["request_id"], id);
        assert_eq!(attributes["messaging.message.conversation_id"], id);
        assert_eq!(attributes["messaging.system"], "castcall");
        assert_eq!(attributes["messaging.message.body.size"], "5");
    }
    let attributes = attributes(&called.attributes);
    assert_eq!(attributes["messaging.operation.name"], "call");
    assert_eq!(attributes["messaging.operation.type"], "send");
    assert_eq!(attributes["messaging.destination.name"], "echo");
}

#[tokio::test]
async fn what_was_published_is_linked_to_each_copy() {
    let stage = Stage::guarded(builder());
    for id in ["one", "other"] {
        stage.add_native(id, &Recorder::new()).await;
        stage.handle(id).subscribe("news.*").unwrap();
    }
    let trace = FIRST.replace("319c", "3200");
    let traced = stage.host().in_trace(trace.parse().unwrap());
    assert_eq!(traced.publish("news.eu", "hello").unwrap(), 2);
    let spans = spans_of(&trace, 3).await;
    let sent = find(&spans, "send news.eu", "host");
    for id in ["one", "other"] {
        let copy = find(&spans, "process news.eu", id);
        assert_eq!(copy.parent_span_id, sent.span_id);
        let linked: Vec<_> = copy.links.iter().map(|link| &link.span_id).collect();
        assert_eq!(linked, [&sent.span_id]);
    }
}

#[tokio::test]
async fn failures_are_marked() {
    let stage = Stage::guarded(builder());
    stage.add("requester", "callback-receiver-component").await;
    stage.add("trapper", "trapping-handler").await;
    let trace = FIRST.replace("319c", "3300");
    let traced = stage.host().in_trace(trace.parse().unwrap());
    traced.call("requester", "call trapper 5000 unreachable", PATIENCE).await.unwrap();
    let spans = spans_of(&trace, 5).await;
    for (span, client, error) in
        [("process trapper", "trapper", "trap"), ("callback requester", "requester", "crashed")]
    {
        let span = find(&spans, span, client);
        assert_eq!(attributes(&span.attributes)["error.type"], error);
        assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    }
}

#[tokio::test]
async fn what_is_not_sampled_is_not_traced_and_what_begins_outside_may_be() {
    let stage = Stage::guarded(builder());
    stage.add("reader", "context-reader").await;
    let unsampled = FIRST.replace("319c-b7ad6b7169203331-01", "3400-b7ad6b7169203331-00");
    let traced = stage.host().in_trace(unsampled.parse().unwrap());
    // It is handed on all the same.
    let answer = traced.call("reader", "trace", PATIENCE).await.unwrap();
    assert_eq!(&answer[..], format!("{unsampled} ").as_bytes());
    // Everything that begins outside is traced here.
    let begun = stage.tell("reader", "trace").await;
    let spans = spans_of(begun.trim_end(), 2).await;
    let sent = find(&spans, "send reader", "host");
    assert!(sent.parent_span_id.is_empty());
    assert_eq!(find(&spans, "process reader", "reader").parent_span_id, sent.span_id);
    let context: TraceContext = unsampled.parse().unwrap();
    COLLECTOR.with(|kept| {
        assert!(kept.spans.iter().all(|span| span.trace_id != context.trace_id()));
    });
}

/// The record of the send that begins a trace belongs to it, too.
#[tokio::test]
async fn the_audit_names_the_trace_from_its_first_send() {
    let all = MemorySink::new();
    let sinks = Sinks { all: Some(Box::new(all.clone())), denials: None };
    let audit = Audit::to(&AuditConfig::default(), sinks).unwrap();
    let stage = Stage::guarded(builder().audit_to(audit.clone()));
    stage.add("reader", "context-reader").await;
    let begun = stage.tell("reader", "trace").await;
    let trace = begun.split('-').nth(1).unwrap();
    audit.flush().unwrap();
    for kind in ["send", "delivery"] {
        let kind = format!(r#""kind":"{kind}""#);
        let lines = all.lines();
        let line = lines.iter().find(|line| line.contains(&kind)).unwrap();
        assert!(line.contains(&format!(r#""trace_id":"{trace}""#)), "{line}");
    }
}
