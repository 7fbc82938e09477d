//! The types of the contract: their names in Rust, their flat form, and what describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Result, bail};
use wit_parser::{Function, Handle, Resolve, Type, TypeDef, TypeDefKind};

pub(crate) struct Types<'a> {
    resolve: &'a Resolve,
    /// By name in Rust: the layout of each type that has one, and which ways its values go.
    seen: BTreeMap<String, Layout>,
}

struct Layout {
    kind: &'static str,
    parts: String,
    ways: BTreeSet<&'static str>,
}

/// Which way a value goes.
pub(crate) const INTO_THE_GUEST: &str = "Lower";
pub(crate) const AS_CORE_VALUES: &str = "Flatten";
pub(crate) const OUT_OF_THE_GUEST: &str = "Lift";

pub(crate) fn camel(name: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    name.split('-').map(upper).collect()
}

pub(crate) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

impl<'a> Types<'a> {
    pub(crate) fn new(resolve: &'a Resolve) -> Self {
        Self { resolve, seen: BTreeMap::new() }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.seen.keys().map(String::as_str).collect()
    }

    pub(crate) fn layouts(&self) -> String {
        let layout = |(name, layout): (&String, &Layout)| {
            let ways: Vec<_> = layout.ways.iter().copied().collect();
            format!("{}!([{}] {name} {{\n{}}});\n", layout.kind, ways.join(" "), layout.parts)
        };
        self.seen.iter().map(layout).collect()
    }

    /// The definition, behind all its other names.
    fn def(&self, ty: &Type) -> Option<&'a TypeDef> {
        let Type::Id(mut id) = *ty else { return None };
        loop {
            let def = &self.resolve.types[id];
            match def.kind {
                TypeDefKind::Type(Type::Id(next)) => id = next,
                _ => return Some(def),
            }
        }
    }

    /// A primitive type, behind all its other names.
    fn primitive(&self, ty: &Type) -> Option<Type> {
        match (ty, self.def(ty)) {
            (_, Some(TypeDef { kind: TypeDefKind::Type(ty), .. })) => Some(*ty),
            (Type::Id(_), _) => None,
            (ty, _) => Some(*ty),
        }
    }

    fn note(&mut self, kind: &'static str, def: &TypeDef, parts: String, way: &'static str) {
        let name = def.name.as_deref().map(camel).unwrap_or_default();
        let layout = Layout { kind, parts, ways: BTreeSet::new() };
        self.seen.entry(name).or_insert(layout).ways.insert(way);
    }

    /// Whether it is text that Rust has a type of its own for: it is written without being made into
    /// text before.
    fn is_request_id(&self, ty: &Type) -> bool {
        let Type::Id(mut id) = *ty else { return false };
        loop {
            let def = &self.resolve.types[id];
            match def.kind {
                _ if def.name.as_deref() == Some("request-id") => return true,
                TypeDefKind::Type(Type::Id(next)) => id = next,
                _ => return false,
            }
        }
    }

    /// Notes the layouts of a type and of what it consists of, and that its values go this way.
    pub(crate) fn see(&mut self, ty: &Type, way: &'static str) -> Result<()> {
        let Some(def) = self.def(ty) else { return Ok(()) };
        match &def.kind {
            TypeDefKind::Record(record) => {
                let mut fields = String::new();
                for field in &record.fields {
                    self.see(&field.ty, way)?;
                    writeln!(fields, "    {}: {},", snake(&field.name), self.owned(&field.ty)?)?;
                }
                self.note("record", def, fields, way);
            }
            TypeDefKind::Variant(variant) => {
                let mut cases = String::new();
                for (number, case) in variant.cases.iter().enumerate() {
                    write!(cases, "    {number} {}", camel(&case.name))?;
                    if let Some(ty) = &case.ty {
                        self.see(ty, way)?;
                        write!(cases, "(payload: {})", self.owned(ty)?)?;
                    }
                    cases.push_str(",\n");
                }
                self.note("variant", def, cases, way);
            }
            TypeDefKind::Enum(of) => {
                let mut cases = String::new();
                for (number, case) in of.cases.iter().enumerate() {
                    writeln!(cases, "    {number} {},", camel(&case.name))?;
                }
                self.note("variant", def, cases, way);
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().try_for_each(|ty| self.see(ty, way))?,
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => {
                self.see(ty, way)?;
            }
            TypeDefKind::Result(result) => {
                result.ok.iter().chain(&result.err).try_for_each(|ty| self.see(ty, way))?;
            }
            other => bail!("the contract has a {}, which the core lane can't have", other.as_str()),
        }
        Ok(())
    }

    /// The Rust type of what is given to a guest.
    pub(crate) fn owned(&self, ty: &Type) -> Result<String> {
        if self.is_request_id(ty) {
            return Ok("RequestId".to_owned());
        }
        if let Some(primitive) = self.primitive(ty) {
            return Ok(match primitive {
                Type::Bool => "bool",
                Type::U32 => "u32",
                Type::U64 => "u64",
                Type::String => "String",
                other => bail!("the contract has a {other:?}, which the core lane can't have"),
            }
            .to_owned());
        }
        let def = self.def(ty).expect("what is not primitive is defined");
        let or_unit = |ty: &Option<Type>| match ty {
            Some(ty) => self.owned(ty),
            None => Ok("()".to_owned()),
        };
        Ok(match &def.kind {
            TypeDefKind::Option(ty) => format!("Option<{}>", self.owned(ty)?),
            TypeDefKind::List(ty) => format!("Vec<{}>", self.owned(ty)?),
            TypeDefKind::Result(result) => {
                format!("std::result::Result<{}, {}>", or_unit(&result.ok)?, or_unit(&result.err)?)
            }
            _ => camel(def.name.as_deref().unwrap_or_default()),
        })
    }

    /// The Rust type of what is read where it lies in the guest.
    pub(crate) fn borrowed(&self, ty: &Type) -> Result<String> {
        if let Some(Type::String) = self.primitive(ty) {
            return Ok("&str".to_owned());
        }
        match self.def(ty).map(|def| &def.kind) {
            Some(TypeDefKind::List(element)) if *element == Type::U8 => Ok("&[u8]".to_owned()),
            Some(TypeDefKind::Result(result)) => {
                let side = |ty: &Option<Type>| match ty {
                    Some(ty) => self.borrowed(ty),
                    None => Ok("()".to_owned()),
                };
                Ok(format!("std::result::Result<{}, {}>", side(&result.ok)?, side(&result.err)?))
            }
            _ => self.owned(ty),
        }
    }

    /// How many core values it is.
    pub(crate) fn flat(&self, ty: &Type) -> usize {
        let mut widths = Vec::new();
        self.widths(ty, &mut widths);
        widths.len()
    }

    /// The core types that it is, as Rust has them.
    pub(crate) fn widths(&self, ty: &Type, into: &mut Vec<&'static str>) {
        if let Some(primitive) = self.primitive(ty) {
            match primitive {
                Type::U64 | Type::S64 => into.push("u64"),
                Type::String => into.extend(["u32", "u32"]),
                _ => into.push("u32"),
            }
            return;
        }
        let def = self.def(ty).expect("what is not primitive is defined");
        match &def.kind {
            TypeDefKind::List(_) => into.extend(["u32", "u32"]),
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| self.widths(&field.ty, into));
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|ty| self.widths(ty, into)),
            TypeDefKind::Option(ty) => self.join([Some(ty)].into_iter(), into),
            TypeDefKind::Result(result) => {
                self.join([result.ok.as_ref(), result.err.as_ref()].into_iter(), into);
            }
            TypeDefKind::Variant(variant) => {
                self.join(variant.cases.iter().map(|case| case.ty.as_ref()), into);
            }
            _ => into.push("u32"),
        }
    }

    /// A discriminant, and what the cases have in common.
    fn join<'t>(
        &self,
        cases: impl Iterator<Item = Option<&'t Type>>,
        into: &mut Vec<&'static str>,
    ) {
        let mut joined: Vec<&'static str> = Vec::new();
        for ty in cases.flatten() {
            let mut widths = Vec::new();
            self.widths(ty, &mut widths);
            for (at, width) in widths.into_iter().enumerate() {
                match joined.get_mut(at) {
                    Some(wide) if *wide != width => *wide = "u64",
                    Some(_) => {}
                    None => joined.push(width),
                }
            }
        }
        into.push("u32");
        into.extend(joined);
    }

    /// As [`describe`](Self::describe), of a function.
    pub(crate) fn signature(&self, function: &Function) -> String {
        let params: Vec<String> =
            function.params.iter().map(|param| self.describe(&param.ty)).collect();
        let mut text = format!("func({})", params.join(", "));
        if let Some(result) = &function.result {
            text.push_str(" -> ");
            text.push_str(&self.describe(result));
        }
        text
    }

    /// A type as WIT would write it in place.
    fn describe(&self, ty: &Type) -> String {
        if let Some(primitive) = self.primitive(ty) {
            return format!("{primitive:?}").to_lowercase();
        }
        let def = self.def(ty).expect("what is not primitive is defined");
        let or_none =
            |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| self.describe(ty));
        match &def.kind {
            TypeDefKind::List(ty) => format!("list<{}>", self.describe(ty)),
            TypeDefKind::Option(ty) => format!("option<{}>", self.describe(ty)),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.describe(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Record(record) => {
                let field = |field: &wit_parser::Field| {
                    format!("{}: {}", field.name, self.describe(&field.ty))
                };
                let fields: Vec<_> = record.fields.iter().map(field).collect();
                format!("record {{ {} }}", fields.join(", "))
            }
            TypeDefKind::Variant(variant) => {
                let case = |case: &wit_parser::Case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, self.describe(ty)),
                    None => case.name.clone(),
                };
                let cases: Vec<_> = variant.cases.iter().map(case).collect();
                format!("variant {{ {} }}", cases.join(", "))
            }
            TypeDefKind::Enum(of) => {
                let names: Vec<_> = of.cases.iter().map(|case| case.name.as_str()).collect();
                format!("enum {{ {} }}", names.join(", "))
            }
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, None) => "result".to_owned(),
                (ok, err) => format!("result<{}, {}>", or_none(ok), or_none(err)),
            },
            TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) => "a resource".to_owned(),
            _ => "something else".to_owned(),
        }
    }
}
