//! Core modules that say what world they are for: components are made of them.
//!
//! What compilers make with `wit-bindgen` is a core module that carries its world's types in sections
//! named `component-type…`. `wasm-tools component new` makes a component of it, and so does the same
//! library here: what comes out is loaded, in either lane, as any component is. To bind such modules
//! to the core lane as they are would have been a second set of rules for what their functions are
//! called, and nothing to fall back on with that lane off.
//!
//! That library reads the sections with a decoder that overflows the stack where one is damaged. So it
//! never sees a guest's. They are validated by the engine's own validator, and compared with the
//! contract ([`world`]); what the module imports and exports is compared with them ([`module`]); then
//! they are cut off, and sections of our own put in their place, for the same interfaces ([`encode`]).

mod encode;
mod error;
mod module;
mod world;

use wasmparser::Validator;

use crate::bounds::CompileLimits;
use crate::core_lane::FEATURES;
use crate::error::CompileError;
use module::Parts;
use world::World;

pub use error::ModuleError;

/// How many bytes the sections of types may have together. Those of the whole contract have some
/// 4,000.
const MAX_TYPES: usize = 256 << 10;

/// Makes a component of a core module that is within the limits.
pub(crate) fn componentize(module: &[u8], limits: &CompileLimits) -> Result<Vec<u8>, CompileError> {
    let parts = Parts::of(module)?;
    if parts.types.is_empty() {
        return Err(CompileError::CoreModule);
    }
    let found = parts.types.iter().map(|section| section.len()).sum();
    if found > MAX_TYPES {
        return Err(ModuleError::TooLong { found, limit: MAX_TYPES }.into());
    }
    let mut world = World::default();
    for section in &parts.types {
        world.add(section, limits)?;
    }
    if !world.has_handler() {
        return Err(CompileError::NoHandler);
    }
    let types = Validator::new_with_features(FEATURES).validate_all(&parts.rest);
    let types =
        types.map_err(|error| ModuleError::Invalid { reason: short(&error.to_string()) })?;
    module::check(types.as_ref(), &world)?;
    Ok(encode::component(parts.rest, &world)?)
}

/// The beginning of what a guest has written: as much as anybody reads.
fn short(text: &str) -> String {
    const MOST: usize = 200;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;
