//! A mismatch of codecs fails where it is sent.

use std::sync::mpsc::{self, Sender};

use castcall::broker::PeerConfig;
use castcall::codec::{Codec, CodecSet, wrap};
use castcall::state::DeadLetterFilter;
use castcall::{
    Bytes, CallError, ComponentError, Context, DeadLetterReason, LoadError, Message,
    MessagingError, NativePeer, RequestError, RequestId, System,
};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, eventually, fixture};

const CBOR: &[u8] = &[0x51, 0xf6];

/// An `echo` that reads CBOR and JSON.
async fn echo() -> Stage {
    let stage = Stage::with_requester().await;
    let reads = fixture("echo-handler").codecs([Codec::Cbor, Codec::Json]);
    stage.add_with("echo", reads).await;
    stage
}

#[tokio::test]
async fn what_is_accepted_arrives() {
    let stage = echo().await;
    for message in [wrap(Codec::Cbor, &[0xf6]), wrap(Codec::Json, b"null"), vec![0x80, 0x0e, 0xf6]]
    {
        let answer = stage.call("echo", message.clone(), PATIENCE).await.unwrap();
        assert_eq!(answer, message, "and nobody translates it, or writes an alias anew");
    }
}

#[tokio::test]
async fn what_is_not_accepted_is_refused_at_the_send() {
    let stage = echo().await;
    let other = wrap(Codec::Borsh, &[1]);
    let refusals: [(&[u8], &str); 5] = [
        (&other, "borsh"),
        (b"", "no well-formed envelope"),
        // An `n`, which is a code that nobody knows.
        (b"no envelope", "0x6e"),
        (&[0xd1, 0x00, 0xf6], "no well-formed envelope"),
        (&[0xff; 12], "no well-formed envelope"),
    ];
    for (payload, codec) in refusals {
        let payload = Bytes::copy_from_slice(payload);
        let says =
            format!("codec not accepted: host sent {codec} to echo, which accepts cbor, json");
        let refused = stage.cast("echo", payload.clone()).unwrap_err();
        assert_eq!(refused.error.to_string(), says);
        let MessagingError::CodecNotAccepted(mismatch) = &refused.error else {
            panic!("{refused:?}")
        };
        assert_eq!((mismatch.sender.as_str(), mismatch.target.as_str()), ("host", "echo"));
        assert_eq!(
            (&mismatch.accepts[..], &mismatch.preferred),
            (&["cbor".into(), "json".into()][..], &None)
        );
        assert_eq!(refused.payload, payload);
        let again = stage.call("echo", payload, PATIENCE).await.unwrap_err();
        let CallError::Refused { error, .. } = again else { panic!("{again:?}") };
        assert_eq!(error, refused.error);
    }
    // A guest's too, and nothing is pending afterwards.
    for what in ["cast echo hello", "call echo 1000 hello"] {
        let refused = stage.ask("requester", what).await.unwrap_err();
        let CallError::Failed(RequestError::ProcessingFailed { message, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(message, "codec-not-accepted");
    }
    assert_eq!(stage.stats_of("requester").pending, 0);
    let stats = stage.stats_of("echo");
    assert_eq!((stats.casts_handled, stats.calls_handled, stats.codec_refused), (0, 0, 12));
}

#[tokio::test]
async fn who_may_not_send_does_not_learn_what_is_read() {
    let stage = Stage::guarded(System::builder().workers(1));
    stage.add("requester", "callback-receiver-component").await;
    stage.add_with("echo", fixture("echo-handler").codecs([Codec::Cbor])).await;
    let refused = stage.ask("requester", "cast echo hello").await.unwrap_err();
    let CallError::Failed(RequestError::ProcessingFailed { message, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(message, "capability-denied");
    assert_eq!(stage.stats_of("echo").codec_refused, 0);
}

#[tokio::test]
async fn a_subscriber_that_can_not_read_it_does_not_get_it() {
    let stage = echo().await;
    let recorder = Recorder::new();
    stage.add_native("reads-anything", &recorder).await;
    for id in ["echo", "reads-anything"] {
        stage.handle(id).subscribe("news").unwrap();
    }
    assert_eq!(stage.publish("news", "no envelope").unwrap(), 2);
    assert_eq!(stage.publish("news", CBOR).unwrap(), 2);
    eventually("both", || recorder.records().len() == 2).await;
    eventually("the one", || stage.stats_of("echo").casts_handled == 1).await;
    let letters = stage.dead_letters().list(&DeadLetterFilter::new(), None, 10);
    let [(_, letter)] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(letter.reason, DeadLetterReason::CodecNotAccepted);
    assert_eq!((letter.to.as_str(), &letter.payload[..]), ("echo", &b"no envelope"[..]));
    let mismatch = letter.mismatch.as_ref().unwrap().to_string();
    assert_eq!(mismatch, "host sent 0x6e to echo, which accepts cbor, json");
}

/// Asks `echo` with what it is told after its own envelope, and tells what the callback brings.
#[derive(Clone)]
struct Asker(Sender<Result<Bytes, RequestError>>);

impl NativePeer for Asker {
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        let asked = context.send_request("echo", &message.payload[1..], 5_000);
        asked.map_err(|error| ComponentError::failed(1, error.to_string()))?;
        Ok(Bytes::from_static(CBOR))
    }

    fn handle_callback(
        &mut self,
        _: &mut Context,
        _: RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        self.0.send(result).map_err(|_| ComponentError::failed(2, "nobody listens"))
    }
}

#[tokio::test]
async fn answers_are_checked_alike() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let (sender, results) = mpsc::channel();
    let mut config = PeerConfig::default();
    config.codecs = CodecSet::of(&[Codec::Cbor]);
    config.preferred = Some(Codec::Cbor);
    stage.add_native_with("asker", config, &Asker(sender)).await;

    stage.cast("asker", [&[0x51], CBOR].concat()).unwrap();
    assert_eq!(results.recv_timeout(PATIENCE).unwrap().unwrap(), CBOR);

    stage.cast("asker", [&[0x51], &b"\x55raw"[..]].concat()).unwrap();
    let Err(RequestError::InvalidPayload(why)) = results.recv_timeout(PATIENCE).unwrap() else {
        panic!("an answer that the asker can't read")
    };
    let both = "the answer: echo sent raw to asker, which accepts cbor and itself writes cbor";
    assert_eq!(why, both);
    assert_eq!(stage.stats_of("asker").codec_refused, 1);
}

#[tokio::test]
async fn who_declares_nothing_may_be_forbidden() {
    let stage = Stage::build(System::builder().workers(1).forbid_unchecked());
    let refused = stage.load("echo", fixture("echo-handler")).await.unwrap_err();
    assert!(matches!(refused, LoadError::Unchecked { .. }), "{refused}");
    stage.load("echo", fixture("echo-handler").codecs([Codec::Raw])).await.unwrap();
}
