//! Guests that take time, memory and stack.

use std::time::{Duration, Instant};

use castcall::wasm::CompileError;
use castcall::{
    CallError, Capabilities, Component, CrashCode, LoadError, RequestError, StartError,
};
use castcall_integration_tests::{PATIENCE, eventually, fixture_bytes};

use super::arena::Arena;
use super::orders::{Attacker, at_callbacks, at_shutdown, order, plain, repeat, sized};

fn crashed(code: CrashCode) -> CallError {
    CallError::Failed(RequestError::Crashed(code))
}

/// As many attackers as workers, each given the order again as soon as it has obeyed, or ended.
async fn two_that(what: &str, order: Vec<u8>) -> (Arena, Vec<Attacker>) {
    let arena = Arena::new(Capabilities::none()).await;
    let mut two = Vec::new();
    for number in 0..2 {
        two.push(arena.add_attacker(&number.to_string()).await);
    }
    arena
        .with_neighbour(what, async |siege| {
            while siege.goes_on().await {
                for one in &two {
                    if arena.handle(&one.id).depth().messages == 0 {
                        let _ = arena.cast(&one.id, order.clone());
                    }
                }
            }
        })
        .await;
    (arena, two)
}

/// The same for an order that ends them, with that.
async fn two_are_ended(what: &str, order: Vec<u8>, code: CrashCode) {
    let (arena, two) = two_that(what, order.clone()).await;
    for one in &two {
        eventually("an end", || arena.stats_of(&one.id).crashes > 0).await;
        assert_eq!(one.ends(order.clone()).await, crashed(code));
        assert_eq!(one.obey(fresh()).await, "fresh");
    }
    arena.close().await;
}

/// Answered by whoever is there.
fn fresh() -> Vec<u8> {
    order('n', "", "fresh")
}

#[tokio::test]
async fn endless_loops_in_messages() {
    two_are_ended("2 that loop in messages", plain('L'), CrashCode::ExecutionLimit).await;
}

#[tokio::test]
async fn endless_recursion() {
    two_are_ended("2 that recurse for ever", plain('R'), CrashCode::StackOverflow).await;
}

#[tokio::test]
async fn memory_that_grows_for_ever() {
    two_are_ended("2 that grow their memory", plain('O'), CrashCode::MemoryLimit).await;
}

#[tokio::test]
async fn memory_that_is_filled_for_ever() {
    let fill = sized('M', 200);
    two_are_ended("2 that fill 13 MB for ever", fill, CrashCode::ExecutionLimit).await;
}

#[tokio::test]
async fn memories_and_tables_have_an_end_without_a_crash() {
    let (arena, two) = two_that("2 that grow their tables", plain('V')).await;
    for one in &two {
        assert_eq!(arena.stats_of(&one.id).crashes, 0);
        // In steps of 100, from 10.
        assert_eq!(one.obey(plain('V')).await, "99910");
        assert_eq!(one.obey(plain('G')).await, "256", "pages: 16 MiB");
        assert_eq!(arena.stats_of(&one.id).crashes, 0, "whoever is told no can go on");
    }
    arena.close().await;
}

/// So many that have always something to do, since each message makes the next.
async fn always_busy(count: usize, what: &str, order: impl Fn(&str) -> Vec<u8>) {
    let arena = Arena::new(Capabilities::none().with_cast("attacker/*".parse().unwrap())).await;
    let mut many = Vec::new();
    for number in 0..count {
        many.push(arena.add_attacker(&number.to_string()).await);
    }
    arena
        .with_neighbour(what, async |siege| {
            for one in &many {
                if arena.handle(&one.id).depth().messages == 0 {
                    arena.cast(&one.id, order(&one.id)).unwrap();
                }
            }
            while siege.goes_on().await {}
        })
        .await;
    for one in &many {
        let stats = arena.stats_of(&one.id);
        assert!(stats.casts_handled > 1 && stats.crashes == 0, "{stats:?}");
    }
    arena.close().await;
}

/// One message after the other: each turn takes a tick, and is over.
fn little_by_little(id: &str) -> Vec<u8> {
    order('y', id, repeat(1_000, plain('n')))
}

/// Each message takes some ten ticks, and its worker with it.
fn overrunning(id: &str) -> Vec<u8> {
    order('y', id, repeat(100_000, plain('n')))
}

#[tokio::test]
async fn three_that_are_always_busy() {
    always_busy(3, "3 that are always busy, little by little", little_by_little).await;
}

#[tokio::test]
async fn three_that_overrun_each_turn() {
    always_busy(3, "3 that overrun each turn", overrunning).await;
}

/// Sixteen leave no core a moment's rest: how long a thread of castcall's then waits for one is the
/// operating system's, and what else runs there.
#[tokio::test]
#[ignore = "holds on a quiet machine alone: docs/hostile-suite.md, under what is open"]
async fn sixteen_that_are_always_busy() {
    always_busy(16, "16 that are always busy, little by little", little_by_little).await;
}

#[tokio::test]
#[ignore = "holds on a quiet machine alone: docs/hostile-suite.md, under what is open"]
async fn sixteen_that_overrun_each_turn() {
    always_busy(16, "16 that overrun each turn", overrunning).await;
}

#[tokio::test]
async fn endless_loops_in_callbacks() {
    let arena = Arena::new(Capabilities::none().with_call("neighbour/echo".parse().unwrap())).await;
    let mut four = Vec::new();
    for number in 0..4 {
        four.push(arena.add_attacker(&number.to_string()).await);
    }
    arena
        .with_neighbour("4 that loop in callbacks", async |siege| {
            while siege.goes_on().await {
                for one in &four {
                    if arena.handle(&one.id).depth().messages == 0 {
                        let _ = arena.cast(&one.id, at_callbacks(plain('L')));
                        let _ = arena.cast(&one.id, order('q', "neighbour/echo", ""));
                    }
                }
            }
        })
        .await;
    for one in &four {
        eventually("an end", || arena.stats_of(&one.id).crashes > 0).await;
        assert_eq!(one.obey(fresh()).await, "fresh");
        let stats = arena.stats_of(&one.id);
        assert!(stats.callbacks >= stats.crashes, "{stats:?}");
    }
    arena.close().await;
}

#[tokio::test]
async fn endless_loops_at_the_start_and_at_the_end() {
    let arena = Arena::new(Capabilities::none()).await;
    let in_init = |order: Vec<u8>| {
        let order = String::from_utf8(order).unwrap();
        arena.load("attacker/init", Arena::attacker().config("order", order))
    };
    for (order, code) in [
        (plain('L'), CrashCode::ExecutionLimit),
        (plain('R'), CrashCode::StackOverflow),
        (plain('O'), CrashCode::MemoryLimit),
        (plain('U'), CrashCode::Trap),
        (order('r', "1000", order('c', "neighbour/echo", "")), CrashCode::Trap),
    ] {
        let error = in_init(order).await.unwrap_err();
        let LoadError::Start { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source, StartError::Crashed(code));
        assert!(arena.component("attacker/init").is_none());
    }
    arena
        .with_neighbour("a loop in init and one in shutdown", async |siege| {
            while siege.goes_on().await {
                let last = arena.add_attacker("shutdown").await;
                last.obey(at_shutdown(plain('L'))).await;
                let handle = arena.handle(&last.id);
                let (error, stopped) = tokio::join!(in_init(plain('L')), handle.stop(PATIENCE));
                assert!(error.is_err());
                // Its loop was ended by its own limit, long before the patience was.
                assert!(stopped);
                assert_eq!(handle.stats().crashes, 1);
            }
        })
        .await;
    arena.close().await;
}

#[tokio::test]
async fn a_shutdown_is_not_held_up() {
    let arena = Arena::new(Capabilities::none()).await;
    let mut limits = Arena::limits();
    limits.execution = Duration::from_secs(600);
    let patient = Arena::attacker().limits(limits);
    let one = arena.add_attacker_with("shutdown", patient.clone()).await;
    one.obey(at_shutdown(plain('L'))).await;
    let other = arena.add_attacker_with("message", patient).await;
    arena.cast(&other.id, plain('L')).unwrap();
    eventually("the loop", || arena.stats_of(&other.id).casts_handled == 1).await;
    let start = Instant::now();
    let abandoned = arena.shutdown(Duration::from_millis(400)).await;
    assert!(abandoned.is_empty(), "guests can be made to end: {abandoned:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!((arena.calls().pending, arena.waiting_room().0), (0, 0));
}

/// Adds core instances to a component that use nothing of it, each with so many memories of so many
/// pages, and so many tables.
fn with_more(instances: usize, memories: usize, pages: usize, tables: usize) -> Component {
    let mut component = fixture_bytes("echo-handler");
    // Indices of modules go on where the component's own end.
    let own = modules_of(&component);
    let memories = format!("(memory {pages})").repeat(memories);
    let tables = "(table 1 funcref)".repeat(tables);
    let module = format!("(core module {memories} {tables})");
    let placeholders = "(core module)".repeat(own);
    let instances = format!("(core instance (instantiate {own}))").repeat(instances);
    let text = format!("(component {placeholders} {module} {instances})");
    let added = wat::parse_str(text).expect("a component");
    // Without the header and the placeholders: each a section's id, its length, an empty module.
    component.extend(&added[8 + own * 10..]);
    Component::bytes(component)
}

/// How many core modules a component has.
fn modules_of(component: &[u8]) -> usize {
    component.windows(8).filter(|window| window == b"\0asm\x01\0\0\0").count()
}

#[tokio::test]
async fn many_memories_are_summed_and_counted() {
    let arena = Arena::new(Capabilities::none()).await;
    let load =
        |component: Component| arena.load("attacker/memories", component.limits(Arena::limits()));
    // It is what it seems: with few of them, it runs.
    let few = load(with_more(2, 10, 1, 10)).await.unwrap();
    assert_eq!(arena.tell("attacker/memories", "hello").await, "hello");
    assert!(few.stop(PATIENCE).await);
    // 20 MB in pieces of 1 MB, of 16 MiB; and of 100,000 elements.
    let many_elements = with_more(1, 1, 20 * 16, 1);
    for component in [with_more(1, 20, 16, 1), with_more(2, 10, 16, 1), many_elements] {
        let error = load(component).await.unwrap_err();
        let LoadError::Start { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source, StartError::Crashed(CrashCode::MemoryLimit));
    }
    // Empty ones take no memory, but 4 GiB of addresses each, and some of these would take all of
    // the process. They are counted before anything is instantiated.
    for (instances, memories, tables, kind, least) in
        [(90, 100, 0, "memories", 9_000), (4, 8, 0, "memories", 33), (90, 0, 100, "tables", 9_000)]
    {
        let error = load(with_more(instances, memories, 0, tables)).await.unwrap_err();
        let LoadError::Compile { source, .. } = error else { panic!("{error:?}") };
        let CompileError::TooMany { what, found, limit } = source else { panic!("{source:?}") };
        assert_eq!(what, kind);
        assert!(found >= least && found > limit, "{found} {what}");
    }
    arena.close().await;
}
