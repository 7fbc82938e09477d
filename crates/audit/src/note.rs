//! Records of what is rare, and may say more.

use castcall_core::{ComponentId, Timestamp};

use crate::line::cut;
use crate::record::named;
use crate::why::Why;

named! {
    /// What has happened, of what is rare.
    NoteKind {
        /// A component or native peer was loaded.
        Load = "load",
        /// It was unloaded, or its system has ended.
        Unload = "unload",
        /// It crashed, and another instance was made.
        Restart = "restart",
        /// It failed for good, or could not be loaded.
        Failure = "failure",
        /// What is granted has changed.
        CapabilityChange = "capability-change",
    }
}

/// One record of what is rare, for [`Audit::note`](crate::Audit::note).
///
/// ```
/// use castcall_audit::{Audit, Note, NoteKind};
/// use castcall_core::{ComponentId, Timestamp};
///
/// let audit = Audit::off();
/// audit.note(
///     Note::new(NoteKind::CapabilityChange, Timestamp::now())
///         .who(&ComponentId::host())
///         .whom("tenant-a/*")
///         .detail("grant cast tenant-a/*"),
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Note {
    pub(crate) kind: NoteKind,
    pub(crate) at: u64,
    pub(crate) who: Option<ComponentId>,
    pub(crate) whom: Option<Box<str>>,
    pub(crate) why: Option<Why>,
    pub(crate) incarnation: Option<u64>,
    pub(crate) detail: Option<Box<str>>,
}

impl Note {
    /// What has happened, and when.
    pub fn new(kind: NoteKind, at: Timestamp) -> Self {
        let at = at.as_unix_nanos();
        Self { kind, at, who: None, whom: None, why: None, incarnation: None, detail: None }
    }

    /// Who did it.
    pub fn who(mut self, who: &ComponentId) -> Self {
        self.who = Some(who.clone());
        self
    }

    /// To whom: an id, or a pattern over ids. Cut to 256 bytes.
    pub fn whom(mut self, whom: impl AsRef<str>) -> Self {
        self.whom = Some(cut(whom.as_ref()).into());
        self
    }

    /// Why.
    pub fn why(mut self, why: impl Into<Why>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The number of the instance, which never comes again for that id.
    pub fn incarnation(mut self, incarnation: u64) -> Self {
        self.incarnation = Some(incarnation);
        self
    }

    /// More, for people: what was granted, say. Cut to 256 bytes. Never a payload.
    pub fn detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = Some(cut(detail.as_ref()).into());
        self
    }
}
