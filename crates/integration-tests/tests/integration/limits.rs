//! Limits hold over all core instances of a component together.

use castcall::{Component, CrashCode, Limits, LoadError, StartError};
use castcall_integration_tests::{MAIN, PATIENCE, Stage, fixture, memory, responder};

const PAGE: usize = 64 << 10;

/// Three core instances: `$main`, and two that each have a memory of one page and a table of one
/// element, which `$main` lets grow as it is told: two bytes, which one and by how much. It answers
/// with one byte: 1 if it did not grow.
fn growers(maximum: &str) -> Component {
    let core = format!(
        r#"
        (core module $Store
          (memory 1 {maximum})
          (table $table 1 {maximum} funcref)
          (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
          (func (export "table") (param i32) (result i32)
            (table.grow $table (ref.null func) (local.get 0))))
        (core module $Main
          (import "a" "memory" (func $a-memory (param i32) (result i32)))
          (import "a" "table" (func $a-table (param i32) (result i32)))
          (import "b" "memory" (func $b-memory (param i32) (result i32)))
          (import "b" "table" (func $b-table (param i32) (result i32)))
          {MAIN}
          (table $grow funcref (elem $a-memory $b-memory $a-table $b-table))
          (type $grow (func (param i32) (result i32)))
          (func (export "handle") (param i32 i32) (param $message i32) (param i32) (result i32)
            (i32.store8 (i32.const 40)
              (i32.eq (i32.const -1)
                (call_indirect $grow (type $grow)
                  (i32.load8_u offset=1 (local.get $message))
                  (i32.load8_u (local.get $message)))))
            (call $done (i32.const 40) (i32.const 1))))
        (core instance $a (instantiate $Store))
        (core instance $b (instantiate $Store))
        (core instance $main
          (instantiate $Main (with "a" (instance $a)) (with "b" (instance $b))))
        "#
    );
    Component::bytes(responder(&core))
}

const A_MEMORY: u8 = 0;
const B_MEMORY: u8 = 1;
const A_TABLE: u8 = 2;
const B_TABLE: u8 = 3;

/// Whether it grew.
async fn grows(stage: &Stage, which: u8, by: u8) -> bool {
    let answer = stage.call("grower", vec![which, by], PATIENCE).await.unwrap();
    answer[..] == [0]
}

#[tokio::test]
async fn memories_of_all_core_instances_are_summed() {
    let stage = Stage::new();
    // Three pages are there from the start.
    stage.add_with("grower", growers("").limits(memory(10 * PAGE))).await;
    assert!(grows(&stage, A_MEMORY, 4).await);
    assert!(grows(&stage, B_MEMORY, 3).await);
    assert!(!grows(&stage, B_MEMORY, 1).await);
    assert!(!grows(&stage, A_MEMORY, 1).await);
    assert_eq!(stage.stats_of("grower").crashes, 0, "it was told, and went on");
}

#[tokio::test]
async fn tables_of_all_core_instances_are_summed() {
    let stage = Stage::new();
    let mut limits = Limits::default();
    // One each, and the four of `$main`.
    limits.table_elements = 10;
    stage.add_with("grower", growers("").limits(limits)).await;
    assert!(grows(&stage, A_TABLE, 2).await);
    assert!(!grows(&stage, B_TABLE, 3).await);
    assert!(grows(&stage, B_TABLE, 2).await);
    assert!(!grows(&stage, A_TABLE, 1).await);
}

#[tokio::test]
async fn what_a_module_forbids_itself_takes_no_room_of_others() {
    let stage = Stage::new();
    let mut limits = memory(5 * PAGE);
    limits.table_elements = 8;
    stage.add_with("grower", growers("2").limits(limits)).await;
    for _ in 0..20 {
        assert!(!grows(&stage, A_MEMORY, 2).await);
        assert!(!grows(&stage, A_TABLE, 2).await);
    }
    for which in [A_MEMORY, B_MEMORY, A_TABLE, B_TABLE] {
        assert!(grows(&stage, which, 1).await, "{which}");
    }
}

#[tokio::test]
async fn what_is_there_from_the_start_counts() {
    for (pages, elements, starts) in [(3, 6, true), (2, 6, false), (3, 5, false)] {
        let stage = Stage::new();
        let mut limits = memory(pages * PAGE);
        limits.table_elements = elements;
        let loaded = stage.load("grower", growers("").limits(limits)).await;
        if starts {
            loaded.unwrap();
            continue;
        }
        let LoadError::Start { source, .. } = loaded.unwrap_err() else { panic!("another error") };
        assert_eq!(source, StartError::Crashed(CrashCode::MemoryLimit), "{pages}, {elements}");
    }
}

/// It has no table but that which tools put between it and the host.
#[tokio::test]
async fn a_table_counts_that_is_left_out() {
    for elements in [1, 0] {
        let stage = Stage::new();
        let mut limits = Limits::default();
        limits.table_elements = elements;
        let loaded = stage.load("bouncer", fixture("bouncer").limits(limits)).await;
        if elements > 0 {
            loaded.unwrap();
            continue;
        }
        let LoadError::Start { source, .. } = loaded.unwrap_err() else { panic!("another error") };
        assert_eq!(source, StartError::Crashed(CrashCode::MemoryLimit));
    }
}

#[tokio::test]
async fn a_new_instance_counts_from_nothing() {
    let stage = Stage::new();
    stage.add_with("grower", growers("").limits(memory(10 * PAGE))).await;
    for round in 1..=3 {
        assert!(grows(&stage, A_MEMORY, 7).await);
        assert!(!grows(&stage, A_MEMORY, 1).await);
        // There is no such function.
        stage.call("grower", vec![9, 0], PATIENCE).await.unwrap_err();
        assert_eq!(stage.stats_of("grower").crashes, round);
    }
}
