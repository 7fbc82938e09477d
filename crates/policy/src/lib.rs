//! Who may send to whom, and how much: the policy of castcall.
//!
//! * [`Capabilities`] are what a manifest asks for. A [`Policy`] grants them, by rules for ids and
//!   patterns over ids, changed while the system runs. [`Rights`] are what holds of both for one
//!   component, ready to be asked at each send; [`Rights::explain`] says why.
//! * [`Quotas`] bound what a component sends and holds; a [`TokenBucket`] counts its messages, a
//!   [`DenialMeter`] what it tried and may not.
//!
//! This crate knows nothing of mailboxes, threads or WebAssembly, and reads no clock: time is an
//! argument.
//!
//! ```
//! use castcall_core::ComponentId;
//! use castcall_policy::{Capabilities, Policy};
//!
//! let policy = Policy::new();
//! let tenant = Capabilities::none().with_cast("tenant-a/*".parse()?);
//! policy.grant(&"tenant-a/*".parse()?, &tenant)?;
//!
//! let asked = Capabilities::none().with_cast("*".parse()?);
//! let rights = policy.rights(&ComponentId::new("tenant-a/web")?, &asked);
//! assert!(rights.may_cast("tenant-a/db"));
//! assert!(!rights.may_cast("tenant-b/db"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A send
//!
//! Whoever sends on one thread at a time keeps an `Arc<Rights>` and, beside the route to each target,
//! the [`TargetRights`]. In this order:
//!
//! 1. [`Policy::refresh`]: one load and a comparison. If it says `true`, forget the
//!    [`TargetRights`].
//! 2. The [`TargetRights`] of the route, or [`Rights::to_target`]. Denied: ask
//!    [`DenialMeter::on_denied`] whether to refuse or to trap. This comes before looking up whether
//!    the target exists, so that a denial says nothing about it.
//! 3. [`TokenBucket::try_take`], with a clock as coarse as a millisecond.
//! 4. Size, codec, and what else can be wrong with the message.

mod bucket;
mod capabilities;
mod cell;
mod change;
mod denials;
mod error;
mod explain;
mod policy;
mod quotas;
mod rights;
mod rule;
mod rules;
mod set;
mod sync;
mod trie;

pub use bucket::{RetryAfter, TokenBucket};
pub use capabilities::{Capabilities, Capability};
pub use cell::RightsCell;
pub use change::{Change, Observer};
pub use denials::{DenialMeter, Verdict};
pub use error::PolicyError;
pub use explain::{Action, Clause, Denial, Explanation};
pub use policy::Policy;
pub use quotas::{QuotaError, Quotas, Rate};
pub use rights::{Rights, TargetRights};
pub use rule::Rule;
