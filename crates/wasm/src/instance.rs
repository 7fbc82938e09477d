//! A component's instance, entered through the component model, synchronously.
//!
//! Synchronous entry costs half of what an entry on a fiber of its own does, and a guest that does
//! not return is the worker pool's matter: see the runtime crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use castcall_broker::{Inbox, Instance, Message, StartError, Work};
use castcall_core::{ComponentError, CrashCode};
use wasmtime::Store;
use wasmtime::component::{Func, InstancePre};

use crate::component::Exports;
use crate::state::State;
use crate::typed::{Checked, Init, Shutdown};
use crate::types::RequestError;
use crate::watch;

pub(crate) struct WasmInstance {
    store: Store<State>,
    handle_message: Option<Checked>,
    handle_callback: Option<Checked>,
    init: Option<Func>,
    shutdown: Option<Shutdown>,
}

impl WasmInstance {
    pub(crate) fn new(
        pre: &InstancePre<State>,
        exports: &Exports,
        mut store: Store<State>,
    ) -> Result<Self, StartError> {
        let instance = match pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(StartError::Crashed(store.data().crashed(&error))),
        };
        let mut find =
            |index: Option<_>| index.and_then(|index| instance.get_func(&mut store, index));
        let handle_message = find(exports.handle_message.as_ref());
        let handle_callback = find(exports.handle_callback.as_ref());
        let init = find(exports.setup.as_ref().map(|(init, _)| init));
        let shutdown = find(exports.setup.as_ref().map(|(_, shutdown)| shutdown));
        // The types were checked when the component was compiled, so these can't fail.
        let checked = (|| {
            Ok::<_, wasmtime::Error>((
                handle_message.map(|func| Checked::message(func, &store)).transpose()?,
                handle_callback.map(|func| Checked::callback(func, &store)).transpose()?,
                init.map(|func| func.typed(&store).map(|_: Init<'_>| func)).transpose()?,
                shutdown.map(|func| func.typed(&store)).transpose()?,
            ))
        })();
        let (handle_message, handle_callback, init, shutdown) = checked.map_err(|error| {
            tracing::error!(%error, "a component has other types than it was compiled with");
            StartError::Crashed(CrashCode::Trap)
        })?;
        Ok(Self { store, handle_message, handle_callback, init, shutdown })
    }

    fn crash(&self, error: &wasmtime::Error) -> CrashCode {
        self.store.data().crashed(error)
    }

    fn begin_turn(&mut self) {
        self.store.set_epoch_deadline(watch::FIRST_LOOK);
        self.store.data_mut().enter();
    }

    fn message(&mut self) -> Result<Answer, CrashCode> {
        let Some(func) = self.handle_message else {
            // Nobody can send to it.
            return Ok(Err(ComponentError::InvalidPayload("no handle-message".into())));
        };
        let state = self.store.data_mut();
        state.enter();
        let context = state.context_mut();
        let Some(message) = context.current() else { return Err(CrashCode::Panic) };
        let sender = message.sender.clone();
        let is_call = message.request_id().is_some();
        let payload = context.take_payload();
        let params = (sender.as_str(), &payload[..]);
        // A host function that panics is caught here, where the payload still is.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            if is_call {
                let result = func.as_call().call(&mut self.store, params);
                result.map(|(answer,)| answer.map(Bytes::from))
            } else {
                let result = func.as_cast().call(&mut self.store, params);
                result.map(|(answer,)| answer.map(|_| Bytes::new()))
            }
        }));
        let code = match answer {
            Ok(Ok(answer)) => return Ok(answer.map_err(Into::into)),
            Ok(Err(error)) => self.crash(&error),
            Err(_) => CrashCode::Panic,
        };
        if let Some(context) = self.store.data_mut().context() {
            context.restore(payload);
        }
        Err(code)
    }

    fn callback(&mut self) -> Result<Result<(), ComponentError>, CrashCode> {
        let Some(func) = self.handle_callback else {
            // It can't have made the call.
            return Ok(Ok(()));
        };
        let state = self.store.data_mut();
        state.enter();
        let context = state.context_mut();
        let id = context.current_callback().map(|callback| callback.request_id);
        let (Some(id), Some(result)) = (id, context.take_result()) else { return Ok(Ok(())) };
        let mut buffer = [0; 36];
        let id = id.encode(&mut buffer);
        let error;
        let result = match result {
            Ok(ref payload) => Ok(&payload[..]),
            Err(request_error) => {
                error = RequestError::from(request_error);
                Err(&error)
            }
        };
        match func.as_callback().call(&mut self.store, (id, result)) {
            Ok((result,)) => Ok(result.map_err(Into::into)),
            Err(error) => Err(self.crash(&error)),
        }
    }
}

type Answer = Result<Bytes, ComponentError>;

impl Instance for WasmInstance {
    fn init(&mut self, config: &[(String, String)]) -> Result<(), StartError> {
        let Some(init) = self.init else { return Ok(()) };
        let settings: Vec<_> =
            config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.begin_turn();
        let result = init
            .typed(&self.store)
            .and_then(|init: Init<'_>| init.call(&mut self.store, (&settings,)));
        match result {
            Ok((result,)) => result.map_err(|error| StartError::Refused(error.into())),
            Err(error) => Err(StartError::Crashed(self.crash(&error))),
        }
    }

    fn run(&mut self, inbox: &mut Inbox) -> Result<(), CrashCode> {
        self.begin_turn();
        while let Some(work) = inbox.next(self.store.data_mut().context_mut()) {
            match work {
                Work::Message => {
                    let answer = self.message()?;
                    inbox.finish(self.store.data_mut().context_mut(), answer);
                }
                Work::Callback => {
                    let result = self.callback()?;
                    inbox.finish_callback(self.store.data_mut().context_mut(), result);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take_in_hand(&mut self) -> Option<Message> {
        self.store.data_mut().context()?.take_current()
    }

    fn shutdown(&mut self) -> Result<(), CrashCode> {
        self.begin_turn();
        let Some(shutdown) = &self.shutdown else { return Ok(()) };
        let result = shutdown.call(&mut self.store, ());
        result.map_err(|error| self.crash(&error))
    }
}
