//! What was denied.

use castcall_core::{RequestId, Timestamp};

use crate::name::Name;
use crate::record::{About, What, small};
use crate::why::Why;

/// One denied attempt, for [`Audit::deny`](crate::Audit::deny).
///
/// ```
/// use castcall_audit::{Audit, Denial, What, Why};
/// use castcall_core::{ComponentId, Timestamp};
///
/// let audit = Audit::off();
/// let guest = audit.name(&ComponentId::new("tenant-a/web")?);
/// let denial = Denial::new(Timestamp::now(), &guest, What::Cast, "bank/vault")
///     .why(Why::CapabilityDenied)
///     .size(64);
/// audit.deny(denial);
/// # Ok::<(), castcall_core::InvalidComponentId>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Denial<'a> {
    pub(crate) at: Timestamp,
    pub(crate) who: &'a Name,
    pub(crate) what: What,
    pub(crate) whom: &'a str,
    pub(crate) why: Why,
    pub(crate) about: About,
}

impl<'a> Denial<'a> {
    /// `whom`: the target, topic or pattern as it was asked for, which may be any text: it is cut
    /// to 256 bytes, and escaped. Empty, for a cancel, is left out. Why: no capability allows it.
    pub fn new(at: Timestamp, who: &'a Name, what: What, whom: &'a str) -> Self {
        Self { at, who, what, whom, why: Why::CapabilityDenied, about: About::default() }
    }

    /// Another reason.
    pub fn why(mut self, why: impl Into<Why>) -> Self {
        self.why = why.into();
        self
    }

    /// The multicodec code of the payload.
    pub fn codec(mut self, codec: impl Into<Option<u64>>) -> Self {
        self.about.codec = codec.into();
        self
    }

    /// The length of the payload in bytes.
    pub fn size(mut self, bytes: usize) -> Self {
        self.about.size = Some(small(bytes));
        self
    }

    /// The call that was to be cancelled.
    pub fn request_id(mut self, id: impl Into<Option<RequestId>>) -> Self {
        self.about.request = id.into().map(|id| id.as_u128());
        self
    }

    /// The trace that it belongs to.
    pub fn trace_id(mut self, id: impl Into<Option<[u8; 16]>>) -> Self {
        self.about.trace = id.into().map(u128::from_be_bytes);
        self
    }
}

/// The same, waiting to be written.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) at: u64,
    pub(crate) who: Name,
    pub(crate) what: What,
    pub(crate) whom: Box<str>,
    pub(crate) why: Why,
    pub(crate) about: About,
    /// It stands for so many more, from then until `at`.
    pub(crate) repeated: Option<(u64, u64)>,
}
