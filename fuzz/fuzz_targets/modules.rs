//! Core modules that say what their world is, or anything else: no bytes end the process, what is wrong
//! is said in a line.
#![no_main]

use std::sync::LazyLock;

use castcall_wasm::{Engine, EngineConfig};
use libfuzzer_sys::fuzz_target;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = EngineConfig::default();
    // What takes long to compile is not looked for here.
    config.compile.work = 1_000_000;
    Engine::new(config).expect("an engine")
});

/// A guest as its compiler has made it. What the fuzzer finds is put behind it.
const GUEST: &[u8] = include_bytes!("../../fixtures/components/c-exchanger-module.wasm");

fuzz_target!(|bytes: &[u8]| {
    look_at(bytes);
    // A section of types after a module that has one of its own: both must be in order.
    let name = b"\x0ecomponent-type";
    let mut length = name.len() + bytes.len();
    let mut module = GUEST.to_vec();
    module.push(0);
    while length >= 0x80 {
        module.push(length as u8 | 0x80);
        length >>= 7;
    }
    module.push(length as u8);
    module.extend_from_slice(name);
    module.extend_from_slice(bytes);
    look_at(&module);
});

fn look_at(wasm: &[u8]) {
    if let Err(error) = ENGINE.component(wasm) {
        let text = error.to_string();
        assert!(!text.is_empty() && text.len() < 2_000 && text.lines().count() == 1, "{text}");
    }
}
