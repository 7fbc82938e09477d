//! Guests that send, answer and fail with too much.

use std::time::Duration;

use castcall::{
    CallError, Capabilities, ComponentError, CrashCode, LoadError, RequestError, StartError, System,
};
use castcall_integration_tests::{Recorder, eventually, memory};

use super::arena::Arena;
use super::orders::{at_callbacks, both, failure, order, plain, repeat, sized};

const MIB: usize = 1 << 20;
/// How much of an error's text goes further than its guest, as `castcall_wasm` says.
const TEXT: usize = 4096;

/// A system whose attackers have room for bombs.
async fn with_room() -> (Arena, super::orders::Attacker) {
    let arena = Arena::new(Capabilities::all()).await;
    let roomy = Arena::attacker().limits(memory(160 * MIB));
    let attacker = arena.add_attacker_with("bomber", roomy).await;
    (arena, attacker)
}

#[tokio::test]
async fn what_is_too_large_is_sent_to_nobody() {
    let (arena, attacker) = with_room().await;
    let observer = Recorder::new();
    arena.add_native("observer", &observer).await;
    for size in [MIB + 1, 64 * MIB] {
        let sent = attacker.obey(order('H', "observer", size.to_string())).await;
        assert_eq!(sent, format!("no 6 {MIB}"), "payload-too-large, and how much would not be");
        let sent = attacker.sends(order('H', "nobody", size.to_string())).await;
        assert_eq!(sent, Err("payload-too-large"));
    }
    attacker.sends(order('H', "observer", MIB.to_string())).await.unwrap();
    eventually("the one", || observer.records().len() == 1).await;
    assert_eq!(arena.stats_of(&attacker.id).crashes, 0);
    arena.close().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_an_error() {
    let (arena, attacker) = with_room().await;
    assert_eq!(attacker.obey(sized('A', MIB)).await.len(), MIB);
    for size in [MIB + 1, 100 * MIB] {
        let ComponentError::InvalidPayload(why) = failure(attacker.ends(sized('A', size)).await)
        else {
            panic!("another error")
        };
        assert_eq!(why, format!("the answer has {size} bytes, and {MIB} is the most"));
    }
    // More than the engine copies for one answer at all.
    let ended = attacker.ends(sized('A', 140 * MIB)).await;
    assert_eq!(ended, CallError::Failed(RequestError::Crashed(CrashCode::Trap)));
    // As a cast, it is not even read.
    arena.cast(&attacker.id, sized('A', 100 * MIB)).unwrap();
    assert_eq!(attacker.obey(order('n', "", "there")).await, "there");
    assert_eq!(arena.stats_of(&attacker.id).crashes, 1);
    arena.close().await;
}

#[tokio::test]
async fn the_text_of_an_error_is_cut() {
    let (arena, attacker) = with_room().await;
    for size in [TEXT + 1, 100 * MIB] {
        let cut = "e".repeat(TEXT);
        let error = failure(attacker.ends(sized('E', size)).await);
        assert!(error == ComponentError::failed(7, format!("{cut}…")), "{size}");
        let error = failure(attacker.ends(sized('I', size)).await);
        assert!(error == ComponentError::InvalidPayload(format!("{cut}…")), "{size}");
    }
    let whole = failure(attacker.ends(sized('E', TEXT)).await);
    assert_eq!(whole, ComponentError::failed(7, "e".repeat(TEXT)));
    // The same where `init` fails.
    let init = String::from_utf8(sized('E', 10 * MIB)).unwrap();
    let error = arena.load("attacker/init", Arena::attacker().config("order", init)).await;
    let LoadError::Start { source, .. } = error.unwrap_err() else { panic!("another error") };
    let StartError::Refused(ComponentError::Failed { message, .. }) = source else {
        panic!("{source:?}")
    };
    assert_eq!(message.len(), TEXT + "…".len());
    assert_eq!(arena.stats_of(&attacker.id).crashes, 0);
    // And what `init` is given must find room in who gets it.
    let bomb = Arena::attacker().config("order", "n".repeat(17 * MIB));
    let error = arena.load("attacker/init", bomb).await.unwrap_err();
    let LoadError::Start { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source, StartError::Crashed(CrashCode::MemoryLimit));
    arena.close().await;
}

#[tokio::test]
async fn an_error_does_not_crash_who_asked() {
    let (arena, attacker) = with_room().await;
    // It has a tenth of the memory that such a text would take.
    let mut limits = Arena::limits();
    limits.memory = 2 * MIB;
    let victim = arena.add_attacker_with("victim", Arena::attacker().limits(limits)).await;
    for bomb in ['E', 'I'] {
        victim.sends(order('q', &attacker.id, sized(bomb, 20 * MIB))).await.unwrap();
    }
    eventually("both callbacks", || arena.stats_of(&victim.id).callbacks == 2).await;
    assert_eq!(victim.obey(plain('z')).await, "2");
    assert_eq!(arena.stats_of(&victim.id).crashes, 0);
    arena.close().await;
}

#[tokio::test]
async fn bombs_of_all_kinds_are_felt_by_nobody() {
    let (arena, attacker) = with_room().await;
    let observer = Recorder::new();
    arena.add_native("observer", &observer).await;
    let bombs = [
        order('H', "attacker/bomber", (MIB - 8).to_string()),
        repeat(20, order('H', "observer", MIB.to_string())),
        order('H', "observer", (50 * MIB).to_string()),
        order('q', "attacker/bomber", sized('A', 20 * MIB)),
        order('q', "attacker/bomber", sized('E', 20 * MIB)),
        sized('I', 20 * MIB),
    ];
    attacker.obey(at_callbacks(sized('E', MIB))).await;
    arena
        .with_neighbour("payload bombs of all kinds", async |siege| {
            while siege.goes_on().await {
                if arena.handle(&attacker.id).depth().messages == 0 {
                    for bomb in &bombs {
                        let _ = arena.cast(&attacker.id, bomb.clone());
                    }
                }
            }
        })
        .await;
    eventually("the end", || arena.handle(&attacker.id).depth().messages == 0).await;
    eventually("errors in callbacks", || arena.stats_of(&attacker.id).callback_errors > 0).await;
    assert_eq!(arena.stats_of(&attacker.id).crashes, 0, "it was never more than refused");
    arena.close().await;
}

/// Answers wait where messages don't, and there may be as many as calls.
#[tokio::test]
async fn answers_that_wait_take_no_more_than_there_is_room() {
    let arena = Arena::with(System::builder().max_waiting(8 * MIB), Capabilities::all()).await;
    let bomber = arena.add_attacker("bomber").await;
    let mut limits = Arena::limits();
    limits.execution = Duration::from_secs(60);
    let hoarder = arena.add_attacker_with("hoarder", Arena::attacker().limits(limits)).await;
    // Its calls are answered with 1 MiB each while it takes its time.
    let ask = repeat(64, order('q', &bomber.id, sized('A', MIB)));
    arena.cast(&hoarder.id, both(ask, plain('L'))).unwrap();
    let stats = || arena.stats_of(&hoarder.id);
    eventually("all ends", || stats().answered + stats().failed == 64).await;
    // What has no room ends as what overflows does: with a callback, and without its payload.
    let (used, limit) = arena.waiting_room();
    assert!((6 * MIB..=limit).contains(&used), "{used} of {limit}");
    assert!((6..=8).contains(&stats().answered), "{} MiB wait", stats().answered);
    assert_eq!((stats().pending, stats().callbacks), (64, 0));
    assert!(arena.handle(&hoarder.id).stop(Duration::from_millis(50)).await);

    // Who takes its time and ends has its callbacks, all of them.
    let patient = arena.add_attacker("patient").await;
    assert_eq!(patient.series(64, order('q', &bomber.id, sized('A', MIB))).await.sent, 64);
    eventually("64 callbacks", || arena.stats_of(&patient.id).callbacks == 64).await;
    assert_eq!(arena.stats_of(&patient.id).pending, 0);
    arena.close().await;
}
