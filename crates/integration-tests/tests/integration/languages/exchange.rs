//! Guests that call each other, each in its language.

use castcall::codec::{Codec, raw};
use castcall::{CallError, ComponentError, Context, Message, RequestError};
use castcall_integration_tests::{PATIENCE, Stage, eventually_async, fixture};

use super::order::{Order, edges};
use super::{C, GUESTS, Guest, JS, RUST, guests};

/// Has `from` call `target` in each codec that both speak, and checks what came of it.
async fn exchange(stage: &Stage, from: Guest, target: &str, codecs: &[Codec]) {
    let before = stage.tell(from.name, "results").await.len();
    let mut expected = Vec::new();
    for codec in from.codecs.iter().filter(|codec| codecs.contains(codec)) {
        let id = stage.tell(from.name, format!("exchange {codec} {target}")).await;
        assert_eq!(id.len(), 36, "a request id: {id}");
        expected.push(format!("{codec} ok"));
    }
    assert!(!expected.is_empty());
    let results = async || -> Vec<String> {
        let all = stage.tell(from.name, "results").await;
        all[before..].lines().map(ToOwned::to_owned).collect()
    };
    let what = format!("{} to {target}", from.name);
    eventually_async(&what, async || results().await.len() == expected.len()).await;
    assert_eq!(results().await, expected, "{what}");
}

#[tokio::test]
async fn each_language_exchanges_each_codec_with_each() {
    let stage = guests().await;
    stage.add("other", RUST.name).await;
    exchange(&stage, RUST, "other", RUST.codecs).await;
    for from in GUESTS {
        // Itself too.
        for to in GUESTS {
            exchange(&stage, from, to.name, to.codecs).await;
        }
    }
    for guest in GUESTS {
        let stats = stage.stats_of(guest.name);
        assert_eq!((stats.crashes, stats.callback_errors, stats.handler_errors), (0, 0, 0));
    }
}

/// A native peer, with the codec crate: MessagePack in Rust too.
#[tokio::test]
async fn each_language_exchanges_each_codec_with_a_native_peer() {
    let stage = guests().await;
    let peer = |_: &mut Context, message: Message| {
        if let Ok(text) = raw::decode(&message.payload) {
            return Ok(raw::encode(&[text, b"!"].concat()));
        }
        let invalid = |why: String| ComponentError::InvalidPayload(why);
        let decoded = Order::decode(&message.payload);
        let (codec, order) = decoded.map_err(|error| invalid(error.to_string()))?;
        order.change().encode(codec).map_err(|error| invalid(error.to_string()))
    };
    stage.register_fn("peer", peer).await.unwrap();
    for guest in GUESTS {
        exchange(&stage, guest, "peer", guest.codecs).await;
    }
    // The other way round.
    for order in edges().into_iter().filter(|order| order.id < u64::MAX && order.balance > i32::MIN)
    {
        for guest in GUESTS {
            for &codec in guest.codecs.iter().filter(|codec| **codec != Codec::Raw) {
                let request = order.encode(codec).unwrap();
                let answer = stage.call(guest.name, request, PATIENCE).await.unwrap();
                let changed = Ok((codec, order.clone().change()));
                assert_eq!(Order::decode(&answer), changed, "{}, {codec}", guest.name);
            }
        }
    }
}

#[tokio::test]
async fn a_mismatch_is_refused_with_both_sides_in_each_language() {
    let stage = guests().await;
    let stock = fixture("echo-handler").codecs([Codec::Cbor, Codec::Borsh]);
    stage.add_with("shop/stock", stock).await;
    for guest in [RUST, C, JS] {
        let refused = stage.ask(guest.name, "exchange json shop/stock").await.unwrap_err();
        let CallError::Failed(RequestError::ProcessingFailed { code: 1, message }) = &refused
        else {
            panic!("{}: {refused:?}", guest.name)
        };
        let expected = format!(
            "codec-not-accepted: {} sent json to shop/stock, which accepts cbor, borsh",
            guest.name
        );
        assert_eq!(*message, expected);
        // Nothing is left of it: the guest goes on, and no callback comes.
        assert_eq!(stage.stats_of(guest.name).pending, 0);
        let nobody = stage.ask(guest.name, "exchange cbor nobody").await.unwrap_err();
        let CallError::Failed(RequestError::ProcessingFailed { message, .. }) = &nobody else {
            panic!("{}: {nobody:?}", guest.name)
        };
        assert!(message.starts_with("component-not-found"), "{message}");
        assert_eq!(stage.tell(guest.name, "results").await, "");
    }
    assert_eq!(stage.stats_of("shop/stock").codec_refused, 3);
}
