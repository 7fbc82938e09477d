//! Guests that want to be somebody else.

use std::time::Duration;

use castcall::{CallError, Capabilities, CrashCode, RequestError};
use castcall_integration_tests::{PATIENCE, Recorder, eventually};

use super::arena::Arena;
use super::orders::{at_callbacks, both, order, plain, repeat};

const TRAPPED: CallError = CallError::Failed(RequestError::Crashed(CrashCode::Trap));

/// What can't be an id, whoever is asked for.
const NO_IDS: [&[u8]; 16] = [
    b"",
    b"/",
    b"a//b",
    b"/neighbour/echo",
    b"neighbour/echo/",
    b"../neighbour/echo",
    b"neighbour/./echo",
    b"*",
    b"neighbour/*",
    b"neighbour/echo\0",
    b"neighbour/echo\n",
    b"neighbour/echo ",
    b"neighbour\\echo",
    b"neighbour.echo",
    "nеighbour/echo".as_bytes(), // with a Cyrillic letter
    "neighbour/echo\u{202e}".as_bytes(),
];

#[tokio::test]
async fn nobody_writes_the_sender() {
    let granted = Capabilities::none()
        .with_cast("observer".parse().unwrap())
        .with_call("observer".parse().unwrap())
        .with_publish("news".parse().unwrap());
    let arena = Arena::new(granted).await;
    let observer = Recorder::new();
    arena.add_native("observer", &observer).await;
    arena.handle("observer").subscribe("news").unwrap();
    let attacker = arena.add_attacker("forger").await;

    // Its own copy of who sent a message is all that it can write, and it changes nothing.
    assert_eq!(attacker.obey(order('w', "", "neighbour")).await, "host attacker/forger");
    let forged = [both(order('w', "", "neighbour"), order('c', "observer", "from: host"))];
    for order in forged.into_iter().chain([
        order('c', "observer", "from: host"),
        order('q', "observer", "from: host"),
        order('p', "news", "from: host"),
    ]) {
        attacker.sends(order).await.unwrap();
    }
    eventually("all four", || observer.records().len() == 4).await;
    for record in observer.records() {
        assert_eq!(
            (&record.sender[..], &record.payload[..]),
            ("attacker/forger", &b"from: host"[..])
        );
    }
    arena.close().await;
}

#[tokio::test]
async fn what_is_no_id_is_nobodys() {
    let arena = Arena::new(Capabilities::all()).await;
    let attacker = arena.add_attacker("forger").await;
    let overlong = ["a".repeat(129), "a/".repeat(64) + "a", "a".repeat(60_000)];
    let overlong = overlong.iter().map(String::as_bytes);
    for id in NO_IDS.into_iter().chain(overlong) {
        let name = String::from_utf8_lossy(id);
        for what in ['c', 'q'] {
            let sent = attacker.sends(order(what, id, "hello")).await;
            assert_eq!(sent, Err("invalid-message"), "{what} {name:?}");
        }
    }
    // Reserved ids are nobody's to receive by, and nobody's to take.
    assert_eq!(attacker.sends(order('c', "host", "hello")).await, Err("cannot-receive"));
    assert_eq!(attacker.sends(order('c', "cli", "hello")).await, Err("component-not-found"));
    for id in ["host", "cli", "a//b", "../x", "*", "a\0", ""] {
        assert!(arena.load(id, Arena::attacker()).await.is_err(), "{id:?}");
    }
    assert_eq!(arena.stats_of("neighbour/echo").casts_handled, 0);
    assert_eq!(arena.calls().pending, 0, "a refused call leaves nothing");
    arena.close().await;
}

#[tokio::test]
async fn what_is_no_topic_is_published_to_nobody() {
    let arena = Arena::new(Capabilities::all()).await;
    let observer = Recorder::new();
    arena.add_native("observer", &observer).await;
    arena.handle("observer").subscribe("*").unwrap();
    let attacker = arena.add_attacker("forger").await;
    let deep = format!("{}a", "a.".repeat(32));
    let long = "a".repeat(257);
    let huge = "a".repeat(60_000);
    let bad = ["", ".", "a..b", ".a", "a.", "a/b", "a b", "a\0", "a\n", "ä", &deep, &long, &huge];
    for topic in bad.into_iter().chain(["*", "a.*", "or*"]) {
        let sent = attacker.sends(order('p', topic, "hello")).await;
        assert_eq!(sent, Err("invalid-topic"), "{topic:?}");
    }
    for pattern in bad.into_iter().chain(["or*", "**", "a.*b", "a.*.", "*.*.", "#", "a.>"]) {
        for order in
            [order('s', pattern, ""), order('g', pattern, "group"), order('u', pattern, "")]
        {
            assert_eq!(attacker.sends(order).await, Err("invalid-topic"), "{pattern:?}");
        }
    }
    for group in ["", "a.b", "a/b", "*", "a b", "a\0", &long] {
        let sent = attacker.sends(order('g', "news", group)).await;
        assert_eq!(sent, Err("invalid-topic"), "{group:?}");
    }
    assert_eq!(arena.publish("news", "hello").unwrap(), 1, "the observer alone");
    eventually("the news", || observer.payloads() == ["hello"]).await;
    arena.close().await;
}

#[tokio::test]
async fn another_s_call_is_not_cancelled() {
    let arena = Arena::new(Capabilities::all()).await;
    let owner = arena.add_attacker("owner").await;
    let holder = arena.add_attacker("holder").await;
    let stranger = arena.add_attacker("stranger").await;
    let id = owner.sends(order('q', "attacker/holder", plain('D'))).await.unwrap();
    eventually("the call", || arena.stats_of("attacker/holder").calls_handled == 1).await;

    assert_eq!(stranger.cancels(&id).await, "not-owner");
    assert_eq!(stranger.cancels(id.to_uppercase()).await, "not-owner", "the same number");
    assert_eq!(holder.cancels(&id).await, "not-owner", "it serves the call, and does not own it");
    let stats = arena.stats_of("attacker/stranger");
    assert_eq!((stats.denied_cancels, stats.denied, stats.crashes), (2, 2, 0));
    assert_eq!(owner.obey(plain('z')).await, "0", "nothing has changed");
    // Guessed ids are nobody's, and no denial.
    let template = b"00000000-0000-4000-8000-000000@@@@@@";
    let answer = stranger.obey(repeat(5_000, order('x', template, ""))).await;
    assert_eq!(answer, "0 5000 0 0", "all not-found");
    for malformed in [&b""[..], b"x", b"*", b"\0", &id.as_bytes()[..35], &[b'a'; 60_000]] {
        assert_eq!(stranger.cancels(malformed).await, "not-found");
    }
    assert_eq!(arena.stats_of("attacker/stranger").denied, 2);

    let token = holder.obey(plain('k')).await.parse().unwrap();
    assert_eq!(holder.replies(token, "late").await, "ok");
    eventually("the callback", || arena.stats_of("attacker/owner").callbacks == 1).await;
    // It has ended: nobody's any more.
    assert_eq!(stranger.cancels(&id).await, "not-found");
    assert_eq!(owner.cancels(&id).await, "not-found");
    // Who goes on trying is ended.
    let next = owner.sends(order('q', "attacker/holder", plain('D'))).await.unwrap();
    assert_eq!(stranger.ends(repeat(200, order('x', &next, ""))).await, TRAPPED);
    assert_eq!(owner.cancels(&next).await, "ok", "it still was there");
    arena.close().await;
}

#[tokio::test]
async fn the_ids_of_a_former_life_are_worth_nothing() {
    let arena = Arena::new(Capabilities::all()).await;
    let holder = arena.add_attacker("holder").await;
    let attacker = arena.add_attacker("attacker").await;
    let id = attacker.sends(order('q', "attacker/holder", plain('D'))).await.unwrap();
    eventually("the call", || arena.stats_of("attacker/holder").calls_handled == 1).await;
    assert_eq!(attacker.ends(plain('U')).await, TRAPPED);
    assert_eq!(attacker.cancels(&id).await, "not-found");
    // Its answer goes to nobody, least of all to the new instance.
    let token = holder.obey(plain('k')).await.parse().unwrap();
    assert_eq!(holder.replies(token, "too late").await, "call-ended");
    assert_eq!(attacker.obey(plain('z')).await, "0");
    assert_eq!(arena.stats_of("attacker/holder").orphans, 1);
    arena.close().await;
}

#[tokio::test]
async fn tokens_answer_once_and_only_their_own_call() {
    let arena = Arena::new(Capabilities::all()).await;
    let holder = arena.add_attacker("holder").await;
    let stranger = arena.add_attacker("stranger").await;
    let ask = arena.call("attacker/holder", plain('D'), PATIENCE);
    let answer = async {
        eventually("the call", || arena.stats_of("attacker/holder").calls_handled == 1).await;
        let token: u64 = holder.obey(plain('k')).await.parse().unwrap();
        for guess in (0..100).chain([u64::from(u32::MAX), u64::MAX / 10]) {
            assert_eq!(stranger.replies(guess, "stolen").await, "unknown-token");
        }
        assert_eq!(holder.replies(token, "mine").await, "ok");
        assert_eq!(holder.replies(token, "again").await, "unknown-token");
        token
    };
    let (answered, first) = tokio::join!(ask, answer);
    assert_eq!(&answered.unwrap()[..], b"mine");

    // After its end.
    let soon = Duration::from_millis(20);
    let ended = arena.call("attacker/holder", plain('D'), soon).await.unwrap_err();
    assert_eq!(ended, CallError::Failed(RequestError::Timeout));
    let token: u64 = holder.obey(plain('k')).await.parse().unwrap();
    assert!(token > first);
    assert_eq!(holder.replies(token, "late").await, "call-ended");

    // Of a former instance: the call ended with it.
    let ask = arena.call("attacker/holder", plain('D'), PATIENCE);
    let crash = async {
        eventually("the call", || arena.stats_of("attacker/holder").calls_handled > 9).await;
        let token = holder.obey(plain('k')).await.parse().unwrap();
        assert_eq!(holder.ends(plain('U')).await, TRAPPED);
        assert_eq!(holder.replies(token, "revived").await, "unknown-token");
    };
    let before = arena.stats_of("attacker/holder").calls_handled;
    assert!(before <= 9, "{before}");
    for _ in before..9 {
        holder.obey(plain('n')).await;
    }
    let (ended, ()) = tokio::join!(ask, crash);
    assert_eq!(ended.unwrap_err(), TRAPPED);

    // Where there is no call to take over there is no token: in casts, callbacks, and `init`.
    arena.cast("attacker/holder", plain('D')).unwrap();
    holder.obey(at_callbacks(plain('D'))).await;
    holder.sends(order('q', "neighbour/echo", "")).await.unwrap();
    eventually("the callback", || arena.stats_of("attacker/holder").callbacks == 1).await;
    assert_eq!(holder.obey(plain('k')).await, "0");
    let init = String::from_utf8(plain('D')).unwrap();
    let started = arena.add_attacker_with("init", Arena::attacker().config("order", init)).await;
    assert_eq!(started.obey(plain('k')).await, "0");
    arena.close().await;
}
