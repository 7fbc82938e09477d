//! An instance of the core lane.

use std::panic::{AssertUnwindSafe, catch_unwind};

use castcall_broker::{Inbox, Instance, Message, StartError};
use castcall_core::CrashCode;
use wasmtime::{AsContextMut, Extern, Global, GlobalType, Mutability, Store, TypedFunc, Val};
use wasmtime::{ValType, error::Result, format_err};

use super::{CoreHost, Host};
use super::abi::{Abi, Flat, Flatten, Lift, View, Writer, within};
use super::driver::GUEST;
use super::lane::cannot_leave;
use super::plan::{Entry, Parts, Plan};
use crate::state::State;
use crate::types::ComponentError;
use crate::watch;

pub(crate) struct CoreInstance {
    store: Store<State>,
    run: TypedFunc<(), ()>,
    init: Option<Init>,
    shutdown: Option<Shutdown>,
}

struct Init {
    call: TypedFunc<(u32, u32), u32>,
    post_return: Option<TypedFunc<u32, ()>>,
}

struct Shutdown {
    call: TypedFunc<(), ()>,
    post_return: Option<TypedFunc<(), ()>>,
}

/// What `init` returns.
type Begun = std::result::Result<(), ComponentError>;

impl CoreInstance {
    /// Makes an instance in a store that has limits, and nothing else yet.
    pub(crate) fn new(
        host: &CoreHost,
        plan: &Plan,
        mut store: Store<State>,
    ) -> Result<Self, StartError> {
        match make(&host.0, plan.parts(), &mut store) {
            Ok((run, init, shutdown)) => Ok(Self { store, run, init, shutdown }),
            Err(error) => Err(StartError::Crashed(store.data().crashed(&error))),
        }
    }

    fn begin_turn(&mut self) {
        self.store.set_epoch_deadline(watch::FIRST_LOOK);
        self.store.data_mut().enter();
    }

    fn crash(&self, error: &wasmtime::Error) -> CrashCode {
        self.store.data().crashed(error)
    }

    /// Runs something in which the guest may not call the host.
    fn aside<T>(
        &mut self,
        run: impl FnOnce(&mut Store<State>, &super::LaneState) -> Result<T>,
    ) -> Result<T> {
        let lane = self.store.data_mut().take_lane().ok_or_else(cannot_leave)?;
        let result = run(&mut self.store, &lane);
        self.store.data_mut().put_lane(lane);
        result
    }

    fn call_init(&mut self, init: &Init, config: &[(&str, &str)]) -> Result<Begun> {
        let flat = self.aside(|store, lane| {
            let mut flat = Flat::default();
            config.flatten(&mut Writer { store: store.as_context_mut(), lane }, &mut flat)?;
            Ok(flat)
        })?;
        let at = init.call.call(&mut self.store, (flat.word(0), flat.word(1)))?;
        self.aside(|store, lane| {
            let memory = lane.memory()?.data(&*store);
            within(memory.len(), at, Begun::ALIGN, Begun::SIZE)?;
            let begun = Begun::load(&View::new(memory), at)?;
            if let Some(post_return) = &init.post_return {
                post_return.call(store, at)?;
            }
            Ok(begun)
        })
    }

    fn call_shutdown(&mut self, shutdown: &Shutdown) -> Result<()> {
        shutdown.call.call(&mut self.store, ())?;
        match &shutdown.post_return {
            Some(post_return) => self.aside(|store, _| post_return.call(store, ())),
            None => Ok(()),
        }
    }
}

type Made = (TypedFunc<(), ()>, Option<Init>, Option<Shutdown>);

/// Makes the guest, and the driver beside it.
fn make(host: &Host, parts: &Parts, store: &mut Store<State>) -> Result<Made> {
    let made = parts.instantiate(store, &host.linker)?;
    let mut imports = Vec::new();
    for import in host.driver.imports() {
        let entry = |which: &str, store: &mut Store<State>| -> Result<Option<Extern>> {
            let place = match which {
                "handle-message" => parts.handle_message.as_ref().map(|entry| &entry.call),
                "handle-callback" => parts.handle_callback.as_ref().map(|entry| &entry.call),
                "message-post-return" => post_return(parts.handle_message.as_ref()),
                "callback-post-return" => post_return(parts.handle_callback.as_ref()),
                _ => None,
            };
            place.map(|place| place.of(&made, store)).transpose()
        };
        let import = match (import.module(), import.name()) {
            (GUEST, "memory") => parts.memory(&made, store)?,
            (GUEST, "realloc") => parts.realloc(&made, store)?,
            (GUEST, "has-message-post-return") => {
                flag(store, post_return(parts.handle_message.as_ref()).is_some())?
            }
            (GUEST, "has-callback-post-return") => {
                flag(store, post_return(parts.handle_callback.as_ref()).is_some())?
            }
            (module, name) => match entry(name, store)? {
                Some(entry) => entry,
                None => {
                    let function = host.linker.get(&mut *store, module, name);
                    function.map_err(|_| format_err!("the driver has no {module} {name}"))?
                }
            },
        };
        imports.push(import);
    }
    let driver = wasmtime::Instance::new(&mut *store, &host.driver, &imports)?;
    let run = driver.get_typed_func(&mut *store, "run")?;
    if parts.may_leave {
        let leave = driver.get_global(&mut *store, "leave");
        if let Some(lane) = store.data_mut().lane_mut() {
            lane.leave = leave;
        }
    }
    let Some((init, shutdown)) = &parts.setup else { return Ok((run, None, None)) };
    let init = Init {
        call: init.call.function(&made, store)?,
        post_return: init.post_return.as_ref().map(|it| it.function(&made, store)).transpose()?,
    };
    let after = shutdown.post_return.as_ref();
    let shutdown = Shutdown {
        call: shutdown.call.function(&made, store)?,
        post_return: after.map(|it| it.function(&made, store)).transpose()?,
    };
    Ok((run, Some(init), Some(shutdown)))
}

fn post_return(entry: Option<&Entry>) -> Option<&super::plan::Place> {
    entry?.post_return.as_ref()
}

fn flag(store: &mut Store<State>, value: bool) -> Result<Extern> {
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    Ok(Global::new(store, ty, Val::I32(value.into()))?.into())
}

impl Instance for CoreInstance {
    fn init(&mut self, config: &[(String, String)]) -> std::result::Result<(), StartError> {
        let Some(init) = self.init.take() else { return Ok(()) };
        let settings: Vec<_> =
            config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.begin_turn();
        match self.call_init(&init, &settings) {
            Ok(begun) => begun.map_err(|error| StartError::Refused(error.into())),
            Err(error) => Err(StartError::Crashed(self.crash(&error))),
        }
    }

    fn run(&mut self, inbox: &mut Inbox) -> std::result::Result<(), CrashCode> {
        self.begin_turn();
        self.store.data_mut().inbox = inbox.lend();
        // A host function that panics is caught here, where the inbox can still be put back.
        let run = catch_unwind(AssertUnwindSafe(|| self.run.call(&mut self.store, ())));
        *inbox = self.store.data_mut().inbox.lend();
        match run {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.crash(&error)),
            Err(_) => Err(CrashCode::Panic),
        }
    }

    fn take_in_hand(&mut self) -> Option<Message> {
        self.store.data_mut().context()?.take_current()
    }

    fn shutdown(&mut self) -> std::result::Result<(), CrashCode> {
        self.begin_turn();
        let Some(shutdown) = self.shutdown.take() else { return Ok(()) };
        self.call_shutdown(&shutdown).map_err(|error| self.crash(&error))
    }
}
