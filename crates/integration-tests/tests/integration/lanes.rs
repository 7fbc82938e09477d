//! Which lane a component takes, and who says so.

use std::path::Path;

use castcall::wasm::{Engine, EngineConfig};
use castcall::{Access, Lane, NotCore, System, Wasi};
use castcall_integration_tests::{PATIENCE, Recorder, Stage, fixture_bytes, fixture_path};

#[tokio::test]
async fn a_system_says_which_lane_a_component_takes() {
    let stage = Stage::exactly(System::builder().workers(1));
    stage.add("shop/echo", "echo-handler").await;
    stage.add("shop/js", "js-exchanger").await;
    assert_eq!(stage.lane("shop/echo"), Some(Lane::Core));
    let composed = NotCore::Form("an import of a nested component");
    assert_eq!(stage.lane("shop/js"), Some(Lane::Component(composed)));
}

#[tokio::test]
async fn who_is_not_there_or_is_native_takes_no_lane() {
    let stage = Stage::exactly(System::builder().workers(1));
    stage.add("shop/guest", "echo-handler").await;
    assert_eq!(stage.lane("shop/nobody"), None);
    assert_eq!(stage.lane("host"), None);
    assert!(stage.handle("shop/guest").stop(PATIENCE).await);
    assert_eq!(stage.lane("shop/guest"), None, "it is gone");
    stage.add_native("shop/guest", &Recorder::new()).await;
    assert_eq!(stage.lane("shop/guest"), None, "another, and native");
    assert!(stage.handle("shop/guest").stop(PATIENCE).await);
    stage.add("shop/guest", "echo-handler").await;
    assert_eq!(stage.lane("shop/guest"), Some(Lane::Core));
}

#[tokio::test]
async fn the_core_lane_can_be_off() {
    let stage = Stage::exactly(System::builder().workers(1).core_lane(false));
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.lane("echo"), Some(Lane::Component(NotCore::Off)));
    assert_eq!(stage.lane("echo").unwrap().to_string(), "component: the core lane is off");
    assert_eq!(stage.tell("echo", "hello").await, "hello");
}

fn all_of(folder: &Path) -> Wasi {
    let mut wasi = Wasi::default().folder(folder, "/data", Access::ReadWrite);
    wasi.clocks = true;
    wasi.random = true;
    wasi
}

#[tokio::test]
async fn the_tests_are_run_over_the_lane_that_they_are_told() {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let component = std::env::var("CASTCALL_TEST_LANE").is_ok_and(|lane| lane == "component");
    let lane = if component { Lane::Component(NotCore::Off) } else { Lane::Core };
    assert_eq!(stage.lane("echo"), Some(lane));
}

/// Of those that a host takes: the way of each, as [`Lane`] shows it.
const LANES: &[(&str, &str)] = &[
    ("attacker", "core"),
    ("attacker-abi", "core"),
    ("attacker-start-loop", "core"),
    ("attacker-start-trap", "core"),
    ("attacker-unaligned", "core"),
    ("basic-handle-message", "core"),
    ("bouncer", "core"),
    ("c-exchanger", "core"),
    // As clang has made it: a core module.
    ("c-exchanger-module", "core"),
    ("call-bouncer", "core"),
    ("callback-only", "core"),
    ("callback-receiver-component", "core"),
    ("callback-trapper", "core"),
    ("context-reader", "core"),
    ("deferrer", "core"),
    ("echo-handler", "core"),
    ("importer", "core"),
    // A component composed of three, one of which stands for WASI.
    ("js-exchanger", "component: it has an import of a nested component"),
    ("mutual-caller", "core"),
    ("noisy-exports", "core"),
    ("rejecting-handler", "core"),
    ("rust-concierge", "core"),
    ("rust-concierge-module", "core"),
    ("rust-exchanger", "core"),
    ("rust-greeter", "core"),
    ("rust-greeter-module", "core"),
    ("rust-witness", "core"),
    ("scripted", "core"),
    ("self-caller", "core"),
    ("sender-validator", "core"),
    ("setup-recorder", "core"),
    ("slow-handler", "core"),
    ("stateful-counter", "core"),
    ("trapping-handler", "core"),
    ("uncallable-caller", "core"),
    ("usage-reader", "core"),
    ("wasi-clock", "component: it imports wasi:io/poll@0.2.0"),
    ("wasi-files", "component: it imports wasi:cli/environment@0.2.0"),
];

/// Those that no host takes.
const REFUSED: [&str; 6] =
    ["core-module", "corrupt", "foreign-import", "no-handle-message", "text", "wrong-types"];

#[test]
fn each_fixture_takes_the_lane_that_it_should() {
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut left: Vec<_> = std::fs::read_dir(fixture_path("echo-handler").parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    for (name, lane) in LANES {
        let wasi = if name.starts_with("wasi-") { all_of(folder.path()) } else { Wasi::default() };
        let component = engine.compile_with(&fixture_bytes(name), wasi);
        let component = component.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(component.lane().to_string(), *lane, "{name}");
        left.retain(|other| other != name);
    }
    for name in REFUSED {
        assert!(engine.compile(&fixture_bytes(name)).is_err(), "{name}");
        left.retain(|other| other != name);
    }
    assert!(left.is_empty(), "fixtures that this test does not know: {left:?}");
}
