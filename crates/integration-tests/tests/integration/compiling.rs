//! Compiling: bounded, off the threads that run components, and not twice.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use castcall::wasm::{CacheError, CompileError, CompileLimits};
use castcall::{BuildError, Component, LoadError, System};
use castcall_integration_tests::{MAIN, Stage, fixture, fixture_bytes, responder};

/// A component that answers with nothing, beside so many functions, each with so many conditions.
fn large(functions: usize, conditions: usize) -> Vec<u8> {
    let condition = "(if (local.get 0) (then (local.set 0 (i32.mul (local.get 0) (i32.const 3)))))";
    let body = condition.repeat(conditions);
    let mut core = format!(
        "(core module $Main {MAIN}
           (func (export \"handle\") (param i32 i32 i32 i32) (result i32)
             (call $done (i32.const 0) (i32.const 0)))"
    );
    for _ in 0..functions {
        write!(core, "(func (param i32) {body})").unwrap();
    }
    core += ") (core instance $main (instantiate $Main))";
    responder(&core)
}

async fn too_much(limits: CompileLimits, component: Component) -> (String, u64, u64) {
    let stage = Stage::build(System::builder().workers(1).compile_limits(limits));
    let error = stage.load("shop/culprit", component).await.unwrap_err();
    let text = error.to_string();
    let LoadError::Compile { source: CompileError::TooMuch { what, found, limit }, .. } = error
    else {
        panic!("{error:?}")
    };
    assert!(text.contains("shop/culprit") && text.contains(&limit.to_string()), "{text}");
    assert!(stage.component("shop/culprit").is_none());
    assert_eq!(stage.compile_stats().compiled, 0, "the compiler saw nothing of it");
    (what.to_string(), found, limit)
}

#[tokio::test]
async fn too_large_a_component_is_refused() {
    let echo = fixture_bytes("echo-handler");
    let mut limits = CompileLimits::default();
    limits.bytes = echo.len() as u64;
    let stage = Stage::build(System::builder().workers(1).compile_limits(limits));
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.tell("echo", "hello").await, "hello");

    limits.bytes -= 1;
    let expected = ("bytes".to_owned(), limits.bytes + 1, limits.bytes);
    // As a file, of which no more is read, and as bytes.
    assert_eq!(too_much(limits, fixture("echo-handler")).await, expected);
    assert_eq!(too_much(limits, Component::bytes(echo)).await, expected);
}

#[tokio::test]
async fn too_many_functions_are_refused() {
    let mut limits = CompileLimits::default();
    limits.functions = 50;
    let (what, found, limit) = too_much(limits, Component::bytes(large(100, 1))).await;
    assert_eq!((what.as_str(), found, limit), ("functions", 103, 50));
}

#[tokio::test]
async fn a_small_function_that_would_be_compiled_for_ever_is_refused() {
    // A megabyte, and minutes.
    let start = Instant::now();
    let bomb = large(1, 60_000);
    assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
    let mut limits = CompileLimits::default();
    limits.work = 30_000_000;
    let (what, found, _) = too_much(limits, Component::bytes(bomb)).await;
    assert_eq!(what, "units of work");
    assert!(found > limits.work);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn messages_flow_while_a_component_is_compiled() {
    let stage = Stage::build(System::builder().workers(1));
    stage.add("echo", "echo-handler").await;
    // So large that it takes a second.
    let wasm = large(8, 2_500);
    let load = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.load("large", Component::bytes(wasm)).await })
    };
    let mut took = Vec::new();
    while !load.is_finished() {
        let start = Instant::now();
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        took.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    load.await.unwrap().unwrap();
    took.sort();
    let (count, p50) = (took.len(), took[took.len() / 2]);
    println!("{count} echoes while compiling: {p50:?} (p50), {:?} (most)", took[count - 1]);
    // If it held the worker or a lock, there would be one, which took as long as compiling does.
    assert!(count >= 20, "{count}: {took:?}");
    assert!(p50 < Duration::from_millis(20), "{p50:?}");
}

#[tokio::test]
async fn more_loads_than_places_all_end() {
    let stage = Stage::build(System::builder().workers(1).compiles_at_once(1));
    let loads: Vec<_> = (0..6)
        .map(|number| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.add(&format!("echo-{number}"), "echo-handler").await })
        })
        .collect();
    for (number, load) in loads.into_iter().enumerate() {
        load.await.unwrap();
        assert_eq!(stage.tell(&format!("echo-{number}"), "hello").await, "hello");
    }
    assert_eq!(stage.compile_stats().compiled, 6);
}

fn stateful(path: &Path) -> Stage {
    Stage::build(System::builder().workers(1).state_directory(path))
}

#[tokio::test]
#[cfg(unix)]
async fn after_a_restart_nothing_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    for round in 0..3 {
        let stage = stateful(&path);
        stage.add("echo", "echo-handler").await;
        stage.add("counter", "stateful-counter").await;
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        stage.cast("counter", "").unwrap();
        assert_eq!(stage.tell("counter", "get").await, "1");
        let stats = stage.compile_stats();
        let expected = if round == 0 { (2, 0) } else { (0, 2) };
        assert_eq!((stats.compiled, stats.from_cache), expected, "round {round}");
        stage.shutdown(Duration::from_secs(5)).await;
    }
    // Without one, or with none wanted, it is.
    let stage = Stage::build(System::builder().workers(1).state_directory(&path).code_cache(0));
    stage.add("echo", "echo-handler").await;
    assert_eq!(stage.compile_stats().from_cache, 0);
}

#[tokio::test]
#[cfg(unix)]
async fn damaged_code_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    for (round, rejected) in [(0, 0), (1, 1), (2, 1)] {
        let stage = stateful(folder.path());
        stage.add("echo", "echo-handler").await;
        assert_eq!(stage.tell("echo", "hello").await, "hello");
        let stats = stage.compile_stats();
        assert_eq!((stats.compiled, stats.cache_rejected), (1, rejected), "round {round}");
        stage.shutdown(Duration::from_secs(5)).await;
        for entry in std::fs::read_dir(folder.path().join("code")).unwrap() {
            let file = entry.unwrap().path();
            let mut bytes = std::fs::read(&file).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 0x40;
            std::fs::write(&file, bytes).unwrap();
        }
    }
}

#[test]
#[cfg(unix)]
fn a_cache_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::set_permissions(&code, PermissionsExt::from_mode(0o777)).unwrap();
    let builder = || System::builder().workers(1).state_directory(folder.path());
    let error = builder().build().unwrap_err();
    let BuildError::CodeCache(CacheError::Insecure { path, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*path, code);
    // The directory is free again, and can be had without.
    builder().code_cache(0).build().unwrap();
    std::fs::set_permissions(&code, PermissionsExt::from_mode(0o700)).unwrap();
    builder().build().unwrap();
}
