//! A component that does everything there is to do, wrongly too.

use std::sync::Arc;

use bytes::Bytes;
use castcall_broker::{
    Callback, Context, Factory, Inbox, Instance, Message, PeerState, StartError, Work,
};
use castcall_core::{ComponentError, CrashCode, RequestError, RequestId};

use super::dice::{self, Note};
use super::stage::{MAX_PAYLOAD, Stage};
use crate::oracle::{Given, InHand, Inst, Uid, What};

/// Makes one component's instances.
pub(super) struct Maker {
    pub(super) stage: Arc<Stage>,
    pub(super) uid: Uid,
}

/// One instance.
pub(super) struct Actor {
    pub(super) stage: Arc<Stage>,
    pub(super) uid: Uid,
    pub(super) instance: Inst,
    pub(super) context: Context,
    pub(super) deferred: Vec<Deferred>,
    /// Tokens that were used.
    pub(super) spent: Vec<u64>,
}

/// A call that was taken over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deferred {
    pub(super) token: u64,
    pub(super) call: Asked,
}

/// A call being handled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) id: RequestId,
}

/// How an instance ends itself.
enum Crash {
    Code(CrashCode),
    Panic,
}

impl Factory for Maker {
    fn instantiate(&self, context: Context) -> Result<Box<dyn Instance>, StartError> {
        let stage = Arc::clone(&self.stage);
        let instance = stage.state.lock().oracle.made(self.uid);
        let actor = Actor {
            stage,
            uid: self.uid,
            instance,
            context,
            deferred: Vec::new(),
            spent: Vec::new(),
        };
        let mut state = self.stage.state.lock();
        let failure = match state.one_in(40) {
            false => None,
            true if state.random.bool() => Some(StartError::NoRoom),
            true => Some(StartError::Crashed(dice::crash(&mut state.random))),
        };
        if let Some(failure) = &failure {
            let crashed = matches!(failure, StartError::Crashed(_));
            state.oracle.not_started(instance, crashed);
        }
        // Its end is noted by dropping it.
        drop(state);
        failure.map_or(Ok(Box::new(actor) as _), Err)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.stage.state.lock().oracle.instance_ended(self.instance);
    }
}

impl Instance for Actor {
    fn init(&mut self, _config: &[(String, String)]) -> Result<(), StartError> {
        let subscriptions = self.context.usage().subscriptions;
        self.stage.state.lock().oracle.subscriptions_are(self.uid, subscriptions);
        self.act(2);
        let mut state = self.stage.state.lock();
        if !state.one_in(20) {
            state.oracle.started(self.instance);
            return Ok(());
        }
        let how = state.random.u8(..3);
        state.oracle.not_started(self.instance, how != 1);
        match how {
            0 => Err(StartError::Crashed(dice::crash(&mut state.random))),
            1 => Err(StartError::Refused(dice::error(&mut state.random))),
            _ => {
                drop(state);
                panic_quietly()
            }
        }
    }

    fn run(&mut self, inbox: &mut Inbox) -> Result<(), CrashCode> {
        let draining = self.stage.handle(self.uid).state() == PeerState::Stopping;
        {
            let mut state = self.stage.state.lock();
            state.oracle.note(self.uid, What::Runs { instance: self.instance });
            state.oracle.entered(self.instance);
        }
        let crash = self.empty(inbox, draining);
        self.stage.state.lock().oracle.left(self.instance);
        match crash {
            None => Ok(()),
            Some(Crash::Code(code)) => Err(code),
            Some(Crash::Panic) => panic_quietly(),
        }
    }

    fn take_in_hand(&mut self) -> Option<Message> {
        self.context.take_current()
    }

    fn shutdown(&mut self) -> Result<(), CrashCode> {
        self.stage.state.lock().oracle.shut_down(self.instance);
        self.act(2);
        let mut state = self.stage.state.lock();
        if !state.one_in(10) {
            return Ok(());
        }
        state.oracle.crashes_at_the_end();
        Err(dice::crash(&mut state.random))
    }
}

/// What the oracle is told of a message.
fn given(number: u64, message: &Message) -> Given<'_> {
    let Message { sender, topic, payload, .. } = message;
    Given { number, sender, topic: topic.as_ref(), payload }
}

/// A panic that no hook prints.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("chaos"))
}

impl Actor {
    fn empty(&mut self, inbox: &mut Inbox, draining: bool) -> Option<Crash> {
        while let Some(work) = inbox.next(&mut self.context) {
            let crash = match work {
                Work::Message => self.message(inbox),
                Work::Callback => {
                    let now = self.stage.now();
                    if let Some(Callback { request_id, result, .. }) =
                        self.context.current_callback()
                    {
                        let oracle = &mut self.stage.state.lock().oracle;
                        oracle.called_back(self.instance, *request_id, result, now);
                    }
                    self.act(1);
                    self.callback_ends(inbox, draining)
                }
                _ => None,
            };
            if crash.is_some() {
                return crash;
            }
        }
        // As a guest that crashes on its way out.
        self.crashes(None, InHand::Nothing, draining, 200)
    }

    fn message(&mut self, inbox: &mut Inbox) -> Option<Crash> {
        let message = self.context.current()?;
        let note = Note::read(&message.payload)?;
        let number = note.number;
        let asked = message.request_id().map(|id| Asked { number, id });
        {
            let oracle = &mut self.stage.state.lock().oracle;
            match asked {
                Some(call) => {
                    oracle.delivered(self.instance, number, call.id, message.deadline());
                }
                None => oracle.cast_delivered(self.instance, given(number, message)),
            }
        }
        let taken_over = self.maybe_defer(asked);
        self.act(note.depth);
        let in_hand = asked.filter(|_| !taken_over);
        let with = if asked.is_some() { InHand::Call(number) } else { InHand::Cast(number) };
        // Some messages crash most of those who are given them.
        let many = if number.is_multiple_of(48) { 2 } else { 40 };
        if let Some(crash) = self.crashes(in_hand, with, false, many) {
            return Some(crash);
        }
        let answer = self.answer(number);
        if answer.is_err() {
            self.stage.state.lock().oracle.returns_error(true);
        }
        match (in_hand, asked) {
            (Some(call), _) => drop(self.tell(call, &answer)),
            (None, None) => self.stage.state.lock().oracle.cast_handled(self.instance, number),
            (None, Some(_)) => {}
        }
        inbox.finish(&mut self.context, answer);
        None
    }

    fn callback_ends(&mut self, inbox: &mut Inbox, draining: bool) -> Option<Crash> {
        let crash = self.crashes(None, InHand::Nothing, draining, 60);
        if crash.is_none() {
            let mut state = self.stage.state.lock();
            let result =
                if state.one_in(20) { Err(dice::error(&mut state.random)) } else { Ok(()) };
            if result.is_err() {
                state.oracle.returns_error(false);
            }
            drop(state);
            inbox.finish_callback(&mut self.context, result);
        }
        crash
    }

    /// Takes the call over, now and then; returns whether it did.
    fn maybe_defer(&mut self, asked: Option<Asked>) -> bool {
        if !self.stage.state.lock().one_in(6) {
            return false;
        }
        let token = self.context.defer();
        let again = self.context.defer();
        let mut state = self.stage.state.lock();
        let (Some(call), Ok(token)) = (asked, token) else {
            if token.is_ok() != asked.is_some() {
                state.oracle.broken(1, "a cast was taken over, or a call was not");
            }
            return false;
        };
        if again.is_ok() {
            state.oracle.broken(1, "a call was taken over twice");
        }
        state.oracle.note(self.uid, What::Defers { number: call.number });
        self.deferred.push(Deferred { token, call });
        true
    }

    /// What a handler returns.
    fn answer(&self, number: u64) -> Result<Bytes, ComponentError> {
        let mut state = self.stage.state.lock();
        match state.random.u8(..32) {
            0 => Ok(vec![0; MAX_PAYLOAD + 1].into()),
            1..4 => Err(dice::error(&mut state.random)),
            _ => Ok(number.to_le_bytes().to_vec().into()),
        }
    }

    /// Tells the oracle of an answer that is about to be given; returns whether it must be taken.
    pub(super) fn tell(&self, call: Asked, answer: &Result<Bytes, ComponentError>) -> bool {
        let result = match answer {
            Ok(payload) if payload.len() > MAX_PAYLOAD => {
                Err(RequestError::InvalidPayload(String::new()))
            }
            Ok(payload) => Ok(payload.clone()),
            Err(error) => Err(error.clone().into()),
        };
        let pending = self.stage.is_pending(call.id);
        let now = self.stage.now();
        self.stage.state.lock().oracle.answers(call.number, result, now, pending)
    }

    /// Crashes once in so many times, with a call in hand that was not taken over, and `with` that
    /// or another message. `draining`: what is in the component's hands does not end
    /// with the crash, but with the component.
    fn crashes(
        &mut self,
        in_hand: Option<Asked>,
        with: InHand,
        draining: bool,
        many: u32,
    ) -> Option<Crash> {
        if !self.stage.state.lock().one_in(many) {
            return None;
        }
        let mut state = self.stage.state.lock();
        let panics = state.random.bool();
        let code = if panics { CrashCode::Panic } else { dice::crash(&mut state.random) };
        let taken_over = self.deferred.drain(..).map(|deferred| deferred.call);
        let calls = in_hand.into_iter().chain(taken_over.filter(|_| !draining));
        let now = self.stage.now();
        let how = if panics { "by a panic" } else { "by a code" };
        state.oracle.crashes(self.instance, with, how, now, &|id| self.stage.is_pending(id));
        for call in calls {
            state.oracle.crashes_with(call.number, code, now, self.stage.is_pending(call.id));
        }
        Some(if panics { Crash::Panic } else { Crash::Code(code) })
    }
}
