//! Which dead letters are meant.

use castcall_core::{DeadLetter, DeadLetterReason, TargetPattern};

/// Which dead letters are meant: those that all that is set agrees with. The default means all.
///
/// ```
/// use castcall_core::{DeadLetterReason, InvalidTargetPattern};
/// use castcall_state::DeadLetterFilter;
///
/// let crashed = DeadLetterFilter::new()
///     .target("shop/*".parse()?)
///     .reason(DeadLetterReason::Crashed);
/// # let _ = crashed;
/// # Ok::<(), InvalidTargetPattern>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    target: Option<TargetPattern>,
    reason: Option<DeadLetterReason>,
}

impl DeadLetterFilter {
    /// All.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those whose target this pattern matches. A single id is a pattern too, by `From`.
    #[must_use]
    pub fn target(mut self, pattern: TargetPattern) -> Self {
        self.target = Some(pattern);
        self
    }

    /// Only those that died for this reason.
    #[must_use]
    pub fn reason(mut self, reason: DeadLetterReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Whether `letter` is meant.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        self.reason.is_none_or(|reason| reason == letter.reason)
            && self.target.as_ref().is_none_or(|pattern| pattern.matches(&letter.to))
    }
}
