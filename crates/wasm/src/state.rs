//! What a store holds for its guest.

use castcall_broker::{Callback, Context, Handlers, Inbox, Interrupt, Message};
use castcall_core::CrashCode;

use crate::core_lane::LaneState;
use crate::error::classify;
use crate::limits::Limiter;
use crate::wasi::WasiState;
use crate::watch::Watch;

pub(crate) struct State {
    /// Taken out for the length of a host function, so that it can be used beside the guest's
    /// memory; boxed, so that this moves one pointer.
    context: Option<Box<Context>>,
    pub(crate) limiter: Limiter,
    pub(crate) watch: Watch,
    pub(crate) interrupt: Interrupt,
    /// Boxed, so that those who have none carry one pointer.
    #[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "there is none then"))]
    wasi: Option<Box<WasiState>>,
    /// What it can be entered for.
    pub(crate) handlers: Handlers,
    /// Of those in the core lane. Taken out while the guest may not call the host, or is written to.
    lane: Option<Box<LaneState>>,
    /// Theirs, for the length of a turn: whatever goes wrong in the guest, or on the way into it, it
    /// can be put back.
    pub(crate) inbox: Inbox,
}

impl State {
    pub(crate) fn new(
        context: Context,
        limiter: Limiter,
        watch: Watch,
        wasi: Option<Box<WasiState>>,
        handlers: Handlers,
    ) -> Self {
        let interrupt = context.interrupt();
        let context = Some(Box::new(context));
        Self {
            context,
            limiter,
            watch,
            interrupt,
            wasi,
            handlers,
            lane: None,
            inbox: Inbox::empty(),
        }
    }

    /// The store is one of the core lane's.
    pub(crate) fn with_lane(mut self) -> Self {
        self.lane = Some(Box::new(LaneState::new()));
        self
    }

    #[inline]
    pub(crate) fn lane(&self) -> Option<&LaneState> {
        self.lane.as_deref()
    }

    #[inline]
    pub(crate) fn lane_mut(&mut self) -> Option<&mut LaneState> {
        self.lane.as_deref_mut()
    }

    pub(crate) fn take_lane(&mut self) -> Option<Box<LaneState>> {
        self.lane.take()
    }

    pub(crate) fn put_lane(&mut self, lane: Box<LaneState>) {
        self.lane = Some(lane);
    }

    /// What the guest crashed with, as those who are told name it.
    pub(crate) fn crashed(&self, error: &wasmtime::Error) -> CrashCode {
        let code = classify(error, self.limiter.has_refused());
        tracing::debug!(%code, ?error, "a guest crashed");
        code
    }

    /// The message that is being handled.
    pub(crate) fn handled(&self) -> Option<&Message> {
        self.context.as_ref()?.current()
    }

    /// The end of a call that is being handled.
    pub(crate) fn called_back(&self) -> Option<&Callback> {
        self.context.as_ref()?.current_callback()
    }

    /// # Panics
    ///
    /// It has none. Then the functions of WASI are not linked, and nobody asks.
    #[cfg(feature = "wasi")]
    pub(crate) fn wasi_mut(&mut self) -> &mut WasiState {
        self.wasi_and_watch().0
    }

    /// # Panics
    ///
    /// As [`State::wasi_mut`].
    #[cfg(feature = "wasi")]
    pub(crate) fn wasi_and_watch(&mut self) -> (&mut WasiState, &mut Watch, &Interrupt) {
        let wasi = self.wasi.as_deref_mut().expect("only those who have WASI are linked with it");
        (wasi, &mut self.watch, &self.interrupt)
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

    /// What is next for the guest, and the context that is to work on it.
    #[inline]
    pub(crate) fn turn(&mut self) -> (&mut Inbox, &mut Context) {
        let context =
            self.context.as_mut().expect("the context is put back by every host function");
        (&mut self.inbox, context)
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
