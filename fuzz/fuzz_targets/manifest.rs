//! Manifests: no text makes the reader panic, every problem has its place in the text, and what is
//! in order can be rendered and read again.
#![no_main]

use castcall_manifest::{ApplicationManifest, ComponentManifest, ManifestError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = ComponentManifest::parse_bytes(bytes, "Component.toml") {
        look_at(&error);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let component = |file: &std::path::Path| {
        ComponentManifest::parse("id = \"a\"\nwasm = \"a.wasm\"", file)
    };
    match ApplicationManifest::parse(text, "castcall.toml", component) {
        Ok(application) => drop(application.compatibility_matrix().to_string()),
        Err(error) => look_at(&error),
    }
});

fn look_at(error: &ManifestError) {
    assert!(!error.problems.is_empty());
    for problem in &error.problems {
        let _ = (problem.render(), problem.render_coloured(), problem.offending_text());
    }
    let _ = error.render();
}
