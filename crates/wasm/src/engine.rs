//! The engine: compiles components, and ticks.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use wasmtime::Config;
use wasmtime::component::Linker;

use crate::bounds::{CompileLimit, CompileLimits, within};
use crate::cache::CodeCache;
use crate::compiler::{CompileStats, Compiler};
use crate::component::{WasmComponent, component_of};
use crate::core_lane::CoreHost;
use crate::error::{CompileError, EngineError};
use crate::host;
use crate::state::State;
use crate::wasi::Wasi;

/// Settings of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineConfig {
    /// How much stack a guest may use, in bytes. The worker's thread must have half a MiB more.
    /// Default: 512 KiB.
    pub max_stack: usize,
    /// The most that is compiled of one component.
    pub compile: CompileLimits,
    /// How many components are compiled at once; others wait, each on the thread that asks for it.
    /// Each is compiled on all cores, at a lower priority. Default: 2. Zero means 1.
    pub compiles_at_once: usize,
    /// Whether components that can be are entered through the core lane, which is faster and does
    /// the same: see [`Lane`](crate::Lane). Default: they are.
    pub core_lane: bool,
    /// How many bytes of addresses each memory of a guest sets aside. With all that 32 bits can say,
    /// wasmtime's own choice and the default (`None`), a guest's accesses need no checks, and a
    /// process has addresses for some 30,000 memories. With less there may be more components at
    /// once, their accesses are checked, and a memory that outgrows it moves.
    pub memory_reservation: Option<u64>,
}

/// What follows a small memory, and by how much more it is moved than it has to grow.
const SMALL_GUARD: u64 = 64 << 10;
const SMALL_GROWTH: u64 = 1 << 20;

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_stack: 512 << 10,
            compile: CompileLimits::default(),
            compiles_at_once: 2,
            core_lane: true,
            memory_reservation: None,
        }
    }
}

/// Compiles components for one system. Clones are handles to the same engine.
///
/// An engine needs a heartbeat: [`Engine::tick`], about once a millisecond while guests run.
/// Without it, a guest that loops loops for ever.
#[derive(Clone)]
pub struct Engine {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) compiler: Arc<Compiler>,
    /// None: it is off.
    pub(crate) core: Option<CoreHost>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// This machine, or the settings, can't have one.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        Self::with_cache(config, None)
    }

    /// Makes an engine that keeps what it compiles in a cache.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub fn with_cache(config: EngineConfig, cache: Option<CodeCache>) -> Result<Self, EngineError> {
        let mut wasm = Config::new();
        wasm.epoch_interruption(true);
        wasm.max_wasm_stack(config.max_stack);
        // Costs more than everything else on the way into a guest, and no guest here uses it.
        wasm.concurrency_support(false);
        if let Some(bytes) = config.memory_reservation {
            wasm.memory_reservation(bytes);
            wasm.memory_guard_size(SMALL_GUARD);
            wasm.memory_reservation_for_growth(SMALL_GROWTH);
        }
        let make = move || {
            let engine = wasmtime::Engine::new(&wasm)?;
            let mut linker = Linker::new(&engine);
            host::link(&mut linker)?;
            let at_once = config.compiles_at_once;
            let compiler = Compiler::new(engine.clone(), config.compile, at_once, cache);
            let core = config.core_lane.then(|| CoreHost::new(&engine)).transpose()?;
            Ok(Self { engine, linker, compiler: Arc::new(compiler), core })
        };
        make().map_err(|error: wasmtime::Error| EngineError { reason: format!("{error:#}") })
    }

    /// Lets guests that have run for a while be looked at.
    pub fn tick(&self) {
        self.engine.increment_epoch();
    }

    /// What it has compiled so far.
    #[must_use]
    pub fn compile_stats(&self) -> CompileStats {
        self.compiler.stats()
    }

    /// The component that these bytes are; or, where they are a core module that says what its world
    /// is, the one that is made of it. That is what is compiled.
    ///
    /// # Errors
    ///
    /// They are no WebAssembly, or too much of it; or no component can be made of the module.
    pub fn component<'a>(&self, wasm: &'a [u8]) -> Result<Cow<'a, [u8]>, CompileError> {
        component_of(&self.compiler, wasm)
    }

    /// Compiles a component and checks what it imports and exports. Of a core module that says what
    /// its world is, a component is made first. Takes milliseconds to seconds, by its size; no guest
    /// code runs.
    ///
    /// # Errors
    ///
    /// It is no component, or not one for this host: [`CompileError`].
    pub fn compile(&self, wasm: &[u8]) -> Result<WasmComponent, CompileError> {
        self.compile_with(wasm, Wasi::default())
    }

    /// Compiles a component that is granted something of WASI.
    ///
    /// # Errors
    ///
    /// As [`Engine::compile`]; or it imports something of WASI that is not granted, or a folder
    /// can't be opened.
    pub fn compile_with(&self, wasm: &[u8], wasi: Wasi) -> Result<WasmComponent, CompileError> {
        if cfg!(not(feature = "wasi")) && !wasi.is_nothing() {
            return Err(CompileError::NoWasi);
        }
        WasmComponent::compile(self, wasm, wasi)
    }

    /// Reads a file and compiles it.
    ///
    /// # Errors
    ///
    /// The file can't be read, is no component, or not one for this host: [`CompileError`].
    pub fn compile_file(&self, path: impl AsRef<Path>) -> Result<WasmComponent, CompileError> {
        self.compile_file_with(path, Wasi::default())
    }

    /// Reads a file and compiles it, as [`Engine::compile_with`].
    ///
    /// # Errors
    ///
    /// The same, or the file can't be read.
    pub fn compile_file_with(
        &self,
        path: impl AsRef<Path>,
        wasi: Wasi,
    ) -> Result<WasmComponent, CompileError> {
        let path = path.as_ref();
        let wasm = self.read(path)?;
        self.compile_with(&wasm, wasi)
    }

    /// Reads no more of a file than may be compiled.
    fn read(&self, path: &Path) -> Result<Vec<u8>, CompileError> {
        let most = self.compiler.limits().bytes;
        let read = || {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            let mut wasm = Vec::with_capacity(usize::try_from(length.min(most)).unwrap_or(0));
            file.take(most.saturating_add(1)).read_to_end(&mut wasm)?;
            Ok((wasm, length))
        };
        let (wasm, length) =
            read().map_err(|source| CompileError::Read { path: path.to_owned(), source })?;
        within(CompileLimit::Bytes, length.max(wasm.len() as u64), most)?;
        Ok(wasm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_says_what_it_is_and_why_it_could_not_be_made() {
        let engine = Engine::new(EngineConfig::default()).unwrap();
        assert_eq!(format!("{engine:?}"), "Engine { .. }");
        let error =
            Engine::new(EngineConfig { max_stack: 0, ..EngineConfig::default() }).unwrap_err();
        assert_eq!(error.to_string(), "no WebAssembly engine: max_wasm_stack size cannot be zero");
    }

    #[test]
    fn memories_may_set_few_addresses_aside() {
        let memory_reservation = Some(64 << 10);
        let config = EngineConfig { memory_reservation, ..EngineConfig::default() };
        let echo = include_bytes!("../../../fixtures/components/echo-handler.wasm");
        assert!(Engine::new(config).unwrap().compile(echo).is_ok());
    }

    #[test]
    fn a_file_that_can_not_be_read_is_named() {
        let engine = Engine::new(EngineConfig::default()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let error = engine.compile_file(folder.join("no-such.wasm")).unwrap_err();
        let CompileError::Read { path, source } = error else { panic!("{error}") };
        assert_eq!(path, folder.join("no-such.wasm"));
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    }
}
