//! A running castcall host.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_audit::{Audit, Level, Note, NoteKind, Why};
use castcall_broker::{
    Broker, CallError, ComponentHandle, Context, Factory, Handlers, Message, MessagingStats,
    NativePeer, PeerConfig, PendingCounts, Policy, SendError, StartError, native_factory,
};
use castcall_core::{ComponentError, ComponentId, DeadLetterId, InvalidComponentId, Timestamp};
use castcall_correlation::ResponseManager;
use castcall_runtime::{Pool, PoolStats};
use castcall_state::{DeadLetters, FlushError, StateDirectory};
use castcall_wasm::{CompileError, CompileStats, Engine, Lane, WasmComponent};
use tokio::sync::oneshot;

use crate::builder::SystemBuilder;
use crate::command::Command;
use crate::component::Component;
use crate::error::{LoadError, ResendError};
use crate::keeper::Keeper;
use crate::lanes::Lanes;
use crate::outlet::{Outlet, ReplyStats};
use crate::schedule::Task;

/// A running castcall host: components, native peers, and what they say to each other.
///
/// Clones are handles to the same system. When the last is dropped, everything ends where it
/// stands; [`System::shutdown`] is the orderly way.
#[derive(Clone)]
pub struct System {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) broker: Broker,
    pub(crate) pool: Pool<Task>,
    pub(crate) engine: Engine,
    pub(crate) host: ComponentHandle,
    pub(crate) outlet: Arc<Outlet>,
    pub(crate) responses: ResponseManager,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) audit: Audit,
    pub(crate) forbid_unchecked: bool,
    pub(crate) lanes: Lanes,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.broker.abort();
        self.pool.close();
        self.keeper.close_blocking();
        // If nobody else records there, this writes what is left.
        self.audit = Audit::off();
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("broker", &self.inner.broker)
            .field("pool", &self.inner.pool)
            .finish_non_exhaustive()
    }
}

impl System {
    /// Who may do what. Changes are in force for each send that starts after they have returned.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        self.inner.broker.policy()
    }

    /// Where what happens is recorded: how it does, and [`Audit::flush`].
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.inner.audit
    }

    /// Starts to build one.
    #[must_use]
    pub fn builder() -> SystemBuilder {
        SystemBuilder::default()
    }

    /// Loads a component: compiles it, on a thread of its own, checks it, makes its first instance
    /// and runs its `init`.
    ///
    /// Cancel safe: if the future is dropped before the component was compiled, it is not loaded;
    /// afterwards it is.
    ///
    /// # Errors
    ///
    /// It was not loaded, and the system goes on without it: [`LoadError`].
    pub async fn load(
        &self,
        id: impl TryInto<ComponentId, Error = InvalidComponentId>,
        component: Component,
    ) -> Result<ComponentHandle, LoadError> {
        let id = id.try_into()?;
        // Compiling takes long: what would be refused anyway is refused before.
        if id.is_reserved() {
            return Err(castcall_broker::AddError::Reserved(id).into());
        }
        if self.component(&id).is_some() {
            return Err(castcall_broker::AddError::Duplicate(id).into());
        }
        let config = component.peer.clone();
        if config.codecs.is_any() {
            if self.inner.forbid_unchecked {
                return Err(LoadError::Unchecked { id });
            }
            tracing::info!(component = %id, "unchecked: it does not say which codecs it accepts");
        }
        let compiled = self.compile(&id, component).await?;
        let compiled = compiled.map_err(|source| {
            self.not_loaded(&id, &source);
            LoadError::Compile { id: id.clone(), source }
        })?;
        let (handlers, lane) = (compiled.handlers(), compiled.lane().clone());
        let handle = self.add(id, config, handlers, Box::new(compiled)).await?;
        tracing::info!(component = %handle.id(), %lane, "loaded");
        let is_there = |id: &ComponentId| self.component(id).is_some();
        self.inner.lanes.keep(handle.id().clone(), lane, is_there);
        Ok(handle)
    }

    fn not_loaded(&self, id: &ComponentId, error: &CompileError) {
        if self.inner.audit.is_on() {
            let note = Note::new(NoteKind::Failure, Timestamp::now()).whom(id);
            let note = note.who(&ComponentId::host()).why(Why::Other);
            self.inner.audit.note(note.detail(error.to_string()));
        }
    }

    /// What was compiled so far, and what was taken from the cache in the state directory.
    #[must_use]
    pub fn compile_stats(&self) -> CompileStats {
        self.inner.engine.compile_stats()
    }

    async fn compile(
        &self,
        id: &ComponentId,
        component: Component,
    ) -> Result<Result<WasmComponent, CompileError>, LoadError> {
        let engine = self.inner.engine.clone();
        let (sender, receiver) = oneshot::channel();
        let compile = move || {
            let _ = sender.send(component.compile(&engine));
        };
        let no_thread = || LoadError::NoThread { id: id.clone() };
        std::thread::Builder::new()
            .name("castcall-compile".into())
            .spawn(compile)
            .map_err(|_| no_thread())?;
        receiver.await.map_err(|_| no_thread())
    }

    /// Takes in a native peer: Rust code with an id that casts, calls, answers and subscribes like
    /// a component. `make` makes one now, and another after each panic.
    ///
    /// # Errors
    ///
    /// It was not taken in, or its `init` returned an error.
    pub async fn register<P: NativePeer>(
        &self,
        id: impl TryInto<ComponentId, Error = InvalidComponentId>,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> Result<ComponentHandle, LoadError> {
        self.register_with(id, PeerConfig::default(), make).await
    }

    /// Takes in a native peer with other than the default settings.
    ///
    /// # Errors
    ///
    /// It was not taken in, or its `init` returned an error.
    pub async fn register_with<P: NativePeer>(
        &self,
        id: impl TryInto<ComponentId, Error = InvalidComponentId>,
        config: PeerConfig,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> Result<ComponentHandle, LoadError> {
        let handlers = Handlers { receives: true, calls_back: true };
        let handle = self.add(id.try_into()?, config, handlers, native_factory(make)).await?;
        self.inner.lanes.forget(handle.id());
        Ok(handle)
    }

    /// Takes in a native peer that is a closure. A clone of it is what runs, and another after
    /// each panic.
    ///
    /// # Errors
    ///
    /// It was not taken in.
    pub async fn register_fn<F, B>(
        &self,
        id: impl TryInto<ComponentId, Error = InvalidComponentId>,
        handle_message: F,
    ) -> Result<ComponentHandle, LoadError>
    where
        F: FnMut(&mut Context, Message) -> Result<B, ComponentError>,
        F: Clone + Send + Sync + 'static,
        B: Into<Bytes> + 'static,
    {
        self.register(id, move || handle_message.clone()).await
    }

    /// Takes in another part of the embedding program, under a reserved id: `cli`, the command line.
    /// Like `host`, it has no mailbox, and sends through its handle what the policy grants it.
    ///
    /// # Errors
    ///
    /// The id is not reserved, or there is one.
    pub fn program(
        &self,
        id: impl TryInto<ComponentId, Error = InvalidComponentId>,
    ) -> Result<ComponentHandle, LoadError> {
        Ok(self.inner.broker.add_program(id.try_into()?)?)
    }

    async fn add(
        &self,
        id: ComponentId,
        mut config: PeerConfig,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> Result<ComponentHandle, LoadError> {
        config.restored = self.inner.keeper.restored(&id);
        let (handle, started) = self.inner.broker.add(id.clone(), config, handlers, factory)?;
        match started.await.unwrap_or(Err(StartError::Stopped)) {
            Ok(()) => Ok(handle),
            Err(source) => Err(LoadError::Start { id, source }),
        }
    }

    /// Looks a component or native peer up.
    #[must_use]
    pub fn component(&self, id: impl AsRef<str>) -> Option<ComponentHandle> {
        self.inner.broker.component(id.as_ref())
    }

    /// Which way a component that is there is entered, and why not through the core lane if it is
    /// not. `None` of who is not there, and of native peers.
    #[must_use]
    pub fn lane(&self, id: impl AsRef<str>) -> Option<Lane> {
        let id = id.as_ref();
        self.component(id)?;
        self.inner.lanes.of(id)
    }

    /// All components and native peers, in no order; `host` is one of them.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentHandle> {
        self.inner.broker.components()
    }

    /// The embedding program itself, which sends as `host`.
    #[must_use]
    pub fn host(&self) -> &ComponentHandle {
        &self.inner.host
    }

    /// Casts as `host`.
    ///
    /// # Errors
    ///
    /// The message was refused; its payload comes back.
    pub fn cast(
        &self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        self.inner.host.cast(target, payload)
    }

    /// Calls as `host`, and waits for the answer, at most for `timeout`.
    ///
    /// Cancel safe: dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// The call was refused, or ended without an answer.
    pub async fn call(
        &self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        self.inner.host.call(target, payload, timeout).await
    }

    /// Publishes as `host`, and says how many subscribers matched.
    ///
    /// # Errors
    ///
    /// The message was refused; its payload comes back.
    pub fn publish(
        &self,
        topic: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<u32, SendError> {
        self.inner.host.publish(topic, payload)
    }

    /// Prepares a command: a call whose outcome goes not back to its sender but to a reply path,
    /// which is a component, a topic, or an address of your own. See [`Command`].
    pub fn command(&self, target: impl Into<String>, payload: impl Into<Bytes>) -> Command<'_, ()> {
        Command::new(self, target.into(), payload.into())
    }

    /// The commands that wait for their outcome: to list them, to ask for their reply path, to
    /// count them, to [`cancel`](ResponseManager::cancel) one. A cancel ends the call too, and the
    /// reply path is told.
    ///
    /// Whoever takes a command out by other means (`handle_response`, `take`, `expire`,
    /// `end_owner`) takes over its reply: castcall then sends none.
    #[must_use]
    pub fn responses(&self) -> &ResponseManager {
        &self.inner.responses
    }

    /// What became of the replies to commands.
    #[must_use]
    pub fn replies(&self) -> ReplyStats {
        self.inner.outlet.stats()
    }

    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        &self.inner.outlet
    }

    /// Messages that were accepted and not handled: to be listed, counted and taken. Kept in memory,
    /// and in the state directory if there is one.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        self.inner.keeper.letters()
    }

    /// Sends a dead letter again: to the same target, in its sender's name, as a new message. The
    /// operator's doing, so that neither rights nor quotas of that sender are asked for.
    ///
    /// # Errors
    ///
    /// There is no such letter, or it was refused and is back in its place.
    pub fn resend(&self, id: DeadLetterId) -> Result<(), ResendError> {
        let letter = self.dead_letters().take(id).ok_or(ResendError::NoSuchLetter(id))?;
        self.inner.broker.resend(letter).map_err(|refused| {
            let source = refused.reason;
            self.dead_letters().put_back(id, *refused.letter);
            ResendError::Refused { id, source }
        })
    }

    /// Waits until every subscription and dead letter up to now is durable. Without a state
    /// directory, nothing is, and this returns at once. Needs no async runtime.
    ///
    /// Cancel safe: what was asked for is done whether or not it is waited for.
    ///
    /// # Errors
    ///
    /// It could not be written. It is kept, and tried again; another flush tries at once.
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.inner.keeper.flush().await
    }

    /// The state directory, if the system has one: its path, and how it is.
    #[must_use]
    pub fn state(&self) -> Option<&StateDirectory> {
        self.inner.keeper.directory()
    }

    /// What all components together have done, those that are gone included.
    #[must_use]
    pub fn stats(&self) -> MessagingStats {
        self.inner.broker.stats()
    }

    /// What became of all calls.
    #[must_use]
    pub fn calls(&self) -> PendingCounts {
        self.inner.broker.calls()
    }

    /// On a thread of its own, since it blocks.
    async fn flush_audit(&self) {
        if self.inner.audit.level() == Level::Off {
            return;
        }
        let (sender, receiver) = oneshot::channel();
        let audit = self.inner.audit.clone();
        let flush = move || {
            let _ = sender.send(audit.flush());
        };
        let thread = std::thread::Builder::new().name("castcall-flush".into()).spawn(flush);
        // Without a thread, the end of the last handle writes it.
        if thread.is_ok()
            && let Ok(Err(error)) = receiver.await
        {
            tracing::error!(%error, "the audit could not be written");
        }
    }

    /// How much of what may wait in all mailboxes together is taken, and how much there is, in
    /// bytes: [`SystemBuilder::max_waiting`]. More is taken than waits, since mailboxes take room
    /// in pieces; see [`Broker::waiting_room`].
    #[must_use]
    pub fn waiting_room(&self) -> (usize, usize) {
        self.inner.broker.waiting_room()
    }

    /// What the workers are doing.
    #[must_use]
    pub fn workers(&self) -> PoolStats {
        self.inner.pool.stats()
    }

    /// Shuts down: no new sends, running handlers end, queued casts become dead letters, queued
    /// calls end with `unavailable`, callbacks are delivered, each component's `shutdown` runs.
    /// What has not ended after `grace` is ended.
    ///
    /// Returns the ids of native peers that do not return, and were given up.
    ///
    /// Cancel safe: the shutdown of the components goes on; the threads then end with the last
    /// handle.
    pub async fn shutdown(&self, grace: Duration) -> Vec<ComponentId> {
        let abandoned = self.inner.broker.shutdown(grace).await;
        self.inner.pool.close();
        self.inner.keeper.close().await;
        self.flush_audit().await;
        abandoned
    }
}
