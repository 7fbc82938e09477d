//! The core lane: a component's main module entered directly, without the component model's own
//! machinery between.
//!
//! A component as the usual tools make it is one core module, with some that hold it together, and
//! a list of how its functions are lifted and what the host's are lowered to. Where that is all
//! there is ([`shape`]), and its functions have the contract's types ([`signature`]), its modules
//! are instantiated as they are ([`plan`]), but for those that only stand between it and the host
//! ([`bypass`]), with host functions that know the canonical ABI themselves ([`abi`], [`contract`],
//! [`imports`]), and a driver beside it ([`driver`], [`drivers`]) takes its messages without leaving
//! Wasm between two of them. It is entered synchronously and returns when
//! its inbox is empty: so no stack is held while nothing is to do, an import may let the guest
//! allocate, and who does not return is the worker pool's matter, all as in the component lane. A
//! driver on a fiber that lives as long as its instance was tried too: as fast with 64 messages in
//! flight, and slower with one.
//!
//! A guest can't tell the lanes from each other. What makes it trap in one makes it trap in the
//! other, with the same code:
//!
//! * It may not call the host from `cabi_realloc`, nor from a post-return function.
//! * What `cabi_realloc` returns is in bounds and aligned; memory is looked up again after each call
//!   of the guest.
//! * An answer counts only after its post-return function has returned.
//! * Any trap ends the instance.
//!
//! One difference is left, which no guest of a tool shows: both allocations for a message are made
//! before either is written to. A guest whose `cabi_realloc` reads or writes what it has given out
//! before, or gives out the same place twice, finds other bytes there than in the component lane.

mod abi;
mod bypass;
// As `cargo xtask abi` writes it.
#[rustfmt::skip]
mod contract;
mod driver;
mod drivers;
mod imports;
mod instance;
mod lane;
mod layout;
mod nested;
mod plan;
mod reach;
mod shape;
mod signature;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use wasmtime::Linker;

use crate::state::State;
use drivers::Drivers;

pub(crate) use contract::{EXPORTS, IMPORTS};
pub(crate) use instance::CoreInstance;
pub(crate) use lane::Lane as LaneState;
pub(crate) use plan::{Plan, Unplanned};
pub(crate) use signature::{FEATURES, has_type};

/// How instances of a component are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lane {
    /// Its core module is entered directly: the faster way.
    Core,
    /// It is entered through the component model, and why.
    Component(NotCore),
}

/// `core`, or `component: ` and why.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str("core"),
            Self::Component(why) => write!(f, "component: {why}"),
        }
    }
}

/// Why a component is not entered through the core lane. It does no less in the component lane,
/// and is slower to enter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotCore {
    /// The engine was told to use the component lane only:
    /// [`EngineConfig::core_lane`](crate::EngineConfig::core_lane).
    #[error("the core lane is off")]
    Off,
    /// It imports something that is not castcall's.
    #[error("it imports {0}")]
    Import(String),
    /// There is something in it that the core lane does not do: build it with the usual tools,
    /// without resources, and for castcall's world alone.
    #[error("it has {0}")]
    Form(&'static str),
}

/// What all instances of an engine have in common.
#[derive(Clone)]
pub(crate) struct CoreHost(Arc<Host>);

struct Host {
    linker: Linker<State>,
    drivers: Drivers,
}

impl CoreHost {
    pub(crate) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        contract::link(&mut linker)?;
        driver::link(&mut linker)?;
        Ok(Self(Arc::new(Host { linker, drivers: Drivers::default() })))
    }
}
