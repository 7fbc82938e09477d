//! A module and its sections of types, apart; and whether it imports and exports what those say.

use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{Encoding, Parser, Payload};

use super::error::ModuleError;
use super::short;
use super::world::World;
use crate::core_lane::{EXPORTS, IMPORTS};

/// What the names of the sections begin with. Each language's tools add something of their own.
const TYPES: &str = "component-type";

/// How many imports there may be. The contract has 18 functions, and a linker may repeat some; the
/// encoder looks for a new name for each repetition among all others.
const MAX_IMPORTS: usize = 1_000;

/// How names begin that the encoder would take for more than they are here: what is asynchronous,
/// what resources need, and another way to name everything.
const STRANGE: [&str; 3] = ["[", "cm32p2", "__wasm_init_"];

/// The length of a module's header.
const HEADER: usize = 8;

pub(super) struct Parts<'a> {
    /// The module without its sections of types.
    pub(super) rest: Vec<u8>,
    /// What is in those.
    pub(super) types: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(module: &'a [u8]) -> Result<Self, ModuleError> {
        let mut rest = module.get(..HEADER).unwrap_or_default().to_vec();
        let mut types = Vec::new();
        let mut end = HEADER;
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload
                .map_err(|error| ModuleError::Invalid { reason: short(&error.to_string()) })?;
            if let Payload::Version { encoding: Encoding::Component, .. } = payload {
                return Err(ModuleError::Invalid { reason: "it is a component".to_owned() });
            }
            let Some((_, range)) = payload.as_section() else { continue };
            // With what is before its contents: its kind and its length.
            let whole = module.get(end..range.end).unwrap_or_default();
            end = range.end;
            match payload {
                Payload::CustomSection(section) if section.name().starts_with(TYPES) => {
                    types.push(section.data());
                }
                _ => rest.extend_from_slice(whole),
            }
        }
        Ok(Self { rest, types })
    }
}

/// Checks that a valid module imports nothing but what its world does, and exports all that its
/// world does. Of which core types is for the encoder to see.
pub(super) fn check(module: TypesRef<'_>, world: &World) -> Result<(), ModuleError> {
    let imports = || module.core_imports().into_iter().flatten();
    let found = imports().count();
    if found > MAX_IMPORTS {
        return Err(ModuleError::TooManyImports { found, limit: MAX_IMPORTS });
    }
    for (from, name, ty) in imports() {
        let is_known = world.imports.contains(from)
            && IMPORTS.iter().any(|row| (row.0, row.1) == (from, name));
        if !is_known || !matches!(ty, EntityType::Func(_)) {
            return Err(ModuleError::Import { module: short(from), name: short(name) });
        }
    }
    let exports = || module.core_exports().into_iter().flatten();
    for (name, _) in exports() {
        if STRANGE.iter().any(|start| name.starts_with(start)) {
            return Err(ModuleError::Name { name: short(name) });
        }
    }
    for (interface, function, _) in EXPORTS {
        if !world.exports.contains(interface) {
            continue;
        }
        let is_it = |(name, ty): (&str, EntityType)| {
            matches!(ty, EntityType::Func(_)) && name.split_once('#') == Some((interface, function))
        };
        if !exports().any(is_it) {
            return Err(ModuleError::Export { interface, function });
        }
    }
    Ok(())
}
