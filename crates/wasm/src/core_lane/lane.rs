//! What the core lane keeps in a store: how the guest's memory is reached, and what is in hand.

use bytes::Bytes;
use castcall_core::ComponentError;
use wasmtime::{Caller, Global, Memory, TypedFunc, error::Result, format_err};

use crate::state::State;

/// `realloc(old, old-size, align, size)`.
pub(crate) type Realloc = TypedFunc<(u32, u32, u32, u32), u32>;

/// What the guest was entered with; the context has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InHand {
    Nothing,
    Message,
    Callback,
}

pub(crate) struct Lane {
    /// None until what exports it is there.
    pub(crate) memory: Option<Memory>,
    pub(crate) realloc: Option<Realloc>,
    /// The driver's: zero while a post-return function runs. Only if that might call the host:
    /// reading it is not free.
    pub(crate) leave: Option<Global>,
    /// Not while the driver, or the host, lets the guest allocate.
    pub(crate) may_leave: bool,
    pub(crate) in_hand: InHand,
    /// What the handler has returned; none as long as it is good, and nobody reads it.
    pub(crate) answer: Option<Result<Bytes, ComponentError>>,
    /// What a callback has returned; none as long as it is good.
    pub(crate) failed: Option<ComponentError>,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            memory: None,
            realloc: None,
            leave: None,
            may_leave: true,
            in_hand: InHand::Nothing,
            answer: None,
            failed: None,
        }
    }

    #[inline]
    pub(crate) fn memory(&self) -> Result<Memory> {
        self.memory.ok_or_else(|| format_err!("the guest has no memory yet"))
    }

    #[inline]
    pub(crate) fn realloc(&self) -> Result<&Realloc> {
        self.realloc.as_ref().ok_or_else(|| format_err!("the guest can't allocate yet"))
    }
}

/// A guest may call the host now: it was not entered to allocate, or to free.
#[inline]
pub(crate) fn check_leave(caller: &mut Caller<'_, State>) -> Result<()> {
    let Some(lane) = caller.data().lane() else { return Err(cannot_leave()) };
    if !lane.may_leave {
        return Err(cannot_leave());
    }
    let leave = lane.leave;
    match leave {
        Some(leave) if leave.get(&mut *caller).i32() == Some(0) => Err(cannot_leave()),
        _ => Ok(()),
    }
}

#[cold]
pub(crate) fn cannot_leave() -> wasmtime::Error {
    format_err!("cannot leave component instance")
}
