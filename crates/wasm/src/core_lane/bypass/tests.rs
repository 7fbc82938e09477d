//! Which pairs are left out, and which are not what they look like.

use super::*;
use crate::names;

const SHIM: &str = r#"
    (type (func (param i32 i64)))
    (func (export "0") (type 0) (call_indirect (type 0) (local.get 0) (local.get 1) (i32.const 1)))
    (table (export "table") 2 2 funcref)"#;
const FIXUPS: &str = r#"
    (import "" "1" (func (param i32 i64))) (import "" "table" (table 2 2 funcref))
    (elem (i32.const 1) func 0)"#;
/// Imports the shim's function as one of the host's.
const MAIN: &str = r#"
    (import "host" "usage" (func (param i32 i64)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#;
const NOTHING: &str = "";

/// A component of three modules, with more in its main one, and more behind them.
fn component(shim: &str, main: &str, fixups: &str, more: &str) -> Vec<u8> {
    let host = names::HOST_SERVICES;
    let text = format!(
        r#"(component
            (import "{host}" (instance $host (export "f" (func (param "a" u32) (param "b" u64)))))
            (core module $shim {shim})
            (core module $main {main})
            (core module $fixups {fixups})
            (core instance $s (instantiate $shim))
            (core instance $given (export "usage" (func $s "0")))
            (core instance $m (instantiate $main (with "host" (instance $given))))
            (alias export $host "f" (func $f))
            (core func $lowered (canon lower (func $f)))
            (core instance $filled
                (export "1" (func $lowered)) (export "table" (table $s "table")))
            (core instance $x (instantiate $fixups (with "" (instance $filled))))
            {more})"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn is_left_out(shim: &str, main: &str, fixups: &str, more: &str) -> bool {
    let wasm = component(shim, main, fixups, more);
    let shape = Shape::of(&wasm).unwrap();
    Bypass::of(&shape).is_some()
}

#[test]
fn a_shim_and_its_fixups_are_left_out() {
    let wasm = component(SHIM, MAIN, FIXUPS, NOTHING);
    let shape = Shape::of(&wasm).unwrap();
    let bypass = Bypass::of(&shape).unwrap();
    assert_eq!((bypass.shim, bypass.fixups, bypass.elements), (0, 2, 2));
    let host = Item::Host { interface: names::HOST_SERVICES, name: "f" };
    assert_eq!(bypass.instead(Item::Export { step: 0, name: "0" }), host);
    let other = Item::Export { step: 1, name: "0" };
    assert_eq!(bypass.instead(other.clone()), other);
    assert_eq!(bypass.instead(host.clone()), host);
}

#[test]
fn a_shim_that_does_something_else_is_not() {
    let call = "(call_indirect (type 0) (local.get 0) (local.get 1) (i32.const 1))";
    let calls = |body: &str| SHIM.replace(call, body);
    for shim in [
        calls("(call_indirect (type 0) (i32.const 0) (local.get 1) (i32.const 1))"),
        calls("(call_indirect (type 0) (local.get 0) (local.get 1) (i32.const 0))"),
        calls(&format!("{call} nop")),
        calls(&format!("nop {call}")),
        calls(&format!("(local i32) {call}")),
        calls("unreachable"),
        format!("{SHIM} (memory (export \"m\") 1)"),
        format!("{SHIM} (global (export \"g\") i32 (i32.const 0))"),
        format!("{SHIM} (table 1 funcref)"),
        format!("{SHIM} (func $start) (start $start)"),
        format!("{SHIM} (func (export \"more\"))"),
        format!("{SHIM} (elem (i32.const 0) func 0)"),
    ] {
        assert!(!is_left_out(&shim, MAIN, FIXUPS, NOTHING), "{shim}");
    }
    // The fix-ups would not fit in.
    let (shim, fixups) = (SHIM.replace("2 2", "1 2"), FIXUPS.replace("2 2", "1 2"));
    assert!(!is_left_out(&shim, MAIN, &fixups, NOTHING));
}

#[test]
fn fixups_that_do_something_else_are_not() {
    for fixups in [
        FIXUPS.replace("(i32.const 1)", "(i32.const 0)"),
        FIXUPS.replace("(elem (i32.const 1) func 0)", ""),
        FIXUPS.replace("(elem (i32.const 1) func 0)", "(elem func 0)"),
        FIXUPS.replace(
            "(elem (i32.const 1) func 0)",
            "(func $own (param i32 i64)) (elem (i32.const 1) func $own)",
        ),
        FIXUPS.replace("func 0", "funcref (ref.func 0)"),
        format!("{FIXUPS} (func $start) (start $start)"),
        format!("{FIXUPS} (memory 1)"),
        format!("{FIXUPS} (export \"1\" (func 0))"),
        format!("{FIXUPS} (elem (i32.const 2) func 0)"),
        format!("{FIXUPS} (elem (i32.const 3) func)"),
    ] {
        assert!(!is_left_out(SHIM, MAIN, &fixups, NOTHING), "{fixups}");
    }
}

#[test]
fn what_others_have_to_do_with_is_not() {
    // They call the host before the table is filled, and trap.
    let starts = format!("{MAIN} (func $start) (start $start)");
    assert!(!is_left_out(SHIM, &starts, FIXUPS, NOTHING));
    // They have the table, and may put something else there.
    let has_table = r#"(core module $other (import "" "table" (table 0 funcref)))
        (core instance (instantiate $other (with "" (instance $s))))"#;
    assert!(!is_left_out(SHIM, MAIN, FIXUPS, has_table));
    let fills_again = r#"(core instance (instantiate $fixups (with "" (instance $filled))))"#;
    assert!(!is_left_out(SHIM, MAIN, FIXUPS, fills_again));
    let takes = r#"(core module $other (import "" "0" (func (param i32 i64))))
        (core instance (instantiate $other (with "" (instance $s))))"#;
    assert!(is_left_out(SHIM, MAIN, FIXUPS, takes), "by its functions they may");
    let lifts = format!(
        r#"(func $g (param "a" u32) (param "b" u64) (canon lift (core func $s "0")))
        (instance $exported (export "g" (func $g)))
        (export "{}" (instance $exported))"#,
        names::LIFECYCLE
    );
    assert!(!is_left_out(SHIM, MAIN, FIXUPS, &lifts));
}

#[test]
fn without_such_a_pair_there_is_nothing_to_leave_out() {
    let shape = Shape::default();
    assert_eq!(Bypass::of(&shape), None);
}

#[test]
fn what_the_usual_tools_put_between_is_left_out() {
    for (guest, wasm) in [
        ("bouncer", &include_bytes!("../../../../../fixtures/components/bouncer.wasm")[..]),
        ("rust", include_bytes!("../../../../../fixtures/components/rust-exchanger.wasm")),
        ("c", include_bytes!("../../../../../fixtures/components/c-exchanger.wasm")),
    ] {
        let shape = Shape::of(wasm).unwrap();
        let bypass = Bypass::of(&shape).unwrap_or_else(|| panic!("{guest}"));
        assert!(shape.steps.len() >= 3, "{guest}");
        assert_eq!(bypass.functions.len(), bypass.elements as usize, "{guest}");
    }
}
