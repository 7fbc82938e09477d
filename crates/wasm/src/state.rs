//! What a store holds for its guest.

use castcall_broker::{Context, Interrupt};

use crate::limits::Limiter;
use crate::watch::Watch;

pub(crate) struct State {
    /// Taken out for the length of a host function, so that it can be used beside the guest's
    /// memory; boxed, so that this moves one pointer.
    context: Option<Box<Context>>,
    pub(crate) limiter: Limiter,
    pub(crate) watch: Watch,
    pub(crate) interrupt: Interrupt,
}

impl State {
    pub(crate) fn new(context: Context, limiter: Limiter, watch: Watch) -> Self {
        let interrupt = context.interrupt();
        Self { context: Some(Box::new(context)), limiter, watch, interrupt }
    }

    /// The guest is about to be entered: what was measured of the last entry is void.
    pub(crate) fn enter(&mut self) {
        self.watch.enter();
        self.limiter.enter();
    }

    /// # Panics
    ///
    /// A host function is running on this store already, which wasmtime's `&mut` forbids.
    pub(crate) fn take_context(&mut self) -> Box<Context> {
        self.context.take().expect("the context is put back by every host function")
    }

    pub(crate) fn put_context(&mut self, context: Box<Context>) {
        self.context = Some(context);
    }

    /// The context, unless a host function panicked with it.
    pub(crate) fn context(&mut self) -> Option<&mut Context> {
        self.context.as_deref_mut()
    }

    pub(crate) fn context_mut(&mut self) -> &mut Context {
        self.context.as_mut().expect("the context is put back by every host function")
    }
}
