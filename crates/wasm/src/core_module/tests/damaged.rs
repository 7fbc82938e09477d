//! Bytes that are not what any tool has written. None of them may be the end of the process.

use super::*;

/// Where the contents of the section of types are.
fn section(module: &[u8]) -> std::ops::Range<usize> {
    let types = Parts::of(module).unwrap().types[0];
    let start = types.as_ptr().addr() - module.as_ptr().addr();
    start..start + types.len()
}

#[test]
fn a_byte_that_was_changed_is_refused_or_changes_nothing() {
    let whole = module("echo-handler", "responder");
    let component = make(&whole).unwrap();
    let section = section(&whole);
    let mut accepted = 0;
    let masks = [0x01, 0x02, 0x10, 0x55, 0x80, 0xff];
    for mask in masks {
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= mask;
            let Ok(made) = make(&damaged) else { continue };
            if section.contains(&at) {
                // In the name of a type or of a parameter, or of what made it.
                assert_eq!(made, component, "{at} ^ {mask:#x}");
                accepted += 1;
            }
        }
    }
    let flips = masks.len() * section.len();
    println!("{accepted} of {flips} change nothing");
    assert!(accepted < flips / 2, "{accepted} of {flips}");
}

#[test]
fn what_was_cut_is_refused() {
    let whole = module("echo-handler", "responder");
    let component = make(&whole).unwrap();
    let section = section(&whole);
    for length in 0..whole.len() {
        let cut = make(&whole[..length]);
        assert!(cut.is_err(), "cut after {length}");
        if length < section.len() {
            let cut = custom("component-type", &whole[section.start..][..length]);
            // What made it comes last, and may be missing.
            match make(&[&bare("echo-handler"), &cut[..]].concat()) {
                Ok(made) => assert_eq!(made, component, "cut after {length}"),
                Err(CompileError::Module(_)) => {}
                Err(error) => panic!("cut after {length}: {error}"),
            }
        }
    }
}

#[test]
fn what_is_no_world_is_refused() {
    let echo = bare("echo-handler");
    let say = |data: &[u8]| refused(&[&echo[..], &custom("component-type", data)].concat());
    for data in [&b""[..], b"\0", b"\x03\x00\x00", b"\0asm", b"\0asm\x0d\0\x01", &[0xff; 99]] {
        let error = say(data);
        assert!(matches!(error, ModuleError::Types { .. }), "{data:?}: {error}");
    }
    let text = r#"(@custom "wit-component-encoding" "\04\00")"#;
    let other = |data| format!(r#"(component (@custom "wit-component-encoding" "{data}"))"#);
    for (wat, expected) in [
        ("(module)".to_owned(), "is not one world"),
        ("(component)".to_owned(), "does not say how text is encoded"),
        (format!("(component {text} {text})"), "says twice how text is encoded"),
        (other(r"\05\00"), "is of a version"),
        (other(r"\04"), "is of a version"),
        (other(""), "is of a version"),
        (format!("(component {text})"), "is not one world"),
        (format!("(component {text} (core module))"), "is not one world"),
        (format!("(component {text} (component))"), "is not one world"),
        (format!(r#"(component {text} (import "f" (func)))"#), "is not one world"),
        (format!(r#"(component {text} (type u8) (export "a" (type 0)))"#), "is not one world"),
        (
            format!(r#"(component {text} (type (component)) (export "a" (type 0)))"#),
            "is not one world",
        ),
        (
            format!(
                r#"(component {text} (type (component (type (component))
                   (export "a:b/c" (component (type 0))) (export "a:b/d" (component (type 0)))))
                   (export "a" (type 0)))"#
            ),
            "is not one world",
        ),
        (
            format!(r#"(component {text} (type u8) (export "a" (type 0)) (export "b" (type 0)))"#),
            "is not one world",
        ),
    ] {
        let error = say(&wat::parse_str(&wat).unwrap());
        let ModuleError::Form { what } = &error else { panic!("{wat}: {error}") };
        assert!(what.starts_with(expected), "{wat}: {error}");
    }
}

#[test]
fn types_without_end_are_refused() {
    // Nearly as many bytes as are read, each level three of them.
    let mut types = custom("", &b"\x41\x01\x01".repeat(80_000));
    // Another kind of section, and one type instead of the name.
    types[0] = 7;
    let name = types.iter().skip(1).position(|byte| *byte == 0).unwrap();
    types[1 + name] = 1;
    let text = custom("wit-component-encoding", &[4, 0]);
    let export = b"\x0b\x07\x01\x00\x01a\x03\x00\x00";
    let world = [b"\0asm\x0d\0\x01\0", &text[..], &types, export].concat();
    let module = [bare("echo-handler"), custom("component-type", &world)].concat();
    let error = make(&module).unwrap_err();
    assert!(matches!(error, CompileError::TooDeep { .. }), "{error}");
}

#[test]
fn sections_that_are_too_long_are_not_read() {
    let echo = bare("echo-handler");
    let sections = |times: usize, bytes: usize| {
        let section = custom("component-type:x", &vec![0; bytes]);
        [&echo[..], &section.repeat(times)].concat()
    };
    for (times, bytes) in [(1, MAX_TYPES + 1), (5, MAX_TYPES / 4), (MAX_TYPES + 1, 1)] {
        let error = refused(&sections(times, bytes));
        let ModuleError::TooLong { found, limit } = error else { panic!("{error}") };
        assert_eq!((found, limit), (times * bytes, MAX_TYPES));
    }
    assert!(matches!(refused(&sections(1, MAX_TYPES)), ModuleError::Types { .. }));
    // Empty ones say nothing.
    assert!(matches!(refused(&sections(100_000, 0)), ModuleError::Types { .. }));
}
