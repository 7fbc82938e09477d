//! The nested components that tools make to give an exported interface its types: they import
//! functions and export the same, and do nothing else.

use std::collections::HashMap;

use wasmparser::{ComponentExternalKind, ComponentTypeRef, Payload, TypeBounds};

use super::NotCore;
use super::shape::Function;

#[derive(Debug, Default)]
pub(crate) struct Nested<'a> {
    /// By index, what it is imported as.
    functions: Vec<&'a str>,
    /// What is exported, and what that was imported as.
    exports: HashMap<&'a str, &'a str>,
}

impl<'a> Nested<'a> {
    /// Reads on, and says how many items that were.
    pub(crate) fn see(&mut self, payload: &Payload<'a>) -> Result<usize, NotCore> {
        let before = self.length();
        self.read(payload)?;
        Ok(1 + self.length() - before)
    }

    /// How many functions it imports and exports.
    pub(crate) fn length(&self) -> usize {
        self.functions.len() + self.exports.len()
    }

    fn read(&mut self, payload: &Payload<'a>) -> Result<(), NotCore> {
        match payload {
            Payload::Version { .. }
            | Payload::CustomSection(_)
            | Payload::ComponentTypeSection(_) => Ok(()),
            Payload::ComponentAliasSection(section) => {
                section.clone().into_iter().try_for_each(|alias| match alias? {
                    wasmparser::ComponentAlias::Outer {
                        kind: wasmparser::ComponentOuterAliasKind::Type,
                        ..
                    } => Ok(()),
                    _ => Err(NotCore::Form("an alias in a nested component")),
                })
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    match import.ty {
                        ComponentTypeRef::Func(_) => self.functions.push(import.name.name),
                        ComponentTypeRef::Type(TypeBounds::Eq(_)) => {}
                        _ => return Err(NotCore::Form("an import of a nested component")),
                    }
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    match export.kind {
                        ComponentExternalKind::Func => {
                            let function = self.functions.get(export.index as usize);
                            let function = *function.ok_or(NotCore::Form("an index of nothing"))?;
                            self.exports.insert(export.name.name, function);
                            self.functions.push(function);
                        }
                        ComponentExternalKind::Type => {}
                        _ => return Err(NotCore::Form("an export of a nested component")),
                    }
                }
                Ok(())
            }
            _ => Err(NotCore::Form("a nested component that does something")),
        }
    }

    /// What an instance of it exports.
    pub(crate) fn exports(
        &self,
        given: &HashMap<&'a str, Function<'a>>,
    ) -> Result<HashMap<&'a str, Function<'a>>, NotCore> {
        let export = |(name, function): (&&'a str, &&'a str)| {
            let function = given.get(function).ok_or(NotCore::Form("an index of nothing"))?;
            Ok((*name, function.clone()))
        };
        self.exports.iter().map(export).collect()
    }
}
