//! What was accepted and not handled, and what is done about it.

use std::time::Duration;

use castcall::broker::ResendRefusal;
use castcall::state::DeadLetterFilter;
use castcall::{
    CallError, ComponentHandle, DeadLetter, DeadLetterId, DeadLetterLimits, DeadLetterReason,
    MessagingError, Overflow, PeerState, RequestError, ResendError, RestartPolicy, System,
};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, fixture, mailbox, restart,
};

const SOON: Duration = Duration::from_millis(1);

async fn fragile(stage: &Stage, redeliver: u32, poison_limit: u32) -> ComponentHandle {
    let component = fixture("trapping-handler")
        .restart(restart(100, SOON))
        .redeliver(redeliver)
        .poison_limit(poison_limit);
    stage.add_with("fragile", component).await
}

fn all(stage: &Stage) -> Vec<(DeadLetterId, DeadLetter)> {
    stage.dead_letters().list(&DeadLetterFilter::new(), None, 1_000)
}

/// Reason, sender, target, payload, attempts.
fn told(letter: &DeadLetter) -> (DeadLetterReason, &str, &str, &[u8], u32) {
    (letter.reason, letter.from.as_str(), letter.to.as_str(), &letter.payload, letter.attempts)
}

#[tokio::test]
async fn a_cast_that_crashes_its_handler_is_kept_whole() {
    let stage = Stage::with_requester().await;
    fragile(&stage, 0, 0).await;
    stage.tell("requester", "cast fragile please").await;
    eventually("the letter", || stage.dead_letters().count() == 1).await;
    let letters = all(&stage);
    let letter = &letters[0].1;
    assert_eq!(
        told(letter),
        (DeadLetterReason::Crashed, "requester", "fragile", &b"please"[..], 1)
    );
    assert_eq!((&letter.topic, &letter.trace), (&None, &None));
    assert!(letter.died >= letter.sent);
    // In memory alone: there is nothing to wait for.
    assert!(stage.state().is_none());
    stage.flush().await.unwrap();
    // A call never becomes one.
    stage.ask("fragile", "please").await.unwrap_err();
    stage.tell("fragile", "ok").await;
    assert_eq!(stage.dead_letters().count(), 1);
}

#[tokio::test]
async fn a_published_copy_keeps_its_topic() {
    let stage = Stage::new();
    fragile(&stage, 0, 0).await.subscribe("news.*").unwrap();
    assert_eq!(stage.publish("news.today", "please").unwrap(), 1);
    eventually("the letter", || stage.dead_letters().count() == 1).await;
    let letter = all(&stage).remove(0).1;
    assert_eq!(letter.topic.unwrap().as_str(), "news.today");
}

#[tokio::test]
async fn a_native_peer_that_panics_leaves_its_message_too() {
    let stage = Stage::new();
    stage
        .register_fn("panics", |_: &mut castcall::Context, message: castcall::Message| {
            drop(message);
            let fails: Result<castcall::Bytes, _> = Err(castcall::ComponentError::failed(1, "no"));
            std::panic::resume_unwind(Box::new(fails.is_err()));
            #[allow(unreachable_code, reason = "says what a handler returns")]
            fails
        })
        .await
        .unwrap();
    stage.cast("panics", "please").unwrap();
    eventually("the letter", || stage.dead_letters().count() == 1).await;
    let letters = all(&stage);
    assert_eq!(
        told(&letters[0].1),
        (DeadLetterReason::Crashed, "host", "panics", &b"please"[..], 1)
    );
}

#[tokio::test]
async fn redelivered_so_often_and_no_more_and_before_everything_else() {
    let stage = Stage::new();
    let fragile = fragile(&stage, 2, 0).await;
    stage.cast("fragile", "please").unwrap();
    stage.cast("fragile", "ok").unwrap();
    eventually("the letter", || stage.dead_letters().count() == 1).await;
    assert_eq!(all(&stage)[0].1.attempts, 3);
    assert_eq!(stage.tell("fragile", "count").await, "1", "the `ok` came after all of them");
    let stats = fragile.stats();
    assert_eq!((stats.crashes, stats.redelivered, stats.dead_letters), (3, 2, 1));
    assert_eq!(stats.casts_handled, 2, "each once, whatever followed");
}

#[tokio::test]
async fn what_waits_for_redelivery_is_not_lost_when_the_component_ends() {
    for fails in [false, true] {
        let stage = Stage::new();
        let restarts = if fails { restart(0, SOON) } else { restart(9, Duration::from_secs(600)) };
        let component = fixture("trapping-handler").restart(restarts).redeliver(5);
        let fragile = stage.add_with("fragile", component).await;
        stage.cast("fragile", "please").unwrap();
        eventually("the crash", || fragile.stats().crashes == 1).await;
        if !fails {
            assert!(fragile.stop(PATIENCE).await);
        }
        eventually("the letter", || stage.dead_letters().count() == 1).await;
        assert_eq!(
            told(&all(&stage)[0].1),
            (DeadLetterReason::Unavailable, "host", "fragile", &b"please"[..], 1)
        );
    }
}

#[tokio::test]
async fn a_poisonous_sender_is_cut_off_and_nobody_else() {
    let stage = Stage::with_requester().await;
    stage.add("other", "callback-receiver-component").await;
    let gate = Gate::new();
    stage.add_native("gate", &gate).await;
    let fragile = fragile(&stage, 0, 3).await;
    for _ in 0..3 {
        stage.tell("requester", "cast fragile please").await;
    }
    eventually("the cut", || fragile.stats().cut_off == 1).await;
    assert_eq!(fragile.cut_off_senders(), ["requester"]);
    let refused = stage.ask("requester", "cast fragile ok").await.unwrap_err();
    let message = "capability-denied".to_owned();
    assert_eq!(refused, CallError::Failed(RequestError::ProcessingFailed { code: 3, message }));
    assert_eq!(stage.tell("other", "cast fragile ok").await, "ok");
    assert_eq!(stage.tell("fragile", "ok").await, "ok");
    assert_eq!(fragile.state(), PeerState::Running);

    // What it publishes is a dead letter.
    fragile.subscribe("t").unwrap();
    stage.tell("requester", "publish t please").await;
    eventually("the letter", || stage.dead_letters().count() == 4).await;
    let reasons: Vec<_> = all(&stage).iter().map(|(_, letter)| letter.reason).collect();
    use DeadLetterReason::{Crashed, Poison};
    assert_eq!(reasons, [Crashed, Crashed, Poison, Poison]);

    assert!(fragile.readmit(&"requester".parse().unwrap()));
    assert_eq!(stage.tell("requester", "cast fragile ok").await, "ok");
}

#[tokio::test]
async fn what_a_poisonous_sender_had_queued_goes_with_it() {
    let stage = Stage::with_requester().await;
    let backoff = Duration::from_millis(300);
    let component = fixture("trapping-handler").restart(restart(9, backoff)).poison_limit(1);
    let fragile = stage.add_with("fragile", component).await;
    stage.cast("fragile", "please").unwrap();
    eventually("the crash", || fragile.state() == PeerState::Restarting).await;
    // All of these are queued when it is back.
    stage.tell("requester", "cast fragile please").await;
    stage.tell("requester", "cast fragile ok").await;
    let id = stage.request("fragile", 60_000, "ok").await;
    assert_eq!(stage.results(1).await, [format!("{id} unavailable")]);
    assert_eq!(fragile.cut_off_senders(), ["host", "requester"]);
    eventually("the letters", || stage.dead_letters().count() == 3).await;
    let letters = all(&stage);
    assert!(letters.iter().all(|(_, letter)| letter.reason == DeadLetterReason::Poison));
    let mut last: Vec<_> = letters[1..].iter().map(|(_, letter)| &letter.payload[..]).collect();
    last.sort_unstable();
    assert_eq!(last, [&b"ok"[..], b"please"]);
}

// ---- sending again

#[tokio::test]
async fn a_dead_letter_is_sent_again() {
    let stage = Stage::with_requester().await;
    let recorder = Recorder::new();
    let gate = Gate::new();
    let mut config = castcall::broker::PeerConfig::default();
    config.mailbox = mailbox(1, Overflow::DropNewest);
    stage.add_native_with("slow", config, &gate).await;
    stage.cast("slow", "hold").unwrap();
    gate.is_holding().await;
    stage.cast("slow", "one").unwrap();
    stage.tell("requester", "cast slow two").await;
    assert_eq!(stage.dead_letters().count(), 1);
    let (id, letter) = all(&stage).remove(0);
    assert_eq!(told(&letter), (DeadLetterReason::Dropped, "requester", "slow", &b"two"[..], 0));

    // No room yet: it stays where it is.
    let refused = stage.resend(id).unwrap_err();
    assert_eq!(refused, ResendError::Refused { id, source: ResendRefusal::Full });
    assert_eq!(all(&stage), [(id, letter)]);
    gate.open();
    eventually("room", || stage.stats_of("slow").mailbox_messages == 0).await;
    stage.resend(id).unwrap();
    eventually("two", || gate.payloads() == ["hold", "one", "two"]).await;
    assert_eq!(stage.resend(id).unwrap_err(), ResendError::NoSuchLetter(id));
    assert_eq!(stage.dead_letters().count(), 0);
    drop(recorder);
}

#[tokio::test]
async fn to_whom_it_can_not_be_sent() {
    let stage = Stage::new();
    let component = fixture("trapping-handler").restart(restart(0, SOON)).poison_limit(1);
    let fragile = stage.add_with("fragile", component).await;
    stage.cast("fragile", "please").unwrap();
    eventually("the letter", || stage.dead_letters().count() == 1).await;
    let id = all(&stage)[0].0;
    let refusal = |stage: &Stage| match stage.resend(id).unwrap_err() {
        ResendError::Refused { source, .. } => source,
        other => panic!("{other}"),
    };
    assert_eq!(refusal(&stage), ResendRefusal::CutOff);
    assert!(fragile.readmit(&"host".parse().unwrap()));
    eventually("the failure", || fragile.state() == PeerState::Failed).await;
    assert_eq!(refusal(&stage), ResendRefusal::Unavailable);
    assert!(fragile.stop(PATIENCE).await);
    assert_eq!(refusal(&stage), ResendRefusal::NotFound);
    stage.shutdown(PATIENCE).await;
    assert_eq!(refusal(&stage), ResendRefusal::ShuttingDown);
    assert_eq!(stage.dead_letters().count(), 1);
}

#[tokio::test]
async fn they_are_bounded_and_the_oldest_go() {
    let limits = DeadLetterLimits::new(3, 1 << 20);
    let stage = Stage::build(System::builder().workers(1).dead_letters(limits));
    let component = fixture("trapping-handler").restart({
        let mut never = restart(0, SOON);
        never.policy = RestartPolicy::Never;
        never
    });
    let fragile = stage.add_with("fragile", component.poison_limit(0)).await;
    stage.cast("fragile", "please").unwrap();
    eventually("the failure", || fragile.state() == PeerState::Failed).await;
    for number in 0..5 {
        stage.cast("fragile", number.to_string()).unwrap();
    }
    let kept: Vec<_> = all(&stage).into_iter().map(|(_, letter)| letter.payload).collect();
    assert_eq!(kept, ["2", "3", "4"]);
    assert_eq!(stage.dead_letters().dropped(), 3);
    assert_eq!(fragile.stats().dead_letters, 6);
}

#[tokio::test]
async fn a_budget_for_all_mailboxes_together() {
    let stage = Stage::build(System::builder().workers(1).max_waiting(100_000));
    let gates: Vec<_> = (0..2).map(|_| Gate::new()).collect();
    for (number, gate) in gates.iter().enumerate() {
        let id = format!("gate-{number}");
        stage.add_native(&id, gate).await;
        stage.cast(&id, "hold").unwrap();
        gate.is_holding().await;
    }
    stage.cast("gate-0", vec![0; 60_000]).unwrap();
    let refused = stage.cast("gate-1", vec![0; 60_000]).unwrap_err();
    assert_eq!(refused.error, MessagingError::MailboxFull);
    assert_eq!(refused.payload.len(), 60_000);
    stage.cast("gate-1", vec![0; 20_000]).unwrap();
    for gate in &gates {
        gate.open();
    }
    eventually("room", || stage.cast("gate-1", vec![0; 60_000]).is_ok()).await;
}

/// Every cast ends delivered, refused or in the dead letters, and the counts add up.
#[tokio::test]
async fn soak_with_a_component_that_crashes_under_load() {
    const SENDERS: u64 = 4;
    const EACH: u64 = 2_000;
    let stage = Stage::build(System::builder().workers(2));
    let mut restarts = restart(u32::MAX, Duration::from_micros(50));
    restarts.max_backoff = Duration::from_micros(200);
    let component = fixture("trapping-handler")
        .restart(restarts)
        .poison_limit(0)
        .redeliver(1)
        .mailbox(mailbox(64, Overflow::Reject));
    let fragile = stage.add_with("fragile", component).await;
    let tasks: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let stage = stage.clone();
            std::thread::spawn(move || {
                let mut refused = 0;
                for number in 0..EACH {
                    let crashes = (number + sender) % 16 == 0;
                    let payload = if crashes { "please" } else { "ok" };
                    match stage.cast("fragile", payload) {
                        Ok(()) => {}
                        Err(error) => {
                            assert_eq!(error.error, MessagingError::MailboxFull);
                            refused += 1;
                            std::thread::yield_now();
                        }
                    }
                }
                refused
            })
        })
        .collect();
    let refused: u64 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
    let settled = || {
        let stats = fragile.stats();
        stats.mailbox_messages == 0
            && stats.casts_handled == SENDERS * EACH - refused
            && stats.crashes == stats.redelivered + stats.dead_letters
    };
    eventually("the end of it", settled).await;
    let stats = fragile.stats();
    assert_eq!(stats.casts_handled + refused, SENDERS * EACH);
    assert!(stats.crashes > 0 && refused < SENDERS * EACH, "{stats:?} {refused}");
    // Each that crashed it was given twice, and then let go.
    assert_eq!(stats.redelivered, stats.dead_letters);
    assert_eq!(stats.crashes, 2 * stats.dead_letters);
    assert_eq!(
        stage.dead_letters().count() as u64 + stage.dead_letters().dropped(),
        stats.dead_letters
    );
    let reasons = all(&stage);
    assert!(reasons.iter().all(|(_, letter)| told(letter).0 == DeadLetterReason::Crashed));
    assert!(reasons.iter().all(|(_, letter)| &letter.payload[..] == b"please"));
}
