//! What a component is made of: which core modules, linked how, behind which exports.
//!
//! The bytes are those of a component that was validated, so that every index is in range and every
//! type fits; what is looked for here is whether there is anything in it that the core lane does not
//! do. Where there is, the component lane takes it.

use std::collections::HashMap;
use std::rc::Rc;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExport, ComponentExternalKind,
    ComponentInstance, ComponentTypeRef, Export, ExternalKind, Instance, Parser, Payload,
    TypeBounds,
};

use super::NotCore;
use super::nested::Nested;
use super::reach::may_leave;
use crate::names;

/// An item of a core index space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// An export of what the `step`th step instantiates.
    Export { step: usize, name: &'a str },
    /// A function of the host's.
    Host { interface: &'a str, name: &'a str },
}

/// A core module that is instantiated, and with what.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) module: usize,
    args: HashMap<&'a str, CoreInstance<'a>>,
}

impl<'a> Step<'a> {
    /// What the module is given for one of its imports.
    pub(crate) fn arg<'b>(&self, module: &str, name: &'b str) -> Option<Item<'b>>
    where
        'a: 'b,
    {
        match self.args.get(module)? {
            CoreInstance::Made(step) => Some(Item::Export { step: *step, name }),
            CoreInstance::Bundle(items) => items.get(name).cloned(),
        }
    }
}

/// A core function that is exported by way of the canonical ABI.
#[derive(Debug, Clone)]
pub(crate) struct Lifted<'a> {
    pub(crate) call: Item<'a>,
    pub(crate) post_return: Option<Item<'a>>,
}

/// A component that the core lane can take, if its types are the contract's.
#[derive(Debug, Default)]
pub(crate) struct Shape<'a> {
    pub(crate) modules: Vec<&'a [u8]>,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) memory: Option<Item<'a>>,
    pub(crate) realloc: Option<Item<'a>>,
    /// What it imports, by interface.
    pub(crate) imports: Vec<&'a str>,
    /// What it exports, by interface and function.
    pub(crate) exports: HashMap<(&'a str, &'a str), Lifted<'a>>,
}

#[derive(Debug, Clone)]
enum CoreInstance<'a> {
    Made(usize),
    Bundle(Rc<HashMap<&'a str, Item<'a>>>),
}

#[derive(Debug, Clone)]
pub(crate) enum Function<'a> {
    Imported { interface: &'a str, name: &'a str },
    Lifted(Lifted<'a>),
}

/// Shared, as it may be exported more than once.
impl Function<'_> {
    fn is_imported(&self) -> bool {
        matches!(self, Self::Imported { .. })
    }
}

#[derive(Debug)]
enum Bundle<'a> {
    Imported(&'a str),
    Exports(Rc<HashMap<&'a str, Function<'a>>>),
}

/// The index spaces, as far as they have been read.
#[derive(Debug)]
struct Spaces<'a> {
    /// How many more items are looked at: this comes before all else that bounds a file.
    left: usize,
    core_instances: Vec<CoreInstance<'a>>,
    core_functions: Vec<Item<'a>>,
    tables: Vec<Item<'a>>,
    memories: Vec<Item<'a>>,
    globals: Vec<Item<'a>>,
    tags: Vec<Item<'a>>,
    functions: Vec<Function<'a>>,
    instances: Vec<Bundle<'a>>,
    components: Vec<Nested<'a>>,
}

impl From<wasmparser::BinaryReaderError> for NotCore {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Form("what can't be read")
    }
}

/// How many items of its index spaces a component may have. Those that tools make have some tens.
const MAX_ITEMS: usize = 100_000;

const REEXPORT: NotCore = NotCore::Form("an export that it imports");

/// What was validated refers to what is there.
const DANGLING: NotCore = NotCore::Form("an index of nothing");

fn at<T>(space: &[T], index: u32) -> Result<&T, NotCore> {
    space.get(index as usize).ok_or(DANGLING)
}

impl<'a> Shape<'a> {
    pub(crate) fn of(wasm: &'a [u8]) -> Result<Self, NotCore> {
        let mut shape = Self::default();
        let mut spaces = Spaces::new();
        // Payloads of what is nested follow: how deep, and whether in a component.
        let mut inside: Vec<Option<Nested<'a>>> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match (&payload, inside.last_mut()) {
                (Payload::ModuleSection { unchecked_range, .. }, nested) => {
                    if nested.is_some() {
                        return Err(NotCore::Form("a module in a nested component"));
                    }
                    let bytes = wasm.get(unchecked_range.clone()).ok_or(DANGLING)?;
                    spaces.charge(1)?;
                    shape.modules.push(bytes);
                    inside.push(None);
                }
                (Payload::ComponentSection { .. }, nested) => {
                    if nested.is_some() {
                        return Err(NotCore::Form("a component in a nested component"));
                    }
                    inside.push(Some(Nested::default()));
                }
                (Payload::End(_), Some(_)) => {
                    if let Some(Some(nested)) = inside.pop() {
                        spaces.components.push(nested);
                    }
                }
                // A module's own sections.
                (_, Some(None)) => {}
                (payload, Some(Some(nested))) => spaces.charge(nested.see(payload)?)?,
                (_, None) => shape.see(&mut spaces, payload)?,
            }
        }
        Ok(shape)
    }

    /// Whether a function might call one that its module imports.
    pub(crate) fn may_leave(&self, function: &Item<'_>) -> bool {
        let Item::Export { step, name } = function else { return true };
        let module = self.steps.get(*step).and_then(|step| self.modules.get(step.module));
        module.is_none_or(|module| may_leave(module, name))
    }

    fn see(&mut self, spaces: &mut Spaces<'a>, payload: Payload<'a>) -> Result<(), NotCore> {
        match payload {
            Payload::Version { .. }
            | Payload::End(_)
            | Payload::CustomSection(_)
            | Payload::ComponentTypeSection(_)
            | Payload::CoreTypeSection(_) => {}
            Payload::InstanceSection(section) => {
                for instance in section {
                    spaces.charge(1)?;
                    self.core_instance(spaces, instance?)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    spaces.charge(1)?;
                    self.canonical(spaces, function?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    spaces.charge(1)?;
                    spaces.alias(alias?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    spaces.charge(1)?;
                    let import = import?;
                    match import.ty {
                        ComponentTypeRef::Instance(_) if is_ours(import.name.name) => {
                            self.imports.push(import.name.name);
                            spaces.instances.push(Bundle::Imported(import.name.name));
                        }
                        ComponentTypeRef::Type(TypeBounds::Eq(_)) => {}
                        _ => return Err(NotCore::Import(import.name.name.to_owned())),
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    spaces.charge(1)?;
                    let bundle = spaces.instance(instance?)?;
                    spaces.instances.push(bundle);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.export(spaces, &export?)?;
                }
            }
            Payload::ComponentStartSection { .. } => {
                return Err(NotCore::Form("a start function of the component's own"));
            }
            _ => return Err(NotCore::Form("an unknown section")),
        }
        Ok(())
    }

    fn core_instance(
        &mut self,
        spaces: &mut Spaces<'a>,
        instance: Instance<'a>,
    ) -> Result<(), NotCore> {
        let made = match instance {
            Instance::Instantiate { module_index, args } => {
                spaces.charge(args.len())?;
                let named = |arg: &wasmparser::InstantiationArg<'a>| {
                    Ok((arg.name, at(&spaces.core_instances, arg.index)?.clone()))
                };
                let args = args.iter().map(named).collect::<Result<_, NotCore>>()?;
                self.steps.push(Step { module: module_index as usize, args });
                CoreInstance::Made(self.steps.len() - 1)
            }
            Instance::FromExports(exports) => {
                spaces.charge(exports.len())?;
                let named = |export: &Export<'a>| {
                    let space = spaces.core(export.kind)?;
                    Ok((export.name, at(space, export.index)?.clone()))
                };
                let items = exports.iter().map(named).collect::<Result<_, NotCore>>()?;
                CoreInstance::Bundle(Rc::new(items))
            }
        };
        spaces.core_instances.push(made);
        Ok(())
    }

    fn canonical(
        &mut self,
        spaces: &mut Spaces<'a>,
        function: CanonicalFunction,
    ) -> Result<(), NotCore> {
        match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                let post_return = self.options(spaces, &options)?;
                let call = at(&spaces.core_functions, core_func_index)?.clone();
                spaces.functions.push(Function::Lifted(Lifted { call, post_return }));
            }
            CanonicalFunction::Lower { func_index, options } => {
                self.options(spaces, &options)?;
                match at(&spaces.functions, func_index)? {
                    Function::Imported { interface, name } => {
                        spaces.core_functions.push(Item::Host { interface, name });
                    }
                    Function::Lifted(_) => {
                        return Err(NotCore::Form("a function of its own that it imports"));
                    }
                }
            }
            _ => return Err(NotCore::Form("resources, or what is asynchronous")),
        }
        Ok(())
    }

    /// Checks the options of a lift or a lower, and returns the post-return function.
    fn options(
        &mut self,
        spaces: &Spaces<'a>,
        options: &[CanonicalOption],
    ) -> Result<Option<Item<'a>>, NotCore> {
        let mut post_return = None;
        for option in options {
            match *option {
                CanonicalOption::UTF8 => {}
                CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => {
                    return Err(NotCore::Form("text that is not UTF-8"));
                }
                CanonicalOption::Memory(memory) => {
                    the_one(&mut self.memory, at(&spaces.memories, memory)?)?;
                }
                CanonicalOption::Realloc(function) => {
                    the_one(&mut self.realloc, at(&spaces.core_functions, function)?)?;
                }
                CanonicalOption::PostReturn(function) => {
                    post_return = Some(at(&spaces.core_functions, function)?.clone());
                }
                _ => return Err(NotCore::Form("a canonical option that is not known")),
            }
        }
        Ok(post_return)
    }

    fn export(
        &mut self,
        spaces: &mut Spaces<'a>,
        export: &ComponentExport<'a>,
    ) -> Result<(), NotCore> {
        let name = export.name.name;
        spaces.charge(1)?;
        // What is exported is in its index space once more.
        match export.kind {
            ComponentExternalKind::Func => {
                let function = at(&spaces.functions, export.index)?.clone();
                if function.is_imported() {
                    return Err(REEXPORT);
                }
                spaces.functions.push(function);
            }
            ComponentExternalKind::Instance => {
                let Bundle::Exports(exports) = at(&spaces.instances, export.index)? else {
                    return Err(REEXPORT);
                };
                let exports = Rc::clone(exports);
                spaces.charge(exports.len())?;
                if exports.values().any(Function::is_imported) {
                    return Err(REEXPORT);
                }
                if is_ours(name) {
                    for (function, what) in &*exports {
                        if let Function::Lifted(lifted) = what {
                            self.exports.insert((name, function), lifted.clone());
                        }
                    }
                } else if name.starts_with(names::PACKAGE) {
                    // By the rules of versions, it might be taken for one of ours.
                    return Err(NotCore::Form("another version of an interface"));
                }
                spaces.instances.push(Bundle::Exports(exports));
            }
            ComponentExternalKind::Type => {}
            _ => return Err(NotCore::Form("an export of a kind that is not known")),
        }
        Ok(())
    }
}

/// All memories, and all functions that allocate, are one.
fn the_one<'a>(known: &mut Option<Item<'a>>, item: &Item<'a>) -> Result<(), NotCore> {
    match known {
        Some(known) if known != item => Err(NotCore::Form("several memories or allocators")),
        Some(_) => Ok(()),
        None => {
            *known = Some(item.clone());
            Ok(())
        }
    }
}

fn is_ours(interface: &str) -> bool {
    [names::TYPES, names::HOST_SERVICES, names::MESSAGE_CONTEXT, names::DEFERRED_REPLY]
        .into_iter()
        .chain([names::LIFECYCLE, names::CALLBACK, names::SETUP])
        .any(|ours| ours == interface)
}

impl<'a> Spaces<'a> {
    fn new() -> Self {
        Self {
            left: MAX_ITEMS,
            core_instances: Vec::new(),
            core_functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            functions: Vec::new(),
            instances: Vec::new(),
            components: Vec::new(),
        }
    }

    /// So many items more.
    fn charge(&mut self, items: usize) -> Result<(), NotCore> {
        self.left = self.left.checked_sub(items).ok_or(NotCore::Form("too much in it"))?;
        Ok(())
    }

    fn core(&self, kind: ExternalKind) -> Result<&Vec<Item<'a>>, NotCore> {
        Ok(match kind {
            ExternalKind::Func => &self.core_functions,
            ExternalKind::Table => &self.tables,
            ExternalKind::Memory => &self.memories,
            ExternalKind::Global => &self.globals,
            ExternalKind::Tag => &self.tags,
            _ => return Err(NotCore::Form("a core export of a kind that is not known")),
        })
    }

    fn core_mut(&mut self, kind: ExternalKind) -> Result<&mut Vec<Item<'a>>, NotCore> {
        Ok(match kind {
            ExternalKind::Func => &mut self.core_functions,
            ExternalKind::Table => &mut self.tables,
            ExternalKind::Memory => &mut self.memories,
            ExternalKind::Global => &mut self.globals,
            ExternalKind::Tag => &mut self.tags,
            _ => return Err(NotCore::Form("a core export of a kind that is not known")),
        })
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), NotCore> {
        match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                let item = match at(&self.core_instances, instance_index)? {
                    CoreInstance::Made(step) => Item::Export { step: *step, name },
                    CoreInstance::Bundle(items) => items.get(name).cloned().ok_or(DANGLING)?,
                };
                self.core_mut(kind)?.push(item);
            }
            ComponentAlias::InstanceExport { kind, instance_index, name } => match kind {
                ComponentExternalKind::Func => {
                    let function = match at(&self.instances, instance_index)? {
                        Bundle::Imported(interface) => Function::Imported { interface, name },
                        Bundle::Exports(exports) => exports.get(name).cloned().ok_or(DANGLING)?,
                    };
                    self.functions.push(function);
                }
                ComponentExternalKind::Type => {}
                _ => return Err(NotCore::Form("an alias of a kind that is not known")),
            },
            // Only of types, in what wit-component makes.
            ComponentAlias::Outer { kind: wasmparser::ComponentOuterAliasKind::Type, .. } => {}
            ComponentAlias::Outer { .. } => return Err(NotCore::Form("an outer alias")),
        }
        Ok(())
    }

    fn instance(&mut self, instance: ComponentInstance<'a>) -> Result<Bundle<'a>, NotCore> {
        match &instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let exports = at(&self.components, *component_index)?.length();
                self.charge(args.len() + exports)?;
            }
            ComponentInstance::FromExports(exports) => self.charge(exports.len())?,
        }
        Ok(Bundle::Exports(Rc::new(match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let mut given = HashMap::new();
                for arg in &args {
                    match arg.kind {
                        ComponentExternalKind::Func => {
                            given.insert(arg.name, at(&self.functions, arg.index)?.clone());
                        }
                        ComponentExternalKind::Type => {}
                        _ => return Err(NotCore::Form("a component that is given a component")),
                    }
                }
                at(&self.components, component_index)?.exports(&given)?
            }
            ComponentInstance::FromExports(exports) => {
                let mut functions = HashMap::new();
                for export in &exports {
                    match export.kind {
                        ComponentExternalKind::Func => {
                            let function = at(&self.functions, export.index)?.clone();
                            functions.insert(export.name.name, function);
                        }
                        ComponentExternalKind::Type => {}
                        _ => return Err(NotCore::Form("a nested instance")),
                    }
                }
                functions
            }
        })))
    }
}

#[cfg(test)]
mod tests;
