//! What the core lane does not take, each in the smallest component that shows it.

use super::*;

/// What most of them are made of: a core instance `$core`.
const CORE: &str = r#"
    (core module $module
      (memory (export "memory") 1)
      (memory (export "another") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "reallocate") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "none"))
      (func (export "two") (param i32 i32)))
    (core instance $core (instantiate $module))
"#;

/// Takes a string, and is lifted with these options.
fn lifted(name: &str, options: &str) -> String {
    format!(
        r#"(func ${name} (param "text" string) (canon lift (core func $core "two") {options}))"#
    )
}

const OPTIONS: &str = r#"(memory $core "memory") (realloc (func $core "realloc"))"#;

fn look(parts: &[&str]) -> Result<(), NotCore> {
    let text = format!("(component {CORE} {})", parts.concat());
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    Shape::of(&wasm).map(drop)
}

fn is_refused(parts: &[&str], form: &'static str) {
    assert_eq!(look(parts), Err(NotCore::Form(form)), "{parts:?}");
}

fn import(name: &str, what: &str) -> String {
    format!(r#"(import "{name}" {what})"#)
}

#[test]
fn the_usual_shape_is_taken() {
    let host = import(names::HOST_SERVICES, r#"(instance $host (export "self-id" (func)))"#);
    let parts = [
        &lifted("one", OPTIONS),
        &lifted("two", &format!("string-encoding=utf8 {OPTIONS}")),
        &host,
        r#"(alias export $host "self-id" (func $id)) (core func $lowered (canon lower (func $id)))
        (core instance (export "self-id" (func $lowered)))
        (instance $exported (export "f" (func $one)))"#,
        &format!(r#"(export "{}" (instance $exported))"#, names::LIFECYCLE),
        r#"(export "f" (func $two)) (type $one (enum "one")) (import "t" (type (eq $one)))"#,
    ];
    assert_eq!(look(&parts), Ok(()));
    let text = format!("(component {CORE} {})", parts.concat());
    let wasm = wat::parse_str(&text).unwrap();
    let shape = Shape::of(&wasm).unwrap();
    assert_eq!((shape.modules.len(), shape.steps.len()), (1, 1));
    assert_eq!(shape.memory, Some(Item::Export { step: 0, name: "memory" }));
    assert_eq!(shape.realloc, Some(Item::Export { step: 0, name: "realloc" }));
    assert_eq!(shape.imports, [names::HOST_SERVICES]);
    assert!(shape.exports.contains_key(&(names::LIFECYCLE, "f")));
}

#[test]
fn text_that_is_not_utf_8_is_not_taken() {
    for encoding in ["utf16", "latin1+utf16"] {
        let function = lifted("f", &format!("string-encoding={encoding} {OPTIONS}"));
        is_refused(&[&function], "text that is not UTF-8");
    }
}

#[test]
fn one_memory_and_one_allocator() {
    let several = "several memories or allocators";
    let another = r#"(memory $core "another") (realloc (func $core "realloc"))"#;
    is_refused(&[&lifted("one", OPTIONS), &lifted("two", another)], several);
    let another = r#"(memory $core "memory") (realloc (func $core "reallocate"))"#;
    is_refused(&[&lifted("one", OPTIONS), &lifted("two", another)], several);
}

#[test]
fn what_is_neither_lifted_nor_lowered_is_not_taken() {
    let form = "resources, or what is asynchronous";
    let resource = "(type $r (resource (rep i32)))";
    for built_in in ["resource.new", "resource.drop", "resource.rep"] {
        is_refused(&[resource, &format!("(core func (canon {built_in} $r))")], form);
    }
    let lifted = lifted("f", &format!("{OPTIONS} async"));
    is_refused(&[&lifted], "a canonical option that is not known");
}

#[test]
fn a_start_function_of_the_component_s_own_is_not_taken() {
    let none = r#"(func $none (canon lift (core func $core "none"))) (start $none)"#;
    is_refused(&[none], "a start function of the component's own");
}

#[test]
fn only_what_is_castcall_s_is_imported() {
    for (name, what) in [
        ("wasi:io/poll@0.2.0", "(instance)"),
        ("f", "(func)"),
        (names::HOST_SERVICES, "(func)"),
        ("c", "(component)"),
        ("castcall:component/host-services@0.2.0", "(instance)"),
    ] {
        let refused = look(&[&import(name, what)]);
        assert_eq!(refused, Err(NotCore::Import(name.to_owned())), "{what}");
    }
}

#[test]
fn an_interface_of_another_version_is_not_overlooked() {
    let exported = r#"(instance $exported (export "f" (func $one)))"#;
    for (name, taken) in [("other:package/setup@0.1.3", true), (names::SETUP, true)] {
        let export = format!(r#"(export "{name}" (instance $exported))"#);
        assert_eq!(look(&[&lifted("one", OPTIONS), exported, &export]).is_ok(), taken, "{name}");
    }
    let export = r#"(export "castcall:component/component-setup@0.1.3" (instance $exported))"#;
    let form = "another version of an interface";
    is_refused(&[&lifted("one", OPTIONS), exported, export], form);
}

/// A small file that would have the host copy much, before any limit is looked at.
#[test]
fn what_is_repeated_very_often_is_not_taken() {
    let functions: String =
        (0..1_000).map(|number| format!(r#"(export "f{number}" (func $one))"#)).collect();
    let exports: String =
        (0..200).map(|number| format!(r#"(export "e{number}" (instance $many))"#)).collect();
    let many = format!("(instance $many {functions})");
    is_refused(&[&lifted("one", OPTIONS), &many, &exports], "too much in it");
}

#[test]
fn what_is_passed_on_is_not_taken() {
    let host = import(names::HOST_SERVICES, r#"(instance $host (export "self-id" (func)))"#);
    let form = "an export that it imports";
    is_refused(&[&host, r#"(export "again" (instance $host))"#], form);
    let alias = r#"(alias export $host "self-id" (func $id))
        (instance $exported (export "handle-message" (func $id)))"#;
    let export = format!(r#"(export "{}" (instance $exported))"#, names::LIFECYCLE);
    is_refused(&[&host, alias, &export], form);
    // Nor under a name that nobody enters: the component lane can't either.
    is_refused(&[&host, alias, r#"(export "other" (instance $exported))"#], form);
    is_refused(&[&host, alias, r#"(export "other" (func $id))"#], form);
    let own = r#"(func $none (canon lift (core func $core "none")))
        (core func (canon lower (func $none)))"#;
    is_refused(&[own], "a function of its own that it imports");
}

#[test]
fn other_kinds_are_not_taken() {
    let unknown = "an export of a kind that is not known";
    is_refused(&[r#"(export "m" (core module $module))"#], unknown);
    is_refused(&[r#"(component $c) (export "c" (component $c))"#], unknown);
    let inner = r#"(instance $inner) "#;
    is_refused(&[inner, r#"(instance (export "i" (instance $inner)))"#], "a nested instance");
    let alias = r#"(component $c (component $d) (export "d" (component $d)))"#;
    is_refused(&[alias], "a component in a nested component");
    let imported = import(names::HOST_SERVICES, r#"(instance $host (export "inner" (instance)))"#);
    let alias = r#"(alias export $host "inner" (instance))"#;
    is_refused(&[&imported, alias], "an alias of a kind that is not known");
    is_refused(&[r#"(alias outer 0 $module (core module))"#], "an outer alias");
    let given = r#"(component $c) (instance (instantiate $c (with "i" (component $c))))"#;
    is_refused(&[given], "a component that is given a component");
}

#[test]
fn nested_components_only_give_types() {
    let function = r#"(func $none (canon lift (core func $core "none")))"#;
    let renaming = r#"
        (component $c
          (type $v u32)
          (import "t" (type $t (eq $v)))
          (import "f" (func $f))
          (export "g" (func $f))
          (export "h" (func $f)))
        (type $u u32)
        (instance $i (instantiate $c (with "t" (type $u)) (with "f" (func $none))))
        (alias export $i "g" (func $g))
        (export "again" (func $g))
        (export "i" (instance $i))"#;
    assert_eq!(look(&[function, renaming]), Ok(()));

    for (nested, form) in [
        (r#"(core module)"#, "a module in a nested component"),
        (r#"(component)"#, "a component in a nested component"),
        (r#"(import "i" (instance))"#, "an import of a nested component"),
        (r#"(import "c" (component))"#, "an import of a nested component"),
        (r#"(alias outer 1 $module (core module))"#, "an alias in a nested component"),
        (
            r#"(import "f" (func $f)) (core func (canon lower (func $f)))"#,
            "a nested component that does something",
        ),
        (r#"(instance $i) (export "i" (instance $i))"#, "a nested component that does something"),
    ] {
        is_refused(&[&format!("(component {nested})")], form);
    }
}

#[test]
fn what_refers_to_nothing_is_told() {
    let dangling = r#"(core instance $none (export "memory" (memory $core "memory")))
        (alias core export $none "no-such" (core func))"#;
    is_refused(&[dangling], "an index of nothing");
    let instance = r#"(instance $none) (alias export $none "no-such" (func))"#;
    is_refused(&[instance], "an index of nothing");
    let nested = r#"(component $c (import "f" (func $f)) (export "g" (func $f)))
        (instance (instantiate $c))"#;
    is_refused(&[nested], "an index of nothing");
    is_refused(&[r#"(component $c (export "g" (func 7)))"#], "an index of nothing");
    assert_eq!(Shape::of(b"\0asm").map(drop), Err(NotCore::Form("what can't be read")));
}
