//! Guests that make each other, and themselves, more and more to do.

use std::time::Duration;

use castcall::{
    CallError, Capabilities, CrashCode, MailboxConfig, PeerState, RequestError, System,
};
use castcall_integration_tests::{PATIENCE, Stage, eventually, restart};

use super::arena::{Arena, Siege};
use super::orders::{Attacker, at_callbacks, both, order, plain, repeat};

async fn pair(arena: &Arena) -> [Attacker; 2] {
    [arena.add_attacker("a").await, arena.add_attacker("b").await]
}

/// Keeps a storm going that goes on by itself, unless it was ended.
async fn rage(siege: &Siege, stage: &Stage, id: &str, start: Vec<u8>) {
    let before = stage.stats_of(id);
    while siege.goes_on().await {
        if stage.handle(id).depth().messages == 0 && stage.stats_of(id).pending == 0 {
            let _ = stage.cast(id, start.clone());
        }
    }
    let after = stage.stats_of(id);
    let done = after.casts_handled + after.callbacks;
    assert!(done > before.casts_handled + before.callbacks + 20, "there is a storm: {after:?}");
}

#[tokio::test]
async fn a_thousand_calls_that_end_at_once() {
    let arena = Arena::new(Capabilities::all()).await;
    let caller = arena.add_attacker("caller").await;
    let calls = repeat(1_500, order('q', "attacker/holder", plain('D')));
    arena
        .with_neighbour("1,024 calls that end at once", async |siege| {
            while siege.goes_on().await {
                let before = arena.stats_of(&caller.id).callbacks;
                let holder = arena.add_attacker("holder").await;
                let series = super::orders::series(&caller.obey(calls.clone()).await);
                assert_eq!((series.sent, series.refused), (1024, 476));
                assert_eq!(series.last, "too-many-pending");
                // Those that it has taken over, and those that wait: all end with it.
                assert!(arena.handle(&holder.id).stop(PATIENCE).await);
                let ended = || arena.stats_of(&caller.id).callbacks == before + 1024;
                eventually("1,024 callbacks", ended).await;
                assert_eq!(arena.stats_of(&caller.id).pending, 0);
            }
        })
        .await;
    let stats = arena.stats_of(&caller.id);
    assert_eq!((stats.failed, stats.crashes), (stats.callbacks, 0));
    arena.close().await;
}

#[tokio::test]
async fn callbacks_that_call_again() {
    let arena = Arena::new(Capabilities::all()).await;
    let [a, b] = pair(&arena).await;
    // Two calls for each that ends: as many as there may be, soon, and for ever.
    a.obey(at_callbacks(repeat(2, order('q', &b.id, order('n', "", "x"))))).await;
    let start = order('q', &b.id, order('n', "", "x"));
    arena
        .with_neighbour("callbacks that call again, twice", async |siege| {
            rage(siege, &arena, &a.id, start.clone()).await;
        })
        .await;
    assert!(arena.stats_of(&a.id).pending <= 1024);
    // It still takes messages, and can be told to leave off.
    a.obey(at_callbacks("")).await;
    eventually("the end", || arena.stats_of(&a.id).pending == 0).await;
    let stats = arena.stats_of(&a.id);
    assert_eq!((stats.crashes, stats.pending, stats.answered), (0, 0, stats.callbacks));
    arena.close().await;
}

#[tokio::test]
async fn calls_that_time_out_at_once_and_are_made_again() {
    let arena = Arena::new(Capabilities::all()).await;
    let [a, b] = pair(&arena).await;
    let call = order('q', &b.id, plain('D'));
    a.obey(both(order('i', "", "1"), at_callbacks(repeat(2, &call)))).await;
    arena
        .with_neighbour("calls that time out, twice for each", async |siege| {
            rage(siege, &arena, &a.id, call.clone()).await;
        })
        .await;
    a.obey(at_callbacks("")).await;
    eventually("the end", || arena.stats_of(&a.id).pending == 0).await;
    let stats = arena.stats_of(&a.id);
    assert_eq!((stats.timeouts, stats.crashes), (stats.callbacks, 0));
    // What was taken over and has ended is swept: tokens are not hoarded.
    arena.close().await;
}

#[tokio::test]
async fn a_component_that_storms_itself() {
    let arena = Arena::new(Capabilities::all()).await;
    let a = arena.add_attacker("a").await;
    arena
        .with_neighbour("a component that casts to itself, twice for each", async |siege| {
            rage(siege, &arena, &a.id, order('f', "attacker/a", "")).await;
        })
        .await;
    let stats = arena.stats_of(&a.id);
    assert!(stats.mailbox_messages <= 1024 && stats.crashes == 0, "{stats:?}");
    arena.close().await;
}

#[tokio::test]
async fn two_that_storm_each_other() {
    let arena = Arena::new(Capabilities::all()).await;
    let [a, b] = pair(&arena).await;
    arena
        .with_neighbour("two that cast to each other, twice for each", async |siege| {
            rage(siege, &arena, &a.id, order('c', &b.id, plain('b'))).await;
        })
        .await;
    for one in [&a, &b] {
        let stats = arena.stats_of(&one.id);
        assert!(stats.mailbox_messages <= 1024 && stats.crashes == 0, "{stats:?}");
    }
    arena.close().await;
}

#[tokio::test]
async fn many_that_stuff_one_mailbox() {
    let arena = Arena::new(Capabilities::all()).await;
    let victim = arena.add_attacker("victim").await;
    let mut senders = Vec::new();
    for number in 0..2 {
        senders.push(arena.add_attacker(&format!("sender-{number}")).await);
    }
    arena
        .with_neighbour("2 that stuff a mailbox", async |siege| {
            while siege.goes_on().await {
                if arena.handle(&victim.id).depth().messages == 0 {
                    let _ = arena.cast(&victim.id, plain('L'));
                }
                for sender in &senders {
                    if arena.handle(&sender.id).depth().messages == 0 {
                        let stuff = order('H', &victim.id, "40000");
                        let _ = arena.cast(&sender.id, repeat(100, stuff));
                    }
                }
            }
        })
        .await;
    let limits = MailboxConfig::default();
    let stats = arena.stats_of(&victim.id);
    assert!(stats.mailbox_bytes <= limits.bytes as u64, "{stats:?}");
    eventually("the senders", || {
        senders.iter().all(|sender| arena.handle(&sender.id).depth().messages == 0)
    })
    .await;
    let refused: u64 = senders.iter().map(|sender| arena.stats_of(&sender.id).refused).sum();
    assert!(refused > 0, "mailbox-full");
    arena.close().await;
}

#[tokio::test]
async fn a_tenant_that_takes_all_the_room_leaves_others_theirs() {
    let arena = Arena::with(System::builder().max_waiting(4 << 20), Capabilities::all()).await;
    let filler = arena.add_attacker("filler").await;
    let mut limits = Arena::limits();
    limits.execution = Duration::from_secs(60);
    let mut slow = Vec::new();
    for number in 0..4 {
        let name = format!("slow-{number}");
        slow.push(arena.add_attacker_with(&name, Arena::attacker().limits(limits)).await);
        arena.cast(&slow[number].id, plain('L')).unwrap();
    }
    let fill = async || {
        for one in &slow {
            // Down to the last bytes.
            for size in ["100000", "1000", "0"] {
                filler.series(1_000, order('H', &one.id, size)).await;
            }
        }
    };
    fill().await;
    let (used, limit) = arena.waiting_room();
    assert!(used >= limit / 8 * 7 && used <= limit, "all is taken: {used} of {limit}");
    arena
        .with_neighbour("a tenant that takes all the room", async |siege| {
            while siege.goes_on().await {
                fill().await;
            }
        })
        .await;
    for one in &slow {
        assert!(arena.handle(&one.id).stop(Duration::from_millis(10)).await);
    }
    arena.close().await;
}

#[tokio::test]
async fn who_crashes_at_each_message_is_started_again_and_again() {
    let arena = Arena::new(Capabilities::all()).await;
    let mut four = Vec::new();
    for number in 0..4 {
        four.push(arena.add_attacker(&number.to_string()).await);
    }
    arena
        .with_neighbour("4 that crash at each message", async |siege| {
            while siege.goes_on().await {
                for one in &four {
                    while arena.handle(&one.id).depth().messages < 100 {
                        if arena.cast(&one.id, plain('U')).is_err() {
                            break;
                        }
                    }
                }
            }
        })
        .await;
    for one in &four {
        assert!(arena.stats_of(&one.id).crashes > 10);
    }
    arena.close().await;
}

#[tokio::test]
async fn who_crashes_in_init_is_given_up() {
    let arena = Arena::new(Capabilities::none()).await;
    // It starts once: 60 denials are not too many. The next 60 are.
    let init = String::from_utf8(repeat(60, order('c', "neighbour/echo", ""))).unwrap();
    let component = Arena::attacker().config("order", init);
    let component = component.restart(restart(5, Duration::from_millis(1)));
    let attacker = arena.add_attacker_with("init", component).await;
    assert_eq!(
        attacker.ends(plain('U')).await,
        CallError::Failed(RequestError::Crashed(CrashCode::Trap))
    );
    let queued = attacker.try_obey(plain('n')).await;
    eventually("its end", || arena.handle(&attacker.id).state() == PeerState::Failed).await;
    assert_eq!(queued, Err(CallError::Failed(RequestError::Unavailable)));
    let stats = arena.stats_of(&attacker.id);
    assert_eq!((stats.crashes, stats.restarts), (6, 0), "its message, and five times in init");
    let after = attacker.try_obey(plain('n')).await;
    assert_eq!(after, Err(CallError::Failed(RequestError::Unavailable)));
    arena.close().await;
}

#[tokio::test]
async fn who_crashes_another_is_cut_off() {
    let arena = Arena::new(Capabilities::all()).await;
    let component = Arena::attacker().poison_limit(3);
    let service = arena.add_attacker_with("service", component).await;
    let [bad, good] = pair(&arena).await;
    for crash in 1..=3 {
        bad.sends(order('c', &service.id, plain('U'))).await.unwrap();
        eventually("a crash", || arena.stats_of(&service.id).crashes == crash).await;
    }
    eventually("the cut", || !arena.handle(&service.id).cut_off_senders().is_empty()).await;
    for what in ['c', 'q'] {
        let sent = bad.sends(order(what, &service.id, plain('U'))).await;
        assert_eq!(sent, Err("capability-denied"));
    }
    // By way of a topic too.
    assert_eq!(service.sends(order('s', "news", "")).await, Ok(String::new()));
    assert_eq!(bad.sends(order('p', "news", plain('U'))).await, Ok("1".to_owned()));
    assert_eq!(good.sends(order('p', "news", plain('n'))).await, Ok("1".to_owned()));
    good.sends(order('q', &service.id, plain('n'))).await.unwrap();
    eventually("its answer", || arena.stats_of(&good.id).answered == 1).await;
    assert_eq!(arena.stats_of(&service.id).crashes, 3);
    arena.close().await;
}

#[tokio::test]
async fn loading_and_unloading_under_fire() {
    let arena = Arena::new(Capabilities::all()).await;
    let [a, b] = pair(&arena).await;
    for one in [&a, &b] {
        one.obey(at_callbacks(order('q', "attacker/target", order('n', "", "x")))).await;
    }
    arena
        .with_neighbour("loading and unloading under fire", async |siege| {
            while siege.goes_on().await {
                let target = arena.add_attacker("target").await;
                for one in [&a, &b] {
                    let fire = [
                        repeat(50, order('q', &target.id, order('n', "", "x"))),
                        repeat(200, order('c', &target.id, plain('U'))),
                        order('p', "news", "x"),
                    ];
                    for fire in fire {
                        let _ = arena.cast(&one.id, fire);
                    }
                }
                let _ = arena.cast(&target.id, order('s', "news", ""));
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert!(arena.handle(&target.id).stop(PATIENCE).await);
            }
        })
        .await;
    for one in [&a, &b] {
        eventually("the end of all calls", || arena.stats_of(&one.id).pending == 0).await;
        let stats = arena.stats_of(&one.id);
        assert_eq!(stats.answered + stats.failed, stats.callbacks, "{stats:?}");
        assert_eq!((stats.callbacks, stats.crashes), (stats.calls_sent, 0), "{stats:?}");
    }
    arena.close().await;
}
