//! Core modules, as compilers make them with wit-bindgen: guests like any other, in both lanes.

use castcall::codec::{Codec, cbor};
use castcall::wasm::{CompileError, ModuleError};
use castcall::{Component, Lane, LoadError, NotCore, System};
use castcall_integration_tests::{
    PATIENCE, Recorder, Stage, eventually, eventually_async, fixture, fixture_bytes,
};

/// A greeter and a concierge, both core modules that rustc has made; and both lanes.
async fn stages() -> Vec<(Stage, Lane)> {
    let mut stages = Vec::new();
    for (core_lane, lane) in [(true, Lane::Core), (false, Lane::Component(NotCore::Off))] {
        let stage = Stage::exactly(System::builder().workers(2).core_lane(core_lane));
        stage.add_with("greeter", fixture("rust-greeter-module").codecs([Codec::Cbor])).await;
        // From memory, and with a configuration.
        let concierge = Component::bytes(fixture_bytes("rust-concierge-module"));
        stage.add_with("concierge", concierge.config("timeout-ms", "20000")).await;
        stages.push((stage, lane));
    }
    stages
}

#[tokio::test]
async fn a_core_module_is_called_in_either_lane() {
    for (stage, lane) in stages().await {
        assert_eq!(stage.lane("greeter"), Some(lane));
        for (name, greeting) in [("Ada", "Hello, Ada!"), ("Zoë", "Hello, Zoë!")] {
            let answer =
                stage.call("greeter", cbor::encode(name).unwrap(), PATIENCE).await.unwrap();
            assert_eq!(cbor::decode::<String>(&answer).unwrap(), greeting);
        }
        assert!(stage.call("greeter", &b"Ada"[..], PATIENCE).await.is_err(), "not CBOR");
        assert_eq!(stage.stats_of("greeter").crashes, 0);
    }
}

#[tokio::test]
async fn a_core_module_casts_and_calls_in_either_lane() {
    for (stage, lane) in stages().await {
        assert_eq!(stage.lane("concierge"), Some(lane));
        let journal = Recorder::new();
        stage.add_native("journal", &journal).await;
        assert_eq!(stage.tell("concierge", "last").await, "nothing");
        assert_eq!(stage.tell("concierge", "greet Ada").await.len(), 36, "a request id");
        let greeted = async || stage.tell("concierge", "last").await == "Hello, Ada!";
        eventually_async("the callback", greeted).await;
        eventually("the cast", || journal.payloads() == ["seen Ada"]).await;
        assert_eq!(journal.records()[0].sender, "concierge");
        // It is told of its end.
        assert!(stage.handle("concierge").stop(PATIENCE).await);
    }
}

#[tokio::test]
async fn a_core_module_in_c_has_its_lane() {
    let stage = Stage::new();
    stage.add("c", "c-exchanger-module").await;
    stage.add("component", "c-exchanger").await;
    assert_eq!(stage.lane("c"), stage.lane("component"));
}

/// Of the error, only the first line is shown to people.
#[tokio::test]
async fn what_no_component_can_be_made_of_is_refused_and_the_system_goes_on() {
    let stage = Stage::new();
    let mut bytes = fixture_bytes("rust-greeter-module");
    // The package's name, as its section has it.
    let name = b"castcall:component/component-lifecycle@0.1.0";
    let at: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
    let last = *at.last().expect("its section names it");
    bytes[last + name.len() - 1] = b'9';
    let error = stage.load("greeter", Component::bytes(bytes)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("@0.1.9") && text.contains("wasm-tools component new"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let LoadError::Compile { source: CompileError::Module(error), .. } = error else {
        panic!("{error:?}")
    };
    assert!(matches!(error, ModuleError::Foreign { .. }), "{error:?}");
    stage.add("greeter", "rust-greeter-module").await;
}
