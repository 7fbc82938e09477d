//! The oracle is fed publishes and subscriptions as they must not be, and has to complain.

use castcall_core::{DeadLetterReason as Reason, MessagingError, Pattern, Topic};

use super::cast_tests::{Scene, letter};
use super::*;

impl Scene {
    /// `one` is subscribed plainly, and both in group `g`.
    fn subscribed() -> Self {
        let mut scene = Self::new();
        scene.oracle.subscribes(0, ("t", None), Ok(()), false);
        scene.oracle.subscribes(0, ("u", Some("g")), Ok(()), false);
        scene.oracle.subscribes(1, ("u", Some("g")), Ok(()), false);
        for (uid, pattern, group) in [(0, "t", None), (0, "u", Some("g")), (1, "u", Some("g"))] {
            let name = scene.oracle.peers[uid].name();
            let subscription = (Pattern::new(pattern).unwrap(), group.map(str::to_owned));
            scene.oracle.ledger_subscribed(&name, subscription);
        }
        scene.settled();
        scene.fine();
        scene
    }

    fn publish(&mut self, topic: &str, matched: u32, taken: &[Uid], roomy: &[Uid]) -> u64 {
        let number = self.sends(Some(topic));
        self.oracle.roomy = roomy.to_vec();
        self.oracle.published(number, matched, taken, &|_| Life::Serves);
        number
    }

    fn lost(&mut self, number: u64, topic: &str, to: &str, reason: Reason) {
        let mut letter = letter(number, to, reason, 0);
        letter.topic = Some(Topic::new(topic).unwrap());
        self.dies(&letter);
    }
}

#[test]
fn publishes_that_are_right() {
    let mut scene = Scene::subscribed();
    scene.publish("t", 1, &[0], &[0]);
    scene.publish("u", 1, &[0], &[0, 1]);
    scene.publish("u", 1, &[1], &[]);
    scene.publish("v", 0, &[], &[]);
    let number = scene.sends(Some("u"));
    scene.lost(number, "u", "other", Reason::Dropped);
    scene.oracle.published(number, 1, &[], &|_| Life::Serves);
    scene.fine();
    assert_eq!((scene.oracle.tally().published, scene.oracle.tally().copies), (5, 4));
}

#[test]
fn publishes_to_the_wrong_ones() {
    for (topic, matched, taken) in [
        // A subscriber had none, another had one, the count is wrong.
        ("t", 0, &[][..]),
        ("t", 2, &[0, 1]),
        ("t", 2, &[0]),
        // Two of a group, none of it.
        ("u", 2, &[0, 1]),
        ("u", 0, &[]),
        ("v", 1, &[0]),
    ] {
        let mut scene = Scene::subscribed();
        scene.publish(topic, matched, taken, &[]);
        scene.broken(15);
    }
}

#[test]
fn copies_lost_although_there_was_room() {
    for (topic, to, roomy) in [("t", "one", 0), ("u", "other", 1), ("u", "one", 1)] {
        let mut scene = Scene::subscribed();
        let number = scene.sends(Some(topic));
        scene.oracle.roomy = vec![roomy];
        scene.lost(number, topic, to, Reason::MailboxFull);
        scene.oracle.published(number, 1, &[], &|_| Life::Serves);
        scene.broken(15);
    }
    // Of somebody who has no part in it.
    let mut scene = Scene::subscribed();
    let number = scene.sends(Some("t"));
    scene.lost(number, "t", "other", Reason::Dropped);
    scene.oracle.published(number, 2, &[0], &|_| Life::Serves);
    scene.broken(15);
}

#[test]
fn a_group_without_a_copy_is_explained_by_groups_that_share_members() {
    let mut scene = Scene::subscribed();
    scene.oracle.peers[0].rules.max_subscriptions = 9;
    scene.oracle.subscribes(0, ("u", Some("h")), Ok(()), false);
    // `one`, full, was asked for `g`, and `other` took it.
    scene.publish("u", 1, &[1], &[1]);
    scene.fine();
    scene.publish("u", 1, &[1], &[0, 1]);
    scene.broken(15);
}

#[test]
fn subscriptions_that_are_wrong() {
    let group_full = Err(MessagingError::QuotaExceeded { retry_after_ms: u64::MAX });
    for (uid, pattern, result) in [
        (0, "or*", Ok(())),
        (0, "a", Ok(())),
        (0, "t", group_full),
        (1, "a", Err(MessagingError::ShuttingDown)),
    ] {
        let mut scene = Scene::subscribed();
        scene.oracle.subscribes(uid, (pattern, None), result, false);
        scene.broken(15);
    }
    let mut scene = Scene::subscribed();
    scene.oracle.subscribes(1, ("a", None), Ok(()), true);
    scene.broken(15);
    for (pattern, result) in [("t", Ok(false)), ("a", Ok(true)), ("or*", Ok(false))] {
        let mut scene = Scene::subscribed();
        scene.oracle.unsubscribes(0, pattern, result);
        scene.broken(15);
    }
    let mut scene = Scene::subscribed();
    scene.oracle.subscriptions_are(0, 1);
    scene.broken(15);
    let mut scene = Scene::new();
    scene.oracle.peers[0].rules.receives = false;
    scene.oracle.subscribes(0, ("a", None), Ok(()), false);
    scene.broken(15);
}

#[test]
fn a_ledger_that_is_told_wrongly() {
    let pattern = Pattern::new("t").unwrap();
    let mut scene = Scene::subscribed();
    scene.oracle.ledger_subscribed("one", (pattern.clone(), None));
    scene.broken(15);
    let mut scene = Scene::subscribed();
    scene.oracle.ledger_unsubscribed("one", &pattern);
    scene.settled();
    scene.broken(15);
    let mut scene = Scene::subscribed();
    scene.oracle.ledger_unloaded("one");
    scene.settled();
    scene.broken(15);
    let mut scene = Scene::subscribed();
    scene.oracle.stops(0, What::Stops);
    scene.oracle.component_gone(0);
    scene.settled();
    scene.broken(15);
}

#[test]
fn what_is_configured_is_there_at_each_start() {
    let mut scene = Scene::new();
    scene.oracle.peers[0].rules.configured = vec![(Pattern::new("t").unwrap(), None)];
    scene.oracle.instance_ended(scene.one);
    scene.one = scene.oracle.made(0);
    scene.oracle.subscriptions_are(0, 1);
    scene.oracle.unsubscribes(0, "t", Ok(true));
    scene.oracle.instance_ended(scene.one);
    scene.oracle.made(0);
    scene.oracle.subscriptions_are(0, 1);
    scene.publish("t", 1, &[0], &[]);
    scene.fine();
    assert_eq!(scene.oracle.kept("one"), []);
}
