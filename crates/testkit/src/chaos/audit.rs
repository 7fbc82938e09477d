//! Promises 11 and 16: nothing is left, the counters add up, and no more waits than may.

use castcall_broker::{Depth, MessagingStats};

use super::world::World;

impl World {
    /// With nothing under way, nothing is pending and nothing waits.
    pub(super) fn audit_levels(&mut self) {
        let counts = self.sim.broker().calls();
        let handles = self.stage.handles.lock();
        let oracle = &mut self.stage.state.lock().oracle;
        if counts.pending > 0 {
            oracle.broken(11, format!("{} calls are pending", counts.pending));
        }
        for handle in handles.iter().chain([self.sim.host()]) {
            let (depth, stats, id) = (handle.depth(), handle.stats(), handle.id());
            if depth != Depth::default() {
                oracle.broken(11, format!("{id}, {:?}, holds {depth:?}", handle.state()));
            }
            if stats.pending > 0 {
                oracle.broken(11, format!("{id} has {} calls pending", stats.pending));
            }
        }
    }

    /// What waits is within what mailboxes have taken of the room for all of them, and that within
    /// what there is.
    pub(super) fn audit_room(&mut self) {
        /// Less than a message costs beside its payload.
        const OVERHEAD: usize = 100;
        let handles = self.stage.handles.lock();
        let depths = self.alive.iter().map(|(uid, _)| handles[*uid as usize].depth());
        let waits: usize = depths.map(|depth| depth.bytes + depth.messages * OVERHEAD).sum();
        let (used, limit) = self.stage.waiting_room();
        if waits > used || used > limit {
            let how = format!("{waits} bytes wait, in {used} that are taken of {limit}");
            self.stage.state.lock().oracle.broken(16, how);
        }
    }

    /// With nothing under way, no mailbox keeps more than it may.
    pub(super) fn audit_quiet_room(&mut self) {
        let (used, limit) = self.stage.waiting_room();
        let most = (limit / 2).min(self.alive.len() * (16 << 10));
        if used > most {
            let how = format!("nothing waits, and {used} bytes of {limit} are taken");
            self.stage.state.lock().oracle.broken(16, how);
        }
    }

    /// Everybody is gone: all room is back, and all that was accepted has ended.
    pub(super) fn audit_end(&mut self) {
        let (used, _) = self.stage.waiting_room();
        let oracle = &mut self.stage.state.lock().oracle;
        oracle.is_all_settled();
        if used > 0 {
            oracle.broken(16, format!("nobody is here, and {used} bytes are taken"));
        }
    }

    /// Everything that was accepted is accounted for, once.
    pub(super) fn audit_counters(&mut self) {
        let broker = self.sim.broker();
        let (counts, mut total) = (broker.calls(), broker.stats());
        let handles = self.stage.handles.lock();
        let mut sum = MessagingStats::default();
        for handle in handles.iter().chain([self.sim.host()]) {
            sum += handle.stats();
        }
        let oracle = &mut self.stage.state.lock().oracle;
        let tally = oracle.tally();
        let ended = counts.completed
            + counts.timed_out
            + counts.cancelled
            + counts.target_gone
            + counts.owner_gone;
        let outcomes = sum.answered + sum.timeouts + sum.cancelled + sum.failed;
        // A call that had to go for lack of room may have ended before, or its requester has.
        let least_dropped = tally.dropped + tally.calls_dropped;
        let unhandled = tally.calls - tally.calls_handled - sum.ended_in_mailbox;
        let most_dropped = tally.dropped + unhandled;
        let accounts = [
            ("calls registered", counts.registered - counts.withdrawn, tally.calls),
            ("calls ended", ended, tally.calls),
            ("calls answered", counts.completed, tally.answered),
            ("calls sent", sum.calls_sent, tally.calls),
            ("calls handled", sum.calls_handled, tally.calls_handled),
            ("callbacks", sum.callbacks, tally.callbacks),
            ("casts sent", sum.casts_sent, tally.casts),
            ("casts handled", sum.casts_handled, tally.casts_handled),
            ("published", sum.published, tally.published),
            ("refused", sum.refused, tally.refused),
            ("redelivered", sum.redelivered, tally.redelivered),
            ("dead letters", sum.dead_letters, tally.dead_letters),
            ("overflowed", sum.overflowed.clamp(least_dropped, most_dropped), sum.overflowed),
            ("cut off", sum.cut_off, tally.cut_off),
            ("crashes", sum.crashes, tally.crashes),
            ("restarts", sum.restarts, tally.restarts),
            ("handler errors", sum.handler_errors, tally.handler_errors),
            ("callback errors", sum.callback_errors, tally.callback_errors),
            ("denied cancels", sum.denied_cancels, tally.denied_cancels),
            ("orphans", sum.orphans, tally.orphans),
            ("orphans of the table", counts.orphaned, tally.orphans),
            ("outcomes", outcomes.clamp(ended - counts.owner_gone, ended), outcomes),
        ];
        for (what, counted, happened) in accounts {
            if counted != happened {
                oracle.broken(11, format!("{what}: {counted} counted, {happened} happened"));
            }
        }
        // What is refused to a handle whose component is gone is not in the total, nor is what a
        // component did after it was given up.
        let given_up = total.dead_letters < sum.dead_letters;
        (total.refused, sum.refused) = (0, 0);
        if total != sum && !given_up {
            oracle.broken(11, format!("the total is {total:?}, the parts are {sum:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(world: &World) -> Option<(u8, String)> {
        let state = world.stage.state.lock();
        state.oracle.breach().map(|breach| (breach.promise, breach.what.clone()))
    }

    #[test]
    fn a_call_that_is_left_is_found() {
        let mut world = World::new(1);
        world.settle().unwrap();
        let target = world.stage.handle(0).id().clone();
        let call = world.sim.call(target, "", Duration::from_secs(5));
        assert!(!call.is_done());
        world.audit_levels();
        assert_eq!(said(&world), Some((11, "1 calls are pending".to_owned())));
    }

    #[test]
    fn a_message_that_nobody_told_of_is_found() {
        let mut world = World::new(1);
        world.audit_counters();
        assert_eq!(said(&world), None);
        let target = world.stage.handle(0).id().clone();
        world.sim.cast(target, "").unwrap();
        world.audit_counters();
        assert_eq!(said(&world), Some((11, "casts sent: 1 counted, 0 happened".to_owned())));
    }
}
