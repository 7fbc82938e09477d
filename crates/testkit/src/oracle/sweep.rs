//! Looks at all calls between two steps.

use std::time::{Duration, Instant};

use castcall_core::RequestId;

use super::Oracle;
use super::peers::Uid;

/// Where a component is in its life, as far as its calls hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It will serve what waits for it.
    Serves,
    /// It waits for its restart.
    Restarts,
    /// It has failed for good.
    Failed,
    /// It is being stopped.
    Ends,
    /// It is gone.
    Gone,
}

impl Life {
    /// Whether it takes messages.
    #[must_use]
    pub fn takes(self) -> bool {
        matches!(self, Self::Serves | Self::Restarts)
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Gone)
    }
}

impl Oracle {
    /// Whether something happened that is to be looked at before anything else does.
    #[must_use]
    pub fn wants_sweep(&self) -> bool {
        self.crashed || !self.gone.is_empty()
    }

    /// Compares what must be in the table with what is. `seen` is when deadlines were seen to
    /// last.
    pub fn sweep(
        &mut self,
        pending: &dyn Fn(RequestId) -> bool,
        life: &dyn Fn(Uid) -> Life,
        seen: Instant,
    ) {
        let seq = self.tick();
        for number in std::mem::take(&mut self.gone) {
            if self.calls[&number].id.is_some_and(pending) {
                self.broken(9, format!("#{number} is pending after its requester's end"));
            }
        }
        self.crashed = false;
        let mut crashed: Vec<_> = Vec::new();
        for (uid, peer) in self.peers.iter_mut().enumerate() {
            if let Some(at) = peer.crashed.take()
                && life(uid as Uid) == Life::Restarts
                && !peer.rules.drops
            {
                crashed.push(Crashed { uid: uid as Uid, at, ended: None, kept: None });
            }
        }
        let mut broken = None;
        for number in &self.live {
            let Some(call) = self.calls.get_mut(number) else { continue };
            let Some(id) = call.id else { continue };
            let held = pending(id);
            let wrong = match (call.is_open(), held) {
                (false, true) => Some((1, "has ended and is pending")),
                (false, false) => None,
                (true, true) => {
                    call.first = seq;
                    if life(call.to).is_over() {
                        Some((8, "is pending although its target is gone"))
                    } else if call.deadline <= seen {
                        Some((4, "is pending after its deadline was seen to"))
                    } else {
                        None
                    }
                }
                (true, false) => {
                    call.first = call.first.max(self.swept);
                    call.last = Some(seq);
                    let peer = &self.peers[call.to as usize];
                    let may = peer.rules.drops || peer.was_down_within(call.first, seq);
                    (!may).then_some((1, "ended without a reason"))
                }
            };
            if let Some((promise, how)) = wrong {
                broken = broken.or(Some((promise, format!("#{number} {how}"))));
            }
            if let Some(crash) = crashed.iter_mut().find(|crash| crash.uid == call.to)
                && call.fate.is_none()
                && !call.delivered
            {
                if held {
                    crash.keep(call.deadline);
                } else if call.last == Some(seq) {
                    crash.end(call.deadline);
                }
            }
        }
        let late = crashed
            .iter()
            .find(|crash| !crash.is_right(self.peers[crash.uid as usize].rules.longest_wait));
        if let Some(crash) = late {
            let name = &self.peers[crash.uid as usize].rules.name;
            let how = format!("{name} crashed, and the wrong queued calls ended: {crash:?}");
            broken = broken.or(Some((8, how)));
        }
        if let Some((promise, how)) = broken {
            self.broken(promise, how);
        }
        self.swept = seq;
    }

    /// Nothing happens any more, and all deadlines have passed: whoever is there has been told of
    /// the end of each of its calls, and no copy waits.
    pub fn is_quiet(&mut self) {
        self.is_all_settled();
        if let Some(number) = self.live.first() {
            let how = format!("#{number} was never called back, nor {} more", self.live.len() - 1);
            self.broken(1, how);
        }
    }
}

/// What a crash did to the calls that were queued: those due before the restart end, the others
/// don't.
#[derive(Debug)]
struct Crashed {
    uid: Uid,
    at: Instant,
    /// The latest deadline of those that ended.
    ended: Option<Instant>,
    /// The earliest of those that did not.
    kept: Option<Instant>,
}

impl Crashed {
    fn end(&mut self, deadline: Instant) {
        self.ended = Some(self.ended.map_or(deadline, |ended| ended.max(deadline)));
    }

    fn keep(&mut self, deadline: Instant) {
        self.kept = Some(self.kept.map_or(deadline, |kept| kept.min(deadline)));
    }

    fn is_right(&self, longest_wait: Duration) -> bool {
        let in_order = self.ended.zip(self.kept).is_none_or(|(ended, kept)| ended < kept);
        let latest = self.at + longest_wait;
        in_order && self.ended.is_none_or(|ended| ended <= latest)
    }
}
