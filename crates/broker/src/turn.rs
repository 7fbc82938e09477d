//! A component's turn on a worker: its start, its messages, its crash, its end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use castcall_audit::{NoteKind, Why};
use castcall_core::{ComponentId, CrashCode, RequestError};
use castcall_correlation::deadline_after;

use crate::audited::why_not_started;
use crate::context::Context;
use crate::inbox::{End, InHand, Inbox};
use crate::instance::{Instance, StartError};
use crate::mailbox::Gate;
use crate::message::Message;
use crate::peer::{Actor, Peer, PeerState, Running};
use crate::supervise::Verdict;

/// A component that has something to do. Made by the broker, run by whoever schedules.
pub struct Ready(pub(crate) Arc<Peer>);

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ready").field(&self.0.id).finish()
    }
}

impl Ready {
    /// Whose turn it is.
    #[must_use]
    pub fn id(&self) -> &ComponentId {
        &self.0.id
    }

    /// Whether its last turns were long, or would have been if they had not been over.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.0.is_slow()
    }

    /// Runs the component until nothing waits for it, or others should have their turn, by
    /// [`Scheduler::ticks`](crate::Scheduler::ticks). What is returned must be run again.
    #[must_use]
    pub fn run(self) -> Option<Self> {
        let again = {
            let mut actor = self.0.actor.lock();
            let began = self.0.broker.scheduler.ticks();
            let again = self.0.turn(&mut actor, began);
            // More than one tick: it has lasted for a whole one, however it lies between them.
            let passed = self.0.broker.scheduler.ticks().wrapping_sub(began);
            self.0.turn_was(passed > 1 || (again && passed > 0));
            again
        };
        if self.0.broker.is_shutting_down() {
            self.0.broker.quiet.notify_one();
        }
        again.then_some(self)
    }
}

/// Runs guest code; a panic in it, or in a host function, is a crash.
fn guard<T, E: From<CrashCode>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(CrashCode::Panic.into()))
}

/// One turn of an instance, which began at that tick, or its last, which no tick ends: how it ended, why there was no more, and with what in hand it crashed.
fn run(
    instance: &mut Box<dyn Instance>,
    inbox: &mut Inbox,
    began: Option<u64>,
) -> (Result<(), CrashCode>, End, Option<InHand>) {
    if let Some(turn) = inbox.turn() {
        turn.begin_turn(began);
    }
    let result = guard(|| instance.run(inbox));
    // Only an instance that has not put its inbox back has none: what it did with it, nobody knows.
    let Some(turn) = inbox.turn() else { return (Err(CrashCode::Panic), End::Over, None) };
    let in_hand = result.err().and_then(|code| turn.crashed_with(code));
    (result, turn.end(), in_hand)
}

impl From<CrashCode> for StartError {
    fn from(code: CrashCode) -> Self {
        Self::Crashed(code)
    }
}

impl Peer {
    /// Returns whether there is more to do.
    fn turn(self: &Arc<Self>, actor: &mut Actor, began: u64) -> bool {
        if self.is_stopping() {
            self.finish(actor);
            return false;
        }
        if actor.instance.is_none() && self.mailbox.is_parked() {
            // Scheduled by what the crash itself ended, before it was settled what follows.
            return false;
        }
        if actor.instance.is_none()
            && let Err(error) = self.start(actor)
        {
            return self.not_started(actor, error);
        }
        let Some(Running { instance, inbox }) = actor.instance.as_mut() else { return false };
        let (result, end, in_hand) = run(instance, inbox, Some(began));
        match result {
            Ok(()) => match end {
                End::Over => true,
                // A stop that came just before is seen here, one that comes now schedules anew.
                End::Empty | End::Stop if self.is_stopping() => {
                    self.finish(actor);
                    false
                }
                End::Empty | End::Stop => false,
            },
            Err(code) => {
                // Before anybody is told: who is, may look.
                self.counters.crashes.add(1);
                let message = guard(|| Ok::<_, CrashCode>(instance.take_in_hand())).ok().flatten();
                if let Some(InHand::Call(call)) = in_hand {
                    self.broker.fail(call, RequestError::Crashed(code));
                }
                self.instance_crashed(actor, code);
                self.settle(actor, in_hand, message);
                let now = self.broker.now();
                let verdict =
                    actor.history.crashed(&self.config.restart, now, self.broker.jitter());
                self.after_crash(actor, verdict)
            }
        }
    }

    /// Decides about the message that the component crashed with, and its sender.
    fn settle(&self, actor: &mut Actor, in_hand: Option<InHand>, message: Option<Message>) {
        let poison = message.as_ref().is_some_and(|message| self.blame(&message.sender));
        let Some(InHand::Cast { attempt }) = in_hand else { return };
        match message {
            Some(message) => actor.retry = self.settle_cast(message, attempt, poison),
            // It is gone with the guest.
            None => self.counters.dead_letters.add(1),
        }
    }

    fn start(self: &Arc<Self>, actor: &mut Actor) -> Result<(), StartError> {
        let Some(factory) = &self.factory else { return Err(StartError::Stopped) };
        let incarnation = self.begin_incarnation();
        let context = Context::new(Arc::clone(self), incarnation);
        self.subscribe_to_all(&self.config.subscriptions);
        let instance = guard(|| {
            let mut instance = factory.instantiate(context)?;
            instance.init(&self.config.config)?;
            Ok::<_, StartError>(instance)
        })?;
        let inbox = Inbox::new(self, incarnation, actor.retry.take());
        actor.instance = Some(Running { instance, inbox });
        self.mailbox.set_gate(Gate::Open);
        if self.state() == PeerState::Restarting {
            self.counters.restarts.add(1);
        }
        self.set_state(PeerState::Running);
        tracing::debug!(component = %self.id, incarnation = incarnation.0, "started");
        self.note_started(actor.started.is_some(), actor.ended.take(), incarnation);
        if let Some(started) = actor.started.take() {
            let _ = started.send(Ok(()));
        }
        Ok(())
    }

    fn not_started(self: &Arc<Self>, actor: &mut Actor, error: StartError) -> bool {
        tracing::warn!(component = %self.id, %error, "did not start");
        if let Some(started) = actor.started.take() {
            // It was never there: whoever loads it is told, and it is gone.
            self.end_instance(actor);
            self.note_not_started(&error);
            self.kill();
            self.release();
            let _ = started.send(Err(error));
            return false;
        }
        if let StartError::Crashed(code) = error {
            self.counters.crashes.add(1);
            self.instance_crashed(actor, code);
        } else {
            self.end_instance(actor);
        }
        actor.ended = Some(why_not_started(&error));
        let now = self.broker.now();
        let jitter = self.broker.jitter();
        let verdict = actor.history.refused(&error, &self.config.restart, now, jitter);
        self.after_crash(actor, verdict)
    }

    /// Ends what hung on the instance that crashed.
    fn instance_crashed(self: &Arc<Self>, actor: &mut Actor, code: CrashCode) {
        tracing::warn!(component = %self.id, %code, "crashed");
        actor.ended = Some(code.into());
        for call in self.take_all_deferred() {
            self.broker.fail(call, RequestError::Crashed(code));
        }
        self.end_instance(actor);
    }

    /// Drops the instance; its calls end with it, without callbacks.
    fn end_instance(self: &Arc<Self>, actor: &mut Actor) {
        // A native peer's destructor may panic too.
        if let Some(Running { instance, mut inbox }) = actor.instance.take() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(instance)));
            if let Some(turn) = inbox.turn() {
                turn.give_back();
                actor.retry = turn.take_retry();
            }
        }
        self.broker.end_owner(self.incarnation());
        self.mailbox.purge_callbacks();
        self.calls_gone();
    }

    fn after_crash(self: &Arc<Self>, actor: &mut Actor, verdict: Verdict) -> bool {
        if self.is_stopping() {
            self.finish(actor);
            return false;
        }
        match verdict {
            Verdict::RestartAfter(wait) => {
                let due = deadline_after(self.broker.now(), wait);
                self.set_state(PeerState::Restarting);
                if !self.mailbox.park(due) {
                    self.finish(actor);
                    return false;
                }
                // Nobody waits for a timeout to learn what is known now.
                let too_late = self
                    .mailbox
                    .extract(|message| message.call.is_some_and(|call| call.deadline <= due));
                for message in too_late {
                    if let Some(call) = message.call {
                        self.broker.fail(call, RequestError::Unavailable);
                    }
                }
                self.broker.wake_at(due, self);
            }
            Verdict::Failed => {
                tracing::error!(component = %self.id, "failed for good");
                self.note(NoteKind::Failure, |note| note.why(Why::GivenUp));
                self.set_state(PeerState::Failed);
                self.mailbox.set_gate(Gate::Failed);
                self.mailbox.retire();
                self.reject_retry(&mut actor.retry);
                self.reject_queued();
                self.broker.end_target(self.key);
                if self.is_stopping() {
                    self.finish(actor);
                }
            }
        }
        false
    }

    /// The orderly end: callbacks, `shutdown`, and nothing more.
    pub(crate) fn finish(self: &Arc<Self>, actor: &mut Actor) {
        // Also of what was given up before it could be: nobody else lets go of these.
        if let Some(turn) = actor.instance.as_mut().and_then(|running| running.inbox.turn()) {
            actor.retry = turn.take_retry().or(actor.retry.take());
            turn.give_back();
        }
        self.reject_retry(&mut actor.retry);
        self.reject_queued();
        if self.is_released() && actor.instance.is_none() {
            return;
        }
        if let Some(Running { instance, inbox }) = actor.instance.as_mut()
            && !self.is_killed()
            && !self.is_released()
        {
            let (ended, ..) = run(instance, inbox, None);
            let ended = ended.and_then(|()| guard(|| instance.shutdown()));
            if let Err(code) = ended {
                self.counters.crashes.add(1);
                tracing::warn!(component = %self.id, %code, "crashed while it was stopped");
            }
        }
        self.end_instance(actor);
        self.reject_retry(&mut actor.retry);
        self.take_all_deferred();
        self.release();
        if let Some(started) = actor.started.take() {
            let _ = started.send(Err(StartError::Stopped));
        }
    }

    /// An operator starts a component again that has failed. `false` if it has not.
    pub(crate) fn revive(self: &Arc<Self>) -> bool {
        // Looked at first without the lock, which a running handler would hold.
        if self.state() != PeerState::Failed {
            return false;
        }
        let mut actor = self.actor.lock();
        if self.state() != PeerState::Failed || self.is_stopping() {
            return false;
        }
        actor.history.forget();
        actor.ended = Some(Why::Asked);
        self.set_state(PeerState::Restarting);
        self.mailbox.set_gate(Gate::Open);
        drop(actor);
        self.wake();
        true
    }
}
