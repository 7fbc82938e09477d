//! How a system is put together.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use castcall_adapter::Adapter;
use castcall_audit::{Audit, AuditConfig};
use castcall_broker::{Broker, BrokerConfig, Policy, Tracer, Tracing};
use castcall_core::ComponentId;
use castcall_correlation::{OpaquePath, ResponseConfig};
use castcall_runtime::Pool;
use castcall_state::{DeadLetterLimits, StateConfig, StateDirectory};
use castcall_wasm::{CodeCache, CompileLimits, Engine, EngineConfig};

use crate::command::responses;
use crate::error::BuildError;
use crate::keeper::Keeper;
use crate::lanes::Lanes;
use crate::outlet::{OnOpaqueReply, Outlet};
use crate::reply::CommandReply;
use crate::schedule::{Beat, PoolScheduler, Task};
use crate::system::{Inner, System};

/// Builds a [`System`].
#[derive(Debug, Clone, Default)]
pub struct SystemBuilder {
    workers: usize,
    max_threads: Option<usize>,
    linger: Option<Duration>,
    broker: BrokerConfig,
    engine: EngineConfig,
    responses: ResponseConfig,
    on_opaque_reply: OnOpaqueReply,
    link: Link,
    state: Option<(PathBuf, StateConfig)>,
    dead_letters: DeadLetterLimits,
    forbid_unchecked: bool,
    audit: Auditing,
    code_cache: CacheSize,
}

/// Where what happens is recorded.
#[derive(Debug, Clone, Default)]
enum Auditing {
    #[default]
    Off,
    Open(Box<AuditConfig>),
    Opened(Audit),
}

/// Bytes of the cache of compiled code.
#[derive(Debug, Clone, Copy)]
struct CacheSize(u64);

impl Default for CacheSize {
    fn default() -> Self {
        Self(512 << 20)
    }
}

/// Where the cache is within the state directory.
const CODE: &str = "code";

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

    /// How long a worker that has nothing to do waits awake, at most, before it sleeps. Default: 20 µs,
    /// about what it takes to sleep and be woken; zero: not at all. One worker does so at a time, and
    /// seldom if it was in vain; none on a machine with one core. Set it to zero where the system's
    /// share of the processor is counted, or others need it more.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = Some(time);
        self
    }

    /// The longest payload of a message or an answer, in bytes. Default: 1 MiB.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.broker.max_payload = bytes;
        self
    }

    /// How many bytes may wait in all mailboxes together: payloads, some 130 bytes for each message,
    /// and answers, of which each mailbox has 256 KiB beside. What finds no room fares as if the
    /// mailbox itself were full; of an answer, the callback is made with `dropped`. The last
    /// sixteenth is for mailboxes with less than 16 KiB in them. Default: 512 MiB.
    #[must_use]
    pub fn max_waiting(mut self, bytes: usize) -> Self {
        self.broker.max_waiting = bytes;
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

    /// Keeps run-time subscriptions, dead letters and [compiled code](Self::code_cache) in the
    /// directory `path`, so that they survive the process. It is made if it is not there; one system
    /// at a time may have it.
    #[must_use]
    pub fn state_directory(self, path: impl Into<PathBuf>) -> Self {
        self.state_directory_with(path, StateConfig::default())
    }

    /// The same with other than the default settings, which include the limits of dead letters.
    #[must_use]
    pub fn state_directory_with(mut self, path: impl Into<PathBuf>, config: StateConfig) -> Self {
        self.dead_letters = config.dead_letters;
        self.state = Some((path.into(), config));
        self
    }

    /// Bounds what is compiled of one component: its size, its functions, and how much work it is to
    /// compile. What is more is refused before it is.
    #[must_use]
    pub fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.engine.compile = limits;
        self
    }

    /// How many components are compiled at once; others wait. Default: 2.
    #[must_use]
    pub fn compiles_at_once(mut self, compiles: usize) -> Self {
        self.engine.compiles_at_once = compiles;
        self
    }

    /// Whether components that can be are entered through the core lane, which is faster and does
    /// the same: see [`Lane`](crate::Lane). Off, every component takes the component lane. Default:
    /// on.
    #[must_use]
    pub fn core_lane(mut self, on: bool) -> Self {
        self.engine.core_lane = on;
        self
    }

    /// How many bytes of addresses each memory of a guest sets aside: less than the default lets more
    /// than some 30,000 components run in one process, and has their accesses checked. See
    /// [`EngineConfig::memory_reservation`](castcall_wasm::EngineConfig::memory_reservation).
    #[must_use]
    pub fn memory_reservation(mut self, bytes: u64) -> Self {
        self.engine.memory_reservation = Some(bytes);
        self
    }

    /// Bounds the compiled code that is kept in the state directory, so that it need not be compiled
    /// again, in bytes. What has not been used for longest goes first. 0: none is kept. Default:
    /// 512 MiB. Without a state directory, and on systems other than Unix, there is none either.
    #[must_use]
    pub fn code_cache(mut self, max_bytes: u64) -> Self {
        self.code_cache = CacheSize(max_bytes);
        self
    }

    /// Refuses components that don't say which codecs they accept. By default they take anything.
    #[must_use]
    pub fn forbid_unchecked(mut self) -> Self {
        self.forbid_unchecked = true;
        self
    }

    /// Bounds the dead letters that are kept: the oldest go first.
    #[must_use]
    pub fn dead_letters(mut self, limits: DeadLetterLimits) -> Self {
        self.dead_letters = limits;
        self
    }

    /// Records what happens in files: one line of JSON for each send, delivery, end of a call,
    /// denial and so on, never payloads. By default nothing is recorded.
    ///
    /// ```
    /// use castcall::{AuditConfig, System};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("audit.jsonl");
    /// let system = System::builder().audit(AuditConfig::new(path)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn audit(mut self, config: AuditConfig) -> Self {
        self.audit = Auditing::Open(Box::new(config));
        self
    }

    /// Records what happens in an audit that is open already. Several systems may share one.
    #[must_use]
    pub fn audit_to(mut self, audit: Audit) -> Self {
        self.audit = Auditing::Opened(audit);
        self
    }

    /// Sets which traces messages belong to, and which are traced: the tracer of
    /// `castcall-telemetry`, say. By default messages belong to the traces that senders set.
    #[must_use]
    pub fn tracer(mut self, tracer: Arc<dyn Tracer>) -> Self {
        self.broker.tracing = Tracing(Some(tracer));
        self
    }

    /// Starts the system. Needs no async runtime: guests run on threads of its own.
    ///
    /// # Errors
    ///
    /// There is no engine, or there are no threads, to be had, or the state directory or the audit
    /// can't be opened, or others may write to the cache of compiled code.
    pub fn build(mut self) -> Result<System, BuildError> {
        match self.audit {
            Auditing::Off => {}
            Auditing::Open(config) => self.broker.audit = Audit::open(&config)?,
            Auditing::Opened(audit) => self.broker.audit = audit,
        }
        let audit = self.broker.audit.clone();
        let max_timeout = self.broker.max_timeout;
        let scheduler = Arc::new(PoolScheduler::default());
        let state = self.state.map(|(path, mut config)| {
            config.dead_letters = self.dead_letters;
            StateDirectory::open(path, config)
        });
        let state = state.transpose()?;
        let cache = match &state {
            Some(state) if cfg!(unix) && self.code_cache.0 > 0 => {
                Some(CodeCache::open(state.path().join(CODE), self.code_cache.0)?)
            }
            _ => None,
        };
        let engine = Engine::with_cache(self.engine, cache)?;
        let keeper = Arc::new(Keeper::new(state, self.dead_letters));
        let broker = Broker::with_ledger(self.broker, scheduler.clone(), keeper.clone());
        let beat = Beat { broker: broker.downgrade(), engine: engine.clone() };
        let mut pool = Pool::builder().workers(self.workers).timekeeper(beat);
        if let Some(threads) = self.max_threads {
            pool = pool.max_threads(threads);
        }
        if let Some(time) = self.linger {
            pool = pool.linger(time);
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
        let forbid_unchecked = self.forbid_unchecked;
        let inner = Inner {
            broker,
            pool,
            engine,
            host,
            outlet,
            responses,
            keeper,
            audit,
            forbid_unchecked,
            lanes: Lanes::default(),
        };
        Ok(System { inner: Arc::new(inner) })
    }
}
