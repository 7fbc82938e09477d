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
}

impl Watch {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    /// The guest is about to be entered.
    pub(crate) fn enter(&mut self) {
        self.since = None;
    }

    fn is_exceeded(&mut self, now: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        now.saturating_sub(since) >= self.limit
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
    fn a_sleeping_thread_does_not_age() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_time() - before < Duration::from_millis(40));
    }
}
