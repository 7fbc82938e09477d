//! Compiling: what may be compiled, how many at once, on which threads, and what is cached.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use wasmtime::Module;
use wasmtime::component::Component;

use crate::bounds::{CompileLimit, CompileLimits, within};
use crate::cache::{Code, CodeCache};
use crate::component::first_line;
use crate::core_module;
use crate::error::CompileError;

/// How much nicer than others the threads are that compile. At 10 they have about a tenth of the
/// weight of those that run components.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// What an engine has compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompileStats {
    /// Components that were compiled.
    pub compiled: u64,
    /// Components whose code was in the cache.
    pub from_cache: u64,
    /// Files of the cache that were not what they should be. Each is compiled anew.
    pub cache_rejected: u64,
}

pub(crate) struct Compiler {
    engine: wasmtime::Engine,
    limits: CompileLimits,
    cache: Option<CodeCache>,
    places: Mutex<usize>,
    freed: Condvar,
    compiled: AtomicU64,
    from_cache: AtomicU64,
    cache_rejected: AtomicU64,
}

impl Compiler {
    pub(crate) fn new(
        engine: wasmtime::Engine,
        limits: CompileLimits,
        at_once: usize,
        cache: Option<CodeCache>,
    ) -> Self {
        Self {
            engine,
            limits,
            cache,
            places: Mutex::new(at_once.max(1)),
            freed: Condvar::new(),
            compiled: AtomicU64::new(0),
            from_cache: AtomicU64::new(0),
            cache_rejected: AtomicU64::new(0),
        }
    }

    pub(crate) fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    pub(crate) fn stats(&self) -> CompileStats {
        CompileStats {
            compiled: self.compiled.load(Ordering::Relaxed),
            from_cache: self.from_cache.load(Ordering::Relaxed),
            cache_rejected: self.cache_rejected.load(Ordering::Relaxed),
        }
    }

    /// Makes a component of a core module that says what its world is. Blocks, while others compile.
    pub(crate) fn componentize(&self, module: &[u8]) -> Result<Vec<u8>, CompileError> {
        self.limits.check(module)?;
        let make = || core_module::componentize(module, &self.limits);
        let _place = self.place();
        match threads() {
            Some(threads) => threads.install(make),
            None => make(),
        }
    }

    /// Compiles a component, or takes from the cache what was compiled before. Blocks, while others
    /// compile too.
    pub(crate) fn component(&self, wasm: &[u8]) -> Result<Component, CompileError> {
        let check = || self.limits.check(wasm);
        self.compile(wasm, check, || Component::new(&self.engine, wasm))
    }

    /// The same, of the modules of a component, if `check` has nothing against it.
    pub(crate) fn modules<E: From<CompileError>>(
        &self,
        wasm: &[u8],
        modules: &[&[u8]],
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<Vec<Module>, E> {
        let check = || self.limits.check(wasm).map_err(E::from).and_then(|()| check());
        let compile = || modules.iter().map(|module| Module::new(&self.engine, module)).collect();
        self.compile(wasm, check, compile)
    }

    fn compile<C: Code + Send, E: From<CompileError>>(
        &self,
        wasm: &[u8],
        check: impl FnOnce() -> Result<(), E>,
        compile: impl FnOnce() -> wasmtime::Result<C> + Send,
    ) -> Result<C, E> {
        within(CompileLimit::Bytes, wasm.len() as u64, self.limits.bytes)?;
        let key = |cache: &CodeCache| cache.key::<C>(&self.engine, &self.limits, wasm);
        let cache = self.cache.as_ref().map(|cache| (cache, key(cache)));
        if let Some((cache, key)) = &cache {
            match cache.load(&self.engine, key) {
                Ok(Some(compiled)) => {
                    // What was cached was within these very limits: they are part of the key.
                    self.from_cache.fetch_add(1, Ordering::Relaxed);
                    return Ok(compiled);
                }
                Ok(None) => {}
                Err(error) => {
                    self.cache_rejected.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "cached code is not used: it is compiled anew");
                }
            }
        }
        check()?;
        let place = self.place();
        let compiled = match threads() {
            Some(threads) => threads.install(compile),
            None => compile(),
        };
        drop(place);
        let compiled =
            compiled.map_err(|error| CompileError::Invalid { reason: first_line(&error) })?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some((cache, key)) = &cache
            && let Err(error) = cache.store(&compiled, key)
        {
            tracing::warn!(%error, "compiled code is not cached");
        }
        Ok(compiled)
    }

    /// Waits for a place among those that compile.
    fn place(&self) -> Place<'_> {
        let mut places = self.places();
        while *places == 0 {
            places = self.freed.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
        *places -= 1;
        Place(self)
    }

    fn places(&self) -> MutexGuard<'_, usize> {
        // Nothing in between can leave the number half changed.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given back when it is dropped, also by a panic in the compiler.
struct Place<'a>(&'a Compiler);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.places() += 1;
        self.0.freed.notify_one();
    }
}

/// The threads that compile, for all engines of the process. None if they could not be started:
/// then each compiles where it is.
fn threads() -> Option<&'static ThreadPool> {
    static THREADS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let make = || {
        let builder = ThreadPoolBuilder::new()
            .thread_name(|number| format!("castcall-compile-{number}"))
            .start_handler(|_| lower_priority());
        builder.build().inspect_err(|error| tracing::warn!(%error, "no threads to compile on")).ok()
    };
    THREADS.get_or_init(make).as_ref()
}

fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(%error, "a thread that compiles keeps its priority");
    }
}
