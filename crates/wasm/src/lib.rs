//! Components in wasmtime, as instances of the broker.
//!
//! An [`Engine`] compiles; a [`WasmComponent`] is what it makes, checked against `wit/`, and is the
//! broker's [`Factory`](castcall_broker::Factory). This crate knows nothing of mailboxes, routing
//! or threads: it enters guests, and gives them the host functions.

mod bounds;
mod cache;
mod compiler;
mod component;
mod core_lane;
mod core_module;
mod engine;
mod error;
mod host;
mod instance;
mod limits;
mod names;
mod services;
mod state;
mod typed;
mod types;
mod wasi;
mod watch;

pub use bounds::{CompileLimit, CompileLimits};
pub use cache::{CacheError, CodeCache};
pub use compiler::CompileStats;
pub use component::WasmComponent;
pub use core_lane::{Lane, NotCore};
pub use core_module::ModuleError;
pub use engine::{Engine, EngineConfig};
pub use error::{CompileError, EngineError};
pub use limits::Limits;
pub use wasi::{Access, Folder, FolderError, Wasi};
