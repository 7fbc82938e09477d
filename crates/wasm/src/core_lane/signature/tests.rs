//! One component with the contract's types, and what it is with another in one place.

use super::*;
use crate::names;

/// All that is exported, and of what is imported the functions with the richest types.
fn component() -> String {
    let (types, host, setup) = (names::TYPES, names::HOST_SERVICES, names::SETUP);
    let (lifecycle, callback) = (names::LIFECYCLE, names::CALLBACK);
    format!(
        r#"(component
      (import "{types}" (instance $types
        (type $failure' (record (field "code" u32) (field "message" string)))
        (export "failure" (type $failure (eq $failure')))
        (type $error' (variant (case "invalid-payload" string) (case "failed" $failure)))
        (export "component-error" (type (eq $error')))
        (type $crash' (enum
          "trap" "stack-overflow" "memory-limit" "execution-limit" "panic"))
        (export "crash-code" (type $crash (eq $crash')))
        (type $request' (variant (case "timeout") (case "cancelled")
          (case "component-not-found" string) (case "unavailable") (case "crashed" $crash)
          (case "dropped") (case "invalid-payload" string) (case "processing-failed" $failure)))
        (export "request-error" (type (eq $request')))))
      (alias export $types "component-error" (type $error))
      (alias export $types "request-error" (type $request))
      (import "{host}" (instance $host
        (type $rate' (record (field "messages-per-second" u32) (field "burst" u32)
          (field "messages-left" u32)))
        (export "message-rate" (type $rate (eq $rate')))
        (type $usage' (record (field "mailbox-messages" u64) (field "mailbox-messages-limit" u64)
          (field "mailbox-bytes" u64) (field "mailbox-bytes-limit" u64)
          (field "pending-requests" u64) (field "pending-requests-limit" u64)
          (field "payload-bytes-limit" u64) (field "subscriptions" u64)
          (field "subscriptions-limit" u64) (field "message-rate" (option $rate))))
        (export "usage-report" (type $usage (eq $usage')))
        (type $cancel' (enum "not-found" "not-owner"))
        (type $cancel-error' (variant (case "not-found") (case "not-owner")))
        (export "cancel-error" (type $cancel-error (eq $cancel-error')))
        (export "cancel-request" (func (param "id" string) (result (result (error $cancel-error)))))
        (export "usage" (func (result $usage)))
        (export "self-id" (func (result string)))))
      (core module $module
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "none"))
        (func (export "two") (param i32 i32) (result i32) unreachable)
        (func (export "four") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "seven") (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))
      (core instance $core (instantiate $module))
      (func $handle (param "sender" string) (param "message" (list u8))
        (result (result (list u8) (error $error)))
        (canon lift (core func $core "four")
          (memory $core "memory") (realloc (func $core "realloc"))))
      (func $back (param "id" string) (param "outcome" (result (list u8) (error $request)))
        (result (result (error $error)))
        (canon lift (core func $core "seven")
          (memory $core "memory") (realloc (func $core "realloc"))))
      (func $init (param "config" (list (tuple string string)))
        (result (result (error $error)))
        (canon lift (core func $core "two")
          (memory $core "memory") (realloc (func $core "realloc"))))
      (func $shutdown (canon lift (core func $core "none")))
      (instance $lifecycle (export "handle-message" (func $handle)))
      (export "{lifecycle}" (instance $lifecycle))
      (instance $callback (export "handle-callback" (func $back)))
      (export "{callback}" (instance $callback))
      (instance $setup (export "init" (func $init)) (export "shutdown" (func $shutdown)))
      (export "{setup}" (instance $setup)))"#
    )
}

fn look(text: &str) -> Result<(), NotCore> {
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    if let Err(error) = Validator::new().validate_all(&wasm) {
        panic!("{error}: {text}");
    }
    check(&wasm, &Shape::of(&wasm)?)
}

#[test]
fn the_contract_s_types_are_the_contract_s() {
    assert_eq!(look(&component()), Ok(()));
}

#[test]
fn another_type_in_one_place_is_another() {
    for (ours, other) in [
        (r#"(param "sender" string)"#, r#"(param "sender" (list u8))"#),
        (r#"(param "message" (list u8))"#, r#"(param "message" (list s8))"#),
        (r#"(param "message" (list u8))"#, r#"(param "message" string)"#),
        (r#"(field "code" u32)"#, r#"(field "code" s32)"#),
        (r#"(field "code" u32)"#, r#"(field "number" u32)"#),
        (
            r#"(field "code" u32) (field "message" string)"#,
            r#"(field "message" string) (field "code" u32)"#,
        ),
        (r#"(case "failed" $failure)"#, r#"(case "broken" $failure)"#),
        (r#"(case "failed" $failure)"#, r#"(case "failed" $failure) (case "more")"#),
        (r#"(case "failed" $failure)"#, ""),
        (r#""execution-limit" "panic""#, r#""execution-limit""#),
        (r#""execution-limit" "panic""#, r#""panic" "execution-limit""#),
        (r#"(case "dropped")"#, r#"(case "dropped" u8)"#),
        (r#"(list (tuple string string))"#, r#"(list (tuple string (list u8)))"#),
        (r#"(list (tuple string string))"#, r#"(list (tuple string string string))"#),
        (r#"(list (tuple string string))"#, "string"),
        (r#"(option $rate)"#, r#"(result $rate)"#),
        (r#"(field "burst" u32)"#, r#"(field "burst" u64)"#),
        (r#"(case "not-found") (case "not-owner")"#, r#"(case "not-owner") (case "not-found")"#),
        (r#"(result (result (error $cancel-error)))"#, r#"(result (result (error $cancel')))"#),
        (r#"(result (result (error $cancel-error)))"#, "(result (result))"),
        (r#"(result (result (error $cancel-error)))"#, ""),
        (r#"(func (result $usage))"#, r#"(func (param "of" string) (result $usage))"#),
        (r#"(func (result string))"#, "(func)"),
        (r#"(func (result string))"#, "(func (result char))"),
        (r#"(export "self-id" (func"#, r#"(export "no-such" (func"#),
        (r#"(export "self-id" (func (result string)))"#, r#"(export "self-id" (instance))"#),
        (
            r#"(export "handle-message" (func $handle))"#,
            r#"(export "handle-message" (type $error))"#,
        ),
        (r#"(export "handle-message" (func $handle))"#, ""),
        (
            r#"(result (result (list u8) (error $error)))"#,
            r#"(result (result (list u8) (error (tuple string))))"#,
        ),
    ] {
        let base = component();
        assert!(base.contains(ours), "{ours}");
        let mut changed = base.replacen(ours, other, 1);
        if ours.contains("cancel-error)))") && other.contains("cancel')") {
            changed = changed.replacen(
                r#"(type $cancel' (enum "not-found" "not-owner"))"#,
                r#"(type $e (enum "not-found" "not-owner")) (export "e" (type $cancel' (eq $e)))"#,
                1,
            );
        }
        assert_eq!(look(&changed), Err(TYPE), "{ours} -> {other}");
    }
}

#[test]
fn a_huge_type_costs_no_more_than_it_takes_to_see_that_it_is_another() {
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..=15 {
        let inner = format!("$t{}", level - 1);
        types += &format!("(type $t{level} (tuple {inner} {inner}))");
    }
    let changed = component().replacen(
        r#"(export "self-id" (func (result string)))"#,
        &format!(r#"{types} (export "self-id" (func (result $t15)))"#),
        1,
    );
    let wasm = wat::parse_str(&changed).unwrap();
    let types = Validator::new().validate_all(&wasm).unwrap();
    let types = types.as_ref();
    let item = types.component_item_for_import(names::HOST_SERVICES).unwrap();
    let ComponentEntityType::Instance(instance) = item.ty else { panic!() };
    let ComponentEntityType::Func(id) = types[instance].exports["self-id"].ty else { panic!() };
    let mut left = Left { types: &types, text: "func() -> string" };
    assert_eq!(left.function(id), Err(TYPE));
    assert_eq!(left.text, "string", "it went no further");
}

/// What an engine says of a component, and which lane that is.
fn compiled(text: &str, core_lane: bool) -> Result<crate::Lane, String> {
    let config = crate::EngineConfig { core_lane, ..crate::EngineConfig::default() };
    let engine = crate::Engine::new(config).unwrap();
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let component = engine.compile(&wasm).map_err(|error| error.to_string())?;
    Ok(component.lane().clone())
}

/// Of what wasmtime is built without, a component's own types may not have anything either.
#[test]
fn what_the_engine_does_not_know_is_refused_in_both_lanes() {
    let start = component();
    let start = start.trim_end().strip_suffix(')').unwrap();
    assert_eq!(compiled(&component(), true), Ok(crate::Lane::Core));
    for more in [
        "(type (func async))",
        "(type (stream u8))",
        "(type (future u8))",
        r#"(core type (module (import "a" "b" (memory 1 1 shared))))"#,
        r#"(core type (module (import "a" "b" (global (ref null struct)))))"#,
        r#"(core type (module (import "a" "b" (tag (type 0)))))"#,
        r#"(import "r" (type (sub resource)))"#,
    ] {
        let text = format!("{start} {more})");
        if wat::parse_str(&text).is_err() {
            // Tags need a type of their own in the module's type.
            assert!(more.contains("tag"), "{more}");
            continue;
        }
        let (core, other) = (compiled(&text, true), compiled(&text, false));
        assert_eq!(core.as_ref().err(), other.as_ref().err(), "{more}: {core:?}, {other:?}");
        assert_ne!(core, Ok(crate::Lane::Core), "{more}");
    }
}

/// The driver imports what the component model only calls.
#[test]
fn functions_of_other_types_take_the_component_lane() {
    let plain = r#"(func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#;
    let sub = r#"(type $sub (sub (func (param i32 i32 i32 i32) (result i32))))
        (func (export "realloc") (type $sub) unreachable)"#;
    let four = r#"(func (export "four") (param i32 i32 i32 i32) (result i32) unreachable)"#;
    let typed = r#"(type $four (func (param i32 i32 i32 i32) (result i32)))
        (func (export "four") (type $four) unreachable)"#;
    let text = component().replace(plain, sub).replace(four, typed);
    assert_ne!(text, component());
    let Ok(crate::Lane::Component(NotCore::Form(form))) = compiled(&text, true) else {
        panic!("{:?}", compiled(&text, true))
    };
    assert_eq!(form, "an allocator or a post-return function of another type");
}
