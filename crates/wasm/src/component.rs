//! A compiled component: what it imports and exports, and the instances that are made of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use castcall_broker::{Context, Factory, Handlers, Instance, StartError};
use castcall_core::ComponentId;
use wasmtime::Store;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use crate::bounds::{CompileLimit, within};
use crate::compiler::Compiler;
use crate::core_lane::{CoreHost, CoreInstance, Lane, NotCore, Plan, Unplanned};
use crate::engine::Engine;
use crate::error::CompileError;
use crate::instance::WasmInstance;
use crate::limits::{Limiter, Limits};
use crate::names;
use crate::state::State;
use crate::wasi::{self, Wasi, WasiState};
use crate::watch::{self, Watch};

const HEADER: usize = 8;
const MAGIC: &[u8] = b"\0asm";
/// The version and layer fields of a core module's header.
const CORE: &[u8] = &[1, 0, 0, 0];

/// A component that has been compiled and checked, and can be instantiated.
#[derive(Clone)]
pub struct WasmComponent {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) entry: Entry,
    lane: Lane,
    limits: Limits,
    #[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "it is nothing then"))]
    wasi: Arc<Wasi>,
}

/// How instances are made.
#[derive(Clone)]
pub(crate) enum Entry {
    Core(CoreHost, Plan),
    Component(InstancePre<State>, Exports),
}

/// Where the functions are that the host enters.
#[derive(Clone)]
pub(crate) struct Exports {
    pub(crate) handle_message: Option<ComponentExportIndex>,
    pub(crate) handle_callback: Option<ComponentExportIndex>,
    pub(crate) setup: Option<(ComponentExportIndex, ComponentExportIndex)>,
}

impl fmt::Debug for WasmComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmComponent")
            .field("handlers", &self.handlers())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl WasmComponent {
    pub(crate) fn compile(engine: &Engine, wasm: &[u8], wasi: Wasi) -> Result<Self, CompileError> {
        let wasm = &*component_of(&engine.compiler, wasm)?;
        wasi.check_folders()?;
        let lane = match &engine.core {
            None => Lane::Component(NotCore::Off),
            Some(host) => match Self::plan(engine, host, wasm) {
                Ok(plan) => {
                    let (entry, lane) = (Entry::Core(host.clone(), plan), Lane::Core);
                    let engine = engine.engine.clone();
                    let wasi = Arc::new(wasi);
                    return Ok(Self { engine, entry, lane, limits: Limits::default(), wasi });
                }
                Err(Unplanned::Other(why)) => Lane::Component(why),
                Err(Unplanned::Compile(error)) => return Err(error),
            },
        };
        let component = engine.compiler.component(wasm)?;
        wasi::check_imports(&engine.engine, &component, &wasi)?;
        check_resources(&component)?;
        let exports = Exports::find(&component)?;
        let pre = link(engine, &component, &wasi)
            .map_err(|error| CompileError::ImportMismatch { reason: first_line(&error) })?;
        let entry = Entry::Component(pre, exports);
        let (engine, wasi) = (engine.engine.clone(), Arc::new(wasi));
        Ok(Self { engine, entry, lane, limits: Limits::default(), wasi })
    }

    /// Takes it apart, for the core lane.
    fn plan(engine: &Engine, host: &CoreHost, wasm: &[u8]) -> Result<Plan, Unplanned> {
        let plan = Plan::of(host, &engine.compiler, wasm)?;
        let (memories, tables) = plan.needs();
        check_needs(memories, tables)?;
        Ok(plan)
    }

    /// Which way its instances are entered, and why.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Sets what each of its instances may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What it can be entered for.
    #[must_use]
    pub fn handlers(&self) -> Handlers {
        let (receives, calls_back) = match &self.entry {
            Entry::Core(_, plan) => plan.handlers(),
            Entry::Component(_, exports) => {
                (exports.handle_message.is_some(), exports.handle_callback.is_some())
            }
        };
        Handlers { receives, calls_back }
    }

    /// A store for a new instance, with its limits.
    fn store(&self, context: Context) -> Result<Store<State>, StartError> {
        let wasi = self.wasi_state(context.self_id())?;
        let watch = Watch::new(self.limits.execution);
        let mut state =
            State::new(context, Limiter::new(self.limits), watch, wasi, self.handlers());
        if matches!(self.entry, Entry::Core(..)) {
            state = state.with_lane();
        }
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(watch::look);
        // Start functions run under the same limits.
        store.set_epoch_deadline(watch::FIRST_LOOK);
        Ok(store)
    }

    /// What a new instance has of WASI.
    #[cfg(feature = "wasi")]
    pub(crate) fn wasi_state(
        &self,
        id: &ComponentId,
    ) -> Result<Option<Box<WasiState>>, StartError> {
        if self.wasi.is_nothing() {
            return Ok(None);
        }
        match WasiState::new(&self.wasi, id) {
            Ok(state) => Ok(Some(Box::new(state))),
            Err(error) => {
                // It was there when the component was loaded, and may come back.
                tracing::error!(component = %id, %error, "an instance can't be made");
                Err(StartError::Crashed(castcall_core::CrashCode::Trap))
            }
        }
    }

    #[cfg(not(feature = "wasi"))]
    pub(crate) fn wasi_state(&self, _: &ComponentId) -> Result<Option<Box<WasiState>>, StartError> {
        Ok(None)
    }
}

/// The component that these bytes are, or that is made of them.
pub(crate) fn component_of<'a>(
    compiler: &Compiler,
    wasm: &'a [u8],
) -> Result<Cow<'a, [u8]>, CompileError> {
    if !wasm.starts_with(MAGIC) {
        return Err(CompileError::NotWasm);
    }
    within(CompileLimit::Bytes, wasm.len() as u64, compiler.limits().bytes)?;
    if wasm.get(MAGIC.len()..HEADER) == Some(CORE) {
        return Ok(Cow::Owned(compiler.componentize(wasm)?));
    }
    Ok(Cow::Borrowed(wasm))
}

#[cfg(feature = "wasi")]
fn link(
    engine: &Engine,
    component: &Component,
    wasi: &Wasi,
) -> wasmtime::Result<InstancePre<State>> {
    if wasi.is_nothing() {
        return engine.linker.instantiate_pre(component);
    }
    let mut linker = engine.linker.clone();
    wasi::link(&mut linker, wasi)?;
    linker.instantiate_pre(component)
}

#[cfg(not(feature = "wasi"))]
fn link(engine: &Engine, component: &Component, _: &Wasi) -> wasmtime::Result<InstancePre<State>> {
    engine.linker.instantiate_pre(component)
}

impl Factory for WasmComponent {
    fn instantiate(&self, context: Context) -> Result<Box<dyn Instance>, StartError> {
        let store = self.store(context)?;
        Ok(match &self.entry {
            Entry::Core(host, plan) => Box::new(CoreInstance::new(host, plan, store)?),
            Entry::Component(pre, exports) => Box::new(WasmInstance::new(pre, exports, store)?),
        })
    }
}

pub(crate) fn first_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

/// How many memories an instance may have. Each takes 4 GiB of addresses, however empty it is, and
/// there are addresses for some 30,000 in a process.
const MAX_MEMORIES: u32 = 32;
/// How many tables.
const MAX_TABLES: u32 = 128;

fn check_resources(component: &Component) -> Result<(), CompileError> {
    // Not known only of what imports core modules, which no component of this host's does.
    let Some(needs) = component.resources_required() else { return Ok(()) };
    check_needs(needs.num_memories, needs.num_tables)
}

fn check_needs(memories: u32, tables: u32) -> Result<(), CompileError> {
    for (what, found, limit) in
        [("memories", memories, MAX_MEMORIES), ("tables", tables, MAX_TABLES)]
    {
        if found > limit {
            return Err(CompileError::TooMany { what, found, limit });
        }
    }
    Ok(())
}

impl Exports {
    fn find(component: &Component) -> Result<Self, CompileError> {
        let find = |interface, function, expected: &'static str| {
            find(component, interface, function, expected)
        };
        let handle_message = find(names::LIFECYCLE, "handle-message", HANDLE_MESSAGE)?;
        let handle_callback = find(names::CALLBACK, "handle-callback", HANDLE_CALLBACK)?;
        if handle_message.is_none() && handle_callback.is_none() {
            return Err(CompileError::NoHandler);
        }
        let init = find(names::SETUP, "init", INIT)?;
        let shutdown = find(names::SETUP, "shutdown", "func()")?;
        Ok(Self { handle_message, handle_callback, setup: init.zip(shutdown) })
    }
}

/// How much of a type that is not the right one is told, in characters.
const MAX_TYPE: usize = 1_000;

const HANDLE_MESSAGE: &str = "func(string, list<u8>) -> result<list<u8>, \
    variant { invalid-payload(string), failed(record { code: u32, message: string }) }>";
const HANDLE_CALLBACK: &str = "func(string, result<list<u8>, variant { timeout, cancelled, \
    component-not-found(string), unavailable, crashed(enum { trap, stack-overflow, memory-limit, \
    execution-limit, panic }), dropped, invalid-payload(string), \
    processing-failed(record { code: u32, message: string }) }>) -> result<_, \
    variant { invalid-payload(string), failed(record { code: u32, message: string }) }>";
const INIT: &str = "func(list<tuple<string, string>>) -> result<_, \
    variant { invalid-payload(string), failed(record { code: u32, message: string }) }>";

/// Finds a function, if its interface is exported at all, and checks its type.
fn find(
    component: &Component,
    interface: &'static str,
    function: &'static str,
    expected: &'static str,
) -> Result<Option<ComponentExportIndex>, CompileError> {
    let Some(instance) = component.get_export_index(None, interface) else { return Ok(None) };
    let Some((item, index)) = component.get_export(Some(&instance), function) else {
        return Err(CompileError::MissingFunction { interface, function });
    };
    let mut found = describe_item(&item);
    if found != expected {
        // A small file can make it as long as it likes.
        if let Some((end, _)) = found.char_indices().nth(MAX_TYPE) {
            found.truncate(end);
            found.push('…');
        }
        return Err(CompileError::ExportMismatch { interface, function, found, expected });
    }
    Ok(Some(index))
}

/// A function's type as WIT would write it, without the names of its parameters.
fn describe_item(item: &ComponentItem) -> String {
    let ComponentItem::ComponentFunc(func) = item else { return "not a function".to_owned() };
    let mut text = String::from("func(");
    join(&mut text, func.params().map(|(_, ty)| describe(&ty)));
    text.push(')');
    for result in func.results() {
        text.push_str(" -> ");
        text.push_str(&describe(&result));
    }
    text
}

fn join(text: &mut String, parts: impl Iterator<Item = String>) {
    for (number, part) in parts.enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&part);
    }
}

fn describe(ty: &Type) -> String {
    let list = |open: &str, parts: &mut dyn Iterator<Item = String>, close| {
        let mut text = open.to_owned();
        join(&mut text, parts);
        text.push_str(close);
        text
    };
    let or_none = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| describe(&ty));
    match ty {
        Type::Bool => "bool".into(),
        Type::S8 => "s8".into(),
        Type::U8 => "u8".into(),
        Type::S16 => "s16".into(),
        Type::U16 => "u16".into(),
        Type::S32 => "s32".into(),
        Type::U32 => "u32".into(),
        Type::S64 => "s64".into(),
        Type::U64 => "u64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::List(ty) => format!("list<{}>", describe(&ty.ty())),
        Type::Option(ty) => format!("option<{}>", describe(&ty.ty())),
        Type::Record(ty) => list(
            "record { ",
            &mut ty.fields().map(|field| format!("{}: {}", field.name, describe(&field.ty))),
            " }",
        ),
        Type::Tuple(ty) => list("tuple<", &mut ty.types().map(|ty| describe(&ty)), ">"),
        Type::Variant(ty) => list(
            "variant { ",
            &mut ty.cases().map(|case| match case.ty {
                Some(ty) => format!("{}({})", case.name, describe(&ty)),
                None => case.name.to_owned(),
            }),
            " }",
        ),
        Type::Enum(ty) => list("enum { ", &mut ty.names().map(ToOwned::to_owned), " }"),
        Type::Flags(ty) => list("flags { ", &mut ty.names().map(ToOwned::to_owned), " }"),
        Type::Result(ty) => match (ty.ok(), ty.err()) {
            (None, None) => "result".into(),
            (ok, err) => format!("result<{}, {}>", or_none(ok), or_none(err)),
        },
        _ => "something else".into(),
    }
}

#[cfg(test)]
mod tests;
