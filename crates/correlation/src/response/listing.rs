//! What a manager tells of the commands that wait.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use castcall_core::{ComponentId, CorrelationId};

use crate::counts::PendingCounts;
use crate::response::pending::snapshot;
use crate::response::{PendingResponseSnapshot, ReplyPath, ResponseManager, ResponseStatus};

impl ResponseManager {
    /// Whether a response to that command is waited for. Its deadline may have passed, if the
    /// timer has not fired since.
    #[must_use]
    pub fn contains(&self, id: CorrelationId) -> bool {
        self.inner.table.contains(id)
    }

    /// Where the response to that command goes, if it is waited for.
    #[must_use]
    pub fn get_reply_to(&self, id: CorrelationId) -> Option<ReplyPath> {
        self.inner.table.peek_id(id, |call| call.sink.reply_to.clone())
    }

    /// All commands that wait, the oldest first. For people who ask: walks the whole table.
    #[must_use]
    pub fn list_all_pending(&self) -> Vec<PendingResponseSnapshot> {
        self.list_all_pending_at(Instant::now())
    }

    /// The same as [`list_all_pending`](Self::list_all_pending), at a time that you tell.
    #[must_use]
    pub fn list_all_pending_at(&self, now: Instant) -> Vec<PendingResponseSnapshot> {
        let mut list = Vec::new();
        self.inner.table.visit_all(|call| list.push(snapshot(&call, now)));
        oldest_first(list)
    }

    /// The commands of one owner that wait, the oldest first.
    #[must_use]
    pub fn list_pending_for(&self, owner: &ComponentId) -> Vec<PendingResponseSnapshot> {
        self.list_pending_for_at(owner, Instant::now())
    }

    /// The same as [`list_pending_for`](Self::list_pending_for), at a time that you tell.
    #[must_use]
    pub fn list_pending_for_at(
        &self,
        owner: &ComponentId,
        now: Instant,
    ) -> Vec<PendingResponseSnapshot> {
        let mut list = Vec::new();
        self.inner.table.visit_owner(owner, |call| list.push(snapshot(&call, now)));
        oldest_first(list)
    }

    /// How many commands wait, and of how many owners. Walks no commands.
    #[must_use]
    pub fn status(&self) -> ResponseStatus {
        let inner = &*self.inner;
        ResponseStatus { count: inner.table.pending_count(), owners: inner.owners.len() }
    }

    /// What became of the commands. `orphaned` are the rejected responses, whatever the reason.
    #[must_use]
    pub fn counts(&self) -> PendingCounts {
        let orphaned = self.inner.rejected.load(Relaxed);
        PendingCounts { orphaned, ..self.inner.table.counts() }
    }
}

fn oldest_first(mut list: Vec<PendingResponseSnapshot>) -> Vec<PendingResponseSnapshot> {
    list.sort_unstable_by(|one, other| {
        other.age.cmp(&one.age).then_with(|| one.correlation_id.cmp(&other.correlation_id))
    });
    list
}

impl fmt::Debug for ResponseManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseManager")
            .field("config", self.config())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
