//! What the benchmarks, and the programs that a profiler looks at, have in common: castcall with
//! everything on that a user has on, driven in two ways.

pub mod host;
pub mod lane;
pub mod one_thread;
pub mod settings;
pub mod watchers;
