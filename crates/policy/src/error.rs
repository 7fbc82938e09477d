//! What is wrong with a change of the policy.

use castcall_core::TargetPattern;
use thiserror::Error;

use crate::Policy;
use crate::capabilities::Capability;

/// Why a policy was not changed. Nothing of the change has been made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Capabilities without a pattern: to say that somebody has nothing, use
    /// [`Policy::set`](crate::Policy::set); otherwise look for the pattern that was forgotten.
    #[error("no capability is named for {who}")]
    Empty {
        /// Whom the change was for.
        who: TargetPattern,
    },
    /// A pattern stands in one list twice: remove one, or correct it.
    #[error("the {capability} pattern {pattern} stands there twice")]
    Duplicate {
        /// Which list.
        capability: Capability,
        /// The pattern.
        pattern: String,
    },
    /// Two rules are for the same: merge them.
    #[error("there are two rules for {who}")]
    DuplicateRule {
        /// Whom both are for.
        who: TargetPattern,
    },
    /// What is to be granted is revoked from the same in part, and would stay so: grant what was
    /// revoked, or more; or say all anew with [`Policy::set`](crate::Policy::set).
    #[error("{capability} {granted} is granted to {who} while {revoked} is revoked")]
    Contradictory {
        /// Whom both are for.
        who: TargetPattern,
        /// Which list.
        capability: Capability,
        /// What is to be granted.
        granted: String,
        /// What is revoked.
        revoked: String,
    },
    /// The policy would have more than [`Policy::MAX_PATTERNS`] patterns: use wider ones, or
    /// [`Policy::remove`](crate::Policy::remove) rules for who is gone.
    #[error("the policy has more than {limit} patterns", limit = Policy::MAX_PATTERNS)]
    TooManyPatterns,
}
