//! The modules that tools put between a guest's main module and the host, and how it does without.
//!
//! A lowered function of the host's needs the guest's memory, and the guest needs the lowered
//! functions to be made; so what makes components puts a *shim* before it, whose functions call what
//! stands in a table, and *fix-ups* behind it, which put the lowered functions there. Our host
//! functions find the memory in the store. So the main module is given them at once, and the other
//! two are never made, if they are exactly that, and nobody else has to do with them.

use std::collections::HashMap;

use wasmparser::{
    BinaryReaderError, ConstExpr, Element, ElementItems, ElementKind, ExternalKind, FunctionBody,
    Operator, Parser, Payload, RefType, TableInit, TypeRef,
};

use super::shape::{Item, Shape};

/// Tools make three or four. Each step's module is read, also if it is one module again and again.
const MAX_STEPS: usize = 16;

/// What is left out, and what stands for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bypass<'a> {
    /// The steps that are not done.
    pub(crate) shim: usize,
    pub(crate) fixups: usize,
    /// What the functions that the shim exports come to: the host's.
    functions: HashMap<&'a str, Item<'a>>,
    /// How many elements the shim's table would have.
    pub(crate) elements: u32,
}

impl<'a> Bypass<'a> {
    /// Looks for such a pair.
    pub(crate) fn of(shape: &Shape<'a>) -> Option<Self> {
        if shape.steps.len() > MAX_STEPS {
            return None;
        }
        let module = |step: usize| Some(*shape.modules.get(shape.steps.get(step)?.module)?);
        let arg =
            |step: usize, (module, name): (&str, &'a str)| shape.steps.get(step)?.arg(module, name);
        let found = |fixups: usize| {
            let filled = Fixups::of(module(fixups)?)?;
            let Item::Export { step: shim, name: table } = arg(fixups, filled.table)? else {
                return None;
            };
            (shim < fixups).then_some((filled, shim, table))
        };
        let mut pairs = (0..shape.steps.len()).filter_map(|step| Some((step, found(step)?)));
        let (fixups, (filled, shim, table)) = pairs.next()?;
        let made = Shim::of(module(shim)?)?;
        if made.table != table || filled.end > made.elements {
            return None;
        }
        let function = |slot| match arg(fixups, *filled.slots.get(slot)?)? {
            item @ Item::Host { .. } => Some(item),
            Item::Export { .. } => None,
        };
        let functions = made.functions.iter().map(|(name, slot)| Some((*name, function(slot)?)));
        let functions = functions.collect::<Option<_>>()?;
        let bypass = Self { shim, fixups, functions, elements: made.elements };
        bypass.is_all(shape).then_some(bypass)
    }

    /// Whether nothing else has to do with the two than by the functions.
    fn is_all(&self, shape: &Shape<'a>) -> bool {
        let passes = |item: &Item<'a>| match item {
            Item::Export { step, name } if *step == self.shim => self.functions.contains_key(name),
            Item::Export { step, .. } => *step != self.fixups,
            Item::Host { .. } => true,
        };
        let stays = |item: &Item<'a>| self.instead(item.clone()) == *item && passes(item);
        let lifted = shape.exports.values();
        let lifted = lifted.flat_map(|it| std::iter::once(&it.call).chain(&it.post_return));
        let steps = shape.steps.iter().enumerate();
        let mut others = steps.filter(|(step, _)| ![self.shim, self.fixups].contains(step));
        shape.memory.iter().chain(&shape.realloc).chain(lifted).all(stays)
            && others.all(|(number, step)| {
                let Some(module) = shape.modules.get(step.module) else { return false };
                let Ok(head) = Head::of(module) else { return false };
                // Until the table is filled, who calls through it traps.
                let is_early = head.starts && number < self.fixups;
                let given = |(module, name): &(&str, &'a str)| step.arg(module, name);
                !is_early && head.imports.iter().all(|it| given(it).is_some_and(|it| passes(&it)))
            })
    }

    /// What stands for an item.
    pub(crate) fn instead(&self, item: Item<'a>) -> Item<'a> {
        match &item {
            Item::Export { step, name } if *step == self.shim => {
                self.functions.get(name).cloned().unwrap_or(item)
            }
            _ => item,
        }
    }
}

/// What any module imports, and whether it has a start function.
struct Head<'a> {
    imports: Vec<(&'a str, &'a str)>,
    starts: bool,
}

impl<'a> Head<'a> {
    fn of(module: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut head = Self { imports: Vec::new(), starts: false };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        head.imports.push((import.module, import.name));
                    }
                }
                Payload::StartSection { .. } => head.starts = true,
                _ => {}
            }
        }
        Ok(head)
    }
}

/// A module in which there is a table, and functions that call what stands in it; nothing else.
#[derive(Default)]
struct Shim<'a> {
    /// Which slot they call, by name.
    functions: HashMap<&'a str, u32>,
    /// The table's name.
    table: &'a str,
    elements: u32,
}

impl<'a> Shim<'a> {
    fn of(module: &'a [u8]) -> Option<Self> {
        let mut shim = Self::default();
        let (mut types, mut functions, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tables, mut exports) = (0, Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::Version { .. }
                | Payload::CustomSection(_)
                | Payload::CodeSectionStart { .. }
                | Payload::End(_) => {}
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        types.push(u32::try_from(ty.ok()?.params().len()).ok()?);
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty.ok()?);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        let table = table.ok()?;
                        let is_plain = matches!(table.init, TableInit::RefNull)
                            && table.ty.element_type == RefType::FUNCREF
                            && !table.ty.table64
                            && !table.ty.shared;
                        shim.elements = u32::try_from(table.ty.initial).ok()?;
                        tables += 1;
                        is_plain.then_some(())?;
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.ok()?;
                        match export.kind {
                            ExternalKind::Table => shim.table = export.name,
                            ExternalKind::Func => exports.push((export.name, export.index)),
                            _ => return None,
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let ty = *functions.get(slots.len())?;
                    slots.push(calls(&body, ty, *types.get(ty as usize)?)?);
                }
                _ => return None,
            }
        }
        for (name, index) in exports {
            shim.functions.insert(name, *slots.get(index as usize)?);
        }
        (tables == 1).then_some(shim)
    }
}

/// Which slot of the table a function calls with all that it was given, if it does nothing else.
fn calls(body: &FunctionBody<'_>, ty: u32, params: u32) -> Option<u32> {
    if body.get_locals_reader().ok()?.get_count() != 0 {
        return None;
    }
    let mut operators = body.get_operators_reader().ok()?;
    for param in 0..params {
        match operators.read().ok()? {
            Operator::LocalGet { local_index } if local_index == param => {}
            _ => return None,
        }
    }
    let Operator::I32Const { value } = operators.read().ok()? else { return None };
    match operators.read().ok()? {
        Operator::CallIndirect { type_index, table_index: 0 } if type_index == ty => {}
        _ => return None,
    }
    let is_all = matches!(operators.read().ok()?, Operator::End) && operators.eof();
    is_all.then_some(value.cast_unsigned())
}

/// A module that does nothing but put what it imports into a table, which it imports too.
struct Fixups<'a> {
    table: (&'a str, &'a str),
    /// What comes into which slot.
    slots: Slots<'a>,
    /// How many slots there have to be.
    end: u32,
}

impl<'a> Fixups<'a> {
    fn of(module: &'a [u8]) -> Option<Self> {
        let (mut functions, mut tables) = (Vec::new(), Vec::new());
        let (mut slots, mut end) = (HashMap::new(), 0);
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::Version { .. }
                | Payload::TypeSection(_)
                | Payload::CustomSection(_)
                | Payload::End(_) => {}
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.ok()?;
                        let name = (import.module, import.name);
                        match import.ty {
                            TypeRef::Func(_) => functions.push(name),
                            TypeRef::Table(_) => tables.push(name),
                            _ => return None,
                        }
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        end = end.max(fill(&element.ok()?, &functions, &mut slots)?);
                    }
                }
                _ => return None,
            }
        }
        let [table] = tables[..] else { return None };
        Some(Self { table, slots, end })
    }
}

type Slots<'a> = HashMap<u32, (&'a str, &'a str)>;

/// Where the segment ends.
fn fill<'a>(
    element: &Element<'a>,
    functions: &[(&'a str, &'a str)],
    slots: &mut Slots<'a>,
) -> Option<u32> {
    let ElementKind::Active { table_index: None | Some(0), offset_expr } = &element.kind else {
        return None;
    };
    let ElementItems::Functions(items) = &element.items else { return None };
    let mut slot = constant(offset_expr)?;
    for index in items.clone() {
        slots.insert(slot, *functions.get(index.ok()? as usize)?);
        slot = slot.checked_add(1)?;
    }
    Some(slot)
}

fn constant(expression: &ConstExpr<'_>) -> Option<u32> {
    let mut operators = expression.get_operators_reader();
    let Operator::I32Const { value } = operators.read().ok()? else { return None };
    let is_all = matches!(operators.read().ok()?, Operator::End) && operators.eof();
    is_all.then_some(value.cast_unsigned())
}

#[cfg(test)]
mod tests;
