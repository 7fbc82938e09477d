//! End to end: real components in real wasmtime, from the facade.

mod audit;
mod calls;
mod casts;
mod codecs;
mod compiling;
mod context;
mod dead_letters;
mod deferred;
mod faults;
mod languages;
mod lifecycle;
mod limits;
mod linked;
mod loading;
mod manifests;
mod measured;
mod overflow;
mod rights;
mod rust_guests;
mod rust_witness;
mod starvation;
mod state;
mod timeout_cancellation;
mod topics;
mod traces;
mod wasi;
