//! What every import of a guest has in common: the arguments out of its memory, the result into it.

use castcall_broker::Context;
use wasmtime::{AsContextMut, Caller, error::Result};

use super::abi::{Args, Lower, View, Writer, within};
use super::lane::{cannot_leave, check_leave};
use crate::state::State;

/// Runs `service` with the context, beside the guest's memory.
#[inline]
pub(crate) fn serve<T>(
    caller: &mut Caller<'_, State>,
    flat: &[u64],
    service: impl FnOnce(&mut Context, &mut Args<'_, '_>) -> Result<T>,
) -> Result<T> {
    check_leave(caller)?;
    let memory = caller.data().lane().and_then(|lane| lane.memory);
    let (bytes, state) = match &memory {
        Some(memory) => memory.data_and_store_mut(&mut *caller),
        None => (&mut [][..], caller.data_mut()),
    };
    let context = state.context_mut();
    let result = service(context, &mut Args::new(&View::new(bytes), flat));
    if context.must_crash() {
        return Err(wasmtime::format_err!("denied too often"));
    }
    result
}

/// Writes a result to where the guest wants it.
#[inline]
pub(crate) fn give<T: Lower>(caller: &mut Caller<'_, State>, at: u32, value: &T) -> Result<()> {
    // What needs no room is written at once.
    if let Some(memory) = caller.data().lane().and_then(|lane| lane.memory) {
        let memory = memory.data_mut(&mut *caller);
        within(memory.len(), at, T::ALIGN, T::SIZE)?;
        if let Some(written) = value.store_plain(memory, at) {
            return written;
        }
    }
    give_with_room(caller, at, value)
}

#[inline(never)]
fn give_with_room<T: Lower>(caller: &mut Caller<'_, State>, at: u32, value: &T) -> Result<()> {
    let lane = caller.data_mut().take_lane().ok_or_else(cannot_leave)?;
    // As long as it is away, nothing that the guest allocates with can call the host.
    let mut to = Writer { store: caller.as_context_mut(), lane: &lane };
    let size = lane.memory().map_or(0, |memory| memory.data_size(&to.store));
    let given = within(size, at, T::ALIGN, T::SIZE).and_then(|()| value.store(&mut to, at));
    caller.data_mut().put_lane(lane);
    given
}
