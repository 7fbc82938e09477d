//! Bombs: small files that take for ever.

use std::fmt::Write;
use std::time::{Duration, Instant};

use wasmparser::BinaryReader;

use super::*;

fn check_with(limits: CompileLimits, text: &str) -> Result<(), CompileError> {
    limits.check(&wat::parse_str(text).unwrap_or_else(|error| panic!("{error}")))
}

/// What is over which limit, with all others as they are by default.
fn refused(limits: CompileLimits, text: &str) -> (CompileLimit, u64, u64) {
    match check_with(limits, text) {
        Err(CompileError::TooMuch { what, found, limit }) => (what, found, limit),
        other => panic!("{other:?}"),
    }
}

/// So many are allowed and one more is not.
fn is_bounded(what: CompileLimit, set: fn(&mut CompileLimits, u64), count: u64, text: &str) {
    let mut limits = CompileLimits::default();
    set(&mut limits, count);
    check_with(limits, text).unwrap();
    set(&mut limits, count - 1);
    assert_eq!(refused(limits, text), (what, count, count - 1), "{text}");
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    let text = "(component (core module (type (func)) (func) (func)) (core module (func)) \
        (component (core module (func))) (type (func)) (core type (func)))";
    is_bounded(CompileLimit::Functions, |limits, n| limits.functions = n, 4, text);
    is_bounded(CompileLimit::Modules, |limits, n| limits.modules = n, 5, text);
    // The type of functions without parameters is there in each module.
    is_bounded(CompileLimit::Types, |limits, n| limits.types = n, 5, text);
    let bytes = wat::parse_str(text).unwrap().len() as u64;
    is_bounded(CompileLimit::Bytes, |limits, n| limits.bytes = n, bytes, text);
}

#[test]
fn instances_are_counted_as_often_as_they_come_to_be() {
    let twice = r#"
        (component $a (core module $m) (core instance (instantiate $m)))
        (component $b (instance (instantiate $a)) (instance (instantiate $a)))
        (instance (instantiate $b))"#;
    // Itself, $b, twice $a with its core instance. $b names $a from outside.
    let text = format!("(component {twice})");
    is_bounded(CompileLimit::Instances, |limits, n| limits.instances = n, 6, &text);
}

#[test]
fn what_doubles_at_each_level_is_refused() {
    let mut text = String::from("(component (component $c0)");
    for level in 0..60 {
        let inner = format!("(instance (instantiate $c{level}))");
        write!(text, "(component $c{} {inner} {inner})", level + 1).unwrap();
    }
    text += "(instance (instantiate $c60)))";
    let (what, found, _) = refused(CompileLimits::default(), &text);
    assert_eq!(what, CompileLimit::Instances);
    assert!(found > 1_000);
    // By other ways to name a component.
    let exported = r#"(component (component $a) (export $b "b" (component $a))
        (instance (instantiate $b)))"#;
    is_bounded(CompileLimit::Instances, |limits, n| limits.instances = n, 2, exported);
    let imported = r#"(component (import "c" (component $c)) (instance (instantiate $c)))"#;
    assert_eq!(refused(CompileLimits::default(), imported).1, u64::MAX);
    let aliased = r#"(component
        (component $a (component $c) (export "c" (component $c)))
        (instance $a (instantiate $a))
        (alias export $a "c" (component $c))
        (instance (instantiate $c)))"#;
    assert_eq!(refused(CompileLimits::default(), aliased).0, CompileLimit::Instances);
}

fn function(locals: usize, body: &str) -> String {
    let locals = "i32 ".repeat(locals);
    format!("(component (core module (func (param i32) (local {locals}) {body})))")
}

/// Each takes Cranelift from half a minute to hours, by itself.
fn slow_functions() -> Vec<(&'static str, String)> {
    let set = |n: usize| {
        (1..=n).fold(String::new(), |mut text, n| {
            write!(text, "(local.set {n} (i32.add (local.get {n}) (i32.const 1)))").unwrap();
            text
        })
    };
    let labels = |n: usize| (0..n).map(|n| format!("{n} ")).collect::<String>();
    let nested = "(loop (br_if 0 (local.get 0))".repeat(3_000) + &set(3_000);
    let blocks = "(block ".repeat(3_000) + &set(3_000);
    let table = format!("(br_table {} (local.get 0))", labels(3_000));
    let each = (1..=3_000).fold(String::new(), |mut text, n| {
        write!(text, ") (local.set {n} (i32.const 1))").unwrap();
        text
    });
    let after = (1..=20_000).fold(String::new(), |mut text, n| {
        write!(text, "(loop (local.set {n} (local.get 0)) (br_if 0 (local.get {n})))").unwrap();
        text
    });
    vec![
        ("nested loops", function(3_000, &(nested + &")".repeat(3_000)))),
        ("a table of nested blocks", function(3_000, &(blocks + &table + &each))),
        ("loops and locals", function(20_000, &after)),
        ("branches", function(1, &"(if (local.get 0) (then))".repeat(200_000))),
    ]
}

#[test]
fn functions_that_take_for_ever_are_refused_at_once() {
    for (name, text) in slow_functions() {
        let wasm = wat::parse_str(&text).unwrap();
        assert!(wasm.len() < 1 << 20, "{name}: a small file, {} bytes", wasm.len());
        let start = Instant::now();
        let error = CompileLimits::default().check(&wasm).expect_err(name);
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: {:?}", start.elapsed());
        let CompileError::TooMuch { what, found, .. } = error else { panic!("{name}: {error}") };
        assert_eq!(what, CompileLimit::Work, "{name}");
        assert!(found > 300_000_000, "{name}: {found}");
    }
}

#[test]
fn ordinary_functions_are_little_work() {
    let wasm = include_bytes!("../../../../fixtures/components/rust-concierge.wasm");
    let work = {
        let bodies = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(work::of(&body).unwrap()),
            _ => None,
        });
        bodies.sum::<u64>()
    };
    println!("{} bytes: {work}", wasm.len());
    let bytes = wasm.len() as u64;
    assert!((bytes / 2..bytes * 4).contains(&work), "{bytes} bytes: {work}");
}

#[test]
fn what_can_not_be_read_is_invalid() {
    let wasm = wat::parse_str("(component (core module (func)))").unwrap();
    let mut invalid = 0;
    for length in 9..wasm.len() {
        match CompileLimits::default().check(&wasm[..length]) {
            Err(CompileError::Invalid { .. }) => invalid += 1,
            // Cut between two parts: the engine will see what is missing.
            Ok(()) => {}
            Err(other) => panic!("cut after {length}: {other}"),
        }
    }
    assert!(invalid > wasm.len() / 2, "{invalid} of {}", wasm.len());
}

/// Types within types, as deep as that; each declares something besides.
fn nested(levels: usize) -> Vec<u8> {
    let start = b"\x41\x03\x03\x00\x01a\x01\x00\x01\x73\x01";
    let end = b"\x42\x00";
    let section = [&[1][..], &start.repeat(levels), end].concat();
    let mut wasm = b"\0asm\x0d\0\x01\0\x07".to_vec();
    let mut left = section.len();
    while left >= 0x80 {
        wasm.push(left as u8 | 0x80);
        left >>= 7;
    }
    wasm.push(left as u8);
    [wasm, section].concat()
}

#[test]
fn types_within_types_are_counted_and_not_entered() {
    let check = |levels| CompileLimits::default().check(&nested(levels));
    let most = depth::MAX_LEVELS as usize;
    // The innermost is a level, too.
    check(most - 1).unwrap();
    for levels in [most, 20_000, 3_000_000] {
        let error = check(levels).unwrap_err();
        assert!(matches!(error, CompileError::TooDeep { limit: depth::MAX_LEVELS }), "{error}");
    }
    // As long as the stack allows, what is read here is what the engine's reader reads.
    let section = nested(most - 1);
    let read = Parser::new(0).parse_all(&section).any(|payload| match payload.unwrap() {
        Payload::ComponentTypeSection(section) => section.into_iter().all(|ty| ty.is_ok()),
        _ => false,
    });
    assert!(read);
    // Cut anywhere, it is an error for both.
    for length in 11..section.len() {
        let cut = &section[11..length];
        let reader = wasmparser::ComponentTypeSectionReader::new(BinaryReader::new(cut, 0));
        let read = reader.and_then(|section| section.into_iter().collect::<Result<Vec<_>, _>>());
        assert_eq!(depth::is_within(cut).is_ok(), read.is_ok(), "cut at {length}");
    }
}
