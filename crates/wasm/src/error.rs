//! Why a component could not be loaded, and what a trap was.

use std::path::PathBuf;
use std::{fmt, io};

use castcall_core::CrashCode;
use thiserror::Error;
use wasmtime::Trap;

use crate::bounds::CompileLimit;
use crate::core_module::ModuleError;
use crate::wasi::FolderError;

/// Why a component could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The file could not be read.
    #[error("{} can't be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes are not WebAssembly: name the `.wasm` file. Text (`.wat`) is not taken.
    #[error("not WebAssembly: it does not begin with \\0asm")]
    NotWasm,
    /// It is a core module that does not say what its world is: build it with `wit-bindgen`, or make
    /// a component of it, with `wasm-tools component embed` and `component new` for one.
    #[error("a core module, not a component, and without a component-type section to make one by")]
    CoreModule,
    /// It is a core module that says what its world is, and no component can be made of it.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// It is damaged, or uses what this host's engine does not have.
    #[error("not a valid component: {reason}")]
    Invalid {
        /// What the engine says.
        reason: String,
    },
    /// Compiling it would be too much: make it smaller, or raise the limit in
    /// [`CompileLimits`](crate::CompileLimits).
    #[error("it has {found} {what}, and {limit} are the most that is compiled")]
    TooMuch {
        /// Of what.
        what: CompileLimit,
        /// How many were found; there may be more. [`u64::MAX`]: they can't be counted.
        found: u64,
        /// How many may be.
        limit: u64,
    },
    /// The types in it are nested deeper than is read: declare them beside each other.
    #[error("its types are nested in each other, and {limit} levels are the most")]
    TooDeep {
        /// How many levels there may be.
        limit: u32,
    },
    /// It has more memories or tables than an instance may: compose less into one component.
    #[error("it has {found} {what}, and {limit} is the most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it has.
        found: u32,
        /// How many there may be.
        limit: u32,
    },
    /// It imports what the host does not offer: leave that out.
    #[error("it imports {import}, which this host does not offer")]
    UnknownImport {
        /// The import's name.
        import: String,
    },
    /// It imports something of WASI that is not granted: have its manifest ask for it, and grant it.
    #[error("it imports {import}, and is not granted {needs} of WASI")]
    NotGranted {
        /// The import's name.
        import: String,
        /// What would have to be granted: keys of `capabilities.wasi`.
        needs: &'static str,
    },
    /// It is granted something of WASI, which this host was built without.
    #[error("this host was built without WASI (the cargo feature `wasi`)")]
    NoWasi,
    /// A folder that it is granted can't be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It imports something of the host's with another type: build it against this host's `wit/`.
    #[error("an import has another type here: {reason}")]
    ImportMismatch {
        /// Which one, and how it differs.
        reason: String,
    },
    /// It exports neither `component-lifecycle` nor `component-callback`: export one.
    #[error(
        "it exports neither component-lifecycle nor component-callback of castcall:component@0.1.0"
    )]
    NoHandler,
    /// It exports an interface without one of its functions: build it against this host's `wit/`.
    #[error("it exports {interface} without {function}")]
    MissingFunction {
        /// The interface.
        interface: &'static str,
        /// The function.
        function: &'static str,
    },
    /// It exports a function with another type: build it against this host's `wit/`.
    #[error("it exports {interface} with {function}: {found}, and it should be {expected}")]
    ExportMismatch {
        /// The interface.
        interface: &'static str,
        /// The function.
        function: &'static str,
        /// The type that it has.
        found: String,
        /// The type that it should have.
        expected: &'static str,
    },
}

/// An engine that could not be made.
#[derive(Debug, Error)]
#[error("no WebAssembly engine: {reason}")]
pub struct EngineError {
    /// What wasmtime says.
    pub(crate) reason: String,
}

/// A crash that the host itself decided on, on its way out of the guest.
#[derive(Debug)]
pub(crate) struct Crash(pub(crate) CrashCode);

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Crash {}

/// What ended a guest. `refused`: it was denied memory before.
pub(crate) fn classify(error: &wasmtime::Error, refused: bool) -> CrashCode {
    if let Some(Crash(code)) = error.downcast_ref() {
        return *code;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => CrashCode::StackOverflow,
        Some(Trap::Interrupt) => CrashCode::ExecutionLimit,
        // What a guest does that gets no memory is to trap.
        Some(_) | None if refused => CrashCode::MemoryLimit,
        _ => CrashCode::Trap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trap_has_its_code() {
        let trap = |trap: Trap, refused| classify(&trap.into(), refused);
        assert_eq!(trap(Trap::StackOverflow, false), CrashCode::StackOverflow);
        assert_eq!(trap(Trap::Interrupt, false), CrashCode::ExecutionLimit);
        assert_eq!(trap(Trap::UnreachableCodeReached, false), CrashCode::Trap);
        assert_eq!(classify(&wasmtime::Error::msg("no trap"), false), CrashCode::Trap);
    }

    #[test]
    fn refused_memory_explains_only_what_nothing_else_does() {
        let trap = |trap: Trap| classify(&trap.into(), true);
        assert_eq!(trap(Trap::UnreachableCodeReached), CrashCode::MemoryLimit);
        assert_eq!(classify(&wasmtime::Error::msg("no trap"), true), CrashCode::MemoryLimit);
        assert_eq!(trap(Trap::StackOverflow), CrashCode::StackOverflow);
        assert_eq!(trap(Trap::Interrupt), CrashCode::ExecutionLimit);
    }

    #[test]
    fn what_the_host_decided_is_kept_under_a_context() {
        let error = wasmtime::Error::from(Crash(CrashCode::ExecutionLimit)).context("in a guest");
        assert_eq!(classify(&error, true), CrashCode::ExecutionLimit);
        assert_eq!(Crash(CrashCode::Panic).to_string(), CrashCode::Panic.to_string());
    }
}
