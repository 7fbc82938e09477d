//! Looking at calls that stay, and ending one by what is seen of it.

use std::hash::Hash;

use castcall_core::CorrelationId;

use super::{Core, PendingTable};
use crate::call::Call;
use crate::entry::{CallOutcome, Entry, PendingCall};
use crate::shard::Shard;

impl<K: Clone + Eq + Hash, S> PendingTable<K, S> {
    /// Looks at the call of that id; `None` if none is pending. Runs `look` under a lock: it must
    /// not come back to the table.
    pub fn peek_id<T>(
        &self,
        id: CorrelationId,
        look: impl FnOnce(PendingCall<'_, K, S>) -> T,
    ) -> Option<T> {
        let core = self.core.get()?;
        let spot = core.locate(id);
        let shard = core.lock(spot.shard);
        let place = shard.find(id, spot.place, || core.id_tag(id))?;
        Some(look(view(core, &shard, &shard.calls[place])))
    }

    /// Ends the call of that id if `wanted` says so, in one step with the look, and counts it as
    /// `outcome`; `None` if none is pending or it was not wanted. Whether the deadline has passed
    /// is for `wanted` to see. Runs `wanted` under a lock: it must not come back to the table.
    pub fn take_if(
        &self,
        id: CorrelationId,
        outcome: CallOutcome,
        wanted: impl FnOnce(PendingCall<'_, K, S>) -> bool,
    ) -> Option<Entry<K, S>> {
        let core = self.core.get()?;
        let spot = core.locate(id);
        let mut shard = core.lock(spot.shard);
        let place = shard.find(id, spot.place, || core.id_tag(id))?;
        if !wanted(view(core, &shard, &shard.calls[place])) {
            return None;
        }
        let counts = &mut shard.counts;
        *match outcome {
            CallOutcome::Completed => &mut counts.completed,
            CallOutcome::TimedOut => &mut counts.timed_out,
            CallOutcome::Cancelled => &mut counts.cancelled,
            CallOutcome::TargetGone => &mut counts.target_gone,
            CallOutcome::Withdrawn => &mut counts.withdrawn,
        } += 1;
        Some(core.entry(shard.take(place)))
    }

    /// Looks at all calls of one owner, in no order. Walks that owner's calls alone, a shard at a
    /// time: what is registered or ended meanwhile may be seen or not. Runs `look` under a lock:
    /// it must not come back to the table.
    pub fn visit_owner(&self, owner: &K, mut look: impl FnMut(PendingCall<'_, K, S>)) {
        let Some(core) = self.core.get() else { return };
        let tag = core.tag(owner);
        for shard in &core.shards {
            let shard = shard.lock();
            for call in shard.calls_of(owner, tag) {
                look(view(core, &shard, call));
            }
        }
    }

    /// Looks at all calls, in no order. Holds each shard's lock for as long as its calls take:
    /// for people who ask, not for a loop. What is registered or ended meanwhile may be seen or
    /// not. Runs `look` under a lock: it must not come back to the table.
    pub fn visit_all(&self, mut look: impl FnMut(PendingCall<'_, K, S>)) {
        let Some(core) = self.core.get() else { return };
        for shard in &core.shards {
            let shard = shard.lock();
            for call in shard.calls.iter() {
                look(view(core, &shard, call));
            }
        }
    }
}

fn view<'a, K: Clone + Eq + Hash, S>(
    core: &Core<K, S>,
    shard: &'a Shard<K, S>,
    call: &'a Call<S>,
) -> PendingCall<'a, K, S> {
    PendingCall {
        id: call.id,
        owner: shard.owner_of(call),
        target: shard.target_of(call),
        deadline: core.epoch.instant(call.deadline),
        sink: &call.sink,
    }
}
