//! The steps of a run, and what is checked after each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_broker::{BrokerConfig, CallError, PeerState, Policy};

use super::Broken;
use super::ledger::Notes;
use super::stage::{MAX_PAYLOAD, MAX_TIMEOUT_MS, Stage, life};
use crate::oracle::{Uid, What};
use crate::{Simulation, Task};

/// After how many steps all calls are looked at, if nothing has crashed before.
const SWEEP_EVERY: u64 = 16;

/// A run.
pub(super) struct World {
    pub(super) sim: Simulation,
    pub(super) stage: Arc<Stage>,
    pub(super) random: fastrand::Rng,
    pub(super) natives: Vec<Native>,
    pub(super) stops: Vec<Task<bool>>,
    /// Those that are not gone, with their place in the list of names.
    pub(super) alive: Vec<(Uid, usize)>,
    pub(super) step: u64,
    /// Deadlines were seen to at this time.
    seen: Instant,
    pub(super) shutting_down: bool,
}

/// A call made from outside.
pub(super) struct Native {
    pub(super) number: u64,
    pub(super) deadline: Instant,
    pub(super) task: Task<Result<Bytes, CallError>>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut config = BrokerConfig::default();
        config.max_payload = MAX_PAYLOAD;
        config.policy = Arc::new(Policy::open());
        config.max_timeout = Duration::from_millis(MAX_TIMEOUT_MS);
        let mut random = fastrand::Rng::with_seed(seed);
        config.max_waiting = match random.u8(..6) {
            0 => random.usize(1_000..10_000),
            1 => random.usize(10_000..200_000),
            _ => config.max_waiting,
        };
        let notes = Arc::new(Notes::default());
        let sim = Simulation::with_ledger(seed, config, Arc::clone(&notes) as _);
        let stage = Stage::new(sim.broker().downgrade(), sim.clock().clone(), random.u64(..));
        let (seen, stage) = (stage.now(), Arc::new(stage));
        notes.go_to(&stage);
        let mut world = Self {
            sim,
            stage,
            random,
            natives: Vec::new(),
            stops: Vec::new(),
            alive: Vec::new(),
            step: 0,
            seen,
            shutting_down: false,
        };
        for place in 0..6 {
            world.add(place);
        }
        world
    }

    /// Takes steps until so many calls have been made.
    pub(super) fn stir(&mut self, calls: u64) -> Result<(), Box<Broken>> {
        let most = self.step + calls.max(100) * 50;
        while self.stage.state.lock().oracle.tally().calls < calls && self.step < most {
            self.begin_step();
            match self.random.u8(..100) {
                0..60 if !self.sim.scheduler().is_empty() => self.turn(),
                60..75 => self.time_passes(),
                75..88 => self.expire(),
                _ => self.meddle(),
            }
            self.check()?;
        }
        Ok(())
    }

    pub(super) fn begin_step(&mut self) {
        self.step += 1;
        self.stage.state.lock().oracle.step(self.step, self.sim.elapsed());
    }

    pub(super) fn turn(&mut self) {
        let waiting = self.sim.scheduler().len();
        if waiting > 0 {
            let (nth, messages) = (self.random.usize(..waiting), self.random.u32(1..12));
            self.sim.run_turn(nth, messages);
        }
    }

    /// The clock moves, and the timer is late.
    pub(super) fn time_passes(&mut self) {
        let nanos = match self.random.u8(..24) {
            0 => self.random.u64(..20_000_000_000),
            1..4 => self.random.u64(..200_000_000),
            _ => self.random.u64(..3_000_000),
        };
        self.stage.state.lock().oracle.note(0, What::TimePasses { nanos });
        self.sim.clock().advance(Duration::from_nanos(nanos));
    }

    /// What is due is seen to.
    pub(super) fn expire(&mut self) {
        let now = self.stage.now();
        let due = {
            let oracle = &mut self.stage.state.lock().oracle;
            oracle.note(0, What::Expiry);
            oracle.expires(now, &|id| self.stage.is_pending(id))
        };
        self.sim.expire();
        self.seen = now;
        self.stage.state.lock().oracle.expired(&due, &|id| self.stage.is_pending(id));
        self.collect();
        if let Some(late) = self.natives.iter().find(|native| native.deadline <= now) {
            let how = format!("#{} has no end after its deadline was seen to", late.number);
            self.stage.state.lock().oracle.broken(4, how);
        }
    }

    /// Takes note of the ends of calls made from outside.
    fn collect(&mut self) {
        while self.sim.poll() {}
        let now = self.stage.now();
        let oracle = &mut self.stage.state.lock().oracle;
        self.natives.retain(|native| {
            let Some(end) = native.task.take() else { return true };
            let result = match end {
                Ok(payload) => Ok(payload),
                Err(CallError::Failed(error)) => Err(error),
                Err(error) => {
                    oracle.broken(1, format!("#{} had been accepted: {error}", native.number));
                    return false;
                }
            };
            oracle.native_ended(native.number, &result, now);
            false
        });
        self.stops.retain(|stop| !stop.is_done());
    }

    /// After each step.
    pub(super) fn check(&mut self) -> Result<(), Box<Broken>> {
        self.collect();
        self.bury();
        let looks = self.step.is_multiple_of(SWEEP_EVERY);
        let looks = looks || self.stage.state.lock().oracle.wants_sweep();
        if looks {
            self.audit_room();
        }
        let mut state = self.stage.state.lock();
        let oracle = &mut state.oracle;
        let pending = |id| self.stage.is_pending(id);
        oracle.is_settled(&pending);
        oracle.ledger_is_right();
        if !self.sim.scheduler().is_alarmed()
            && let Some(deadline) = oracle.first_deadline(&pending)
            && self.sim.wake().is_none_or(|wake| wake > deadline)
        {
            oracle.broken(4, "the timer is set to later than the first deadline");
        }
        if looks {
            let handles = self.stage.handles.lock();
            oracle.sweep(&pending, &|uid: Uid| life(&handles[uid as usize]), self.seen);
        }
        match oracle.breach() {
            None => Ok(()),
            Some(breach) => Err(Box::new(Broken {
                seed: self.sim.seed(),
                step: self.step,
                promise: breach.promise,
                what: breach.what.clone(),
                events: oracle.events(),
            })),
        }
    }

    /// Takes note of those that are gone.
    fn bury(&mut self) {
        let Self { alive, stage, .. } = self;
        alive.retain(|(uid, place)| {
            if stage.handle(*uid).state() != PeerState::Stopped {
                return true;
            }
            let mut state = stage.state.lock();
            state.oracle.component_gone(*uid);
            state.current[*place] = None;
            false
        });
    }
}
