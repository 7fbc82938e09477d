//! How often, and how soon, a component that crashes is started again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::{RestartConfig, RestartPolicy};
use crate::instance::StartError;

/// When a component's instances ended, as far back as it matters.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Instant>);

/// What follows an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    RestartAfter(Duration),
    Failed,
}

impl History {
    /// An instance crashed. `jitter` is in 0..1.
    pub(crate) fn crashed(&mut self, config: &RestartConfig, now: Instant, jitter: f64) -> Verdict {
        if config.policy == RestartPolicy::Never {
            return Verdict::Failed;
        }
        while self.0.front().is_some_and(|&then| now.duration_since(then) >= config.window) {
            self.0.pop_front();
        }
        let recent = self.0.len();
        if recent >= config.max_restarts as usize {
            return Verdict::Failed;
        }
        self.0.push_back(now);
        let doublings = u32::try_from(recent).unwrap_or(u32::MAX).min(31);
        let wait = config.backoff.saturating_mul(1 << doublings).min(config.max_backoff);
        let spread = config.jitter.clamp(0.0, 1.0);
        let wait = wait.as_secs_f64() * (1.0 - spread + 2.0 * spread * jitter);
        Verdict::RestartAfter(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// An instance did not start.
    pub(crate) fn refused(
        &mut self,
        error: &StartError,
        config: &RestartConfig,
        now: Instant,
        jitter: f64,
    ) -> Verdict {
        match error {
            StartError::Refused(_) if config.policy != RestartPolicy::Always => Verdict::Failed,
            _ => self.crashed(config, now, jitter),
        }
    }

    /// An operator starts the component again.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use castcall_core::{ComponentError, CrashCode};

    fn wait(history: &mut History, config: &RestartConfig, now: Instant) -> Option<u128> {
        match history.crashed(config, now, 0.5) {
            Verdict::RestartAfter(wait) => Some(wait.as_millis()),
            Verdict::Failed => None,
        }
    }

    #[test]
    fn waits_double_up_to_a_limit_and_then_it_has_failed() {
        let config = RestartConfig {
            max_restarts: 5,
            backoff: Duration::from_millis(10),
            max_backoff: Duration::from_millis(50),
            ..RestartConfig::default()
        };
        let mut history = History::default();
        let now = Instant::now();
        let waits: Vec<_> = (0..6).map(|_| wait(&mut history, &config, now)).collect();
        assert_eq!(waits, [Some(10), Some(20), Some(40), Some(50), Some(50), None]);
        assert_eq!(wait(&mut history, &config, now + config.window), Some(10));
        history.forget();
        assert_eq!(wait(&mut history, &config, now), Some(10));
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let config = RestartConfig { backoff: Duration::from_millis(100), ..Default::default() };
        for jitter in [0.0, 0.3, 0.999] {
            let verdict = History::default().crashed(&config, Instant::now(), jitter);
            let Verdict::RestartAfter(wait) = verdict else { panic!("{verdict:?}") };
            assert!((75..=125).contains(&wait.as_millis()), "{wait:?}");
        }
    }

    #[test]
    fn policies() {
        let now = Instant::now();
        let config = |policy| RestartConfig { policy, ..RestartConfig::default() };
        let refusal = StartError::Refused(ComponentError::failed(1, "no"));
        let crash = StartError::Crashed(CrashCode::Trap);
        let refused = |error, policy| {
            History::default().refused(error, &config(policy), now, 0.0) == Verdict::Failed
        };
        assert!(refused(&refusal, RestartPolicy::OnCrash));
        assert!(!refused(&refusal, RestartPolicy::Always));
        assert!(!refused(&crash, RestartPolicy::OnCrash));
        assert!(refused(&crash, RestartPolicy::Never));
    }
}
