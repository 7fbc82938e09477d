//! The host functions: `host-services`, `message-context` and `deferred-reply`.
//!
//! Each takes the context out of the store, reads its arguments where they lie in the guest's
//! memory, and leaves everything else to the services.

use castcall_broker::Context;
use wasmtime::component::{Linker, LinkerInstance, WasmList, WasmStr};
use wasmtime::{StoreContextMut, error::Result};

use crate::names;
use crate::services;
use crate::state::State;
use crate::types::{
    CancelError, ComponentError, DeferError, MessagingError, ReplyError, TraceContextValue,
    UsageReport,
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
                Ok((services::send_message(context, &target, message.as_le_slice(store)),))
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
                let request = request.as_le_slice(store);
                let sent = services::send_request(context, &target, request, timeout);
                Ok((sent.map(|id| id.to_string()),))
            })
        },
    )?;
    linker.func_wrap(
        "cancel-request",
        |mut store: Store<'_>, (id,): (WasmStr,)| -> Result<(Result<(), CancelError>,)> {
            with(&mut store, |context, store| {
                Ok((services::cancel_request(context, &id.to_str(store)?),))
            })
        },
    )?;
    linker.func_wrap(
        "publish",
        |mut store: Store<'_>, (topic, message): (WasmStr, Bytelist)| -> Sent<u32> {
            with(&mut store, |context, store| {
                let topic = topic.to_str(store)?;
                Ok((services::publish(context, &topic, message.as_le_slice(store)),))
            })
        },
    )?;
    linker.func_wrap("subscribe", |mut store: Store<'_>, (pattern,): (WasmStr,)| -> Sent<()> {
        with(&mut store, |context, store| {
            Ok((services::subscribe(context, &pattern.to_str(store)?),))
        })
    })?;
    linker.func_wrap(
        "subscribe-group",
        |mut store: Store<'_>, (pattern, group): (WasmStr, WasmStr)| -> Sent<()> {
            with(&mut store, |context, store| {
                let (pattern, group) = (pattern.to_str(store)?, group.to_str(store)?);
                Ok((services::subscribe_group(context, &pattern, &group),))
            })
        },
    )?;
    linker.func_wrap(
        "unsubscribe",
        |mut store: Store<'_>, (pattern,): (WasmStr,)| -> Sent<bool> {
            with(&mut store, |context, store| {
                Ok((services::unsubscribe(context, &pattern.to_str(store)?),))
            })
        },
    )?;
    linker.func_wrap("self-id", |mut store: Store<'_>, (): ()| -> Result<(String,)> {
        Ok((services::self_id(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("usage", |mut store: Store<'_>, (): ()| -> Result<(UsageReport,)> {
        Ok((services::usage(store.data_mut().context_mut()),))
    })
}

fn message_context(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    type Answer<T> = Result<(Option<T>,)>;

    linker.func_wrap("sender", |mut store: Store<'_>, (): ()| -> Answer<String> {
        Ok((services::sender(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("timestamp", |mut store: Store<'_>, (): ()| -> Answer<u64> {
        Ok((services::timestamp(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("topic", |mut store: Store<'_>, (): ()| -> Answer<String> {
        Ok((services::topic(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("request-id", |mut store: Store<'_>, (): ()| -> Answer<String> {
        let id = services::request_id(store.data_mut().context_mut());
        Ok((id.map(|id| id.to_string()),))
    })?;
    linker.func_wrap("remaining-ms", |mut store: Store<'_>, (): ()| -> Answer<u64> {
        Ok((services::remaining_ms(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("is-cancelled", |mut store: Store<'_>, (): ()| -> Result<(bool,)> {
        Ok((services::is_cancelled(store.data_mut().context_mut()),))
    })?;
    linker.func_wrap("trace-context", |mut store: Store<'_>, (): ()| -> Answer<TraceContextValue> {
        Ok((services::trace_context(store.data_mut().context_mut()),))
    })
}

fn deferred_reply(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap(
        "defer",
        |mut store: Store<'_>, (): ()| -> Result<(Result<u64, DeferError>,)> {
            Ok((services::defer(store.data_mut().context_mut()),))
        },
    )?;
    linker.func_wrap(
        "reply",
        |mut store: Store<'_>,
         (token, answer): (u64, Result<Bytelist, ComponentError>)|
         -> Result<(Result<(), ReplyError>,)> {
            with(&mut store, |context, store| {
                let answer = answer.as_ref().map(|payload| payload.as_le_slice(store));
                Ok((services::reply(context, token, answer.map_err(Clone::clone)),))
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
