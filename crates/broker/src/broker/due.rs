//! What is to be done at some time: restarts, and the ends of patience.

use std::cmp::{self, Reverse};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Inner;
use crate::peer::Peer;

/// How long after it was killed a component that does not return is given up. A guest notices
/// within a tick or two of its thread's, which may have to wait for a core on a busy machine.
pub(super) const ABANDON_AFTER: Duration = Duration::from_secs(1);

/// Something to be done to a component at some time.
pub(super) struct Due {
    at: Instant,
    number: u64,
    what: What,
    /// Weak, since the time may be far off and the component long gone.
    peer: Weak<Peer>,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Wake,
    /// A shutdown has waited long enough for what runs.
    Hurry,
    Kill,
    Abandon,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl Inner {
    pub(super) fn due_at(&self, at: Instant, what: What, peer: &Arc<Peer>) {
        let number = self.next_key().0;
        let due = Due { at, number, what, peer: Arc::downgrade(peer) };
        let first = {
            let mut heap = self.due.lock();
            heap.push(Reverse(due));
            heap.peek().is_some_and(|first| first.0.number == number)
        };
        if first {
            self.scheduler.alarm();
        }
    }

    /// Gives a component a turn at `at`: its restart is due then.
    pub(crate) fn wake_at(&self, at: Instant, peer: &Arc<Peer>) {
        self.due_at(at, What::Wake, peer);
    }

    /// Ends a component at `at` if it has not ended.
    pub(crate) fn kill_at(&self, at: Instant, peer: &Arc<Peer>) {
        self.due_at(at, What::Kill, peer);
        self.due_at(at + ABANDON_AFTER, What::Abandon, peer);
    }

    /// Does what is due and returns when the next is.
    pub(super) fn run_due(&self, now: Instant) -> Option<Instant> {
        loop {
            let due = {
                let mut heap = self.due.lock();
                match heap.peek() {
                    Some(Reverse(first)) if first.at > now => return Some(first.at),
                    None => return None,
                    Some(_) => heap.pop(),
                }
            };
            let Reverse(Due { what, peer, .. }) = due?;
            let Some(peer) = peer.upgrade().filter(|peer| !peer.is_released()) else { continue };
            match what {
                What::Wake => peer.wake(),
                What::Hurry => self.quiet.notify_one(),
                What::Kill => {
                    peer.kill();
                    self.quiet.notify_one();
                }
                What::Abandon => peer.abandon(),
            }
        }
    }
}
