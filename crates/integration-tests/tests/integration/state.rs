//! A state directory: what survives a system.

use castcall::state::DeadLetterFilter;
use castcall::{BuildError, DeadLetterReason, System};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually};

fn stage(directory: &tempfile::TempDir) -> Stage {
    let path = directory.path().join("state");
    Stage::build(System::builder().workers(2).state_directory(path))
}

#[tokio::test]
async fn subscriptions_made_at_run_time_are_back() {
    let directory = tempfile::tempdir().unwrap();
    {
        let stage = stage(&directory);
        stage.add("requester", "callback-receiver-component").await;
        assert_eq!(stage.tell("requester", "subscribe orders.*").await, "ok");
        assert_eq!(stage.tell("requester", "subscribe dropped").await, "ok");
        assert_eq!(stage.tell("requester", "unsubscribe dropped").await, "true");
        stage.handle("requester").subscribe_group("jobs", "workers").unwrap();
        stage.add_native("gone", &Recorder::new()).await;
        stage.handle("gone").subscribe("orders.*").unwrap();
        assert!(stage.handle("gone").stop(PATIENCE).await);
        stage.shutdown(PATIENCE).await;
    }
    let stage = stage(&directory);
    assert_eq!(stage.publish("orders.eu", "before it is loaded").unwrap(), 0);
    stage.add("requester", "callback-receiver-component").await;
    stage.add_native("gone", &Recorder::new()).await;
    assert_eq!(stage.publish("orders.eu", "one").unwrap(), 1, "who was unloaded has none");
    assert_eq!(stage.publish("jobs", "two").unwrap(), 1);
    assert_eq!(stage.publish("dropped", "three").unwrap(), 0);
    assert_eq!(stage.kept("requester").await, ["message host one", "message host two"]);
}

#[tokio::test]
async fn they_are_back_without_a_shutdown_too_once_flushed() {
    let directory = tempfile::tempdir().unwrap();
    {
        let stage = stage(&directory);
        stage.add_native("native", &Recorder::new()).await;
        stage.handle("native").subscribe("a").unwrap();
        stage.flush().await.unwrap();
        assert_eq!(stage.state().unwrap().status().pending_subscriptions, 0);
    }
    let stage = stage(&directory);
    stage.add_native("native", &Recorder::new()).await;
    assert_eq!(stage.publish("a", "hello").unwrap(), 1);
}

#[tokio::test]
async fn dead_letters_are_back_and_can_be_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    {
        let stage = stage(&directory);
        stage.add("fragile", "trapping-handler").await;
        stage.cast("fragile", "please").unwrap();
        eventually("the letter", || stage.dead_letters().count() == 1).await;
        stage.shutdown(PATIENCE).await;
    }
    let stage = stage(&directory);
    let letters = stage.dead_letters().list(&DeadLetterFilter::new(), None, 10);
    let [(id, letter)] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Crashed, 1));
    let recorder = Recorder::new();
    stage.add_native("fragile", &recorder).await;
    stage.resend(*id).unwrap();
    eventually("the letter", || recorder.payloads() == ["please"]).await;
    assert_eq!(recorder.records()[0].sender, "host");
}

#[tokio::test]
async fn what_waits_at_the_end_is_a_dead_letter_after_it() {
    let directory = tempfile::tempdir().unwrap();
    {
        let stage = stage(&directory);
        let gate = castcall_integration_tests::Gate::new();
        stage.add_native("slow", &gate).await;
        stage.cast("slow", "hold").unwrap();
        gate.is_holding().await;
        stage.cast("slow", "waits").unwrap();
        let shutdown = tokio::spawn({
            let stage = stage.clone();
            async move { stage.shutdown(PATIENCE).await }
        });
        eventually("the letter", || stage.dead_letters().count() == 1).await;
        gate.open();
        shutdown.await.unwrap();
    }
    let stage = stage(&directory);
    let letters = stage.dead_letters().list(&DeadLetterFilter::new(), None, 10);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].1.reason, DeadLetterReason::Unavailable);
    assert_eq!(&letters[0].1.payload[..], b"waits");
}

#[tokio::test]
async fn one_system_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = stage(&directory);
    let path = directory.path().join("state");
    let second = System::builder().state_directory(&path).build();
    assert!(matches!(second, Err(BuildError::State(_))), "{second:?}");
    first.shutdown(PATIENCE).await;
    assert!(System::builder().state_directory(&path).build().is_ok());
}

#[tokio::test]
async fn a_directory_that_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "hello").unwrap();
    let error = System::builder().state_directory(&path).build().unwrap_err();
    assert!(matches!(error, BuildError::State(_)));
    assert!(error.to_string().contains("file"), "{error}");
}
