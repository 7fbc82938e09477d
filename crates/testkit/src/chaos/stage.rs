//! What everybody in the chaos shares.

use std::time::{Instant, SystemTime};

use castcall_broker::{ComponentHandle, ManualClock, PeerState, WeakBroker};
use castcall_core::{RequestId, Timestamp};
use parking_lot::Mutex;

use crate::oracle::{Life, Oracle, Uid};

/// Ids of components; some are always taken, some mostly free.
pub(super) const NAMES: [&str; 10] =
    ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"];

/// The longest payload.
pub(super) const MAX_PAYLOAD: usize = 512;

/// The longest timeout, in milliseconds.
pub(super) const MAX_TIMEOUT_MS: u64 = 600_000;

/// How many ids of calls are remembered for attempts to cancel them.
const REMEMBERED: usize = 32;

/// Held by every component and by the world around them.
pub(super) struct Stage {
    pub(super) broker: WeakBroker,
    pub(super) clock: ManualClock,
    /// Never locked while the broker is called, which may call back: it drops instances.
    pub(super) state: Mutex<State>,
    /// By the component's number.
    pub(super) handles: Mutex<Vec<ComponentHandle>>,
}

pub(super) struct State {
    pub(super) oracle: Oracle,
    pub(super) random: fastrand::Rng,
    /// Components answer and do nothing else.
    pub(super) calm: bool,
    pub(super) shutting_down: bool,
    recent: Vec<RequestId>,
    /// By their place in [`NAMES`].
    pub(super) current: [Option<Uid>; NAMES.len()],
}

pub(super) fn life(handle: &ComponentHandle) -> Life {
    match handle.state() {
        PeerState::Failed => Life::Failed,
        PeerState::Stopping => Life::Ends,
        PeerState::Stopped => Life::Gone,
        PeerState::Restarting => Life::Restarts,
        _ => Life::Serves,
    }
}

impl Stage {
    pub(super) fn new(broker: WeakBroker, clock: ManualClock, seed: u64) -> Self {
        let state = State {
            oracle: Oracle::new(),
            random: fastrand::Rng::with_seed(seed),
            calm: false,
            shutting_down: false,
            recent: Vec::new(),
            current: [None; NAMES.len()],
        };
        Self { broker, clock, state: Mutex::new(state), handles: Mutex::default() }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn wall(&self) -> Timestamp {
        (SystemTime::UNIX_EPOCH + self.clock.elapsed()).into()
    }

    /// How much of the room of all mailboxes is taken, and how much there is.
    pub(super) fn waiting_room(&self) -> (usize, usize) {
        self.broker.upgrade().map_or((0, 0), |broker| broker.waiting_room())
    }

    pub(super) fn is_here(&self, id: &str) -> bool {
        self.broker.upgrade().is_some_and(|broker| broker.component(id).is_some())
    }

    /// Where a component is in its life.
    pub(super) fn life(&self, uid: Uid) -> Life {
        life(&self.handles.lock()[uid as usize])
    }

    pub(super) fn is_pending(&self, id: RequestId) -> bool {
        self.broker.upgrade().is_some_and(|broker| broker.is_pending(id))
    }

    pub(super) fn handle(&self, uid: Uid) -> ComponentHandle {
        self.handles.lock()[uid as usize].clone()
    }
}

impl State {
    /// The component that has this id now, if it is the id of one.
    pub(super) fn uid(&self, name: &str) -> Option<Uid> {
        let at = NAMES.iter().position(|other| *other == name)?;
        self.current[at]
    }

    pub(super) fn remember(&mut self, id: RequestId) {
        if self.recent.len() < REMEMBERED {
            self.recent.push(id);
        } else {
            let at = self.random.usize(..REMEMBERED);
            self.recent[at] = id;
        }
    }

    /// Somebody's call, which may have ended; or nobody's.
    pub(super) fn some_call(&mut self) -> RequestId {
        if self.recent.is_empty() || self.random.u8(..16) == 0 {
            return RequestId::new();
        }
        self.recent[self.random.usize(..self.recent.len())]
    }

    /// True once in so many times, if there is no calm.
    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.random.u32(..many) == 0 && !self.calm
    }
}
