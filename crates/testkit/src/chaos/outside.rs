//! What operators and the embedding program do to the components.

use std::sync::Arc;
use std::time::Duration;

use castcall_broker::{
    AddError, CallError, ComponentHandle, Handlers, MailboxConfig, Overflow, PeerConfig, PeerState,
    RestartPolicy,
};
use castcall_core::ComponentId;

use super::actor::Maker;
use super::deeds::word;
use super::dice::{self, Note};
use super::stage::{MAX_TIMEOUT_MS, NAMES};
use super::world::{Native, World};
use crate::oracle::{NewCall, Rules, Sent, What};

impl World {
    /// Does one thing that components do not do.
    pub(super) fn meddle(&mut self) {
        match self.random.u8(..64) {
            0..24 => self.call(),
            24..40 => self.cast(),
            40..46 => self.publish(),
            46..52 => self.drop_a_call(),
            52..54 => self.stop(),
            54..61 => {
                let place = self.random.usize(..NAMES.len());
                self.add(place);
            }
            _ => self.revive(),
        }
    }

    /// The program, or a component's handle.
    fn somebody(&mut self) -> ComponentHandle {
        if self.alive.is_empty() || self.random.u8(..4) > 0 {
            return self.sim.host().clone();
        }
        let (uid, _) = self.alive[self.random.usize(..self.alive.len())];
        self.stage.handle(uid)
    }

    fn note(&mut self) -> Note {
        let number = self.stage.state.lock().oracle.next_number();
        Note { number, depth: self.random.u8(..4) }
    }

    fn call(&mut self) {
        let (from, target, note) = (self.somebody(), dice::target(&mut self.random), self.note());
        let timeout_ms = dice::timeout_ms(&mut self.random);
        let timeout = Duration::from_millis(timeout_ms);
        let payload = note.payload(&mut self.random);
        let sent = self.stage.now();
        let to = self.stage.state.lock().uid(target);
        let name = from.id().clone();
        let task = self.sim.spawn(async move { from.call(target, payload, timeout).await });
        let end = task.take();
        let mut state = self.stage.state.lock();
        if let Some(Err(CallError::Refused { error, .. })) = &end {
            return state.oracle.note(0, What::SendRefused(word(error)));
        }
        let number = note.number;
        let Some(to) = to else { return state.oracle.broken(1, "a call to nobody was accepted") };
        if timeout_ms == 0 || timeout_ms > MAX_TIMEOUT_MS {
            return state.oracle.broken(4, "an invalid timeout was accepted");
        }
        state.oracle.note(to, What::Calls { number, to, timeout_ms });
        let deadline = sent + timeout;
        let from = state.uid(name.as_str());
        let (id, owner, outer) = (None, None, None);
        state.oracle.called(NewCall { number, id, owner, from, to, deadline, outer });
        match end {
            None => self.natives.push(Native { number, deadline, task }),
            Some(Err(CallError::Failed(error))) => {
                state.oracle.native_ended(number, &Err(error), sent);
            }
            Some(_) => state.oracle.broken(3, "a call was answered before it was made"),
        }
    }

    fn cast(&mut self) {
        let (from, target, note) = (self.somebody(), dice::target(&mut self.random), self.note());
        let payload = note.payload(&mut self.random);
        let to = self.stage.state.lock().uid(target);
        let result = from.cast(target, payload);
        let oracle = &mut self.stage.state.lock().oracle;
        match (result, to) {
            (Ok(()), Some(to)) => {
                oracle.note(to, What::Casts { number: note.number, to });
                oracle.cast(note.number, Sent::To(to));
            }
            (Ok(()), None) => oracle.broken(11, "a cast to nobody was accepted"),
            (Err(refused), _) => oracle.note(0, What::SendRefused(word(&refused.error))),
        }
    }

    fn publish(&mut self) {
        let (from, topic, note) = (self.somebody(), dice::topic(&mut self.random), self.note());
        let payload = note.payload(&mut self.random);
        let number = note.number;
        if let Ok(matched) = from.publish(topic, payload) {
            let oracle = &mut self.stage.state.lock().oracle;
            oracle.note(0, What::Publishes { number, matched });
            oracle.cast(number, Sent::Published(matched));
        }
    }

    fn drop_a_call(&mut self) {
        if !self.natives.is_empty() {
            let at = self.random.usize(..self.natives.len());
            let native = self.natives.swap_remove(at);
            drop(native.task);
            self.stage.state.lock().oracle.native_dropped(native.number);
        }
    }

    fn stop(&mut self) {
        if self.alive.is_empty() {
            return;
        }
        let (uid, _) = self.alive[self.random.usize(..self.alive.len())];
        let grace = match self.random.u8(..8) {
            0 => Duration::ZERO,
            1 => Duration::MAX,
            2..5 => Duration::from_millis(self.random.u64(..20)),
            _ => Duration::from_secs(self.random.u64(1..60)),
        };
        self.stage.state.lock().oracle.stops(uid, What::Stops);
        let handle = self.stage.handle(uid);
        let stop = self.sim.stop(&handle, grace);
        // Whoever asked may lose interest.
        if self.random.bool() {
            self.stops.push(stop);
        }
    }

    fn revive(&mut self) {
        let failed = |uid| self.stage.handle(uid).state() == PeerState::Failed;
        if let Some((uid, _)) = self.alive.iter().find(|(uid, _)| failed(*uid)) {
            self.stage.state.lock().oracle.note(*uid, What::Revived);
            if !self.stage.handle(*uid).start_again() && !self.shutting_down {
                self.stage.state.lock().oracle.broken(8, "what had failed was not started again");
            }
        }
    }

    /// Adds a component at that place in the list of names, unless there is one.
    pub(super) fn add(&mut self, place: usize) {
        let Ok(id) = ComponentId::new(NAMES[place]) else { return };
        let taken = self.stage.state.lock().current[place].is_some();
        let config = self.config();
        let longest_wait = config.restart.max_backoff.mul_f64(1.25);
        let drops = config.mailbox.overflow != Overflow::Reject;
        // What can't call back can't call.
        let handlers = Handlers { receives: true, calls_back: self.random.u8(..12) > 0 };
        let uid = self.stage.handles.lock().len() as u32;
        let maker = Maker { stage: Arc::clone(&self.stage), uid };
        let added = self.sim.add_component(id, config, handlers, Box::new(maker));
        let mut state = self.stage.state.lock();
        match added {
            Ok(handle) => {
                let rules = Rules { name: NAMES[place].into(), drops, longest_wait };
                let noted = state.oracle.added(rules);
                debug_assert_eq!(noted, uid);
                state.current[place] = Some(uid);
                self.stage.handles.lock().push(handle);
                self.alive.push((uid, place));
                if taken {
                    state.oracle.broken(1, "two components have one id");
                }
            }
            Err(AddError::Duplicate(_)) if taken => {}
            Err(AddError::ShuttingDown) if self.shutting_down => {}
            Err(error) => state.oracle.broken(1, format!("not added: {error}")),
        }
    }

    fn config(&mut self) -> PeerConfig {
        let random = &mut self.random;
        let mut config = PeerConfig::default();
        let mut mailbox = MailboxConfig::default();
        if random.bool() {
            mailbox.messages = random.usize(0..12);
            mailbox.bytes = random.usize(100..1_000);
        }
        mailbox.overflow =
            [Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest][random.usize(..3)];
        config.mailbox = mailbox;
        config.max_pending = if random.u8(..4) == 0 { random.u32(..8) } else { 64 };
        config.max_subscriptions = random.u32(..6);
        config.restart.policy =
            [RestartPolicy::OnCrash, RestartPolicy::OnCrash, RestartPolicy::Always]
                [random.usize(..3)];
        if random.u8(..12) == 0 {
            config.restart.policy = RestartPolicy::Never;
        }
        config.poison_limit = 0;
        config.restart.max_restarts = random.u32(1..12);
        config.restart.window = Duration::from_millis(random.u64(100..10_000));
        config.restart.backoff = Duration::from_millis(random.u64(..100));
        config.restart.max_backoff = Duration::from_millis(random.u64(..1_000));
        config
    }
}
