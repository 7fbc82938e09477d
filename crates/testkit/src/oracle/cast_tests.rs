//! The oracle is fed casts and publishes that end as they must not, and has to complain.

use bytes::Bytes;
use castcall_core::{ComponentId, DeadLetter, DeadLetterReason as Reason, Timestamp, Topic};

use super::tests::rules;
use super::*;

const NOW: Timestamp = Timestamp::from_unix_nanos(7);

/// `one`, which redelivers once and cuts off at the second crash, and `other`, which drops.
pub(super) struct Scene {
    pub(super) oracle: Oracle,
    pub(super) one: Inst,
    start: Instant,
    life: Life,
}

fn payload(number: u64) -> Bytes {
    number.to_string().into()
}

pub(super) fn letter(number: u64, to: &str, reason: Reason, attempts: u32) -> DeadLetter {
    DeadLetter {
        from: ComponentId::host(),
        to: ComponentId::new(to).unwrap(),
        topic: None,
        payload: payload(number),
        sent: NOW,
        died: NOW,
        reason,
        attempts,
        trace: None,
        mismatch: None,
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut oracle = Oracle::new();
        let mut picky = rules("one");
        (picky.redeliver, picky.poison_limit) = (1, 2);
        let mut drops = rules("other");
        drops.drops = true;
        let uid = oracle.added(picky, &[]);
        oracle.added(drops, &[]);
        let one = oracle.made(uid);
        Self { oracle, one, start: Instant::now(), life: Life::Serves }
    }

    pub(super) fn sends(&mut self, topic: Option<&str>) -> u64 {
        let number = self.oracle.next_number();
        let topic = topic.map(|topic| Topic::new(topic).unwrap());
        let (from, payload) = (ComponentId::host(), payload(number));
        let new = NewCast { number, from, topic, payload, now: NOW, exact: true };
        self.oracle.sends(new, Vec::new());
        number
    }

    fn cast(&mut self, to: Uid) -> u64 {
        let number = self.sends(None);
        self.accepted(number, to);
        number
    }

    fn accepted(&mut self, number: u64, to: Uid) {
        let life = self.life;
        self.oracle.cast_accepted(number, to, &|_| life);
    }

    fn deliver(&mut self, number: u64) {
        let (sender, payload) = (&ComponentId::host(), &payload(number));
        self.oracle.cast_delivered(self.one, Given { number, sender, topic: None, payload });
    }

    fn crash(&mut self, with: InHand) {
        self.oracle.crashes(self.one, with, "", self.start, &|_| true);
    }

    pub(super) fn dies(&mut self, letter: &DeadLetter) {
        let (number, life) = (String::from_utf8_lossy(&letter.payload).parse().unwrap(), self.life);
        self.oracle.died(number, letter, NOW, &|_| life);
    }

    fn dies_as(&mut self, number: u64, reason: Reason, attempts: u32) {
        self.dies(&letter(number, "one", reason, attempts));
    }

    pub(super) fn settled(&mut self) {
        self.oracle.is_settled(&|_| true);
        self.oracle.ledger_is_right();
    }

    #[track_caller]
    pub(super) fn fine(&self) {
        assert_eq!(self.oracle.breach(), None);
    }

    #[track_caller]
    pub(super) fn broken(&self, promise: u8) {
        let breach = self.oracle.breach().expect("the oracle has nothing to say");
        assert_eq!(breach.promise, promise, "{}", breach.what);
    }
}

#[test]
fn what_is_right_is_right() {
    let mut scene = Scene::new();
    let number = scene.cast(0);
    scene.deliver(number);
    scene.crash(InHand::Cast(number));
    scene.deliver(number);
    scene.oracle.cast_handled(scene.one, number);
    scene.settled();
    scene.oracle.is_quiet();
    scene.fine();
    let tally = scene.oracle.tally();
    assert_eq!((tally.casts_handled, tally.redelivered, tally.dead_letters), (1, 1, 0));
}

#[test]
fn a_cast_that_comes_twice_or_was_refused() {
    let mut scene = Scene::new();
    let number = scene.cast(0);
    scene.deliver(number);
    scene.oracle.cast_handled(scene.one, number);
    scene.fine();
    scene.deliver(number);
    scene.broken(12);
    for refused in [true, false] {
        let mut scene = Scene::new();
        let number = scene.sends(None);
        if refused {
            scene.oracle.cast_refused(number);
        }
        scene.deliver(number);
        scene.broken(12);
    }
}

#[test]
fn a_cast_that_is_nowhere() {
    let mut scene = Scene::new();
    scene.cast(0);
    scene.oracle.is_quiet();
    scene.broken(12);
}

#[test]
fn a_cast_that_goes_to_somebody_else_or_is_altered() {
    let mut scene = Scene::new();
    let number = scene.cast(1);
    scene.deliver(number);
    scene.broken(12);
    let mut scene = Scene::new();
    let number = scene.cast(0);
    let (sender, payload) = (&ComponentId::host(), &Bytes::from_static(b"x"));
    scene.oracle.cast_delivered(scene.one, Given { number, sender, topic: None, payload });
    scene.broken(12);
}

#[test]
fn a_dead_letter_of_what_was_refused_or_never_sent() {
    let mut scene = Scene::new();
    let number = scene.sends(None);
    scene.dies_as(number, Reason::Dropped, 0);
    scene.oracle.cast_refused(number);
    scene.broken(12);
    let mut scene = Scene::new();
    scene.dies_as(77, Reason::Dropped, 0);
    scene.broken(12);
}

#[test]
fn a_dead_letter_of_what_was_handled_or_is_one_or_is_in_hand() {
    let mut scene = Scene::new();
    let number = scene.cast(0);
    scene.deliver(number);
    scene.oracle.cast_handled(scene.one, number);
    scene.dies_as(number, Reason::Crashed, 1);
    scene.broken(12);

    let mut scene = Scene::new();
    let number = scene.cast(0);
    scene.life = Life::Ends;
    scene.dies_as(number, Reason::Unavailable, 0);
    scene.fine();
    scene.dies_as(number, Reason::Unavailable, 0);
    scene.broken(12);

    let mut scene = Scene::new();
    let number = scene.cast(0);
    scene.deliver(number);
    scene.dies_as(number, Reason::Unavailable, 1);
    scene.broken(12);
}

#[test]
fn a_dead_letter_for_a_reason_that_is_none() {
    // The target is there, rejects, and nobody is cut off.
    for (reason, promise) in [
        (Reason::Unavailable, 12),
        (Reason::Dropped, 12),
        (Reason::Poison, 14),
        (Reason::Crashed, 12),
    ] {
        let mut scene = Scene::new();
        let number = scene.cast(0);
        scene.dies_as(number, reason, 0);
        scene.broken(promise);
        let mut scene = Scene::new();
        let number = scene.sends(None);
        scene.dies_as(number, reason, 0);
        scene.accepted(number, 0);
        scene.broken(promise);
    }
    // One that drops, and has room.
    let mut scene = Scene::new();
    let number = scene.cast(1);
    scene.oracle.roomy = vec![1];
    scene.dies(&letter(number, "other", Reason::Dropped, 0));
    scene.broken(12);
}

#[test]
fn a_dead_letter_that_does_not_tell_the_truth() {
    let lies: [fn(&mut DeadLetter); 7] = [
        |letter| letter.from = ComponentId::new("one").unwrap(),
        |letter| letter.to = ComponentId::new("third").unwrap(),
        |letter| letter.topic = Some(Topic::new("t").unwrap()),
        |letter| letter.payload = "1 ".into(),
        |letter| letter.sent = Timestamp::from_unix_nanos(6),
        |letter| letter.died = Timestamp::from_unix_nanos(8),
        |letter| letter.attempts = 1,
    ];
    for lie in lies {
        let mut scene = Scene::new();
        let number = scene.cast(0);
        scene.life = Life::Ends;
        let mut letter = letter(number, "one", Reason::Unavailable, 0);
        lie(&mut letter);
        let life = scene.life;
        scene.oracle.died(number, &letter, NOW, &|_| life);
        scene.broken(12);
    }
    let mut scene = Scene::new();
    let number = scene.sends(None);
    scene.dies(&letter(number, "other", Reason::Unavailable, 0));
    scene.accepted(number, 0);
    scene.broken(12);
}

#[test]
fn a_cast_that_waits_where_nothing_is_taken() {
    for (life, promise) in [(Life::Failed, 12), (Life::Gone, 12)] {
        let mut scene = Scene::new();
        scene.life = life;
        scene.cast(0);
        scene.broken(promise);
    }
}

#[test]
fn what_is_given_again_comes_next_and_not_too_often() {
    let mut scene = Scene::new();
    let (first, second) = (scene.cast(0), scene.cast(0));
    scene.deliver(first);
    scene.crash(InHand::Cast(first));
    scene.fine();
    scene.deliver(second);
    scene.broken(13);

    let mut scene = Scene::new();
    let first = scene.cast(0);
    scene.deliver(first);
    scene.crash(InHand::Cast(first));
    scene.oracle.comes_after_again(0, 99);
    scene.broken(13);

    // The second crash would cut off its sender before the third delivery.
    let mut scene = Scene::new();
    scene.oracle.peers[0].rules.poison_limit = 0;
    let first = scene.cast(0);
    for _ in 0..2 {
        scene.deliver(first);
        scene.crash(InHand::Cast(first));
    }
    scene.fine();
    scene.deliver(first);
    scene.broken(13);
}

#[test]
fn a_message_crashed_with_for_the_last_time_that_is_no_dead_letter() {
    let mut scene = Scene::new();
    scene.oracle.peers[0].rules.redeliver = 0;
    let first = scene.cast(0);
    scene.deliver(first);
    scene.crash(InHand::Cast(first));
    scene.settled();
    scene.broken(12);
}

/// Cuts `host` off from `one`, which has one more cast of it waiting.
fn poisoned() -> (Scene, u64) {
    let mut scene = Scene::new();
    let (first, second) = (scene.cast(0), scene.cast(0));
    for _ in 0..2 {
        scene.deliver(first);
        scene.crash(InHand::Cast(first));
    }
    scene.dies_as(first, Reason::Poison, 2);
    assert!(scene.oracle.is_cut_off(0, &ComponentId::host()));
    (scene, second)
}

#[test]
fn a_cut_off_that_is_right() {
    let (mut scene, second) = poisoned();
    scene.dies_as(second, Reason::Poison, 0);
    scene.settled();
    scene.oracle.cut_off_are(0, &[ComponentId::host()]);
    scene.oracle.readmits(0, &ComponentId::host(), true);
    scene.oracle.cut_off_are(0, &[]);
    scene.oracle.is_quiet();
    scene.fine();
    assert_eq!(scene.oracle.tally().cut_off, 1);
}

#[test]
fn what_waits_of_a_sender_that_is_cut_off() {
    let (mut scene, _) = poisoned();
    scene.settled();
    scene.broken(14);
    let (mut scene, second) = poisoned();
    scene.dies_as(second, Reason::Unavailable, 0);
    scene.broken(12);
    let (mut scene, second) = poisoned();
    scene.deliver(second);
    scene.broken(13);
    let (mut scene, _) = poisoned();
    scene.cast(0);
    scene.broken(14);
}

#[test]
fn a_call_that_outlives_its_senders_cut_off() {
    for known in [true, false] {
        let mut scene = Scene::new();
        let id = known.then(RequestId::new);
        let (number, deadline) = (scene.oracle.next_number(), scene.start + Duration::from_secs(1));
        let (owner, from, outer) = (None, None, None);
        scene.oracle.called(NewCall { number, id, owner, from, to: 0, deadline, outer });
        let first = scene.cast(0);
        for _ in 0..2 {
            scene.deliver(first);
            scene.crash(InHand::Cast(first));
        }
        scene.dies_as(first, Reason::Poison, 2);
        scene.fine();
        scene.settled();
        scene.broken(14);
    }
}

#[test]
fn a_cut_off_that_is_told_wrongly() {
    let mut scene = Scene::new();
    scene.oracle.cut_off_are(0, &[ComponentId::host()]);
    scene.broken(14);
    let mut scene = Scene::new();
    scene.oracle.readmits(0, &ComponentId::host(), true);
    scene.broken(14);
}

#[test]
fn crashes_far_apart_cut_nobody_off() {
    let mut scene = Scene::new();
    let number = scene.cast(0);
    for _ in 0..3 {
        scene.crash(InHand::Cast(number));
        scene.start += Duration::from_secs(1);
    }
    assert!(!scene.oracle.is_cut_off(0, &ComponentId::host()));
}
