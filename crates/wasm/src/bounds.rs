//! What is looked at before anything is compiled: whether compiling would be too much.
//!
//! One pass over the bytes, in a small part of the time that compiling takes. Whether they are a valid
//! component is the engine's to say, but for what can't even be read.

mod depth;
mod nesting;
mod work;

use std::fmt;

use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::error::CompileError;
use nesting::Nesting;

/// The most that is compiled of one component.
///
/// ```
/// use castcall_wasm::{CompileLimits, EngineConfig};
///
/// let mut limits = CompileLimits::default();
/// limits.bytes = 1 << 20;
/// let mut config = EngineConfig::default();
/// config.compile = limits;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CompileLimits {
    /// Bytes of the file. Default: 64 MiB.
    pub bytes: u64,
    /// Functions with a body, in all its core modules. Default: 200,000.
    pub functions: u64,
    /// Core modules and components within it, and it itself. Default: 1,000.
    pub modules: u64,
    /// Instances of those that come into being with one instance of it: a small file can ask for
    /// billions. Default: 1,000.
    pub instances: u64,
    /// Types, of core modules and of components. Default: 100,000.
    pub types: u64,
    /// How much work the functions are to compile: an estimate, from their bytes, locals, branches
    /// and loops, in microseconds of one core. A function of 20 KB can take a minute, and there is
    /// no stopping the compiler. Default: 300,000,000, five minutes.
    pub work: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            functions: 200_000,
            modules: 1_000,
            instances: 1_000,
            types: 100_000,
            work: 300_000_000,
        }
    }
}

/// A limit of [`CompileLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompileLimit {
    /// [`CompileLimits::bytes`].
    Bytes,
    /// [`CompileLimits::functions`].
    Functions,
    /// [`CompileLimits::modules`].
    Modules,
    /// [`CompileLimits::instances`].
    Instances,
    /// [`CompileLimits::types`].
    Types,
    /// [`CompileLimits::work`].
    Work,
}

impl fmt::Display for CompileLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Functions => "functions",
            Self::Modules => "modules",
            Self::Instances => "instances",
            Self::Types => "types",
            Self::Work => "units of work",
        })
    }
}

impl CompileLimits {
    /// Checks a component before it is compiled.
    pub(crate) fn check(&self, wasm: &[u8]) -> Result<(), CompileError> {
        within(CompileLimit::Bytes, wasm.len() as u64, self.bytes)?;
        let mut found = Found { limits: *self, functions: 0, modules: 0, types: 0, work: 0 };
        let mut nesting = Nesting::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            if let Payload::ComponentTypeSection(section) = &payload {
                let section = wasm.get(section.range()).unwrap_or_default();
                if !depth::is_within(section).map_err(invalid)? {
                    return Err(CompileError::TooDeep { limit: depth::MAX_LEVELS });
                }
            }
            found.count(&payload)?;
            let instances = nesting.see(&payload).map_err(invalid)?;
            within(CompileLimit::Instances, instances, self.instances)?;
        }
        Ok(())
    }
}

fn invalid(error: BinaryReaderError) -> CompileError {
    CompileError::Invalid { reason: error.to_string() }
}

/// What has been found so far.
struct Found {
    limits: CompileLimits,
    functions: u64,
    modules: u64,
    types: u64,
    work: u64,
}

impl Found {
    fn count(&mut self, payload: &Payload<'_>) -> Result<(), CompileError> {
        match payload {
            Payload::Version { .. } => {
                self.modules += 1;
                within(CompileLimit::Modules, self.modules, self.limits.modules)
            }
            // Its bodies must be as many; where they are not, the engine refuses it.
            Payload::CodeSectionStart { count, .. } => {
                self.functions += u64::from(*count);
                within(CompileLimit::Functions, self.functions, self.limits.functions)
            }
            Payload::CodeSectionEntry(body) => {
                let work = work::of(body).map_err(invalid)?;
                self.work = self.work.saturating_add(work);
                within(CompileLimit::Work, self.work, self.limits.work)
            }
            Payload::TypeSection(section) => self.types(section.count()),
            Payload::CoreTypeSection(section) => self.types(section.count()),
            Payload::ComponentTypeSection(section) => self.types(section.count()),
            _ => Ok(()),
        }
    }

    fn types(&mut self, more: u32) -> Result<(), CompileError> {
        self.types += u64::from(more);
        within(CompileLimit::Types, self.types, self.limits.types)
    }
}

pub(crate) fn within(what: CompileLimit, found: u64, limit: u64) -> Result<(), CompileError> {
    if found <= limit { Ok(()) } else { Err(CompileError::TooMuch { what, found, limit }) }
}

#[cfg(test)]
mod tests;
