//! The oracle is fed what must not be, and has to complain.

use castcall_core::{CancelError, CrashCode};

use super::*;

const LONG: Duration = Duration::from_secs(5);

/// A requester, a target, and a call of five seconds from one to the other.
struct Scene {
    oracle: Oracle,
    start: Instant,
    asks: Inst,
    serves: Inst,
    number: u64,
    id: RequestId,
}

pub(super) fn rules(name: &str) -> Rules {
    Rules {
        name: name.into(),
        messages: 8,
        bytes: 1_000,
        drops: false,
        longest_wait: Duration::from_millis(100),
        receives: true,
        redeliver: 0,
        poison_limit: 0,
        window: Duration::from_secs(1),
        max_subscriptions: 2,
        configured: Vec::new(),
    }
}

fn answer() -> Result<bytes::Bytes, castcall_core::RequestError> {
    Ok("yes".into())
}

fn error(error: castcall_core::RequestError) -> Result<bytes::Bytes, castcall_core::RequestError> {
    Err(error)
}

impl Scene {
    fn new() -> Self {
        let mut oracle = Oracle::new();
        let (one, other) = (oracle.added(rules("one"), &[]), oracle.added(rules("other"), &[]));
        let (asks, serves) = (oracle.made(one), oracle.made(other));
        let start = Instant::now();
        let (number, id) = (oracle.next_number(), RequestId::new());
        let mut scene = Self { oracle, start, asks, serves, number, id };
        scene.call(number, id, None);
        scene
    }

    fn call(&mut self, number: u64, id: RequestId, outer: Option<Instant>) {
        let (owner, from, to) = (Some(self.asks), Some(0), 1);
        let deadline = self.start + LONG;
        let id = Some(id);
        self.oracle.called(NewCall { number, id, owner, from, to, deadline, outer });
    }

    fn deliver(&mut self) {
        let deadline = Some(self.start + LONG);
        self.oracle.delivered(self.serves, self.number, self.id, deadline);
    }

    fn answer(&mut self) {
        assert!(self.oracle.answers(self.number, answer(), self.start, true));
    }

    fn callback(&mut self, result: Result<bytes::Bytes, castcall_core::RequestError>) {
        self.oracle.called_back(self.asks, self.id, &result, self.start);
    }

    #[track_caller]
    fn broken(&self, promise: u8) {
        let breach = self.oracle.breach().expect("the oracle has nothing to say");
        assert_eq!(breach.promise, promise, "{}", breach.what);
        assert!(!self.oracle.events().is_empty());
    }
}

fn life(_: Uid) -> Life {
    Life::Serves
}

#[test]
fn what_is_right_is_right() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.callback(answer());
    scene.oracle.sweep(&|_| false, &life, scene.start);
    scene.oracle.is_quiet();
    assert_eq!(scene.oracle.breach(), None);
    assert_eq!(scene.oracle.tally().callbacks, 1);
}

#[test]
fn a_second_callback() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.callback(answer());
    scene.callback(answer());
    scene.broken(1);
}

#[test]
fn a_lost_callback() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.oracle.is_quiet();
    scene.broken(1);
    // Also if it is lost in an orderly stop.
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.oracle.shut_down(scene.asks);
    scene.broken(1);
}

#[test]
fn an_answer_that_was_exchanged() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.callback(Ok("no".into()));
    scene.broken(1);
}

#[test]
fn an_end_without_a_reason() {
    let mut scene = Scene::new();
    scene.oracle.sweep(&|_| false, &life, scene.start);
    scene.broken(1);
}

#[test]
fn being_overtaken_in_the_mailbox() {
    let mut scene = Scene::new();
    let Scene { oracle, serves, start, .. } = &mut scene;
    let number = oracle.next_number();
    let (from, to, deadline) = (None, 1, *start + LONG);
    oracle.called(NewCall { number, id: None, owner: None, from, to, deadline, outer: None });
    oracle.delivered(*serves, number, RequestId::new(), Some(deadline));
    assert_eq!(oracle.breach(), None);
    scene.deliver();
    scene.broken(2);
}

#[test]
fn being_entered_twice() {
    let mut scene = Scene::new();
    scene.oracle.entered(scene.asks);
    scene.oracle.left(scene.asks);
    scene.oracle.entered(scene.asks);
    assert_eq!(scene.oracle.breach(), None);
    scene.oracle.entered(scene.asks);
    scene.broken(2);
}

#[test]
fn a_callback_before_its_send_has_returned() {
    let mut scene = Scene::new();
    scene.id = RequestId::new();
    scene.callback(answer());
    scene.broken(3);
}

#[test]
fn an_early_timeout() {
    let mut scene = Scene::new();
    scene.callback(error(castcall_core::RequestError::Timeout));
    scene.broken(4);
}

#[test]
fn an_answer_after_the_deadline() {
    let mut scene = Scene::new();
    scene.deliver();
    let late = scene.start + LONG;
    assert!(!scene.oracle.answers(scene.number, answer(), late, true));
    scene.oracle.called_back(scene.asks, scene.id, &answer(), late);
    scene.broken(4);
}

#[test]
fn a_timer_that_forgets() {
    let mut scene = Scene::new();
    let late = scene.start + LONG;
    let due = scene.oracle.expires(late, &|_| true);
    assert_eq!(due, [scene.number]);
    scene.oracle.expired(&due, &|_| true);
    scene.broken(4);
}

#[test]
fn a_strangers_cancel() {
    for outcome in [Ok(()), Err(CancelError::NotFound)] {
        let mut scene = Scene::new();
        let Scene { oracle, serves, id, start, .. } = &mut scene;
        oracle.cancels(*serves, *id, outcome, *start, (true, true));
        scene.broken(5);
    }
    let mut scene = Scene::new();
    let Scene { oracle, serves, id, start, .. } = &mut scene;
    oracle.cancels(*serves, *id, Err(CancelError::NotOwner), *start, (true, true));
    assert_eq!(oracle.breach(), None);
    oracle.cancels(*serves, *id, Err(CancelError::NotOwner), *start, (true, false));
    scene.broken(5);
}

#[test]
fn an_answer_from_nowhere() {
    let mut scene = Scene::new();
    scene.callback(answer());
    scene.broken(6);
}

#[test]
fn the_delivery_of_what_was_cancelled() {
    let mut scene = Scene::new();
    let Scene { oracle, asks, id, start, .. } = &mut scene;
    oracle.cancels(*asks, *id, Ok(()), *start, (true, false));
    assert_eq!(oracle.breach(), None);
    scene.deliver();
    scene.broken(7);
}

#[test]
fn a_second_delivery() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.deliver();
    scene.broken(8);
}

#[test]
fn a_crash_that_ends_what_was_queued() {
    let mut scene = Scene::new();
    scene.callback(error(castcall_core::RequestError::Crashed(CrashCode::Trap)));
    scene.broken(8);
    // Its deadline is long after the longest wait for a restart.
    let mut scene = Scene::new();
    scene.oracle.crashes(scene.serves, InHand::Nothing, "", scene.start, &|_| true);
    scene.oracle.sweep(&|_| false, &|_| Life::Restarts, scene.start);
    scene.broken(8);
}

#[test]
fn a_call_to_nobody_that_goes_on() {
    let mut scene = Scene::new();
    scene.oracle.sweep(&|_| true, &|_| Life::Gone, scene.start);
    scene.broken(8);
}

#[test]
fn a_callback_into_the_next_instance() {
    let mut scene = Scene::new();
    scene.oracle.instance_ended(scene.asks);
    scene.asks = scene.oracle.made(0);
    scene.callback(answer());
    scene.broken(9);
}

#[test]
fn a_call_that_outlives_its_requester() {
    let mut scene = Scene::new();
    scene.oracle.instance_ended(scene.asks);
    scene.oracle.sweep(&|_| true, &life, scene.start);
    scene.broken(9);
}

#[test]
fn a_nested_call_with_too_much_time() {
    let mut scene = Scene::new();
    (scene.number, scene.id) = (scene.oracle.next_number(), RequestId::new());
    let outer = Some(scene.start + LONG / 2);
    scene.call(scene.number, scene.id, outer);
    scene.deliver();
    scene.broken(10);
}

#[test]
fn two_calls_of_one_id() {
    let mut scene = Scene::new();
    let number = scene.oracle.next_number();
    scene.call(number, scene.id, None);
    scene.broken(1);
}

#[test]
fn the_delivery_of_what_was_never_called() {
    let mut scene = Scene::new();
    scene.number = 77;
    scene.deliver();
    scene.broken(3);
}

#[test]
fn a_delivery_to_somebody_else() {
    let mut scene = Scene::new();
    scene.serves = scene.asks;
    scene.deliver();
    scene.broken(6);
}

#[test]
fn a_delivery_after_the_requesters_end() {
    let mut scene = Scene::new();
    scene.oracle.instance_ended(scene.asks);
    scene.deliver();
    scene.broken(9);
}

#[test]
fn a_call_with_too_little_time() {
    let mut scene = Scene::new();
    let deadline = Some(scene.start + LONG / 2);
    scene.oracle.delivered(scene.serves, scene.number, scene.id, deadline);
    scene.broken(4);
}

#[test]
fn a_native_call_that_ends_twice() {
    let mut scene = Scene::new();
    let Scene { oracle, start, .. } = &mut scene;
    let (number, deadline) = (oracle.next_number(), *start + LONG);
    let (id, owner, from, outer) = (None, None, None, None);
    oracle.called(NewCall { number, id, owner, from, to: 1, deadline, outer });
    let timeout = error(castcall_core::RequestError::Timeout);
    oracle.native_ended(number, &timeout, deadline);
    assert_eq!(oracle.breach(), None);
    oracle.native_ended(number, &timeout, deadline);
    scene.broken(1);
}

#[test]
fn ends_that_nothing_has_caused() {
    use castcall_core::RequestError::{Cancelled, Dropped, Unavailable};
    for (end, promise) in [(Unavailable, 8), (Dropped, 2), (Cancelled, 5)] {
        let mut scene = Scene::new();
        scene.callback(error(end));
        scene.broken(promise);
    }
}

#[test]
fn an_answer_that_was_taken_wrongly_or_not_at_all() {
    for (expected, taken, promise) in [(true, false, 1), (false, true, 4)] {
        let mut scene = Scene::new();
        scene.oracle.replied(scene.number, taken, taken);
        assert_eq!(scene.oracle.breach(), None);
        scene.oracle.replied(scene.number, expected, taken);
        scene.broken(promise);
    }
}

#[test]
fn an_answer_to_what_was_cancelled_is_an_orphan() {
    let mut scene = Scene::new();
    scene.deliver();
    let Scene { oracle, asks, id, start, number, .. } = &mut scene;
    oracle.cancels(*asks, *id, Ok(()), *start, (true, false));
    assert!(!oracle.answers(*number, answer(), *start, false));
    assert_eq!((oracle.tally().orphans, oracle.tally().answered), (1, 0));
    assert_eq!(oracle.breach(), None);
}

#[test]
fn a_call_that_stays_after_its_end() {
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    assert!(!scene.oracle.answers(scene.number, answer(), scene.start, true));
    scene.broken(1);
    let mut scene = Scene::new();
    scene.deliver();
    scene.answer();
    scene.oracle.sweep(&|_| true, &life, scene.start);
    scene.broken(1);
    // Its deadline was seen to.
    let mut scene = Scene::new();
    scene.oracle.sweep(&|_| true, &life, scene.start + LONG);
    scene.broken(4);
}

#[test]
fn an_instance_beside_another() {
    let mut scene = Scene::new();
    scene.oracle.made(0);
    scene.broken(9);
}
