//! Checks an application, shows who understands whom in it, and what is said of a manifest that
//! is wrong.
//!
//! `cargo run -p castcall-manifest --example check`, or with the path of an application manifest.

use std::env;
use std::path::Path;

use castcall_manifest::{ApplicationManifest, ComponentManifest};

fn main() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let file = env::args_os().nth(1).map_or(shop.join("castcall.toml"), Into::into);
    match ApplicationManifest::load(&file) {
        Ok(application) => {
            for warning in &application.warnings {
                println!("{}\n", warning.render());
            }
            for (name, entry) in &application.components {
                println!("{name}: {} from {}", entry.component.id, entry.component.wasm.display());
            }
            let matrix = application.compatibility_matrix();
            println!("\n{matrix}");
            for pair in matrix.pairs().filter(|pair| pair.fails()) {
                println!("{} and {} don't understand each other\n", pair.sender, pair.target);
            }
        }
        Err(error) => print!("{}", error.render()),
    }
    match ComponentManifest::load(shop.join("wrong.toml")) {
        Ok(_) => println!("nothing is wrong with it"),
        Err(error) => print!("{}", error.render()),
    }
}
