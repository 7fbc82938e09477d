//! Components are written as text here: what each exports is all that matters of it.

use super::*;
use crate::EngineConfig;

/// The types of `wit/` that the exported functions need. What an exported function uses must be
/// exported itself.
const ERROR: &str = r#"
    (type $failure' (record (field "code" u32) (field "message" string)))
    (export $failure "failure" (type $failure'))
    (type $error' (variant (case "invalid-payload" string) (case "failed" $failure)))
    (export $error "component-error" (type $error'))
"#;

/// A function `$handle` as `wit/` has it. It can't be run.
const HANDLE: &str = r#"
    (func $handle (param "sender" string) (param "message" (list u8))
      (result (result (list u8) (error $error)))
      (canon lift (core func $core "four")
        (memory $core "memory") (realloc (func $core "realloc"))))
"#;

/// Compiles a component of these parts, beside a core instance `$core`.
fn compile(parts: &[&str]) -> Result<WasmComponent, CompileError> {
    let text = format!(
        r#"(component
          (core module $module
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "none"))
            (func (export "one") (param i32) (result i32) unreachable)
            (func (export "four") (param i32 i32 i32 i32) (result i32) unreachable))
          (core instance $core (instantiate $module))
          {})"#,
        parts.concat()
    );
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(EngineConfig::default()).unwrap().compile(&wasm)
}

fn refusal(parts: &[&str]) -> CompileError {
    compile(parts).expect_err("it should be refused")
}

fn export(interface: &str, items: &str) -> String {
    format!(r#"(instance $exported {items}) (export "{interface}" (instance $exported))"#)
}

fn lifecycle(item: &str) -> String {
    export(names::LIFECYCLE, &format!(r#"(export "handle-message" ({item}))"#))
}

#[test]
fn what_a_component_can_do_is_shown() {
    let component = compile(&[ERROR, HANDLE, &lifecycle("func $handle")]).unwrap();
    assert_eq!(component.handlers(), Handlers { receives: true, calls_back: false });
    let limits = Limits { memory: 1, table_elements: 2, ..Limits::default() };
    assert_eq!(
        format!("{:?}", component.with_limits(limits)),
        "WasmComponent { handlers: Handlers { receives: true, calls_back: false }, \
         limits: Limits { memory: 1, table_elements: 2, execution: 1s }, .. }"
    );
}

#[test]
fn a_wrong_type_is_told_as_wit_would_write_it() {
    // In text, and in WIT. So many that they are passed in memory.
    let types = [
        ("bool", "bool"),
        ("s8", "s8"),
        ("u8", "u8"),
        ("s16", "s16"),
        ("u16", "u16"),
        ("s32", "s32"),
        ("u32", "u32"),
        ("s64", "s64"),
        ("u64", "u64"),
        ("f32", "f32"),
        ("f64", "f64"),
        ("char", "char"),
        ("string", "string"),
        ("(list (list u16))", "list<list<u16>>"),
        ("(option (option f32))", "option<option<f32>>"),
        ("(tuple char s64 (tuple u8))", "tuple<char, s64, tuple<u8>>"),
        ("$point", "record { x: f32, y: f64 }"),
        ("$shape", "variant { empty, dot(record { x: f32, y: f64 }) }"),
        ("$colour", "enum { red, green }"),
        ("$rights", "flags { read, write }"),
        ("(result)", "result"),
        ("(result u8)", "result<u8, _>"),
        ("(result (error char))", "result<_, char>"),
        ("(result (result string) (error (result)))", "result<result<string, _>, result>"),
        ("(own $file)", "something else"),
    ];
    let mut function = String::from("(func $odd");
    for (number, (text, _)) in types.iter().enumerate() {
        function += &format!(r#" (param "p{number}" {text})"#);
    }
    function += r#" (result (option u64))
        (canon lift (core func $core "one")
          (memory $core "memory") (realloc (func $core "realloc"))))"#;
    let error = refusal(&[
        r#"
        (type $point' (record (field "x" f32) (field "y" f64)))
        (export $point "point" (type $point'))
        (type $shape' (variant (case "empty") (case "dot" $point)))
        (export $shape "shape" (type $shape'))
        (type $colour' (enum "red" "green"))
        (export $colour "colour" (type $colour'))
        (type $rights' (flags "read" "write"))
        (export $rights "rights" (type $rights'))
        (type $file' (resource (rep i32)))
        (export $file "file" (type $file'))
        "#,
        &function,
        &lifecycle("func $odd"),
    ]);
    let CompileError::ExportMismatch { interface, function, found, expected } = error else {
        panic!("{error}")
    };
    assert_eq!((interface, function), (names::LIFECYCLE, "handle-message"));
    assert_eq!(expected, HANDLE_MESSAGE);
    let types = types.map(|(_, wit)| wit).join(", ");
    assert_eq!(found, format!("func({types}) -> option<u64>"));
}

#[test]
fn a_refused_export_is_named() {
    let none = r#"(func $none (canon lift (core func $core "none")))"#;
    assert_eq!(
        refusal(&[none, &lifecycle("func $none")]).to_string(),
        "it exports castcall:component/component-lifecycle@0.1.0 with handle-message: func(), and \
         it should be func(string, list<u8>) -> result<list<u8>, variant { \
         invalid-payload(string), failed(record { code: u32, message: string }) }>"
    );
    let callback = export(names::CALLBACK, r#"(export "handle-callback" (func $none))"#);
    let error = refusal(&[none, &callback]);
    assert!(
        matches!(
            &error,
            CompileError::ExportMismatch { interface: names::CALLBACK, found, expected, .. }
                if found == "func()" && *expected == HANDLE_CALLBACK
        ),
        "{error}"
    );
}

#[test]
fn a_type_under_a_function_s_name_is_no_function() {
    let error = refusal(&["(type $number u32)", &lifecycle("type $number")]);
    assert!(
        matches!(&error, CompileError::ExportMismatch { found, .. } if found == "not a function"),
        "{error}"
    );
}

#[test]
fn an_interface_without_its_function_is_refused() {
    assert_eq!(
        refusal(&[&export(names::LIFECYCLE, "")]).to_string(),
        "it exports castcall:component/component-lifecycle@0.1.0 without handle-message"
    );
    // Of `component-setup` too, with a handler that is right.
    let setup = format!(r#"(instance $setup) (export "{}" (instance $setup))"#, names::SETUP);
    assert_eq!(
        refusal(&[ERROR, HANDLE, &lifecycle("func $handle"), &setup]).to_string(),
        "it exports castcall:component/component-setup@0.1.0 without init"
    );
}

#[test]
fn an_import_of_another_type_is_refused() {
    let import = format!(
        r#"(import "{}" (instance (export "self-id" (func (result u32)))))"#,
        names::HOST_SERVICES
    );
    let error = refusal(&[&import, ERROR, HANDLE, &lifecycle("func $handle")]);
    let CompileError::ImportMismatch { reason } = error else { panic!("{error}") };
    assert!(reason.contains("self-id"), "{reason}");
    assert!(reason.contains(names::HOST_SERVICES), "{reason}");
}

#[test]
fn no_more_of_a_wrong_type_is_told_than_anybody_reads() {
    let mut ty = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..=12 {
        let inner = format!("$t{}", level - 1);
        ty += &format!("(type $t{level} (tuple {inner} {inner}))");
    }
    let function = r#"(func $odd (param "p" $t12) (result u32)
        (canon lift (core func $core "one")
          (memory $core "memory") (realloc (func $core "realloc"))))"#;
    let error = refusal(&[&ty, function, &lifecycle("func $odd")]);
    let CompileError::ExportMismatch { found, .. } = error else { panic!("{error}") };
    assert_eq!(found.chars().count(), 1_001);
    assert!(found.starts_with("func(tuple<tuple<") && found.ends_with('…'), "{found}");
}
