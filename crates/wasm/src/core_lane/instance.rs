//! An instance of the core lane.

use std::panic::{AssertUnwindSafe, catch_unwind};

use castcall_broker::{Inbox, Instance, Message, StartError};
use castcall_core::CrashCode;
use wasmtime::{AsContextMut, Extern, Store, TypedFunc, error::Result, format_err};

use super::abi::{Abi, Flat, Flatten, Lift, View, Writer, within};
use super::driver::HOST;
use super::drivers::Given;
use super::lane::cannot_leave;
use super::plan::{Entry, Parts, Place, Plan, lane};
use super::{CoreHost, Host};
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
    let mut imports = Vec::with_capacity(parts.driver.imports.len());
    for given in &parts.driver.imports {
        let entry = |place: Option<&Place>, store: &mut Store<State>| {
            place.ok_or_else(|| format_err!("a handler is missing"))?.of(&made, store)
        };
        let (message, callback) = (parts.handle_message.as_ref(), parts.handle_callback.as_ref());
        imports.push(match given {
            Given::Memory => lane(store)?.memory()?.into(),
            Given::Realloc => (*lane(store)?.realloc()?.func()).into(),
            Given::HandleMessage => entry(message.map(|it| &it.call), store)?,
            Given::HandleCallback => entry(callback.map(|it| &it.call), store)?,
            Given::MessagePostReturn => entry(post_return(message), store)?,
            Given::CallbackPostReturn => entry(post_return(callback), store)?,
            Given::Host(name) => host.linker.get(&mut *store, HOST, name)?,
        });
    }
    let driver = wasmtime::Instance::new(&mut *store, &parts.driver.module, &imports)?;
    let run = driver.get_module_export(&mut *store, &parts.driver.run).and_then(Extern::into_func);
    let run = run.ok_or_else(|| format_err!("the driver can't be run"))?.typed(&*store)?;
    if parts.may_leave {
        let leave = driver.get_module_export(&mut *store, &parts.driver.leave);
        lane(store)?.leave = leave.and_then(Extern::into_global);
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

fn post_return(entry: Option<&Entry>) -> Option<&Place> {
    entry?.post_return.as_ref()
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
