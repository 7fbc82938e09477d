//! A broker with its own time, driven by one thread.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_broker::{
    AddError, Broker, BrokerConfig, CallError, Clock, ComponentHandle, Factory, Handlers, Ledger,
    ManualClock, NativePeer, PeerConfig, Policy, SendError, native_factory,
};
use castcall_core::{ComponentId, DeadLetter, InvalidComponentId};
use parking_lot::Mutex;
use thiserror::Error;

use crate::scheduler::SimScheduler;
use crate::task::{Task, Tasks};

/// Why a native peer was not added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddPeerError {
    /// The id is out of form.
    #[error(transparent)]
    Id(#[from] InvalidComponentId),
    /// It was not taken in.
    #[error(transparent)]
    Refused(#[from] AddError),
}

/// A whole castcall without a thread: what runs next, for how many messages, and how much time
/// passes meanwhile follows from a seed, and a run with the same seed is the same run.
///
/// It is the real [`Broker`] that runs. Nothing sleeps: time passes where it is told to.
///
/// ```
/// use std::time::Duration;
/// use castcall_broker::{Context, Message};
/// use castcall_core::{ComponentError, RequestError};
/// use castcall_testkit::{CallError, Simulation};
///
/// let mut sim = Simulation::new(7);
/// sim.add("greeter", || {
///     |_: &mut Context, message: Message| {
///         Ok::<_, ComponentError>([b"hello ", &message.payload[..]].concat())
///     }
/// })?;
/// // Takes each call over and never answers it.
/// sim.add("sleeper", || {
///     |context: &mut Context, _: Message| {
///         context.defer().map_err(|error| ComponentError::failed(1, error.to_string()))?;
///         Ok::<_, ComponentError>("")
///     }
/// })?;
///
/// let greeting = sim.call("greeter", "you", Duration::from_secs(1));
/// let silence = sim.call("sleeper", "", Duration::from_secs(60));
/// sim.run_until_idle();
/// assert_eq!(greeting.take().unwrap()?, "hello you");
///
/// assert!(!silence.is_done(), "no time has passed");
/// sim.advance(Duration::from_secs(60));
/// assert_eq!(silence.take(), Some(Err(CallError::Failed(RequestError::Timeout))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulation {
    broker: Broker,
    scheduler: Arc<SimScheduler>,
    clock: ManualClock,
    host: ComponentHandle,
    random: fastrand::Rng,
    seed: u64,
    tasks: Tasks,
    /// When the broker wants to be called again, by what it said last.
    wake: Option<Instant>,
    letters: Arc<Letters>,
}

/// Keeps dead letters.
#[derive(Default)]
struct Letters(Mutex<Vec<DeadLetter>>);

impl Ledger for Letters {
    fn dead_letter(&self, letter: DeadLetter) {
        self.0.lock().push(letter);
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.seed)
            .field("elapsed", &self.elapsed())
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// Makes a simulation with the broker's default settings, in which everybody may do
    /// everything.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut config = BrokerConfig::default();
        config.policy = Arc::new(Policy::open());
        Self::with_config(seed, config)
    }

    /// Makes a simulation; the clock and the seed of `config` are replaced.
    #[must_use]
    pub fn with_config(seed: u64, config: BrokerConfig) -> Self {
        let letters = Arc::new(Letters::default());
        let mut simulation = Self::with_ledger(seed, config, Arc::clone(&letters) as _);
        simulation.letters = letters;
        simulation
    }

    /// Makes a simulation whose broker gives what is to be kept to `ledger`, which has the dead
    /// letters then instead of [`dead_letters`](Self::dead_letters).
    #[must_use]
    pub fn with_ledger(seed: u64, mut config: BrokerConfig, ledger: Arc<dyn Ledger>) -> Self {
        let clock = ManualClock::new();
        config.clock = Clock::Manual(clock.clone());
        config.seed = Some(seed);
        let scheduler = Arc::new(SimScheduler::default());
        let broker = Broker::with_ledger(config, Arc::clone(&scheduler) as _, ledger);
        #[allow(clippy::expect_used, reason = "a new broker has nobody in it")]
        let host = broker.add_program(ComponentId::host()).expect("the id is free");
        let random = fastrand::Rng::with_seed(seed);
        let (tasks, letters) = (Tasks::default(), Arc::default());
        Self { broker, scheduler, clock, host, random, seed, tasks, wake: None, letters }
    }

    /// What the run follows from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The clock. Moving it by hand moves it and does nothing else: what is due stays undone
    /// until [`expire`](Self::expire), as if the timer were late.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Who waits for a turn.
    #[must_use]
    pub fn scheduler(&self) -> &SimScheduler {
        &self.scheduler
    }

    /// How much time has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The embedding program, `host`, in whose name this simulation sends.
    #[must_use]
    pub fn host(&self) -> &ComponentHandle {
        &self.host
    }

    /// Adds a native peer, made by `make` now and after each crash.
    ///
    /// # Errors
    ///
    /// The id is out of form, taken or reserved.
    pub fn add<F, P>(&self, id: impl AsRef<str>, make: F) -> Result<ComponentHandle, AddPeerError>
    where
        F: Fn() -> P + Send + Sync + 'static,
        P: NativePeer,
    {
        let id = ComponentId::new(id)?;
        let handlers = Handlers { receives: true, calls_back: true };
        Ok(self.add_component(id, PeerConfig::default(), handlers, native_factory(make))?)
    }

    /// Adds anything that can be a component, with settings.
    ///
    /// # Errors
    ///
    /// It was not taken in: [`AddError`].
    pub fn add_component(
        &self,
        id: ComponentId,
        config: PeerConfig,
        handlers: Handlers,
        factory: Box<dyn Factory>,
    ) -> Result<ComponentHandle, AddError> {
        self.broker.add(id, config, handlers, factory).map(|(handle, _started)| handle)
    }

    /// Casts in the name of `host`.
    ///
    /// # Errors
    ///
    /// The message was refused.
    pub fn cast(
        &self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        self.host.cast(target, payload)
    }

    /// Publishes in the name of `host` and says how many subscribers matched.
    ///
    /// # Errors
    ///
    /// The message was refused.
    pub fn publish(
        &self,
        topic: impl AsRef<str>,
        payload: impl Into<Bytes>,
    ) -> Result<u32, SendError> {
        self.host.publish(topic, payload)
    }

    /// Casts and published messages that were accepted and not handled, and never will be, from
    /// the first to the last.
    ///
    /// ```
    /// use castcall_broker::{Context, Message};
    /// use castcall_core::{ComponentError, DeadLetterReason};
    /// use castcall_testkit::Simulation;
    ///
    /// let mut sim = Simulation::new(1);
    /// sim.add("fragile", || {
    ///     |_: &mut Context, _: Message| -> Result<&str, ComponentError> {
    ///         // A panic that prints nothing.
    ///         std::panic::resume_unwind(Box::new("broken"))
    ///     }
    /// })?;
    /// sim.cast("fragile", "careful")?;
    /// sim.run_until_idle();
    /// let letters = sim.dead_letters();
    /// assert_eq!(letters[0].payload, "careful");
    /// assert_eq!((letters[0].reason, letters[0].attempts), (DeadLetterReason::Crashed, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.letters.0.lock().clone()
    }

    /// Calls in the name of `host`. The call is made at once; its end comes with the simulation's
    /// next steps. Dropping the task cancels it.
    pub fn call(
        &mut self,
        target: impl AsRef<str>,
        payload: impl Into<Bytes>,
        timeout: Duration,
    ) -> Task<Result<Bytes, CallError>> {
        let (host, target) = (self.host.clone(), target.as_ref().to_owned());
        let payload = payload.into();
        self.spawn(async move { host.call(target, payload, timeout).await })
    }

    /// Stops a component, as [`ComponentHandle::stop`] does.
    pub fn stop(&mut self, component: &ComponentHandle, grace: Duration) -> Task<bool> {
        let component = component.clone();
        self.spawn(async move { component.stop(grace).await })
    }

    /// Shuts down, as [`Broker::shutdown`] does.
    pub fn shutdown(&mut self, grace: Duration) -> Task<Vec<ComponentId>> {
        let broker = self.broker.clone();
        self.spawn(async move { broker.shutdown(grace).await })
    }

    /// Polls `future` along with the simulation's steps.
    pub fn spawn<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.tasks.spawn(future)
    }

    /// Does one thing at random: lets somebody have a turn of some messages, or lets some time
    /// pass. `false` if nobody has anything to do and nothing will ever be due.
    pub fn step(&mut self) -> bool {
        self.poll();
        if self.scheduler.is_empty() {
            return self.skip_to(None);
        }
        if self.random.u8(..8) == 0 {
            // Down to nanoseconds, so that few things happen at the same time.
            let nanos = self.random.u64(1..2_000_000);
            self.pass(Duration::from_nanos(nanos));
        } else {
            self.run_one();
        }
        true
    }

    /// Gives turns, in a random order, until nobody has anything to do at this time. No time
    /// passes. Does not return if two peers keep each other busy for ever.
    pub fn run_until_idle(&mut self) {
        loop {
            if self.is_due() {
                self.expire();
            }
            let polled = self.poll();
            if !self.run_one() && !polled && !self.is_due() {
                return;
            }
        }
    }

    /// Lets time pass. What becomes due on the way is done when it is due, with all that follows
    /// from it.
    pub fn advance(&mut self, by: Duration) {
        let end = self.clock.now() + by;
        loop {
            self.run_until_idle();
            if !self.skip_to(Some(end)) {
                break;
            }
        }
        self.clock.advance(end.saturating_duration_since(self.clock.now()));
        self.run_until_idle();
    }

    /// Lets time pass until `task` has ended, and returns what came of it.
    ///
    /// # Panics
    ///
    /// It never will: nobody has anything to do, and nothing will be due. Or its value was taken.
    #[track_caller]
    pub fn wait<T>(&mut self, task: &Task<T>) -> T {
        while !task.is_done() {
            let goes_on = self.step();
            self.poll();
            assert!(goes_on || task.is_done(), "nothing is left that could end this task");
        }
        match task.take() {
            Some(value) => value,
            None => panic!("the task's value was taken before"),
        }
    }

    /// Gives the nth of those that wait a turn of at most `messages`.
    pub fn run_turn(&mut self, nth: usize, messages: u32) {
        let Some(ready) = self.scheduler.take(nth) else { return };
        self.scheduler.bound(messages);
        if let Some(again) = ready.run() {
            castcall_broker::Scheduler::schedule(&*self.scheduler, again);
        }
    }

    /// Polls the tasks that were woken, and says whether there were any.
    pub fn poll(&mut self) -> bool {
        self.tasks.poll()
    }

    /// Moves the clock, and has done what is due then.
    pub fn pass(&mut self, by: Duration) {
        self.clock.advance(by);
        self.expire();
    }

    /// Has done what is due.
    pub fn expire(&mut self) {
        // Before the broker looks: an alarm from here on makes it look again.
        self.scheduler.take_alarm();
        self.broker.tick();
        self.wake = self.broker.expire();
    }

    /// Whether the broker would be told now that something is due, or has asked to be.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.scheduler.is_alarmed() || self.wake.is_some_and(|wake| wake <= self.clock.now())
    }

    /// When the broker wants to be called next, unless it raises the alarm before.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        self.wake
    }

    fn run_one(&mut self) -> bool {
        let waiting = self.scheduler.len();
        if waiting == 0 {
            return false;
        }
        let (nth, messages) = (self.random.usize(..waiting), self.random.u32(1..8));
        self.run_turn(nth, messages);
        true
    }

    /// Goes to the next time that something is due, if that is no later than `end`.
    fn skip_to(&mut self, end: Option<Instant>) -> bool {
        if self.scheduler.is_alarmed() {
            self.expire();
        }
        let Some(wake) = self.wake.filter(|wake| end.is_none_or(|end| *wake <= end)) else {
            return false;
        };
        self.pass(wake.saturating_duration_since(self.clock.now()));
        true
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // Components hold the broker, and the broker holds them.
        self.broker.abort();
        while self.scheduler.take(0).is_some_and(|ready| ready.run().is_none()) {}
    }
}

#[cfg(test)]
mod tests;
