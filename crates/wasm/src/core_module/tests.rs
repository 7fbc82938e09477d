//! The modules are those of fixtures, with sections as `wit-component` writes them.

mod damaged;
mod worlds;

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::{Engine, EngineConfig, Lane, NotCore, WasmComponent};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A fixture's module, which says nothing of its world.
fn bare(fixture: &str) -> Vec<u8> {
    wat::parse_file(root().join("fixtures/wat").join(fixture).with_extension("wat")).unwrap()
}

/// Adds a section for a world of the contract, or of this text.
fn say(module: &mut Vec<u8>, world: &str, text: StringEncoding) {
    let mut resolve = Resolve::default();
    let package = if world.starts_with("package") {
        resolve.push_path(root().join("wit")).unwrap();
        resolve.push_str("own.wit", world).unwrap()
    } else {
        resolve.push_path(root().join("wit")).unwrap().0
    };
    let name = if world.starts_with("package") { None } else { Some(world) };
    let world = resolve.select_world(&[package], name).unwrap();
    embed_component_metadata(module, &resolve, world, text).unwrap();
}

/// A fixture's module with the types of a world.
fn module(fixture: &str, world: &str) -> Vec<u8> {
    let mut module = bare(fixture);
    say(&mut module, world, StringEncoding::UTF8);
    module
}

fn make(module: &[u8]) -> Result<Vec<u8>, CompileError> {
    componentize(module, &CompileLimits::default())
}

fn refused(module: &[u8]) -> ModuleError {
    match make(module) {
        Err(CompileError::Module(error)) => {
            // One line, which anybody can read.
            let text = error.to_string();
            assert!(text.len() < 800 && text.lines().count() == 1, "{text}");
            error
        }
        other => panic!("{:?}", other.map(|component| component.len())),
    }
}

fn compile(wasm: &[u8], core_lane: bool) -> Result<WasmComponent, CompileError> {
    Engine::new(EngineConfig { core_lane, ..EngineConfig::default() }).unwrap().compile(wasm)
}

/// A custom section.
fn custom(name: &str, data: &[u8]) -> Vec<u8> {
    let leb = |mut number: usize| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let contents = [&leb(name.len()), name.as_bytes(), data].concat();
    [&[0], &*leb(contents.len()), &contents].concat()
}

/// What is imported and exported.
fn names(component: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            // What is in it.
            wasmparser::Payload::End(_) => {}
            wasmparser::Payload::ComponentImportSection(imports) => {
                names
                    .extend(imports.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            wasmparser::Payload::ComponentExportSection(exports) => {
                names
                    .extend(exports.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    names
}

#[test]
fn modules_that_say_their_world_are_components() {
    for (fixture, world, receives, calls_back) in [
        ("echo-handler", "responder", true, false),
        ("callback-only", "requester", false, true),
        (
            "setup-recorder",
            "package test:mine; world mine { \
            import castcall:component/host-services@0.1.0; \
            export castcall:component/component-lifecycle@0.1.0; \
            export castcall:component/component-setup@0.1.0; }",
            true,
            false,
        ),
        (
            "deferrer",
            "package test:mine; world mine { include castcall:component/imports@0.1.0; \
            export castcall:component/component-lifecycle@0.1.0; \
            export castcall:component/component-callback@0.1.0; }",
            true,
            true,
        ),
    ] {
        let module = module(fixture, world);
        for (core_lane, lane) in [(true, Lane::Core), (false, Lane::Component(NotCore::Off))] {
            let component =
                compile(&module, core_lane).unwrap_or_else(|e| panic!("{fixture}: {e}"));
            assert_eq!(component.lane(), &lane, "{fixture}");
            let handlers = component.handlers();
            assert_eq!((handlers.receives, handlers.calls_back), (receives, calls_back));
        }
        // It imports and exports what the tool's would.
        let tools = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
        let ours = make(&module).unwrap();
        assert_eq!(names(&ours), names(&tools), "{fixture}");
        // Always the same, so that its code is found in the cache.
        assert_eq!(make(&module).unwrap(), ours, "{fixture}");
    }
}

#[test]
fn several_sections_are_one_world() {
    let lifecycle = "package test:a; world a { \
        export castcall:component/component-lifecycle@0.1.0; }";
    let callback = "package test:b; world b { include castcall:component/imports@0.1.0; \
        export castcall:component/component-callback@0.1.0; }";
    let mut module = bare("deferrer");
    say(&mut module, lifecycle, StringEncoding::UTF8);
    assert!(matches!(refused(&module), ModuleError::Import { .. }));
    say(&mut module, callback, StringEncoding::UTF8);
    let handlers = compile(&module, true).unwrap().handlers();
    assert!(handlers.receives && handlers.calls_back);
    // The same once more, under a name of its own, as the tools of a second language write it.
    let parts = Parts::of(&module).unwrap();
    let named = custom("component-type:other", parts.types[0]);
    assert_eq!(make(&[&module[..], &named].concat()).unwrap(), make(&module).unwrap());
}

#[test]
fn one_that_says_nothing_is_a_core_module() {
    for module in [bare("echo-handler"), wat::parse_str("(module)").unwrap()] {
        let error = make(&module).unwrap_err();
        assert!(matches!(error, CompileError::CoreModule), "{error}");
    }
}
