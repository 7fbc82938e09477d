//! The host functions: `host-services`, `message-context` and `deferred-reply`.
//!
//! Each takes the context out of the store, reads its arguments where they lie in the guest's
//! memory, and leaves everything else to the context.

use bytes::Bytes;
use castcall_broker::{Context, Payload};
use wasmtime::component::{Linker, LinkerInstance, WasmList, WasmStr};
use wasmtime::{StoreContextMut, error::Result};

use crate::names;
use crate::state::State;
use crate::types::{
    CancelError, ComponentError, DeferError, MessagingError, ReplyError, TraceContext, UsageReport,
};

type Store<'a> = StoreContextMut<'a, State>;
type Bytelist = WasmList<u8>;
type Sent<T> = Result<(Result<T, MessagingError>,)>;

/// Runs `f` with the context, beside the guest's memory.
fn with<T>(
    store: &mut Store<'_>,
    f: impl FnOnce(&mut Context, &Store<'_>) -> Result<T>,
) -> Result<T> {
    let mut context = store.data_mut().take_context();
    let result = f(&mut context, store);
    let must_crash = context.must_crash();
    store.data_mut().put_context(context);
    if must_crash {
        return Err(wasmtime::format_err!("denied too often"));
    }
    result
}

/// A payload that still lies in the guest.
struct InGuest<'a>(&'a [u8]);

impl Payload for InGuest<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn as_slice(&self) -> &[u8] {
        self.0
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self.0)
    }
}

fn read<'a>(list: &Bytelist, store: &'a Store<'_>) -> InGuest<'a> {
    InGuest(list.as_le_slice(store))
}

pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    host_services(&mut linker.instance(names::HOST_SERVICES)?)?;
    message_context(&mut linker.instance(names::MESSAGE_CONTEXT)?)?;
    deferred_reply(&mut linker.instance(names::DEFERRED_REPLY)?)
}

fn host_services(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "send-message",
        |mut store: Store<'_>, (target, message): (WasmStr, Bytelist)| -> Sent<()> {
            with(&mut store, |context, store| {
                let target = target.to_str(store)?;
                Ok((context.send_message(&target, read(&message, store)).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap(
        "send-request",
        |mut store: Store<'_>,
         (target, request, timeout): (WasmStr, Bytelist, u64)|
         -> Sent<String> {
            with(&mut store, |context, store| {
                let target = target.to_str(store)?;
                let sent = context.send_request(&target, read(&request, store), timeout);
                Ok((sent.map(|id| id.encode(&mut [0; 36]).to_owned()).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap(
        "cancel-request",
        |mut store: Store<'_>, (id,): (WasmStr,)| -> Result<(Result<(), CancelError>,)> {
            with(&mut store, |context, store| {
                let Ok(id) = id.to_str(store)?.parse() else {
                    return Ok((Err(CancelError::NotFound),));
                };
                Ok((context.cancel_request(id).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap(
        "publish",
        |mut store: Store<'_>, (topic, message): (WasmStr, Bytelist)| -> Sent<u32> {
            with(&mut store, |context, store| {
                let topic = topic.to_str(store)?;
                Ok((context.publish(&topic, read(&message, store)).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap("subscribe", |mut store: Store<'_>, (pattern,): (WasmStr,)| -> Sent<()> {
        with(&mut store, |context, store| {
            Ok((context.subscribe(&pattern.to_str(store)?).map_err(Into::into),))
        })
    })?;
    linker.func_wrap(
        "subscribe-group",
        |mut store: Store<'_>, (pattern, group): (WasmStr, WasmStr)| -> Sent<()> {
            with(&mut store, |context, store| {
                let (pattern, group) = (pattern.to_str(store)?, group.to_str(store)?);
                Ok((context.subscribe_group(&pattern, &group).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap(
        "unsubscribe",
        |mut store: Store<'_>, (pattern,): (WasmStr,)| -> Sent<bool> {
            with(&mut store, |context, store| {
                Ok((context.unsubscribe(&pattern.to_str(store)?).map_err(Into::into),))
            })
        },
    )?;
    linker.func_wrap("self-id", |mut store: Store<'_>, (): ()| -> Result<(String,)> {
        Ok((store.data_mut().context_mut().self_id().to_string(),))
    })?;
    linker.func_wrap("usage", |mut store: Store<'_>, (): ()| -> Result<(UsageReport,)> {
        Ok((store.data_mut().context_mut().usage().into(),))
    })
}

fn message_context(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    type Answer<T> = Result<(Option<T>,)>;

    linker.func_wrap("sender", |mut store: Store<'_>, (): ()| -> Answer<String> {
        let message = store.data_mut().context_mut().current();
        Ok((message.map(|message| message.sender.to_string()),))
    })?;
    linker.func_wrap("timestamp", |mut store: Store<'_>, (): ()| -> Answer<u64> {
        let message = store.data_mut().context_mut().current();
        Ok((message.map(|message| message.timestamp.as_unix_nanos()),))
    })?;
    linker.func_wrap("topic", |mut store: Store<'_>, (): ()| -> Answer<String> {
        let message = store.data_mut().context_mut().current();
        Ok((message.and_then(|message| message.topic.as_ref()).map(ToString::to_string),))
    })?;
    linker.func_wrap("request-id", |mut store: Store<'_>, (): ()| -> Answer<String> {
        let message = store.data_mut().context_mut().current();
        Ok((message.and_then(|message| message.request_id()).map(|id| id.to_string()),))
    })?;
    linker.func_wrap("remaining-ms", |mut store: Store<'_>, (): ()| -> Answer<u64> {
        Ok((store.data_mut().context_mut().remaining_ms(),))
    })?;
    linker.func_wrap("is-cancelled", |mut store: Store<'_>, (): ()| -> Result<(bool,)> {
        Ok((store.data_mut().context_mut().is_cancelled(),))
    })?;
    linker.func_wrap("trace-context", |mut store: Store<'_>, (): ()| -> Answer<TraceContext> {
        Ok((store.data_mut().context_mut().trace().map(Into::into),))
    })
}

fn deferred_reply(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "defer",
        |mut store: Store<'_>, (): ()| -> Result<(Result<u64, DeferError>,)> {
            Ok((store.data_mut().context_mut().defer().map_err(Into::into),))
        },
    )?;
    linker.func_wrap(
        "reply",
        |mut store: Store<'_>,
         (token, answer): (u64, Result<Bytelist, ComponentError>)|
         -> Result<(Result<(), ReplyError>,)> {
            with(&mut store, |context, store| {
                let answer = match answer {
                    Ok(payload) => Ok(read(&payload, store).into_bytes()),
                    Err(error) => Err(error.into()),
                };
                Ok((context.reply(token, answer).map_err(Into::into),))
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All functions that `wit/` lets a guest import.
    const FUNCTIONS: [(&str, &[&str]); 3] = [
        (
            names::HOST_SERVICES,
            &[
                "send-message",
                "send-request",
                "cancel-request",
                "publish",
                "subscribe",
                "subscribe-group",
                "unsubscribe",
                "self-id",
                "usage",
            ],
        ),
        (
            names::MESSAGE_CONTEXT,
            &[
                "sender",
                "timestamp",
                "topic",
                "request-id",
                "remaining-ms",
                "is-cancelled",
                "trace-context",
            ],
        ),
        (names::DEFERRED_REPLY, &["defer", "reply"]),
    ];

    #[test]
    fn each_function_is_defined_once() {
        let engine = wasmtime::Engine::default();
        link(&mut Linker::new(&engine)).unwrap();
        for (interface, functions) in FUNCTIONS {
            for function in functions {
                let mut linker = Linker::new(&engine);
                let mut instance = linker.instance(interface).unwrap();
                instance.func_wrap(function, |_: Store<'_>, (): ()| Ok(())).unwrap();
                let error = link(&mut linker).expect_err(function);
                let text = format!("{error:#}");
                assert!(text.contains("defined twice"), "{interface} {function}: {text}");
            }
        }
    }
}
