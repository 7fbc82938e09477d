//! How an instance is made: which modules, in which order, given what.

use std::sync::Arc;

use wasmtime::{
    Extern, ExternType, FuncType, ImportType, Instance, InstancePre, Linker, Module, ModuleExport,
    ResourceLimiter, Store, TypedFunc, ValType, error::Result, format_err,
};

use super::bypass::Bypass;
use super::contract::EXPORTS;
use super::drivers::{Driver, Handler};
use super::lane::{Lane, cannot_leave};
use super::shape::{Item, Lifted, Shape};
use super::signature;
use super::{CoreHost, Host, NotCore};
use crate::compiler::Compiler;
use crate::error::CompileError;
use crate::names;
use crate::state::State;

/// A component that has been taken apart and compiled.
#[derive(Clone)]
pub(crate) struct Plan(Arc<Parts>);

pub(crate) struct Parts {
    steps: Vec<Step>,
    /// How many memories and tables an instance has, with what is left out.
    needs: (u32, u32),
    /// How many elements the tables have that are left out: they count nevertheless.
    elements_left_out: usize,
    memory: Option<Place>,
    realloc: Option<Place>,
    pub(crate) handle_message: Option<Entry>,
    pub(crate) handle_callback: Option<Entry>,
    pub(crate) setup: Option<(Entry, Entry)>,
    /// Whether a post-return function of a handler might call the host, which it may not.
    pub(crate) may_leave: bool,
    pub(crate) driver: Driver,
}

/// A module that is instantiated.
enum Step {
    /// It imports nothing but the host's functions, which have been found.
    Found(InstancePre<State>),
    Given(Module, Vec<Source>),
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
    pub(crate) fn of(
        host: &CoreHost,
        compiler: &Compiler,
        wasm: &[u8],
    ) -> std::result::Result<Self, Unplanned> {
        let shape = Shape::of(wasm)?;
        // What is in the cache was validated when it was compiled.
        let check = || signature::check(wasm, &shape).map_err(Unplanned::Other);
        let modules = compiler.modules(wasm, &shape.modules, check)?;
        let bypass = Bypass::of(&shape);
        let parts = match Parts::new(&host.0, &shape, bypass.as_ref(), &modules)? {
            Some(parts) => parts,
            None => Parts::new(&host.0, &shape, None, &modules)?.ok_or(DANGLING)?,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// How many memories and tables an instance has.
    pub(crate) fn needs(&self) -> (u32, u32) {
        self.0.needs
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
    /// None: something can't be left out after all. No tool makes such.
    fn new<'a>(
        host: &Host,
        shape: &Shape<'a>,
        bypass: Option<&Bypass<'a>>,
        modules: &[Module],
    ) -> std::result::Result<Option<Self>, Unplanned> {
        let is_left_out =
            |step: usize| bypass.is_some_and(|it| step == it.shim || step == it.fixups);
        let place = |step: usize, name: &str| {
            let module = modules.get(shape.steps.get(step)?.module)?;
            let left_out =
                bypass.map_or(0, |it| usize::from(it.shim < step) + usize::from(it.fixups < step));
            Some(Place { step: step - left_out, export: module.get_export_index(name)? })
        };
        let source = |item: Item<'_>| match item {
            Item::Export { step, name } => place(step, name).map(Source::From),
            Item::Host { interface, name } => {
                Some(Source::Host { interface: interface.to_owned(), name: name.to_owned() })
            }
        };
        let mut needs = (0, 0);
        let mut steps = Vec::with_capacity(shape.steps.len());
        for (number, step) in shape.steps.iter().enumerate() {
            let module = modules.get(step.module).ok_or(DANGLING)?;
            let required = module.resources_required();
            needs.0 = u32::saturating_add(needs.0, required.num_memories);
            needs.1 = u32::saturating_add(needs.1, required.num_tables);
            if is_left_out(number) {
                continue;
            }
            let (mut sources, mut changed) = (Vec::new(), false);
            for import in module.imports() {
                let found = step.arg(import.module(), import.name()).ok_or(DANGLING)?;
                let item = bypass.map_or_else(|| found.clone(), |it| it.instead(found.clone()));
                changed |= item != found;
                sources.push(source(item).ok_or(DANGLING)?);
            }
            match (found(host, module, &sources), changed) {
                (Some(found), _) => steps.push(Step::Found(found)),
                (None, false) => steps.push(Step::Given(module.clone(), sources)),
                (None, true) => return Ok(None),
            }
        }
        let exported = |item: &Item<'_>| match item {
            Item::Export { step, name } => place(*step, name).ok_or(DANGLING),
            Item::Host { .. } => Err(NotCore::Form("an export that it imports")),
        };
        let memory = shape.memory.as_ref().map(exported).transpose()?;
        if let Some(Item::Export { step, name }) = &shape.memory {
            let module = shape.steps.get(*step).and_then(|step| modules.get(step.module));
            match module.and_then(|module| module.get_export(name)) {
                Some(ExternType::Memory(memory)) if !memory.is_64() && !memory.is_shared() => {}
                _ => return Err(NotCore::Form("a memory of another kind").into()),
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
        let handle_message = find(names::LIFECYCLE, "handle-message", 1)?;
        let handle_callback = find(names::CALLBACK, "handle-callback", 1)?;
        let setup = init.zip(find(names::SETUP, "shutdown", 0)?);
        let realloc = shape.realloc.as_ref().map(exported).transpose()?;
        if memory.is_none() || realloc.is_none() {
            return Err(NotCore::Form("no memory, or nothing to allocate with").into());
        }
        if handle_message.is_none() && handle_callback.is_none() {
            return Err(NotCore::Form("no handler").into());
        }
        let kinds = [&handle_message, &handle_callback].map(Entry::kind);
        let driver = host.drivers.get(host.linker.engine(), kinds[0], kinds[1]);
        let driver =
            driver.map_err(|error| CompileError::Invalid { reason: format!("{error:#}") })?;
        Ok(Some(Self {
            needs,
            elements_left_out: bypass.map_or(0, |it| it.elements as usize),
            steps,
            memory,
            realloc,
            handle_message,
            handle_callback,
            setup,
            may_leave,
            driver,
        }))
    }

    /// Instantiates the modules, in their order, and tells the store's lane of the memory and the
    /// allocator as soon as they are there.
    pub(crate) fn instantiate(
        &self,
        store: &mut Store<State>,
        linker: &Linker<State>,
    ) -> Result<Vec<Instance>> {
        let mut made = Vec::with_capacity(self.steps.len());
        if !store.data_mut().limiter.table_growing(0, self.elements_left_out, None)? {
            return Err(format_err!("there is no room for {} elements", self.elements_left_out));
        }
        for (number, step) in self.steps.iter().enumerate() {
            made.push(step.instantiate(store, linker, &made)?);
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
}

impl Step {
    fn instantiate(
        &self,
        store: &mut Store<State>,
        linker: &Linker<State>,
        made: &[Instance],
    ) -> Result<Instance> {
        let (module, sources) = match self {
            Self::Found(found) => return found.instantiate(store),
            Self::Given(module, sources) => (module, sources),
        };
        let mut imports = Vec::with_capacity(sources.len());
        for source in sources {
            imports.push(match source {
                Source::From(place) => place.of(made, store)?,
                Source::Host { interface, name } => {
                    let function = linker.get(&mut *store, interface, name);
                    function.map_err(|_| format_err!("{interface}#{name} is not known"))?
                }
            });
        }
        Instance::new(store, module, &imports)
    }
}

/// Finds all that a module imports, if all of it is the host's, under the names that it has there.
fn found(host: &Host, module: &Module, sources: &[Source]) -> Option<InstancePre<State>> {
    let is_named = |(import, source): (ImportType<'_>, &Source)| match source {
        Source::Host { interface, name } => import.module() == interface && import.name() == name,
        Source::From(_) => false,
    };
    if !module.imports().zip(sources).all(is_named) {
        return None;
    }
    host.linker.instantiate_pre(module).ok()
}

pub(crate) fn lane(store: &mut Store<State>) -> Result<&mut Lane> {
    store.data_mut().lane_mut().ok_or_else(cannot_leave)
}

impl Entry {
    fn kind(entry: &Option<Self>) -> Handler {
        match entry {
            None => Handler::None,
            Some(Self { post_return: None, .. }) => Handler::Plain,
            Some(Self { post_return: Some(_), .. }) => Handler::Freed,
        }
    }
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
