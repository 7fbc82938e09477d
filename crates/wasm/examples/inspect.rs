//! Compiles components and says what each can be entered for, or why it is refused.
//!
//! `cargo run -p castcall-wasm --example inspect -- MY.wasm`, or without arguments for some of
//! this repository's fixtures.

use std::path::{Path, PathBuf};
use std::time::Instant;

use castcall_wasm::{Engine, EngineConfig, EngineError};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/components");
    ["echo-handler", "self-caller", "no-handle-message", "wrong-types", "foreign-import", "text"]
        .map(|name| folder.join(name).with_extension("wasm"))
        .to_vec()
}

fn main() -> Result<(), EngineError> {
    let engine = Engine::new(EngineConfig::default())?;
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        paths = fixtures();
    }
    for path in paths {
        println!("{}", path.file_name().unwrap_or(path.as_os_str()).display());
        let began = Instant::now();
        match engine.compile_file(&path) {
            Ok(component) => {
                let handlers = component.handlers();
                let says = |yes| if yes { "yes" } else { "no" };
                println!("  compiled in {:.1?}", began.elapsed());
                println!("  takes messages (handle-message): {}", says(handlers.receives));
                println!("  makes calls (handle-callback): {}", says(handlers.calls_back));
            }
            Err(error) => println!("  refused: {error}"),
        }
    }
    Ok(())
}
