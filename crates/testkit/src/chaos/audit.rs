//! Promise 11: nothing is left, and the counters add up.

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
        let accounts = [
            ("calls registered", counts.registered - counts.withdrawn, tally.calls),
            ("calls ended", ended, tally.calls),
            ("calls answered", counts.completed, tally.answered),
            ("calls sent", sum.calls_sent, tally.calls),
            ("calls handled", sum.calls_handled, tally.calls_handled),
            ("callbacks", sum.callbacks, tally.callbacks),
            ("casts sent", sum.casts_sent, tally.casts),
            ("casts handled", sum.casts_handled, tally.casts_handled),
            (
                "casts handled and dead letters",
                sum.casts_handled + sum.dead_letters,
                tally.casts + tally.copies + tally.casts_crashed,
            ),
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
