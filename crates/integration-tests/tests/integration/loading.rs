//! Bad input: a typed error that names the culprit, and the system goes on.

use castcall::broker::AddError;
use castcall::wasm::CompileError;
use castcall::{Component, LoadError};
use castcall_integration_tests::{Stage, fixture, fixture_bytes, fixture_path};

/// Loads what must not load, under an id that the error must name.
async fn refused(component: Component) -> (CompileError, String) {
    let stage = Stage::new();
    stage.add("echo", "echo-handler").await;
    let error = stage.load("shop/culprit", component).await.unwrap_err();
    let text = error.to_string();
    let LoadError::Compile { id, source } = error else { panic!("{error:?}") };
    assert_eq!(id, "shop/culprit");
    assert!(text.contains("shop/culprit"), "the culprit is named: {text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    // The system goes on, without it, and the id is free.
    assert!(stage.component("shop/culprit").is_none());
    assert_eq!(stage.tell("echo", "still there").await, "still there");
    stage.add("shop/culprit", "echo-handler").await;
    (source, text)
}

#[tokio::test]
async fn a_file_that_is_no_webassembly_is_refused() {
    let (error, _) = refused(fixture("text")).await;
    assert!(matches!(error, CompileError::NotWasm), "{error:?}");
    let (error, _) = refused(Component::bytes(&b""[..])).await;
    assert!(matches!(error, CompileError::NotWasm), "{error:?}");
}

#[tokio::test]
async fn a_core_module_is_refused() {
    let (error, _) = refused(fixture("core-module")).await;
    assert!(matches!(error, CompileError::CoreModule), "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let (error, _) = refused(fixture("corrupt")).await;
    let CompileError::Invalid { reason } = &error else { panic!("{error:?}") };
    assert!(!reason.is_empty());
    // Cut anywhere, or with a byte flipped: never a panic, and never loaded as it was.
    let whole = fixture_bytes("echo-handler");
    for length in [1, 4, 7, 8, 9, whole.len() / 2, whole.len() - 1] {
        let stage = Stage::new();
        let error = stage.load("culprit", Component::bytes(whole[..length].to_vec())).await;
        assert!(error.is_err(), "cut after {length}");
    }
}

#[tokio::test]
async fn a_component_without_a_handler_is_refused() {
    let (error, text) = refused(fixture("no-handle-message")).await;
    assert!(matches!(error, CompileError::NoHandler), "{error:?}");
    assert!(text.contains("component-lifecycle") && text.contains("component-callback"), "{text}");
}

#[tokio::test]
async fn a_handler_of_another_type_is_refused() {
    let (error, text) = refused(fixture("wrong-types")).await;
    let CompileError::ExportMismatch { interface, function, found, expected } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*interface, "castcall:component/component-lifecycle@0.1.0");
    assert_eq!(*function, "handle-message");
    assert_eq!(found, "func(string) -> u32");
    assert!(expected.starts_with("func(string, list<u8>) -> result<list<u8>, "));
    assert!(text.contains("handle-message") && text.contains(found), "{text}");
}

#[tokio::test]
async fn a_foreign_import_is_refused_by_name() {
    let (error, text) = refused(fixture("foreign-import")).await;
    let CompileError::UnknownImport { import } = &error else { panic!("{error:?}") };
    assert_eq!(import, "evil:host/backdoor@1.0.0");
    assert!(text.contains(import), "{text}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let (error, text) = refused(fixture("nowhere")).await;
    let CompileError::Read { path, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*path, fixture_path("nowhere"));
    assert!(text.contains("nowhere.wasm"), "{text}");
    // Nor is a folder a file.
    let folder = fixture_path("nowhere").parent().unwrap().to_owned();
    let (error, _) = refused(Component::file(folder)).await;
    assert!(matches!(error, CompileError::Read { .. }), "{error:?}");
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_and_its_owner_unharmed() {
    let stage = Stage::new();
    let counter = stage.add("counter", "stateful-counter").await;
    stage.cast("counter", "").unwrap();
    let duplicate = |error: &LoadError| match error {
        LoadError::Refused(AddError::Duplicate(id)) => *id == "counter",
        _ => false,
    };
    let error = stage.load("counter", fixture("echo-handler")).await.unwrap_err();
    assert!(duplicate(&error), "{error:?}");
    assert!(error.to_string().contains("counter"), "{error}");
    let error = stage
        .register_fn("counter", |_: &mut castcall::Context, message: castcall::Message| {
            Ok(message.payload)
        });
    let error = error.await.unwrap_err();
    assert!(duplicate(&error), "{error:?}");
    assert_eq!(stage.tell("counter", "get").await, "1");
    assert_eq!(counter.stats().restarts, 0);
}

#[tokio::test]
async fn of_two_that_load_under_one_id_at_once_one_does() {
    let stage = Stage::new();
    for _ in 0..5 {
        let (one, other) = tokio::join!(
            stage.load("echo", fixture("echo-handler")),
            stage.load("echo", fixture("echo-handler")),
        );
        let loaded = [one, other].into_iter().filter_map(Result::ok).collect::<Vec<_>>();
        assert_eq!(loaded.len(), 1);
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        assert!(loaded[0].stop(castcall_integration_tests::PATIENCE).await);
    }
}

#[tokio::test]
async fn reserved_ids_are_refused() {
    let stage = Stage::new();
    for id in ["host", "cli"] {
        let error = stage.load(id, fixture("echo-handler")).await.unwrap_err();
        let LoadError::Refused(AddError::Reserved(culprit)) = &error else { panic!("{error:?}") };
        assert_eq!(*culprit, id);
        assert!(error.to_string().contains(id), "{error}");
    }
    stage.add("host/echo", "echo-handler").await;
}

#[tokio::test]
async fn ids_out_of_form_are_refused() {
    let stage = Stage::new();
    for id in ["", "shop orders", "shop/", "/shop", "shop//orders", "shop.orders", "*", "käse"] {
        let error = stage.load(id, fixture("echo-handler")).await.unwrap_err();
        let LoadError::InvalidId(invalid) = &error else { panic!("{error:?}") };
        assert_eq!(invalid.id, id);
        assert!(error.to_string().contains(&format!("{id:?}")), "{error}");
    }
    let long = "x".repeat(129);
    let error = stage.load(long.as_str(), fixture("echo-handler")).await.unwrap_err();
    assert!(matches!(error, LoadError::InvalidId(_)), "{error:?}");
    stage.add(&"x".repeat(128), "echo-handler").await;
}

#[tokio::test]
async fn bytes_load_as_a_file_does() {
    let stage = Stage::new();
    stage.add_with("echo", Component::bytes(fixture_bytes("echo-handler"))).await;
    assert_eq!(stage.tell("echo", "hello").await, "hello");
}

#[tokio::test]
async fn every_good_fixture_loads() {
    let stage = Stage::new();
    let mut loaded = 0;
    let folder = fixture_path("echo-handler").parent().unwrap().to_owned();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let broken = [
            "attacker-start-loop",
            "attacker-start-trap",
            "attacker-unaligned",
            "core-module",
            "corrupt",
            "foreign-import",
            "no-handle-message",
            "text",
            "wrong-types",
        ];
        // They import what nobody grants here.
        let broken = [&broken[..], &["wasi-clock", "wasi-files"]].concat();
        let result = stage.load(name.as_str(), Component::file(&path)).await;
        assert_eq!(result.is_err(), broken.contains(&name.as_str()), "{name}: {result:?}");
        loaded += u32::from(result.is_ok());
    }
    assert!(loaded >= 20, "{loaded}");
    assert_eq!(stage.components().len(), loaded as usize + 1, "and the host");
}
