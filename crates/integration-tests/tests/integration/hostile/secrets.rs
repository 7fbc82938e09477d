//! Guests that look for what others have left in memory.

use castcall::{CallError, Capabilities, CrashCode, RequestError};
use castcall_integration_tests::{PATIENCE, eventually};

use super::arena::Arena;
use super::orders::{order, plain, sized};

/// 12 MiB, of the 16 that there may be.
const PAGES: usize = 192;
/// Nothing above what the host wrote, no secret anywhere, no entry in the table.
const NOTHING: &str = "0 0 0";

#[tokio::test]
async fn a_fresh_instance_finds_nothing() {
    let arena = Arena::new(Capabilities::none()).await;
    let planter = arena.add_attacker("planter").await;
    // It would find it: the scan does.
    planter.sends(sized('P', PAGES)).await.unwrap();
    let found = planter.obey(sized('F', PAGES)).await;
    let words = PAGES * 65_536 / 8;
    let [nonzero, secrets, entries] = parse(&found);
    assert!(nonzero > words - 2_000 && secrets > words - 2_000, "{found}");
    assert_eq!(entries, 1_000);

    // The next instances of its own, ...
    for round in 0..5 {
        planter.sends(sized('P', PAGES)).await.unwrap();
        assert_eq!(
            planter.ends(plain('U')).await,
            CallError::Failed(RequestError::Crashed(CrashCode::Trap))
        );
        assert_eq!(planter.obey(sized('F', 1)).await, NOTHING, "at first, round {round}");
        assert_eq!(planter.obey(sized('F', PAGES)).await, NOTHING, "grown, round {round}");
    }
    // ... others beside it, while it has its secret and when it is gone, ...
    planter.sends(sized('P', PAGES)).await.unwrap();
    for number in 0..4 {
        let spy = arena.add_attacker(&format!("spy-{number}")).await;
        assert_eq!(spy.obey(sized('F', PAGES)).await, NOTHING);
        assert!(arena.handle(&spy.id).stop(PATIENCE).await);
    }
    assert!(arena.handle(&planter.id).stop(PATIENCE).await);
    for number in 0..4 {
        let spy = arena.add_attacker(&format!("spy-{number}")).await;
        assert_eq!(spy.obey(sized('F', PAGES)).await, NOTHING);
    }
    // ... and one of the same name.
    let again = arena.add_attacker("planter").await;
    assert_eq!(again.obey(sized('F', PAGES)).await, NOTHING);
    arena.close().await;
}

fn parse(found: &str) -> [usize; 3] {
    let numbers: Vec<_> = found.split(' ').map(|word| word.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[tokio::test]
async fn what_is_queued_is_read_by_its_own_component_alone() {
    let arena = Arena::new(Capabilities::all()).await;
    let victim = arena.add_attacker("victim").await;
    let spy = arena.add_attacker("spy").await;
    // The victim's next instance is given what waits for it; the spy's is not.
    for number in 0..10 {
        arena.cast(&victim.id, order('n', "", format!("secret {number}"))).unwrap();
        arena.cast(&victim.id, plain('U')).unwrap();
        arena.cast(&spy.id, plain('U')).unwrap();
    }
    eventually("all", || arena.stats_of(&victim.id).casts_handled == 20).await;
    eventually("all", || arena.stats_of(&spy.id).casts_handled == 10).await;
    assert_eq!((arena.stats_of(&victim.id).crashes, arena.stats_of(&spy.id).crashes), (10, 10));
    // A callback of a former instance is not the next one's either.
    spy.sends(order('q', &victim.id, order('n', "", "for whom"))).await.unwrap();
    eventually("the callback", || arena.stats_of(&spy.id).callbacks == 1).await;
    assert_eq!(spy.obey(plain('z')).await, "1");
    assert_eq!(spy.obey(sized('F', 1)).await.split(' ').nth(1), Some("0"));
    arena.close().await;
}
