//! The guests in Rust that users copy.

use castcall::codec::{Codec, cbor};
use castcall::{CallError, ComponentError, LoadError, RequestError, StartError};
use castcall_integration_tests::{
    Gate, PATIENCE, Recorder, Stage, eventually, eventually_async, fixture,
};

async fn last_becomes(stage: &Stage, expected: &str) {
    let is = async || stage.tell("concierge", "last").await == expected;
    eventually_async(expected, is).await;
}

#[tokio::test]
async fn the_greeter_greets() {
    let stage = Stage::new();
    stage.add_with("greeter", fixture("rust-greeter").codecs([Codec::Cbor])).await;
    for (name, greeting) in [("Ada", "Hello, Ada!"), ("Zoë", "Hello, Zoë!")] {
        let answer = stage.call("greeter", cbor::encode(name).unwrap(), PATIENCE).await.unwrap();
        assert_eq!(cbor::decode::<String>(&answer).unwrap(), greeting);
    }
}

#[tokio::test]
async fn the_greeter_says_what_is_wrong() {
    let stage = Stage::new();
    stage.add("greeter", "rust-greeter").await;
    let unreadable: [(&[u8], &str); 6] = [
        (b"", "the message is empty"),
        (b"Ada", "expected cbor, found"),
        (b"\x51\x63Ad", "cut short"),
        (b"\x51\x61\xff", "no such value in cbor"),
        (b"\x80\x04\"Ada\"", "expected cbor, found json"),
        // Its own words, where the others are those of the crate.
        (b"\x51\x60", "expected a name"),
    ];
    for (unreadable, expected) in unreadable {
        let error = stage.call("greeter", unreadable, PATIENCE).await.unwrap_err();
        let CallError::Failed(RequestError::InvalidPayload(why)) = &error else {
            panic!("{error:?}")
        };
        assert!(why.contains(expected), "{unreadable:x?}: {why}");
    }
    assert_eq!(stage.stats_of("greeter").crashes, 0);
}

#[tokio::test]
async fn the_concierge_casts_calls_and_remembers() {
    let stage = Stage::new();
    let journal = Recorder::new();
    stage.add_native("journal", &journal).await;
    stage.add("greeter", "rust-greeter").await;
    stage.add_with("concierge", fixture("rust-concierge").config("timeout-ms", "20000")).await;
    assert_eq!(stage.tell("concierge", "last").await, "nothing");
    let id = stage.tell("concierge", "greet Ada").await;
    assert_eq!(id.len(), 36, "a request id: {id}");
    last_becomes(&stage, "Hello, Ada!").await;
    eventually("the journal", || journal.payloads() == ["seen Ada"]).await;
    assert_eq!(journal.records()[0].sender, "concierge");
    assert_eq!(stage.tell("concierge", "cancel").await, "nothing to cancel");
}

#[tokio::test]
async fn the_concierge_tells_a_timeout_from_a_cancel() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.add_native("greeter", &gate).await;
    stage.add_with("concierge", fixture("rust-concierge").config("timeout-ms", "50")).await;
    stage.add_with("patient", fixture("rust-concierge").config("timeout-ms", "20000")).await;
    stage.tell("concierge", "greet hold").await;
    last_becomes(&stage, "no greeting: timeout").await;

    stage.tell("patient", "greet me").await;
    assert_eq!(stage.tell("patient", "cancel").await, "cancelled");
    let told = async || stage.tell("patient", "last").await == "no greeting: cancelled";
    eventually_async("the callback of the cancel", told).await;
    gate.open();
}

#[tokio::test]
async fn the_concierge_hears_why_it_was_refused() {
    let stage = Stage::new();
    stage.add("concierge", "rust-concierge").await;
    let error = stage.ask("concierge", "greet Ada").await.unwrap_err();
    let CallError::Failed(RequestError::ProcessingFailed { code: 1, message }) = &error else {
        panic!("{error:?}")
    };
    assert!(message.starts_with("component-not-found"), "{message}");
}

#[tokio::test]
async fn the_concierge_hears_what_it_should_have_sent() {
    let stage = Stage::new();
    stage.add("concierge", "rust-concierge").await;
    let reads = fixture("rust-greeter").codecs([Codec::Borsh, Codec::Json]);
    stage.add_with("greeter", reads.preferred_codec(Codec::Json)).await;
    let error = stage.ask("concierge", "greet Ada").await.unwrap_err();
    let CallError::Failed(RequestError::ProcessingFailed { code: 1, message }) = &error else {
        panic!("{error:?}")
    };
    let expected = "codec-not-accepted: concierge sent cbor to greeter, which accepts json, borsh \
                    and itself writes json";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn the_concierge_refuses_a_configuration_that_it_cannot_read() {
    let stage = Stage::new();
    let component = fixture("rust-concierge").config("timeout-ms", "soon");
    let error = stage.load("concierge", component).await.unwrap_err();
    let LoadError::Start { id, source: StartError::Refused(why) } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(id, "concierge");
    let expected = "timeout-ms: expected a number of milliseconds";
    assert_eq!(*why, ComponentError::InvalidPayload(expected.into()));
    assert!(error.to_string().contains("concierge"), "{error}");
}

/// The guest in the README is not compiled there; it is the greeter, which is.
#[test]
fn the_readme_shows_the_greeter_as_it_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, after) = readme.split_once("<!-- guest: ").expect("README.md marks its guest");
    let (file, after) = after.split_once(" -->").unwrap();
    let (_, code) = after.split_once("```rust,ignore\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let guest = std::fs::read_to_string(root.join(file)).unwrap();
    assert!(guest.ends_with(code), "README.md shows another guest than {file}:\n{code}");
}
