//! The worlds that a module's sections say it is for, compared with the contract.
//!
//! A section is a component that does nothing. It exports one type: that of a component which exports
//! one type in its turn, the world's. A section within says how text is encoded.

use std::collections::BTreeSet;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentItem, ComponentTypeId,
};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator};

use super::error::ModuleError;
use super::short;
use crate::bounds::CompileLimits;
use crate::core_lane::{EXPORTS, FEATURES, IMPORTS, has_type};
use crate::error::CompileError;
use crate::names;

type TypesRef<'a> = wasmparser::types::TypesRef<'a>;
type Rows = &'static [(&'static str, &'static str, &'static str)];

/// What says how text is encoded: a version, and one of three ways.
const TEXT: &str = "wit-component-encoding";
const VERSION: u8 = 4;

/// The interfaces of the contract that the sections of a module name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    pub(super) imports: BTreeSet<&'static str>,
    pub(super) exports: BTreeSet<&'static str>,
}

impl World {
    /// Adds what a section says.
    pub(super) fn add(
        &mut self,
        section: &[u8],
        limits: &CompileLimits,
    ) -> Result<(), CompileError> {
        let index = form(section)?;
        limits.check(section)?;
        let types =
            Validator::new_with_features(FEATURES).validate_all(section).map_err(damaged)?;
        let types = types.as_ref();
        let ComponentAnyTypeId::Component(outer) = types.component_any_type_at(index) else {
            return Err(NOT_ONE_WORLD.into());
        };
        let outer = &types[outer];
        let world = match (outer.imports.len(), outer.exports.len(), outer.exports.iter().next()) {
            (0, 1, Some((_, ComponentItem { ty: ComponentEntityType::Component(id), .. }))) => id,
            _ => return Err(NOT_ONE_WORLD.into()),
        };
        Ok(self.take(&types, *world)?)
    }

    /// Whether it can be entered at all.
    pub(super) fn has_handler(&self) -> bool {
        self.exports.contains(names::LIFECYCLE) || self.exports.contains(names::CALLBACK)
    }

    fn take(&mut self, types: &TypesRef<'_>, world: ComponentTypeId) -> Result<(), ModuleError> {
        let world = &types[world];
        for (name, item) in &world.imports {
            let ours =
                [names::TYPES, names::HOST_SERVICES, names::MESSAGE_CONTEXT, names::DEFERRED_REPLY];
            let interface = one_of(&ours, name)?;
            functions(types, interface, item, IMPORTS)?;
            self.imports.insert(interface);
        }
        for (name, item) in &world.exports {
            let interface = one_of(&[names::LIFECYCLE, names::CALLBACK, names::SETUP], name)?;
            let found = functions(types, interface, item, EXPORTS)?;
            // An older `wit/` may lack imports, which nobody misses; the host enters all of these.
            let mut expected = EXPORTS.iter().filter(|row| row.0 == interface).map(|row| row.1);
            if let Some(missing) = expected.find(|function| !found.contains(function)) {
                return Err(other(interface, missing));
            }
            self.exports.insert(interface);
        }
        Ok(())
    }
}

/// Checks that a section has the one form that tools write, and nothing in it that would have to be
/// validated besides types. Returns which of them it exports.
fn form(section: &[u8]) -> Result<u32, ModuleError> {
    let mut text = None;
    let mut exported = None;
    for payload in Parser::new(0).parse_all(section) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Component, .. }
            | Payload::ComponentTypeSection(_)
            | Payload::End(_) => {}
            Payload::CustomSection(section) if section.name() == TEXT => {
                if text.replace(section.data()).is_some() {
                    return Err(ModuleError::Form { what: "says twice how text is encoded" });
                }
            }
            Payload::CustomSection(_) => {}
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(damaged)?;
                    if export.kind != ComponentExternalKind::Type
                        || exported.replace(export.index).is_some()
                    {
                        return Err(NOT_ONE_WORLD);
                    }
                }
            }
            _ => return Err(NOT_ONE_WORLD),
        }
    }
    match text {
        Some([VERSION, 0]) => {}
        Some([VERSION, 1]) => return Err(ModuleError::Text { encoding: "UTF-16" }),
        Some([VERSION, 2]) => return Err(ModuleError::Text { encoding: "Latin-1 or UTF-16" }),
        Some(_) => return Err(ModuleError::Form { what: "is of a version that is not known" }),
        None => return Err(ModuleError::Form { what: "does not say how text is encoded" }),
    }
    exported.ok_or(NOT_ONE_WORLD)
}

const NOT_ONE_WORLD: ModuleError = ModuleError::Form { what: "is not one world" };

fn damaged(error: wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::Types { reason: short(&error.to_string()) }
}

fn other(interface: &'static str, item: &str) -> ModuleError {
    ModuleError::OtherType { interface, item: short(item) }
}

fn one_of(ours: &[&'static str], name: &str) -> Result<&'static str, ModuleError> {
    let found = ours.iter().find(|ours| **ours == name);
    found.copied().ok_or_else(|| ModuleError::Foreign { name: short(name) })
}

/// Checks that an interface has only functions of the contract, and returns which.
fn functions<'a>(
    types: &'a TypesRef<'_>,
    interface: &'static str,
    item: &ComponentItem,
    rows: Rows,
) -> Result<BTreeSet<&'a str>, ModuleError> {
    let ComponentEntityType::Instance(instance) = item.ty else {
        return Err(other(interface, "kind"));
    };
    let mut found = BTreeSet::new();
    for (name, item) in &types[instance].exports {
        match item.ty {
            ComponentEntityType::Func(id) if has_type(types, id, rows, interface, name) => {
                found.insert(name.as_str());
            }
            // What a type is, is compared where a function has it. A resource may not be there at all.
            ComponentEntityType::Type { created: ComponentAnyTypeId::Defined(_), .. } => {}
            _ => return Err(other(interface, name)),
        }
    }
    Ok(found)
}
