//! From a module that was checked to a component, by way of the library that tools use.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wit_component::ComponentEncoder;

use super::error::ModuleError;
use super::short;
use super::world::World;
use crate::names;

/// Sections of types, each for a world that exports one interface, and imports all that a guest may
/// import. Made of `wit/` by `cargo xtask abi`.
const SECTIONS: &[(&str, &[u8])] = &[
    (names::LIFECYCLE, include_bytes!("component-lifecycle.section")),
    (names::CALLBACK, include_bytes!("component-callback.section")),
    (names::SETUP, include_bytes!("component-setup.section")),
];

/// Makes a component of a module without sections of types. It imports what the module uses.
pub(super) fn component(mut module: Vec<u8>, world: &World) -> Result<Vec<u8>, ModuleError> {
    for (interface, section) in SECTIONS {
        if world.exports.contains(interface) {
            module.extend_from_slice(section);
        }
    }
    // What comes out is validated as any component is.
    let encode = || ComponentEncoder::default().module(&module)?.encode();
    // The module is a stranger's: a fault of the encoder's may not be more than an error.
    match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => {
            Err(ModuleError::Refused { reason: short(&error.root_cause().to_string()) })
        }
        Err(_) => Err(ModuleError::Refused { reason: "the encoder failed".to_owned() }),
    }
}
