//! Where attackers meet a well-behaved neighbour, and nobody else.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use castcall::policy::Rule;
use castcall::{Capabilities, Component, Limits, Policy, RestartConfig, System, SystemBuilder};
use castcall_integration_tests::{PATIENCE, Stage, eventually, fixture, restart};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};

use super::orders::Attacker;

/// What the neighbour's p99 may be beside an attacker if that is more than twice what it is without:
/// two scheduling slices. A thread that wants a core which another holds waits for the other's slice
/// to end; the kernel's is 3 to 4 ms on two cores, and a worker's own tick is 1 ms.
const TWO_SLICES: Duration = Duration::from_millis(8);

/// Calls measured in a round with the attacker, and in one without.
const CALLS: usize = 400;
const ROUNDS: usize = 3;
/// What else the machine does can spoil a measurement, and two. What castcall lets an attacker do
/// spoils all.
const MEASUREMENTS: usize = 3;

/// One at a time: an attack is measured alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A system with a neighbour: `neighbour/front`, which asks `neighbour/echo` before it answers.
/// Attackers are `attacker/…`; an `observer` may do everything.
pub(super) struct Arena {
    stage: Stage,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Arena {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl Arena {
    /// Attackers may do what is `granted`.
    pub(super) async fn new(granted: Capabilities) -> Self {
        Self::with(System::builder(), granted).await
    }

    /// The same in a system with other settings.
    pub(super) async fn with(builder: SystemBuilder, granted: Capabilities) -> Self {
        let alone = ALONE.lock().await;
        let neighbour = Capabilities::none().with_call("neighbour/echo".parse().unwrap());
        let policy = Policy::from_rules([
            Rule::new("neighbour/*".parse().unwrap()).granting(neighbour),
            Rule::new("attacker/*".parse().unwrap()).granting(granted),
            Rule::new("observer".parse().unwrap()).granting(Capabilities::all()),
        ]);
        let stage = Stage::guarded(builder.workers(2).policy(policy.unwrap()));
        stage.add("neighbour/front", "deferrer").await;
        stage.add("neighbour/echo", "echo-handler").await;
        Self { stage, _alone: alone }
    }

    /// What an attacker is loaded as: ended soon when it loops, and restarted again and again.
    pub(super) fn attacker() -> Component {
        let component = fixture("attacker").limits(Self::limits());
        component.restart(Self::restarts()).poison_limit(0)
    }

    /// What each instance of an attacker may use.
    pub(super) fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.execution = Duration::from_millis(50);
        limits.memory = 16 << 20;
        limits
    }

    /// Again and again, at once: so that the next attack need not be waited for.
    pub(super) fn restarts() -> RestartConfig {
        let mut restarts = restart(100_000, Duration::from_millis(1));
        restarts.max_backoff = Duration::from_millis(1);
        restarts
    }

    /// Loads an attacker.
    pub(super) async fn add_attacker(&self, name: &str) -> Attacker {
        self.add_attacker_with(name, Self::attacker()).await
    }

    /// Loads an attacker with other settings.
    pub(super) async fn add_attacker_with(&self, name: &str, component: Component) -> Attacker {
        let id = format!("attacker/{name}");
        self.stage.add_with(&id, component).await;
        Attacker { stage: self.stage.clone(), id }
    }

    /// Sees that the neighbour is served as well beside the attack as without.
    pub(super) async fn with_neighbour(&self, what: &str, attack: impl AsyncFn(&Siege)) {
        // All of it first: some attacks go on after their end.
        let mut before = Vec::new();
        for _ in 0..ROUNDS {
            before.push(self.neighbour_takes(Duration::MAX).await);
        }
        let before = median(before);
        let bound = TWO_SLICES.max(2 * before);
        let mut seen = Vec::new();
        for _ in 0..MEASUREMENTS {
            let mut during = Vec::new();
            for _ in 0..ROUNDS {
                let siege = Siege::default();
                let ((), p99) = tokio::join!(attack(&siege), async {
                    eventually("the attack", || siege.begun.load(Ordering::Relaxed)).await;
                    let p99 = self.neighbour_takes(bound).await;
                    siege.over.store(true, Ordering::Relaxed);
                    p99
                });
                during.push(p99);
            }
            let during = median(during);
            println!("{what}: the neighbour's p99 is {during:?}, and {before:?} without");
            if during <= bound {
                return;
            }
            seen.push(during);
        }
        panic!(
            "{what}: the neighbour's p99 is {before:?} without the attack, and with it {seen:?}"
        );
    }

    /// Calls the neighbour again and again, one call after the other, from a thread that does nothing
    /// else, and returns what 99 of 100 calls took at most; no more of them when that is sure to be
    /// beyond `bound`. All must be answered, and rightly.
    async fn neighbour_takes(&self, bound: Duration) -> Duration {
        let stage = self.stage.clone();
        let measure = move || {
            let handle = Handle::current();
            let mut took = Vec::with_capacity(CALLS);
            let mut beyond = 0;
            while took.len() < CALLS && beyond <= CALLS / 100 {
                let number = took.len().to_string();
                let ask = format!("ask neighbour/echo {number}");
                let start = Instant::now();
                let answer = handle.block_on(stage.call("neighbour/front", ask, PATIENCE));
                let this = start.elapsed();
                assert_eq!(answer.expect("the neighbour is served"), number);
                took.push(this);
                beyond += usize::from(this > bound);
                std::thread::sleep(Duration::from_micros(200));
            }
            took.sort_unstable();
            if beyond > CALLS / 100 {
                return took[took.len() - beyond];
            }
            took[CALLS - 1 - CALLS / 100]
        };
        tokio::task::spawn_blocking(measure).await.expect("the neighbour is served")
    }

    /// Sees that the neighbour is unharmed, unloads everybody, and sees that nothing is left of
    /// them.
    pub(super) async fn close(self) {
        let neighbours = ["neighbour/front", "neighbour/echo"];
        for id in neighbours {
            let stats = self.stage.stats_of(id);
            assert_eq!((stats.crashes, stats.dead_letters, stats.refused), (0, 0, 0), "{id}");
            assert_eq!((stats.timeouts, stats.cancelled, stats.failed), (0, 0, 0), "{id}");
        }
        let answer = self.stage.tell("neighbour/front", "ask neighbour/echo still here").await;
        assert_eq!(answer, "still here");
        for component in self.stage.components() {
            if component.id() != "host" {
                assert!(component.stop(Duration::from_secs(2)).await, "{}", component.id());
            }
        }
        let stage = &self.stage;
        eventually("the end of all calls", || stage.calls().pending == 0).await;
        let stats = stage.stats();
        assert_eq!((stats.pending, stats.mailbox_messages, stats.mailbox_bytes), (0, 0, 0));
        eventually("all room to be given back", || stage.waiting_room().0 == 0).await;
        eventually("two threads", || stage.workers().threads == 2).await;
        let calls = stage.calls();
        let ended = calls.completed + calls.timed_out + calls.cancelled + calls.target_gone;
        assert_eq!(calls.registered, ended + calls.owner_gone + calls.withdrawn, "{calls:?}");
    }
}

fn median(mut figures: Vec<Duration>) -> Duration {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// An attack while it is measured.
#[derive(Default)]
pub(super) struct Siege {
    begun: AtomicBool,
    over: AtomicBool,
}

impl Siege {
    /// The attack is under way.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether the attack is to go on; waits a little first.
    pub(super) async fn goes_on(&self) -> bool {
        self.begin();
        tokio::time::sleep(Duration::from_millis(1)).await;
        !self.over.load(Ordering::Relaxed)
    }
}
