//! Worlds that are not of the contract, and modules that are not of their world.

use super::*;

const LIFECYCLE: &str = "castcall:component/component-lifecycle@0.1.0";

fn own(items: &str) -> String {
    format!("package test:mine; world mine {{ export {LIFECYCLE}; {items} }}")
}

#[test]
fn what_is_not_of_the_contract_is_named() {
    for (items, expected) in [
        ("import log: func(line: string);", "log"),
        ("import other: interface { f: func(); }", "other"),
        ("export run: func();", "run"),
        ("export extra: interface { f: func(); }", "extra"),
        ("use castcall:component/types@0.1.0.{failure};", "failure"),
        // Of the contract, the other way around.
        ("import castcall:component/component-setup@0.1.0;", "component/component-setup@0.1.0"),
        ("export castcall:component/message-context@0.1.0;", "component/message-context@0.1.0"),
    ] {
        let error = refused(&module("echo-handler", &own(items)));
        let ModuleError::Foreign { name } = &error else { panic!("{items}: {error}") };
        assert!(name.ends_with(expected), "{items}: {error}");
        assert!(error.to_string().contains("wasm-tools component new"), "{error}");
    }
}

/// The world of a package that stands in for the contract's.
fn standing_in(wit: &str) -> Vec<u8> {
    let mut module = bare("echo-handler");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("own.wit", wit).unwrap_or_else(|error| panic!("{error:#}"));
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

#[test]
fn another_version_of_the_contract_is_not_it() {
    for version in ["0.1.1", "0.2.0", "1.0.0"] {
        let error = refused(&standing_in(&format!(
            "package castcall:component@{version}; \
             interface component-lifecycle {{ handle-message: func(); }} \
             world mine {{ export component-lifecycle; }}"
        )));
        let ModuleError::Foreign { name } = &error else { panic!("{error}") };
        assert_eq!(*name, format!("castcall:component/component-lifecycle@{version}"));
    }
    let error = refused(&standing_in(
        "package wasi:clocks@0.2.0; interface wall-clock { now: func() -> u64; } \
         world mine { import wall-clock; }",
    ));
    assert!(
        matches!(&error, ModuleError::Foreign { name } if name.starts_with("wasi:")),
        "{error}"
    );
}

#[test]
fn another_type_of_the_same_name_is_refused() {
    let handle = "handle-message: func(sender: string, message: list<u8>) \
        -> result<list<u8>, component-error>;";
    let types = "record failure { code: u32, message: string } \
        variant component-error { invalid-payload(string), failed(failure) }";
    let wit = |services: &str, lifecycle: &str| {
        format!(
            "package castcall:component@0.1.0; \
             interface host-services {{ {services} }} \
             interface component-lifecycle {{ {types} {lifecycle} }} \
             world mine {{ import host-services; export component-lifecycle; }}"
        )
    };
    let plain = "self-id: func() -> string;";
    make(&standing_in(&wit(plain, handle))).unwrap();
    let more = format!("{handle} more: func();");
    for (services, lifecycle, expected) in [
        ("self-id: func() -> u32;", handle, "self-id"),
        ("self-id: func(of: string) -> string;", handle, "self-id"),
        ("no-such: func();", handle, "no-such"),
        ("resource file;", handle, "file"),
        ("resource file { close: func(); }", handle, "file"),
        (plain, "", "handle-message"),
        (plain, "handle-message: func();", "handle-message"),
        (plain, &more, "more"),
    ] {
        let error = refused(&standing_in(&wit(services, lifecycle)));
        let ModuleError::OtherType { item, .. } = &error else { panic!("{services}: {error}") };
        assert!(item.contains(expected), "{services} {lifecycle}: {error}");
    }
    // What is asynchronous is no valid type here.
    let error = refused(&standing_in(&wit("self-id: async func() -> string;", handle)));
    assert!(matches!(error, ModuleError::Types { .. }), "{error}");
}

#[test]
fn only_utf_8_is_taken() {
    for (text, expected) in
        [(StringEncoding::UTF16, "UTF-16"), (StringEncoding::CompactUTF16, "Latin-1 or UTF-16")]
    {
        let mut module = bare("echo-handler");
        say(&mut module, "responder", text);
        let error = refused(&module);
        assert!(matches!(error, ModuleError::Text { encoding } if encoding == expected), "{error}");
    }
    // Also where another section says that it is.
    let mut module = module("echo-handler", "responder");
    say(&mut module, "responder", StringEncoding::UTF16);
    assert!(matches!(refused(&module), ModuleError::Text { .. }));
}

#[test]
fn a_world_that_can_not_be_entered_has_no_handler() {
    for items in ["", "export castcall:component/component-setup@0.1.0;"] {
        let world = format!(
            "package test:mine; world mine {{ include castcall:component/imports@0.1.0; {items} }}"
        );
        let error = make(&module("setup-recorder", &world)).unwrap_err();
        assert!(matches!(error, CompileError::NoHandler), "{error}");
    }
}

#[test]
fn what_the_module_lacks_is_named() {
    let error = refused(&module("echo-handler", "requester"));
    let ModuleError::Export { interface, function } = error else { panic!("{error}") };
    assert_eq!((interface, function), (crate::names::CALLBACK, "handle-callback"));
    let error = refused(&module("echo-handler", "component"));
    assert!(matches!(error, ModuleError::Export { .. }), "{error}");
    // A memory of that name is no function.
    let text = format!(r#"(module (memory (export "{LIFECYCLE}#handle-message") 1))"#);
    let mut module = wat::parse_str(text).unwrap();
    say(&mut module, "responder", StringEncoding::UTF8);
    assert!(matches!(refused(&module), ModuleError::Export { .. }));
}

/// A responder with these imports and these parts.
fn responder(imports: &str, parts: &str) -> Vec<u8> {
    let mut module = wat::parse_str(format!("(module {imports} {parts})")).unwrap();
    say(&mut module, "responder", StringEncoding::UTF8);
    module
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const REALLOC: &str =
    r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#;

fn handle(params: &str) -> String {
    format!(
        r#"(func (export "{LIFECYCLE}#handle-message") (param {params}) (result i32) unreachable)"#
    )
}

#[test]
fn what_the_module_imports_besides_is_named() {
    let parts = format!("{MEMORY} {REALLOC} {}", handle("i32 i32 i32 i32"));
    make(&responder("", &parts)).unwrap();
    let services = crate::names::HOST_SERVICES;
    for (from, name, ty) in [
        ("wasi_snapshot_preview1", "fd_write", "(func (param i32 i32 i32 i32) (result i32))"),
        ("env", "memory", "(memory 1)"),
        ("env", "malloc", "(func (param i32) (result i32))"),
        ("__main_module__", "f", "(func)"),
        ("$root", "[backpressure-inc]", "(func)"),
        ("$root", "[waitable-set-new]", "(func (result i32))"),
        ("[export]$root", "[task-cancel]", "(func)"),
        (services, "no-such", "(func)"),
        (services, "[resource-drop]file", "(func (param i32))"),
        (services, "[async-lower]self-id", "(func (param i32) (result i32))"),
        (services, "self-id", "(global i32)"),
        ("castcall:component/types@0.1.0", "failure", "(func)"),
        ("cm32p2|castcall:component/host-services@0.1", "self-id", "(func (param i32))"),
        ("", "", "(func)"),
    ] {
        let parts = if ty.contains("memory") { handle("i32 i32 i32 i32") } else { parts.clone() };
        let error = refused(&responder(&format!(r#"(import "{from}" "{name}" {ty})"#), &parts));
        let ModuleError::Import { module, name: import } = &error else {
            panic!("{from}: {error}")
        };
        assert_eq!((module.as_str(), import.as_str()), (from, name));
    }
    // Of the contract, and of another core type.
    let import = format!(r#"(import "{services}" "self-id" (func (param i64)))"#);
    let error = refused(&responder(&import, &parts));
    assert!(matches!(&error, ModuleError::Refused { .. }), "{error}");
    // Names may be as long as they like.
    let long = "x".repeat(99_999);
    let error = refused(&responder(&format!(r#"(import "{long}" "{long}" (func))"#), ""));
    assert!(matches!(&error, ModuleError::Import { .. }), "{error}");
    let export = format!(r#"(export "{long}" (func 0))"#);
    let error = refused(&responder("", &format!("(func) {export} {export}")));
    assert!(matches!(&error, ModuleError::Invalid { .. }), "{error}");
}

#[test]
fn an_import_may_be_there_twice_and_not_thousands_of_times() {
    let parts = format!("{MEMORY} {REALLOC} {}", handle("i32 i32 i32 i32"));
    let services = crate::names::HOST_SERVICES;
    let import = format!(r#"(import "{services}" "self-id" (func (param i32)))"#);
    for times in [2, 1_000] {
        let module = responder(&import.repeat(times), &parts);
        assert_eq!(compile(&module, true).unwrap().lane(), &Lane::Core);
        compile(&module, false).unwrap();
    }
    let error = refused(&responder(&import.repeat(1_001), &parts));
    assert!(matches!(error, ModuleError::TooManyImports { found: 1_001, limit: 1_000 }), "{error}");
}

#[test]
fn what_the_abi_asks_for_must_be_there() {
    let whole = handle("i32 i32 i32 i32");
    for (parts, expected) in [
        (format!("{REALLOC} {whole}"), "memory"),
        (format!("{MEMORY} {whole}"), "realloc"),
        (format!("{MEMORY} {REALLOC} {}", handle("i32 i32 i64 i32")), "type mismatch"),
        (format!("{MEMORY} {REALLOC} {}", handle(&"i64 ".repeat(999))), "type mismatch"),
        (format!(r#"{MEMORY} {whole} (func (export "cabi_realloc"))"#), "type mismatch"),
    ] {
        let error = refused(&responder("", &parts));
        let ModuleError::Refused { reason } = &error else { panic!("{parts}: {error}") };
        assert!(reason.contains(expected), "{error}");
    }
    // What it exports besides is its own matter.
    let more = format!(
        r#"{MEMORY} {REALLOC} {whole} (func (export "more"))
           (global (export "g") i32 (i32.const 1))"#
    );
    assert_eq!(compile(&responder("", &more), true).unwrap().lane(), &Lane::Core);
}

#[test]
fn names_that_mean_something_else_are_refused() {
    let whole = format!("{MEMORY} {REALLOC} {}", handle("i32 i32 i32 i32"));
    for name in [
        &format!("[async-lift]{LIFECYCLE}#handle-message"),
        &format!("[async-lift-stackful]{LIFECYCLE}#handle-message"),
        &format!("[callback][async-lift]{LIFECYCLE}#handle-message"),
        "cm32p2|castcall:component/component-lifecycle@0.1|handle-message",
        "cm32p2_memory",
        "__wasm_init_task",
    ] {
        let more = format!(r#"{whole} (func (export "{name}") (param i32 i32 i32 i32))"#);
        let error = refused(&responder("", &more));
        assert!(matches!(&error, ModuleError::Name { name: found } if found == name), "{error}");
    }
}
