//! How an instance is made: which modules, in which order, given what.

use std::sync::Arc;

use wasmtime::{
    Extern, ExternType, FuncType, Instance, Linker, Module, ModuleExport, Store, TypedFunc,
    ValType, error::Result, format_err,
};

use super::NotCore;
use super::contract::EXPORTS;
use super::lane::{Lane, cannot_leave};
use super::shape::{Item, Lifted, Shape};
use super::signature;
use crate::compiler::Compiler;
use crate::error::CompileError;
use crate::names;
use crate::state::State;

/// A component that has been taken apart and compiled.
#[derive(Clone)]
pub(crate) struct Plan(Arc<Parts>);

pub(crate) struct Parts {
    steps: Vec<Step>,
    memory: Option<Place>,
    realloc: Option<Place>,
    pub(crate) handle_message: Option<Entry>,
    pub(crate) handle_callback: Option<Entry>,
    pub(crate) setup: Option<(Entry, Entry)>,
    /// Whether a post-return function of a handler might call the host, which it may not.
    pub(crate) may_leave: bool,
}

struct Step {
    module: Module,
    imports: Vec<Source>,
}

enum Source {
    From(Place),
    Host { interface: String, name: String },
}

/// An export of what a step instantiates.
pub(crate) struct Place {
    step: usize,
    export: ModuleExport,
}

/// A function that is entered, and what follows when its result was read.
pub(crate) struct Entry {
    pub(crate) call: Place,
    pub(crate) post_return: Option<Place>,
}

/// Why there is no plan: the component is for the other lane, or can't be compiled at all.
pub(crate) enum Unplanned {
    Other(NotCore),
    Compile(CompileError),
}

impl From<CompileError> for Unplanned {
    fn from(error: CompileError) -> Self {
        Self::Compile(error)
    }
}

impl From<NotCore> for Unplanned {
    fn from(why: NotCore) -> Self {
        Self::Other(why)
    }
}

const DANGLING: NotCore = NotCore::Form("an index of nothing");

/// The driver imports these functions, and so knows their types more exactly than the component
/// model asks for.
const OTHER_TYPE: NotCore = NotCore::Form("an allocator or a post-return function of another type");

impl Plan {
    /// Takes a component apart, and has its modules compiled.
    pub(crate) fn of(compiler: &Compiler, wasm: &[u8]) -> std::result::Result<Self, Unplanned> {
        let shape = Shape::of(wasm)?;
        // What is in the cache was validated when it was compiled.
        let check = || signature::check(wasm, &shape).map_err(Unplanned::Other);
        let modules = compiler.modules(wasm, &shape.modules, check)?;
        Ok(Self(Arc::new(Parts::new(&shape, &modules)?)))
    }

    /// How many memories and tables an instance has.
    pub(crate) fn needs(&self) -> (u32, u32) {
        let needs = self.0.steps.iter().map(|step| step.module.resources_required());
        needs.fold((0, 0), |(memories, tables), module| {
            let memories = u32::saturating_add(memories, module.num_memories);
            (memories, tables.saturating_add(module.num_tables))
        })
    }

    /// Whether there is `handle-message`, and `handle-callback`.
    pub(crate) fn handlers(&self) -> (bool, bool) {
        (self.0.handle_message.is_some(), self.0.handle_callback.is_some())
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    fn new(shape: &Shape<'_>, modules: &[Module]) -> std::result::Result<Self, NotCore> {
        let place = |step: usize, name: &str| {
            let module = modules.get(shape.steps.get(step)?.module)?;
            Some(Place { step, export: module.get_export_index(name)? })
        };
        let source = |item: Item<'_>| match item {
            Item::Export { step, name } => place(step, name).map(Source::From),
            Item::Host { interface, name } => {
                Some(Source::Host { interface: interface.to_owned(), name: name.to_owned() })
            }
        };
        let step = |step: &super::shape::Step<'_>| {
            let module = modules.get(step.module)?.clone();
            let imports = module
                .imports()
                .map(|import| source(step.arg(import.module(), import.name())?))
                .collect::<Option<_>>()?;
            Some(Step { module, imports })
        };
        let steps = shape.steps.iter().map(step).collect::<Option<_>>().ok_or(DANGLING)?;
        let exported = |item: &Item<'_>| match item {
            Item::Export { step, name } => place(*step, name).ok_or(DANGLING),
            Item::Host { .. } => Err(NotCore::Form("an export that it imports")),
        };
        let memory = shape.memory.as_ref().map(exported).transpose()?;
        if let Some(Item::Export { step, name }) = &shape.memory {
            let module = shape.steps.get(*step).and_then(|step| modules.get(step.module));
            match module.and_then(|module| module.get_export(name)) {
                Some(ExternType::Memory(memory)) if !memory.is_64() && !memory.is_shared() => {}
                _ => return Err(NotCore::Form("a memory of another kind")),
            }
        }
        let typed = |item: &Item<'_>, params: usize, results: usize| {
            let Item::Export { step, name } = item else { return Err(OTHER_TYPE) };
            let module = shape.steps.get(*step).and_then(|step| modules.get(step.module));
            let (Some(module), i32) = (module, ValType::I32) else { return Err(OTHER_TYPE) };
            let plain = FuncType::new(
                module.engine(),
                std::iter::repeat_n(i32.clone(), params),
                std::iter::repeat_n(i32, results),
            );
            match module.get_export(name) {
                Some(ExternType::Func(ty)) if FuncType::eq(&ty, &plain) => Ok(()),
                _ => Err(OTHER_TYPE),
            }
        };
        if let Some(realloc) = &shape.realloc {
            typed(realloc, 4, 1)?;
        }
        let entry = |lifted: &Lifted<'_>, results: usize| {
            let post_return = lifted.post_return.as_ref();
            post_return.map_or(Ok(()), |item| typed(item, results, 0))?;
            let post_return = post_return.map(exported).transpose()?;
            Ok::<_, NotCore>(Entry { call: exported(&lifted.call)?, post_return })
        };
        let find = |interface, function, results| {
            let is_there = shape.exports.keys().any(|(exported, _)| *exported == interface);
            let lifted = shape.exports.get(&(interface, function));
            debug_assert!(EXPORTS.iter().any(|row| (row.0, row.1) == (interface, function)));
            match lifted.map(|lifted| entry(lifted, results)).transpose()? {
                None if is_there => Err(NotCore::Form("an interface without its functions")),
                entry => Ok(entry),
            }
        };
        let may_leave =
            [(names::LIFECYCLE, "handle-message"), (names::CALLBACK, "handle-callback")]
                .iter()
                .filter_map(|name| shape.exports.get(name)?.post_return.as_ref())
                .any(|post_return| shape.may_leave(post_return));
        let init = find(names::SETUP, "init", 1)?;
        let parts = Self {
            steps,
            memory,
            realloc: shape.realloc.as_ref().map(exported).transpose()?,
            handle_message: find(names::LIFECYCLE, "handle-message", 1)?,
            handle_callback: find(names::CALLBACK, "handle-callback", 1)?,
            setup: init.zip(find(names::SETUP, "shutdown", 0)?),
            may_leave,
        };
        if parts.memory.is_none() || parts.realloc.is_none() {
            return Err(NotCore::Form("no memory, or nothing to allocate with"));
        }
        if parts.handle_message.is_none() && parts.handle_callback.is_none() {
            return Err(NotCore::Form("no handler"));
        }
        Ok(parts)
    }

    /// Instantiates the modules, in their order, and tells the store's lane of the memory and the
    /// allocator as soon as they are there.
    pub(crate) fn instantiate(
        &self,
        store: &mut Store<State>,
        linker: &Linker<State>,
    ) -> Result<Vec<Instance>> {
        let mut made = Vec::with_capacity(self.steps.len());
        for (number, step) in self.steps.iter().enumerate() {
            let mut imports = Vec::with_capacity(step.imports.len());
            for source in &step.imports {
                imports.push(match source {
                    Source::From(place) => place.of(&made, store)?,
                    Source::Host { interface, name } => {
                        let function = linker.get(&mut *store, interface, name);
                        function.map_err(|_| format_err!("{interface}#{name} is not known"))?
                    }
                });
            }
            made.push(Instance::new(&mut *store, &step.module, &imports)?);
            if let Some(place) = self.memory.as_ref().filter(|place| place.step == number) {
                let memory = place.of(&made, store)?.into_memory();
                lane(store)?.memory = memory;
            }
            if let Some(place) = self.realloc.as_ref().filter(|place| place.step == number) {
                let realloc = place.function(&made, store)?;
                lane(store)?.realloc = Some(realloc);
            }
        }
        Ok(made)
    }

    /// The exported memory.
    pub(crate) fn memory(&self, made: &[Instance], store: &mut Store<State>) -> Result<Extern> {
        place(self.memory.as_ref())?.of(made, store)
    }

    /// The function that allocates.
    pub(crate) fn realloc(&self, made: &[Instance], store: &mut Store<State>) -> Result<Extern> {
        place(self.realloc.as_ref())?.of(made, store)
    }
}

fn lane(store: &mut Store<State>) -> Result<&mut Lane> {
    store.data_mut().lane_mut().ok_or_else(cannot_leave)
}

fn place(place: Option<&Place>) -> Result<&Place> {
    place.ok_or_else(|| format_err!("an export is missing"))
}

impl Place {
    pub(crate) fn of(&self, made: &[Instance], store: &mut Store<State>) -> Result<Extern> {
        let export = made
            .get(self.step)
            .and_then(|instance| instance.get_module_export(&mut *store, &self.export));
        export.ok_or_else(|| format_err!("an export is missing"))
    }

    pub(crate) fn function<P, R>(
        &self,
        made: &[Instance],
        store: &mut Store<State>,
    ) -> Result<TypedFunc<P, R>>
    where
        P: wasmtime::WasmParams,
        R: wasmtime::WasmResults,
    {
        let function = self.of(made, store)?.into_func();
        function.ok_or_else(|| format_err!("an export is no function"))?.typed(&*store)
    }
}
