//! W3C trace context: who sets it, and how far it goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use castcall::Bytes;
use castcall::adapter::Hub;
use castcall::core::TraceContext;
use castcall::state::DeadLetterFilter;
use castcall::{ComponentError, Context, Message, NativePeer, RequestError, RequestId, System};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn trace() -> TraceContext {
    PARENT.parse().unwrap()
}

/// Keeps the traces of the messages that it answers.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<Option<String>>>>);

impl Witness {
    fn seen(&self) -> Vec<Option<String>> {
        self.0.lock().unwrap().clone()
    }

    async fn saw(&self, count: usize) -> Vec<Option<String>> {
        eventually("the messages", || self.seen().len() >= count).await;
        self.seen()
    }
}

impl NativePeer for Witness {
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        let trace = context.trace().map(TraceContext::traceparent);
        assert_eq!(trace, message.trace.as_deref().map(TraceContext::traceparent));
        self.0.lock().unwrap().push(trace);
        Ok(message.payload)
    }
}

/// Calls `witness` for each message, in a trace of its own, and again from the callback.
struct Starter;

impl NativePeer for Starter {
    fn handle_message(
        &mut self,
        context: &mut Context,
        _: Message,
    ) -> Result<Bytes, ComponentError> {
        assert!(context.trace().is_none(), "the trace set for the message before is over");
        context.set_trace(trace());
        context.send_request("witness", &b"first"[..], 5_000).unwrap();
        Ok(Bytes::new())
    }

    fn handle_callback(
        &mut self,
        context: &mut Context,
        _: RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        if result.unwrap() == "first" {
            context.send_message("witness", &b"second"[..]).unwrap();
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_guest_sees_the_trace_that_the_program_set() {
    let stage = Stage::new();
    stage.add("reader", "context-reader").await;
    let call = async |handle: &castcall::ComponentHandle| {
        let answer = handle.call("reader", "trace", PATIENCE).await.unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    };
    let traced = stage.host().in_trace(trace().with_state("vendor=1").unwrap());
    assert_eq!(call(&traced).await, format!("{PARENT} vendor=1"));
    assert_eq!(call(stage.host()).await, "none");
}

#[tokio::test]
async fn what_a_guest_sends_belongs_to_the_trace_in_its_callbacks_too() {
    let stage = Stage::new();
    let witness = Witness::default();
    stage.add_native("bench/echo", &witness).await;
    stage.add("bouncer", "call-bouncer").await;
    // The first call is made by the handler, the others from the callback of the one before.
    stage.host().in_trace(trace()).cast("bouncer", 5_u64.to_le_bytes().to_vec()).unwrap();
    let seen = witness.saw(5).await;
    assert!(seen.iter().all(|trace| trace.as_deref() == Some(PARENT)), "{seen:?}");
}

#[tokio::test]
async fn a_native_peer_sets_a_trace_for_one_message() {
    let stage = Stage::new();
    let witness = Witness::default();
    stage.add_native("witness", &witness).await;
    stage.register("starter", || Starter).await.unwrap();
    stage.cast("starter", "go").unwrap();
    stage.cast("starter", "go").unwrap();
    let seen = witness.saw(4).await;
    assert!(seen.iter().all(|trace| trace.as_deref() == Some(PARENT)), "{seen:?}");
    stage.cast("witness", "untraced").unwrap();
    assert_eq!(witness.saw(5).await[4], None);
}

#[tokio::test]
async fn topics_timeouts_and_dead_letters_keep_the_trace() {
    let stage = Stage::new();
    let (witness, recorder) = (Witness::default(), Recorder::new());
    stage.add_native("witness", &witness).await;
    stage.add_native("recorder", &recorder).await;
    stage.add("trapper", "trapping-handler").await;
    stage.handle("witness").subscribe("news.*").unwrap();
    let traced = stage.host().in_trace(trace());
    assert_eq!(traced.publish("news.eu", "hello").unwrap(), 1);
    assert_eq!(witness.saw(1).await, [Some(PARENT.to_owned())]);
    traced.cast("trapper", "unreachable").unwrap();
    let listed = || stage.dead_letters().list(&DeadLetterFilter::default(), None, 10);
    eventually("a dead letter", || listed().len() == 1).await;
    let letters = listed();
    assert_eq!(letters[0].1.trace.as_ref().map(TraceContext::traceparent).as_deref(), Some(PARENT));
}

#[tokio::test]
async fn a_trace_goes_from_system_to_system_and_back() {
    let hub = Hub::new();
    let build = || Stage::build(System::builder().workers(1).adapter(hub.adapter()));
    let (here, there) = (build(), build());
    let witness = Witness::default();
    there.add_native("witness", &witness).await;
    here.register("starter", || Starter).await.unwrap();
    here.cast("starter", "go").unwrap();
    let seen = witness.saw(2).await;
    assert!(seen.iter().all(|trace| trace.as_deref() == Some(PARENT)), "{seen:?}");
    here.shutdown(Duration::from_secs(1)).await;
}
