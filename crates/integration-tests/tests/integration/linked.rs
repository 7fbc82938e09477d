//! Systems that are linked: the same components, on either side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use castcall::adapter::{Adapter, Endpoint, Hub, Parcel, Refused, Reply};
use castcall::{CallError, Context, Message, MessagingError, PeerState, RequestError, System};
use castcall_integration_tests::{Gate, PATIENCE, Recorder, Stage, eventually, fixture, restart};

/// Two systems, a `requester` in the first.
async fn pair() -> (Hub, Stage, Stage) {
    let hub = Hub::new();
    let [here, there] =
        [(); 2].map(|()| Stage::build(System::builder().workers(2).adapter(hub.adapter())));
    here.add("requester", "callback-receiver-component").await;
    (hub, here, there)
}

/// What the requester answers when it could not send.
fn not_found() -> CallError {
    let message = "component-not-found".to_owned();
    CallError::Failed(RequestError::ProcessingFailed { code: 0, message })
}

#[tokio::test]
async fn guests_cast_and_call_across() {
    let (hub, here, there) = pair().await;
    assert_eq!(hub.systems(), 2);
    there.add("far", "callback-receiver-component").await;
    there.add("echo", "echo-handler").await;

    assert_eq!(here.tell("requester", "cast far hello").await, "ok");
    eventually("the cast", || there.stats_of("far").casts_handled == 1).await;
    assert_eq!(there.kept("far").await, ["message requester hello"]);

    assert_eq!(here.outcome("echo", 5_000, "over there").await, "ok over there");
    assert_eq!(here.ask("echo", "from the host").await.unwrap(), "from the host");
    assert_eq!(here.stats_of("requester").answered, 1);
    assert_eq!(there.stats_of("echo").calls_handled, 2);

    // And back, by who was asked.
    assert_eq!(there.tell("far", "cast requester and back").await, "ok");
    eventually("the way back", || here.stats_of("requester").casts_handled == 1).await;
    assert!(here.kept("requester").await.contains(&"message far and back".to_owned()));
}

#[tokio::test]
async fn who_is_nowhere_is_not_found_at_the_send() {
    let (_hub, here, _there) = pair().await;
    assert_eq!(here.ask("requester", "cast nobody hello").await.unwrap_err(), not_found());
    assert_eq!(here.ask("requester", "call nobody 1000 hello").await.unwrap_err(), not_found());
    let refused = here.cast("nobody", "hello").unwrap_err();
    assert_eq!(
        (refused.error, &refused.payload[..]),
        (MessagingError::ComponentNotFound, &b"hello"[..])
    );
    assert_eq!(here.stats_of("requester").pending, 0);
}

#[tokio::test]
async fn errors_come_back_as_they_are() {
    let (_hub, here, there) = pair().await;
    let fragile = fixture("trapping-handler").restart(restart(10, Duration::from_millis(1)));
    there.add_with("fragile", fragile).await;
    there.add("rejecting", "rejecting-handler").await;
    assert_eq!(here.outcome("fragile", 5_000, "please").await, "crashed trap");
    let far = here.outcome("rejecting", 5_000, "fail").await;
    there.add("requester-there", "callback-receiver-component").await;
    here.add("rejecting-here", "rejecting-handler").await;
    assert_eq!(far, here.outcome("rejecting-here", 5_000, "fail").await);
    let too_long = here.call("fragile", vec![0; (1 << 20) + 1], PATIENCE).await.unwrap_err();
    assert!(matches!(
        too_long,
        CallError::Refused { error: MessagingError::PayloadTooLarge { .. }, .. }
    ));
}

#[tokio::test]
async fn a_call_across_times_out_on_time_and_is_not_delivered_late() {
    let (_hub, here, there) = pair().await;
    let gate = Gate::new();
    there.add_native("slow", &gate).await;
    there.cast("slow", "hold").unwrap();
    gate.is_holding().await;
    let sent = Instant::now();
    assert_eq!(here.outcome("slow", 50, "too late").await, "timeout");
    assert!(sent.elapsed() >= Duration::from_millis(50));
    gate.open();
    eventually("the skip", || there.stats_of("slow").ended_in_mailbox == 1).await;
}

#[tokio::test]
async fn a_cancel_reaches_the_other_side() {
    let (_hub, here, there) = pair().await;
    let gate = Gate::new();
    there.add_native("slow", &gate).await;
    there.cast("slow", "hold").unwrap();
    gate.is_holding().await;
    let id = here.request("slow", 60_000, "never mind").await;
    assert_eq!(here.tell("requester", format!("cancel {id}")).await, "ok");
    assert_eq!(here.results(1).await, [format!("{id} cancelled")]);
    gate.open();
    eventually("the skip", || there.stats_of("slow").ended_in_mailbox == 1).await;
    assert_eq!(there.stats_of("slow").calls_handled, 0);

    // So does the end of who asked.
    let again = Gate::new();
    there.add_native("slower", &again).await;
    there.cast("slower", "hold").unwrap();
    again.is_holding().await;
    here.request("slower", 60_000, "never mind").await;
    assert!(here.handle("requester").stop(PATIENCE).await);
    again.open();
    eventually("the skip", || there.stats_of("slower").ended_in_mailbox == 1).await;
}

#[tokio::test]
async fn what_is_published_reaches_both_sides_once() {
    let (_hub, here, there) = pair().await;
    there.add("far", "callback-receiver-component").await;
    for (stage, id) in [(&here, "requester"), (&there, "far")] {
        assert_eq!(stage.tell(id, "subscribe news.*").await, "ok");
        assert_eq!(stage.tell(id, "subscribe *").await, "ok");
    }
    assert_eq!(here.tell("requester", "publish news.today hello").await, "2");
    assert_eq!(here.kept("requester").await, ["message requester hello"]);
    eventually("the far copy", || there.stats_of("far").casts_handled == 1).await;
    assert_eq!(there.kept("far").await, ["message requester hello"]);
}

#[tokio::test]
async fn one_member_of_a_group_whichever_side_it_is_on() {
    let (_hub, here, there) = pair().await;
    let (near, far) = (Recorder::new(), Recorder::new());
    here.add_native("near", &near).await;
    there.add_native("far", &far).await;
    assert_eq!(here.publish("jobs.new", "before").unwrap(), 0);
    there.handle("far").subscribe_group("jobs.*", "workers").unwrap();
    assert_eq!(here.publish("jobs.new", "one").unwrap(), 1);
    eventually("the far member", || far.payloads() == ["one"]).await;
    here.handle("near").subscribe_group("jobs.new", "workers").unwrap();
    assert_eq!(here.publish("jobs.new", "two").unwrap(), 1);
    eventually("the near member", || near.payloads() == ["two"]).await;
    assert_eq!(far.payloads(), ["one"]);
}

#[tokio::test]
async fn a_system_that_ends_takes_its_components_along() {
    let (hub, here, there) = pair().await;
    let gate = Gate::new();
    there.add_native("slow", &gate).await;
    // Told by a cast, which has no deadline to pass on.
    here.cast("requester", "call slow 60000 hold").unwrap();
    gate.is_holding().await;
    let shutdown = {
        let there = there.clone();
        tokio::spawn(async move { there.shutdown(Duration::ZERO).await })
    };
    // The handler does not return, and is given up: whoever waits is told.
    let results = here.results(1).await;
    assert!(results[0].ends_with(" unavailable"), "{results:?}");
    gate.open();
    shutdown.await.unwrap();
    assert_eq!(hub.systems(), 1);
    assert_eq!(here.ask("requester", "cast slow hello").await.unwrap_err(), not_found());
    assert_eq!(here.handle("requester").state(), PeerState::Running);
}

/// What an adapter is told.
#[derive(Default)]
struct Told {
    loaded: AtomicU64,
    unloaded: AtomicU64,
    subscribed: AtomicU64,
    unsubscribed: AtomicU64,
    detached: AtomicU64,
    published: Mutex<Vec<Parcel>>,
    sent: Mutex<Vec<(Parcel, Option<Reply>)>>,
}

struct Listener(Arc<Told>);

impl Adapter for Listener {
    fn attach(&self, _system: Arc<dyn Endpoint>) {}

    fn detach(&self) {
        self.0.detached.fetch_add(1, Ordering::Relaxed);
    }

    fn send(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Refused> {
        self.0.sent.lock().unwrap().push((parcel, reply));
        Ok(())
    }

    fn publish(&self, parcel: Parcel) -> u32 {
        self.0.published.lock().unwrap().push(parcel);
        7
    }

    fn loaded(&self, _: &castcall::ComponentId) {
        self.0.loaded.fetch_add(1, Ordering::Relaxed);
    }

    fn unloaded(&self, _: &castcall::ComponentId) {
        self.0.unloaded.fetch_add(1, Ordering::Relaxed);
    }

    fn subscribed(&self, _: &castcall::core::Pattern, _: Option<&str>) {
        self.0.subscribed.fetch_add(1, Ordering::Relaxed);
    }

    fn unsubscribed(&self, _: &castcall::core::Pattern, _: Option<&str>) {
        self.0.unsubscribed.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_adapter_is_told_everything_that_it_must_know() {
    let told = Arc::new(Told::default());
    let stage = Stage::build(System::builder().workers(2).adapter(Listener(Arc::clone(&told))));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    stage.add("requester", "callback-receiver-component").await;
    stage.add("silent", "callback-only").await;
    assert_eq!(count(&told.loaded), 1, "who can't receive is nobody to others");

    assert_eq!(stage.tell("requester", "subscribe a.*").await, "ok");
    assert_eq!(stage.tell("requester", "subscribe a.*").await, "ok");
    stage.handle("requester").subscribe_group("a.*", "g").unwrap();
    stage.handle("requester").subscribe("b").unwrap();
    assert_eq!(count(&told.subscribed), 3);
    assert_eq!(stage.tell("requester", "unsubscribe a.*").await, "true");
    assert_eq!(count(&told.unsubscribed), 2, "plain and in the group");

    // A parcel says everything.
    assert_eq!(stage.tell("requester", "publish c.d hello").await, "7");
    let parcel = told.published.lock().unwrap().pop().unwrap();
    assert_eq!((parcel.from.as_str(), parcel.to.to_string().as_str()), ("requester", "c.d"));
    assert_eq!((&parcel.payload[..], parcel.call), (&b"hello"[..], None));

    // Told by a cast, which has no deadline to pass on.
    stage.cast("requester", "call far 600000 hello").unwrap();
    eventually("the call", || !told.sent.lock().unwrap().is_empty()).await;
    let (parcel, reply) = told.sent.lock().unwrap().pop().unwrap();
    let call = parcel.call.unwrap();
    assert!(call.remaining <= Duration::from_secs(600));
    assert!(call.remaining > Duration::from_secs(500));
    reply.unwrap()(Err(RequestError::ComponentNotFound("far".parse().unwrap())));
    let results = stage.results(1).await;
    assert!(
        results.iter().any(|line| *line == format!("{} component-not-found far", call.id)),
        "{results:?}"
    );

    assert!(stage.handle("requester").stop(PATIENCE).await);
    assert_eq!((count(&told.unloaded), count(&told.unsubscribed)), (1, 3));
    stage.shutdown(PATIENCE).await;
    assert_eq!(count(&told.detached), 1);
}

#[tokio::test]
async fn a_lost_reply_is_a_timeout_and_a_second_one_nothing() {
    let told = Arc::new(Told::default());
    let stage = Stage::build(System::builder().workers(2).adapter(Listener(Arc::clone(&told))));
    stage
        .register_fn("asker", |context: &mut Context, _message: Message| {
            context
                .send_request("far", &b"?"[..], 40)
                .map_err(|error| castcall::ComponentError::InvalidPayload(error.to_string()))?;
            Ok("")
        })
        .await
        .unwrap();
    stage.tell("asker", "go").await;
    drop(told.sent.lock().unwrap().pop());
    eventually("the timeout", || stage.stats_of("asker").timeouts == 1).await;
    let answer = stage.call("far", "?", Duration::from_millis(40)).await.unwrap_err();
    assert_eq!(answer, CallError::Failed(RequestError::Timeout));
    let (_, reply) = told.sent.lock().unwrap().pop().unwrap();
    reply.unwrap()(Ok("late".into()));
    assert_eq!(stage.host().stats().answered, 1, "only the first, to asker");
}
