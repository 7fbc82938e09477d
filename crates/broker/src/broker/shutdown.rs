//! The end of everybody: in order, or where they stand.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use castcall_core::ComponentId;
use castcall_correlation::deadline_after;

use super::due::{ABANDON_AFTER, What};
use super::{Broker, Inner};
use crate::peer::Peer;

/// How much of a shutdown's time is kept for callbacks and goodbyes, at most: a quarter of it if
/// that is less.
const GOODBYES: Duration = Duration::from_secs(1);

impl Broker {
    /// Shuts down: no new sends, running handlers end, queued casts become dead letters, queued
    /// calls end with `unavailable`, callbacks are delivered, and then each component's
    /// `shutdown` runs. What has not ended after `grace` is ended.
    ///
    /// Returns the ids of those that could not be made to end: native peers that don't return.
    /// Cancel safe: the shutdown goes on.
    pub async fn shutdown(&self, grace: Duration) -> Vec<ComponentId> {
        let inner = &self.inner;
        inner.shutting_down.store(true, Ordering::SeqCst);
        let now = inner.now();
        let kill_at = deadline_after(now, grace);
        // One that does not end must not take the others' orderly end with it.
        let hurry_at = deadline_after(now, grace - (grace / 4).min(GOODBYES));
        let everybody = inner.everybody();
        for peer in &everybody {
            inner.due_at(hurry_at, What::Hurry, peer);
            inner.due_at(kill_at, What::Kill, peer);
            inner.due_at(deadline_after(kill_at, ABANDON_AFTER), What::Abandon, peer);
        }
        // First everybody stays to receive the callbacks of what the others are still handling.
        for peer in &everybody {
            peer.reject_new();
        }
        inner.until_quiet(&everybody, hurry_at).await;
        // What is pending now was taken over, or does not end. Who asked is still there to be
        // told.
        for peer in &everybody {
            inner.end_target(peer.key);
        }
        inner.end_target(inner.beyond);
        inner.until_quiet(&everybody, hurry_at).await;
        let waits: Vec<_> = everybody.iter().map(|peer| peer.on_stopped()).collect();
        everybody.iter().for_each(|peer| peer.stop());
        for wait in waits {
            let _ = wait.await;
        }
        if let Some(adapter) = inner.adapter() {
            adapter.detach();
        }
        everybody.iter().filter(|peer| peer.is_abandoned()).map(|peer| peer.id.clone()).collect()
    }

    /// Ends everything where it stands, without waiting.
    pub fn abort(&self) {
        self.inner.shutting_down.store(true, Ordering::SeqCst);
        for peer in self.inner.everybody() {
            peer.kill();
            // Even if nobody runs components any more. One that has its turn ends with it.
            if let Some(mut actor) = peer.actor.try_lock() {
                peer.finish(&mut actor);
            }
            peer.release();
        }
        if let Some(adapter) = self.inner.adapter() {
            adapter.detach();
        }
    }
}

impl Inner {
    /// While shutting down: waits until nobody has anything to do, or until it is `late`.
    async fn until_quiet(&self, everybody: &[Arc<Peer>], late: Instant) {
        while self.now() < late && everybody.iter().any(|peer| peer.is_active()) {
            self.quiet.notified().await;
        }
    }

    /// All components, in the order of their ids.
    pub(super) fn everybody(&self) -> Vec<Arc<Peer>> {
        let mut everybody: Vec<_> = self.peers.iter().map(|peer| Arc::clone(&peer)).collect();
        everybody.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        everybody
    }
}
