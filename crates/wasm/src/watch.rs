//! How long a guest has really run.
//!
//! Wasm looks at the engine's epoch at loop heads and function entries, and calls back here at the
//! first tick that it sees. That is the only moment at which anything is measured: a handler that
//! ends within a tick costs no clock read at all.

use std::time::Duration;

use castcall_core::CrashCode;
use wasmtime::{StoreContextMut, UpdateDeadline};

use crate::error::Crash;
use crate::state::State;

/// Ticks from a turn's beginning to the first look.
pub(crate) const FIRST_LOOK: u64 = 2;

#[derive(Debug)]
pub(crate) struct Watch {
    limit: Duration,
    /// The thread's CPU time at the first tick that the guest saw.
    since: Option<Duration>,
    /// How long it has waited in the host, where no CPU time passes.
    waited: Duration,
}

impl Watch {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None, waited: Duration::ZERO }
    }

    /// The guest is about to be entered.
    pub(crate) fn enter(&mut self) {
        self.since = None;
        self.waited = Duration::ZERO;
    }

    /// It has waited in the host for so long.
    #[cfg(feature = "wasi")]
    pub(crate) fn waited(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// How long it may still wait.
    #[cfg(feature = "wasi")]
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.ran(thread_time()))
    }

    /// How long it has run, and waited.
    fn ran(&self, now: Duration) -> Duration {
        let ran = self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        ran.saturating_add(self.waited)
    }

    fn is_exceeded(&mut self, now: Duration) -> bool {
        self.since.get_or_insert(now);
        self.ran(now) >= self.limit
    }
}

/// A wait in the host that has begun.
#[cfg(feature = "wasi")]
pub(crate) struct Pause {
    began: std::time::Instant,
    ran: Duration,
}

#[cfg(feature = "wasi")]
impl Pause {
    pub(crate) fn begin() -> Self {
        Self { began: std::time::Instant::now(), ran: thread_time() }
    }

    /// How long it was, but for what the thread ran meanwhile, which counts anyway.
    pub(crate) fn length(&self) -> Duration {
        self.began.elapsed().saturating_sub(thread_time().saturating_sub(self.ran))
    }
}

/// Called from inside the guest, at a tick.
pub(crate) fn look(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    if state.interrupt.is_set() || state.watch.is_exceeded(thread_time()) {
        return Err(Crash(CrashCode::ExecutionLimit).into());
    }
    Ok(UpdateDeadline::Continue(1))
}

/// How long the current thread has run on a core: some 120 ns.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where threads have no clock of their own, time that passes has to do: an overrunner on a busy
/// machine is then ended early.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_after_the_first_look_counts() {
        let ms = Duration::from_millis;
        let mut watch = Watch::new(ms(10));
        assert!(!watch.is_exceeded(ms(100)));
        assert!(!watch.is_exceeded(ms(109)));
        assert!(watch.is_exceeded(ms(110)));
        watch.enter();
        assert!(!watch.is_exceeded(ms(500)));
    }

    #[test]
    #[cfg(feature = "wasi")]
    fn what_it_waits_counts_until_it_is_entered_again() {
        let ms = Duration::from_millis;
        let mut watch = Watch::new(ms(10));
        watch.waited(ms(4));
        assert_eq!(watch.left(), ms(6));
        assert!(!watch.is_exceeded(ms(100)));
        assert!(!watch.is_exceeded(ms(105)));
        assert!(watch.is_exceeded(ms(106)));
        watch.waited(ms(100));
        assert_eq!(watch.left(), ms(0));
        watch.enter();
        assert_eq!(watch.left(), ms(10));
    }

    #[test]
    #[cfg(all(feature = "wasi", unix))]
    fn a_pause_is_what_passes_while_the_thread_does_not_run() {
        let pause = Pause::begin();
        std::thread::sleep(Duration::from_millis(30));
        assert!(pause.length() >= Duration::from_millis(20));
        let pause = Pause::begin();
        let start = thread_time();
        while thread_time() - start < Duration::from_millis(100) {}
        let busy = pause.began.elapsed() - pause.length();
        assert!(busy >= Duration::from_millis(100), "{busy:?}");
    }

    #[test]
    fn a_sleeping_thread_does_not_age() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_time() - before < Duration::from_millis(40));
    }
}
