//! Whether a component's functions have the contract's types.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId,
    ComponentValType,
};
use wasmparser::{Validator, WasmFeatures};

use super::NotCore;
use super::contract::{EXPORTS, IMPORTS};
use super::shape::Shape;

/// Validates a component, and checks that what it imports of the host's and exports for it is typed
/// as the contract has it.
pub(crate) fn check(wasm: &[u8], shape: &Shape<'_>) -> Result<(), NotCore> {
    let types = Validator::new_with_features(FEATURES).validate_all(wasm)?;
    let types = types.as_ref();
    for interface in &shape.imports {
        let item = types.component_item_for_import(interface).ok_or(TYPE)?;
        let ComponentEntityType::Instance(instance) = item.ty else { return Err(TYPE) };
        for (name, item) in &types[instance].exports {
            match item.ty {
                ComponentEntityType::Func(function) => {
                    let expected = expected(IMPORTS, interface, name).ok_or(TYPE)?;
                    is(&types, function, expected)?;
                }
                ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(_), .. } => {
                    return Err(NotCore::Form("resources, or what is asynchronous"));
                }
                ComponentEntityType::Type { .. } => {}
                _ => return Err(TYPE),
            }
        }
    }
    for (interface, name, expected) in EXPORTS {
        let Some(item) = types.component_item_for_export(interface) else { continue };
        let ComponentEntityType::Instance(instance) = item.ty else { return Err(TYPE) };
        let item = types[instance].exports.get(*name).ok_or(TYPE)?;
        let ComponentEntityType::Func(function) = item.ty else { return Err(TYPE) };
        is(&types, function, expected)?;
    }
    Ok(())
}

/// What the engine takes of a component, too: of all that WebAssembly 3 has, not what wasmtime is
/// built without here. Modules are validated by the engine itself.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::GC_TYPES)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::THREADS)
    .union(WasmFeatures::COMPONENT_MODEL);

const TYPE: NotCore = NotCore::Form("another type than the contract's");

/// Whether these rows have a function of that name, of this type.
pub(crate) fn has_type(
    types: &TypesRef<'_>,
    id: ComponentFuncTypeId,
    table: &[(&str, &str, &'static str)],
    interface: &str,
    function: &str,
) -> bool {
    expected(table, interface, function).is_some_and(|expected| is(types, id, expected).is_ok())
}

fn expected(
    table: &[(&str, &str, &'static str)],
    interface: &str,
    function: &str,
) -> Option<&'static str> {
    let row = table.iter().find(|row| row.0 == interface && row.1 == function)?;
    Some(row.2)
}

type TypesRef<'a> = wasmparser::types::TypesRef<'a>;

fn is(types: &TypesRef<'_>, id: ComponentFuncTypeId, expected: &str) -> Result<(), NotCore> {
    let mut left = Left { types, text: expected };
    left.function(id)?;
    if left.text.is_empty() { Ok(()) } else { Err(TYPE) }
}

/// The rest of the text that a type must be.
///
/// Comparing piece by piece, instead of writing the type out, costs no more than the contract is
/// long, however large the type is.
struct Left<'a> {
    types: &'a TypesRef<'a>,
    text: &'a str,
}

impl Left<'_> {
    fn eat(&mut self, text: &str) -> Result<(), NotCore> {
        self.text = self.text.strip_prefix(text).ok_or(TYPE)?;
        Ok(())
    }

    fn function(&mut self, id: ComponentFuncTypeId) -> Result<(), NotCore> {
        let function = &self.types[id];
        if function.async_ {
            return Err(TYPE);
        }
        self.eat("func(")?;
        self.list(function.params.iter().map(|(_, ty)| *ty), |left, ty| left.value(ty))?;
        self.eat(")")?;
        match function.result {
            Some(ty) => {
                self.eat(" -> ")?;
                self.value(ty)
            }
            None => Ok(()),
        }
    }

    fn list<T>(
        &mut self,
        parts: impl Iterator<Item = T>,
        part: impl Fn(&mut Self, T) -> Result<(), NotCore>,
    ) -> Result<(), NotCore> {
        for (number, item) in parts.enumerate() {
            if number > 0 {
                self.eat(", ")?;
            }
            part(self, item)?;
        }
        Ok(())
    }

    fn or_none(&mut self, ty: Option<ComponentValType>) -> Result<(), NotCore> {
        match ty {
            Some(ty) => self.value(ty),
            None => self.eat("_"),
        }
    }

    fn value(&mut self, ty: ComponentValType) -> Result<(), NotCore> {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return self.eat(&primitive.to_string()),
            ComponentValType::Type(id) => id,
        };
        match &self.types[id] {
            ComponentDefinedType::Primitive(primitive) => self.eat(&primitive.to_string()),
            ComponentDefinedType::List { element, .. } => {
                self.eat("list<")?;
                self.value(*element)?;
                self.eat(">")
            }
            ComponentDefinedType::Option { ty, .. } => {
                self.eat("option<")?;
                self.value(*ty)?;
                self.eat(">")
            }
            ComponentDefinedType::Result { ok: None, err: None, .. } => self.eat("result"),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.eat("result<")?;
                self.or_none(*ok)?;
                self.eat(", ")?;
                self.or_none(*err)?;
                self.eat(">")
            }
            ComponentDefinedType::Tuple(tuple) => {
                self.eat("tuple<")?;
                self.list(tuple.types.iter().copied(), |left, ty| left.value(ty))?;
                self.eat(">")
            }
            ComponentDefinedType::Record(record) => {
                self.eat("record { ")?;
                self.list(record.fields.iter(), |left, (name, ty)| {
                    left.eat(name.as_str())?;
                    left.eat(": ")?;
                    left.value(*ty)
                })?;
                self.eat(" }")
            }
            ComponentDefinedType::Variant(variant) => {
                self.eat("variant { ")?;
                self.list(variant.cases.iter(), |left, (name, case)| {
                    left.eat(name.as_str())?;
                    let Some(ty) = case.ty else { return Ok(()) };
                    left.eat("(")?;
                    left.value(ty)?;
                    left.eat(")")
                })?;
                self.eat(" }")
            }
            ComponentDefinedType::Enum(names) => {
                self.eat("enum { ")?;
                self.list(names.iter(), |left, name| left.eat(name.as_str()))?;
                self.eat(" }")
            }
            _ => Err(TYPE),
        }
    }
}

#[cfg(test)]
mod tests;
