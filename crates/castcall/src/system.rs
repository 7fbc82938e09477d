//! A running castcall host.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_adapter::Adapter;
use castcall_broker::{
    Broker, BrokerConfig, CallError, ComponentHandle, Context, Factory, Handlers, Message,
    MessagingStats, NativePeer, PeerConfig, PendingCounts, Policy, SendError, StartError,
    native_factory,
};
use castcall_core::{ComponentError, ComponentId, InvalidComponentId};
use castcall_correlation::{OpaquePath, ResponseConfig, ResponseManager};
use castcall_runtime::{Pool, PoolStats};
use castcall_wasm::{CompileError, Engine, EngineConfig, WasmComponent};
use tokio::sync::oneshot;

use crate::command::{Command, responses};
use crate::component::Component;
use crate::error::{BuildError, LoadError};
use crate::outlet::{OnOpaqueReply, Outlet, ReplyStats};
use crate::reply::CommandReply;
use crate::schedule::{Keeper, PoolScheduler, Task};

/// Builds a [`System`].
#[derive(Debug, Clone, Default)]
pub struct SystemBuilder {
    workers: usize,
    max_threads: Option<usize>,
    broker: BrokerConfig,
    engine: EngineConfig,
    responses: ResponseConfig,
    on_opaque_reply: OnOpaqueReply,
    link: Link,
}

/// The way to other systems.
#[derive(Clone, Default)]
struct Link(Option<Arc<dyn Adapter>>);

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.0.is_some()).finish()
    }
}

impl SystemBuilder {
    /// How many components run at once; by default as many as there are cores. Zero means the
    /// default.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many threads components may occupy, those included whose component does not return.
    /// Default: 256 more than workers. At the limit, the component that has run longest is ended.
    #[must_use]
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max_threads = Some(threads);
        self
    }

    /// The longest payload of a message or an answer, in bytes. Default: 1 MiB.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.broker.max_payload = bytes;
        self
    }

    /// Sets who may do what. By default `host` may do everything and nobody else anything: load
    /// components, and grant them rights, or set a [`Policy::open`].
    ///
    /// A component may do what it [asks for](crate::Component::capabilities) *and* the policy
    /// grants.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.broker.policy = policy.into();
        self
    }

    /// The longest timeout of a call. Default: one hour.
    #[must_use]
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.broker.max_timeout = timeout;
        self
    }

    /// Sets what the commands of [`System::command`] may: how long the longest waits, which one
    /// that names no timeout does too, and how many one sender may have waiting. A timeout longer
    /// than [`max_timeout`](Self::max_timeout) counts as that.
    #[must_use]
    pub fn responses(mut self, config: ResponseConfig) -> Self {
        self.responses = config;
        self
    }

    /// Sets who sends the replies whose path is an address `scheme://…`. Called on the thread that
    /// ends the command: it should hand over, not work. A panic in it is logged. Without it, such
    /// replies are logged and counted as unhandled.
    #[must_use]
    pub fn on_opaque_reply(
        mut self,
        send: impl Fn(OpaquePath, CommandReply) + Send + Sync + 'static,
    ) -> Self {
        self.on_opaque_reply = OnOpaqueReply(Some(Arc::new(send)));
        self
    }

    /// Links the system with others: what is addressed to nobody here, and what is published, goes
    /// there too. Without it, who is not here is `component-not-found`.
    #[must_use]
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.link = Link(Some(Arc::new(adapter)));
        self
    }

    /// Starts the system. Needs no async runtime: guests run on threads of its own.
    ///
    /// # Errors
    ///
    /// There is no engine, or there are no threads, to be had.
    pub fn build(self) -> Result<System, BuildError> {
        let engine = Engine::new(self.engine)?;
        let max_timeout = self.broker.max_timeout;
        let scheduler = Arc::new(PoolScheduler::default());
        let broker = Broker::new(self.broker, scheduler.clone());
        let keeper = Keeper { broker: broker.downgrade(), engine: engine.clone() };
        let mut pool = Pool::builder().workers(self.workers).timekeeper(keeper);
        if let Some(threads) = self.max_threads {
            pool = pool.max_threads(threads);
        }
        let pool: Pool<Task> = pool.build()?;
        let _first = scheduler.0.set(pool.clone());
        // What was set to be due while there was no pool.
        pool.alarm();
        let host = broker.add_program(ComponentId::host());
        let host = host.expect("a new broker has no host yet");
        if let Some(adapter) = self.link.0 {
            // Only a builder that was used before attaches one twice, to another broker.
            let _first = broker.attach(adapter);
        }
        let outlet = Arc::new(Outlet::new(self.on_opaque_reply));
        let mut config = self.responses;
        config.max_timeout = config.max_timeout.min(max_timeout);
        let responses = responses(config, &broker, &outlet);
        let inner = Inner { broker, pool, engine, host, outlet, responses };
        Ok(System { inner: Arc::new(inner) })
    }
}

/// A running castcall host: components, native peers, and what they say to each other.
///
/// Clones are handles to the same system. When the last is dropped, everything ends where it
/// stands; [`System::shutdown`] is the orderly way.
#[derive(Clone)]
pub struct System {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Broker,
    pool: Pool<Task>,
    engine: Engine,
    host: ComponentHandle,
    outlet: Arc<Outlet>,
    responses: ResponseManager,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.broker.abort();
        self.pool.close();
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
        let compiled = self.compile(&id, component).await?;
        let compiled = compiled.map_err(|source| LoadError::Compile { id: id.clone(), source })?;
        let handlers = compiled.handlers();
        self.add(id, config, handlers, Box::new(compiled)).await
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
        self.add(id.try_into()?, config, handlers, native_factory(make)).await
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

    async fn add(
        &self,
        id: ComponentId,
        config: PeerConfig,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> Result<ComponentHandle, LoadError> {
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
        abandoned
    }
}
