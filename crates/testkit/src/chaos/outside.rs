//! What operators and the embedding program do to the components.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_broker::{
    AddError, CallError, ComponentHandle, Group, Handlers, MailboxConfig, Overflow, PeerConfig,
    PeerState, Rate, RestartPolicy,
};
use castcall_core::{ComponentId, Pattern};

use super::actor::Maker;
use super::deeds::word;
use super::dice::{self, Note};
use super::sends::Sender;
use super::stage::{MAX_TIMEOUT_MS, NAMES};
use super::world::{Native, World};
use crate::oracle::{Life, NewCall, Rules, Subscription, Uid, What};

fn outside(from: &ComponentHandle) -> Sender {
    Sender { name: from.id().clone(), uid: 0, outside: true }
}

fn with_groups(subscriptions: &[Subscription]) -> Vec<(Pattern, Option<Group>)> {
    let group = |group: &String| Group::new(group).ok();
    let known = subscriptions.iter();
    known.map(|(pattern, its)| (pattern.clone(), its.as_ref().and_then(group))).collect()
}

fn without_groups(subscriptions: &[(Pattern, Option<Group>)]) -> Vec<Subscription> {
    let group = |group: &Group| group.as_str().to_owned();
    let known = subscriptions.iter();
    known.map(|(pattern, its)| (pattern.clone(), its.as_ref().map(group))).collect()
}

impl World {
    /// Does one thing that components do not do.
    pub(super) fn meddle(&mut self) {
        match self.random.u8(..72) {
            0..24 => self.call(),
            24..40 => self.cast(),
            40..46 => self.publish(),
            46..49 => self.subscribe(),
            49..54 => self.readmit(),
            54..60 => self.drop_a_call(),
            60..62 => self.stop(),
            62..69 => {
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
        let refused = match &end {
            Some(Err(CallError::Refused { error, .. })) => Some(error),
            _ => None,
        };
        self.stage.judge_call(&name, to, refused);
        let mut state = self.stage.state.lock();
        if let Some(error) = refused {
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
        let payload = note.payload(&mut self.random).into();
        let send = |payload: Bytes| from.cast(target, payload).map_err(|refused| refused.error);
        self.stage.cast(&outside(&from), target, (note.number, payload), send);
    }

    fn publish(&mut self) {
        let (from, topic, note) = (self.somebody(), dice::topic(&mut self.random), self.note());
        let payload = note.payload(&mut self.random).into();
        let send = |payload: Bytes| from.publish(topic, payload).map_err(|refused| refused.error);
        self.stage.publish(&outside(&from), topic, (note.number, payload), send);
    }

    /// Subscribes a component, or ends a subscription of it, from outside.
    fn subscribe(&mut self) {
        let Some(uid) = self.anybody() else { return };
        let handle = self.stage.handle(uid);
        let (pattern, group) = (dice::pattern(&mut self.random), dice::group(&mut self.random));
        if self.random.u8(..3) == 0 {
            let result = handle.unsubscribe(pattern);
            self.stage.state.lock().oracle.unsubscribes(uid, pattern, result);
            return;
        }
        let result = match group {
            None => handle.subscribe(pattern),
            Some(group) => handle.subscribe_group(pattern, group),
        };
        let stopping = matches!(self.stage.life(uid), Life::Ends | Life::Gone);
        let oracle = &mut self.stage.state.lock().oracle;
        oracle.subscribes(uid, (pattern, group), result, stopping);
    }

    /// Readmits somebody who was cut off, if there is anybody, or else somebody who was not.
    fn readmit(&mut self) {
        let Some(uid) = self.anybody() else { return };
        let handle = self.stage.handle(uid);
        let cut_off = handle.cut_off_senders();
        self.stage.state.lock().oracle.cut_off_are(uid, &cut_off);
        let somebody = self.somebody().id().clone();
        let sender = cut_off.first().unwrap_or(&somebody);
        let said = handle.readmit(sender);
        self.stage.state.lock().oracle.readmits(uid, sender, said);
    }

    fn anybody(&mut self) -> Option<Uid> {
        let nth = self.random.usize(..self.alive.len().max(1));
        self.alive.get(nth).map(|(uid, _)| *uid)
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
        let mut config = self.config();
        let restored = self.stage.state.lock().oracle.kept(NAMES[place]);
        config.restored = with_groups(&restored);
        // What can't call back can't call.
        let calls_back = self.random.u8(..12) > 0;
        let receives = !calls_back || self.random.u8(..24) > 0;
        let handlers = Handlers { receives, calls_back };
        let rules = Rules {
            name: NAMES[place].into(),
            messages: config.mailbox.messages.max(1),
            bytes: config.mailbox.bytes,
            drops: config.mailbox.overflow != Overflow::Reject,
            longest_wait: config.restart.max_backoff.mul_f64(1.25),
            receives,
            redeliver: config.redeliver,
            poison_limit: config.poison_limit,
            window: config.restart.window,
            max_subscriptions: config.max_subscriptions as usize,
            configured: without_groups(&config.subscriptions),
        };
        let uid = self.stage.handles.lock().len() as u32;
        let maker = Maker { stage: Arc::clone(&self.stage), uid };
        let added = self.sim.add_component(id, config, handlers, Box::new(maker));
        let mut state = self.stage.state.lock();
        match added {
            Ok(handle) => {
                let noted = state.oracle.added(rules, &restored);
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
        // Time passes in leaps here, and mostly not at all.
        config.rate = Rate::Unlimited;
        config.restart.policy =
            [RestartPolicy::OnCrash, RestartPolicy::OnCrash, RestartPolicy::Always]
                [random.usize(..3)];
        if random.u8(..12) == 0 {
            config.restart.policy = RestartPolicy::Never;
        }
        config.redeliver = if random.bool() { 0 } else { random.u32(1..4) };
        config.poison_limit = if random.u8(..3) == 0 { 0 } else { random.u32(1..5) };
        config.subscriptions = (0..random.u8(..3))
            .filter_map(|_| {
                let pattern = Pattern::new(dice::pattern(random)).ok()?;
                Some((pattern, dice::group(random).and_then(|group| Group::new(group).ok())))
            })
            .collect();
        config.restart.max_restarts = random.u32(1..12);
        config.restart.window = Duration::from_millis(random.u64(100..10_000));
        config.restart.backoff = Duration::from_millis(random.u64(..100));
        config.restart.max_backoff = Duration::from_millis(random.u64(..1_000));
        config
    }
}
