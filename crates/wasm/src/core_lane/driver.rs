//! The host's side of `driver.wat`: what is next, where it goes, and what came of it.

use std::mem;

use bytes::Bytes;
use castcall_broker::{Callback, Work};
use castcall_core::ComponentError;
use wasmtime::{AsContextMut, Caller, Linker, error::Result};

use super::abi::{Abi, Flat, Flatten, Lift, REQUEST_ID, View, Writer, within, write, write_id};
use super::lane::{InHand, Lane, cannot_leave};
use crate::state::State;
use crate::types;

/// The module names of a driver's imports.
pub(crate) const HOST: &str = "host";
pub(crate) const GUEST: &str = "guest";

const CAST: u64 = 1;
const CALL: u64 = 2;
const ANSWERED: u64 = 3;
const FAILED: u64 = 4;

/// What `handle-message` and `handle-callback` return.
type Answer<'a> = std::result::Result<&'a [u8], types::ComponentError>;
type Called = std::result::Result<(), types::ComponentError>;
/// What `handle-callback` brings.
type Brought<'a> = std::result::Result<&'a [u8], types::RequestError>;

// What the driver knows of them.
const _: () = {
    assert!(Answer::SIZE == 20 && Answer::ALIGN == 4);
    assert!(Called::SIZE == 20 && Called::ALIGN == 4);
    assert!(Brought::FLAT == 5);
};

pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(HOST, "next", |mut caller: Caller<'_, State>| next(caller.data_mut()))?;
    linker.func_wrap(HOST, "fill", fill)?;
    linker.func_wrap(HOST, "fill-error", fill_error)?;
    linker.func_wrap(HOST, "answer", answer)?;
    linker.func_wrap(HOST, "called", called)?;
    Ok(())
}

fn lane(state: &mut State) -> Result<&mut Lane> {
    state.lane_mut().ok_or_else(cannot_leave)
}

/// What was in hand is done: the broker is told what came of it.
fn done(state: &mut State) -> Result<()> {
    let lane = lane(state)?;
    match mem::replace(&mut lane.in_hand, InHand::Nothing) {
        InHand::Nothing => {}
        InHand::Message => {
            let answer = lane.answer.take().unwrap_or_else(|| Ok(Bytes::new()));
            let (inbox, context) = state.turn();
            inbox.finish(context, answer);
        }
        InHand::Callback => {
            let called = lane.failed.take().map_or(Ok(()), Err);
            let (inbox, context) = state.turn();
            inbox.finish_callback(context, called);
        }
    }
    Ok(())
}

fn next(state: &mut State) -> Result<u64> {
    done(state)?;
    loop {
        let handlers = state.handlers;
        let (inbox, context) = state.turn();
        let Some(work) = inbox.next(context) else { return Ok(0) };
        match work {
            Work::Message if !handlers.receives => {
                // Nobody can send to it.
                let error = ComponentError::InvalidPayload("no handle-message".into());
                inbox.finish(context, Err(error));
            }
            Work::Message => {
                let message = context.current().ok_or_else(cannot_leave)?;
                let kind = if message.request_id().is_some() { CALL } else { CAST };
                let sizes = sizes(message.sender.as_str().len(), kind, message.payload.len());
                state.enter();
                begin(state, InHand::Message)?;
                return sizes;
            }
            Work::Callback if !handlers.calls_back => {
                // It can't have made the call.
                inbox.finish_callback(context, Ok(()));
            }
            Work::Callback => {
                let callback = context.current_callback().ok_or_else(cannot_leave)?;
                let (kind, body) = match &callback.result {
                    Ok(payload) => (ANSWERED, payload.len()),
                    Err(_) => (FAILED, 0),
                };
                let sizes = sizes(REQUEST_ID, kind, body);
                state.enter();
                begin(state, InHand::Callback)?;
                return sizes;
            }
            _ => {}
        }
    }
}

/// The guest allocates next, and may not call the host meanwhile.
fn begin(state: &mut State, in_hand: InHand) -> Result<()> {
    let lane = lane(state)?;
    lane.in_hand = in_hand;
    lane.may_leave = false;
    Ok(())
}

fn sizes(name: usize, kind: u64, body: usize) -> Result<u64> {
    let (name, body) = (u8::try_from(name)?, u32::try_from(body)?);
    Ok(u64::from(name) | kind << 8 | u64::from(body) << 32)
}

fn fill(mut caller: Caller<'_, State>, name: u32, body: u32) -> Result<()> {
    let guest = lane(caller.data_mut())?.memory()?;
    let (memory, state) = guest.data_and_store_mut(&mut caller);
    if let Some(message) = state.handled() {
        write(memory, name, message.sender.as_str().as_bytes())?;
        write(memory, body, &message.payload)?;
    } else if let Some(Callback { request_id, result: Ok(payload), .. }) = state.called_back() {
        write_id(memory, name, *request_id)?;
        write(memory, body, payload)?;
    }
    lane(state)?.may_leave = true;
    Ok(())
}

fn fill_error(mut caller: Caller<'_, State>, name: u32) -> Result<(u32, u32, u32, u32)> {
    let mut lane = caller.data_mut().take_lane().ok_or_else(cannot_leave)?;
    let mut flat = Flat::default();
    let filled = lower_error(&mut caller, &lane, name, &mut flat);
    lane.may_leave = true;
    caller.data_mut().put_lane(lane);
    filled?;
    Ok((flat.word(0), flat.word(1), flat.word(2), flat.word(3)))
}

fn lower_error(
    caller: &mut Caller<'_, State>,
    lane: &Lane,
    name: u32,
    flat: &mut Flat,
) -> Result<()> {
    let state = caller.data_mut();
    let Some(id) = state.called_back().map(|callback| callback.request_id) else { return Ok(()) };
    // It is told once.
    let Some(Err(error)) = state.context_mut().take_result() else { return Ok(()) };
    write_id(lane.memory()?.data_mut(&mut *caller), name, id)?;
    let mut to = Writer { store: caller.as_context_mut(), lane };
    types::RequestError::from(error).flatten(&mut to, flat)
}

fn answer(mut caller: Caller<'_, State>, at: u32) -> Result<()> {
    let guest = lane(caller.data_mut())?.memory()?;
    let (memory, state) = guest.data_and_store_mut(&mut caller);
    within(memory.len(), at, Answer::ALIGN, Answer::SIZE)?;
    let is_call = state.handled().is_some_and(|message| message.request_id().is_some());
    let answer = Answer::load(&View::new(memory), at)?;
    // Nobody reads that of a cast.
    let answer =
        answer.map(|bytes| if is_call { Bytes::copy_from_slice(bytes) } else { Bytes::new() });
    lane(state)?.answer = Some(answer.map_err(ComponentError::from));
    Ok(())
}

fn called(mut caller: Caller<'_, State>, at: u32) -> Result<()> {
    let guest = lane(caller.data_mut())?.memory()?;
    let (memory, state) = guest.data_and_store_mut(&mut caller);
    within(memory.len(), at, Called::ALIGN, Called::SIZE)?;
    let called = Called::load(&View::new(memory), at)?;
    lane(state)?.failed = called.map_err(ComponentError::from).err();
    Ok(())
}
