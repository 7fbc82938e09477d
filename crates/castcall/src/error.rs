//! What can go wrong before a message is sent.

use castcall_broker::{AddError, ResendRefusal, StartError};
use castcall_core::{ComponentId, DeadLetterId, InvalidComponentId};
use castcall_wasm::{CompileError, EngineError};
use thiserror::Error;

/// Why a system could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No WebAssembly engine: change the settings, or the machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The state directory can't be opened: see [`OpenError`](castcall_state::OpenError).
    #[error(transparent)]
    State(#[from] castcall_state::OpenError),
    /// The audit can't be opened: see [`OpenError`](castcall_audit::OpenError).
    #[error(transparent)]
    Audit(#[from] castcall_audit::OpenError),
    /// The cache of compiled code, in the state directory, can't be opened, or others may write to
    /// it: see [`CacheError`](castcall_wasm::CacheError).
    #[error(transparent)]
    CodeCache(#[from] castcall_wasm::CacheError),
    /// No threads: raise the system's limit, or ask for fewer workers.
    #[error(transparent)]
    Threads(#[from] castcall_runtime::BuildError),
}

/// Why a dead letter was not sent again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResendError {
    /// It was taken, or has made room for others: list them again.
    #[error("there is no dead letter {0}")]
    NoSuchLetter(DeadLetterId),
    /// It was refused, and is where it was.
    #[error("dead letter {id} was not taken: {source}")]
    Refused {
        /// Which letter.
        id: DeadLetterId,
        /// Why.
        source: ResendRefusal,
    },
}

/// Why a component, or a native peer, was not loaded. The system goes on without it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Its manifest has errors: [`ManifestError::render`](castcall_manifest::ManifestError::render)
    /// shows them in place.
    #[error(transparent)]
    Manifest(#[from] castcall_manifest::ManifestError),
    /// The id is out of form.
    #[error(transparent)]
    InvalidId(#[from] InvalidComponentId),
    /// The file is not there, is no component, or not one for this host.
    #[error("{id}: {source}")]
    Compile {
        /// Which component.
        id: ComponentId,
        /// What is wrong with it.
        source: CompileError,
    },
    /// It does not say which codecs it accepts, and this system wants that: add `codecs.accepts` to
    /// its manifest.
    #[error("{id} does not say which codecs it accepts")]
    Unchecked {
        /// Which component.
        id: ComponentId,
    },
    /// The id is taken or reserved, or the system is shutting down.
    #[error(transparent)]
    Refused(#[from] AddError),
    /// It did not start.
    #[error("{id} did not start: {source}")]
    Start {
        /// Which component.
        id: ComponentId,
        /// Why.
        source: StartError,
    },
    /// The system would not start a thread to compile on: raise its limit.
    #[error("no thread to compile {id} on")]
    NoThread {
        /// Which component.
        id: ComponentId,
    },
}
