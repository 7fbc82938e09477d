//! Guests that break the canonical ABI.

use castcall::{
    CallError, Capabilities, CrashCode, LoadError, PeerState, RequestError, StartError,
};
use castcall_integration_tests::{Recorder, eventually, fixture};

use super::arena::Arena;
use super::orders::Attacker;

fn crashed(code: CrashCode) -> CallError {
    CallError::Failed(RequestError::Crashed(code))
}

async fn liar(arena: &Arena) -> Attacker {
    let liar = fixture("attacker-abi").limits(Arena::limits()).poison_limit(0);
    arena.add_attacker_with("liar", liar.restart(Arena::restarts())).await
}

#[tokio::test]
async fn what_it_returns_is_read_only_where_it_has_memory() {
    let arena = Arena::new(Capabilities::all()).await;
    let liar = liar(&arena).await;
    for how in "abcdefghij".chars() {
        let ended = liar.ends(how.to_string().into()).await;
        assert_eq!(ended, crashed(CrashCode::Trap), "{how}");
        assert_eq!(liar.obey("?".into()).await, "ok", "another instance, after {how}");
        // As a cast: where the answer is not even read, nothing may be read either.
        arena.cast(&liar.id, how.to_string()).unwrap();
        assert_eq!(liar.obey("?".into()).await, "ok", "after {how}");
    }
    arena.close().await;
}

#[tokio::test]
async fn what_it_sends_is_read_only_where_it_has_memory() {
    let arena = Arena::new(Capabilities::all()).await;
    let echo = Recorder::new();
    arena.add_native("echo", &echo).await;
    let liar = liar(&arena).await;
    for how in "ABCDEHIJKLMNO".chars() {
        let ended = liar.ends(how.to_string().into()).await;
        assert_eq!(ended, crashed(CrashCode::Trap), "{how}");
        assert_eq!(liar.obey("?".into()).await, "ok", "another instance, after {how}");
    }
    assert!(echo.records().is_empty(), "nothing was sent: {:?}", echo.records());
    // Where the result can't be written: found out before or after the send, but found out.
    for how in "FG".chars() {
        assert_eq!(liar.ends(how.to_string().into()).await, crashed(CrashCode::Trap), "{how}");
    }
    assert_eq!(arena.publish("echo", "").unwrap(), 0, "and nobody was subscribed");
    arena.close().await;
}

#[tokio::test]
async fn an_allocator_that_lies_ends_itself() {
    let arena = Arena::new(Capabilities::all()).await;
    let echo = Recorder::new();
    arena.add_native("echo", &echo).await;
    let liar = liar(&arena).await;
    let (trap, looped) = (CrashCode::Trap, CrashCode::ExecutionLimit);
    let memory = CrashCode::MemoryLimit;
    for (how, code) in
        [('1', trap), ('2', trap), ('3', trap), ('4', looped), ('5', trap), ('6', memory)]
    {
        assert_eq!(liar.obey(how.to_string().into()).await, "ok");
        assert_eq!(liar.ends("?".into()).await, crashed(code), "{how}");
        assert_eq!(liar.obey("?".into()).await, "ok", "another instance, after {how}");
    }
    // One place for everything: its own message lies over its sender, which harms nobody else.
    assert_eq!(liar.obey("7".into()).await, "ok");
    assert_eq!(liar.obey("?".into()).await, "ok");
    assert!(echo.records().is_empty(), "an allocator can't send");
    arena.close().await;
}

#[tokio::test]
async fn what_it_does_after_its_answer_is_bounded_too() {
    let arena = Arena::new(Capabilities::all()).await;
    let echo = Recorder::new();
    arena.add_native("echo", &echo).await;
    let liar = liar(&arena).await;
    for (how, code) in
        [('p', CrashCode::Trap), ('q', CrashCode::ExecutionLimit), ('r', CrashCode::Trap)]
    {
        assert_eq!(liar.ends(how.to_string().into()).await, crashed(code), "{how}");
        assert_eq!(liar.obey("?".into()).await, "ok", "another instance, after {how}");
    }
    assert!(echo.records().is_empty(), "and it can't send there");
    arena.close().await;
}

#[tokio::test]
async fn who_can_not_be_started_is_not_there() {
    let arena = Arena::new(Capabilities::all()).await;
    for (name, code) in [
        ("attacker-start-loop", CrashCode::ExecutionLimit),
        ("attacker-start-trap", CrashCode::Trap),
        ("attacker-unaligned", CrashCode::Trap),
    ] {
        let component = fixture(name).config("key", "value").limits(Arena::limits());
        let error = arena.load("attacker/start", component).await.unwrap_err();
        let LoadError::Start { source, .. } = error else { panic!("{name}: {error:?}") };
        assert_eq!(source, StartError::Crashed(code), "{name}");
        assert!(arena.component("attacker/start").is_none());
    }
    arena
        .with_neighbour("liars", async |siege| {
            while siege.goes_on().await {
                let load =
                    |name| arena.load("attacker/start", fixture(name).limits(Arena::limits()));
                assert!(load("attacker-start-loop").await.is_err());
            }
        })
        .await;
    eventually("their end", || arena.handle("neighbour/echo").state() == PeerState::Running).await;
    arena.close().await;
}
