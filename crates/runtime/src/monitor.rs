//! Finds the workers that don't come back, and puts others in their place.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::Runnable;
use crate::pool::{self, Shared};
use crate::worker::Handle;

/// Called by the timer thread at each tick.
pub(crate) fn tick<R: Runnable>(shared: &Arc<Shared<R>>) {
    fill_places(shared);
    let mut stuck = Vec::new();
    for worker in shared.workers.read().iter() {
        let turns = worker.turns.load(Ordering::Relaxed);
        let seen = worker.seen.swap(turns, Ordering::Relaxed);
        // A turn that was on at the last tick should have ended soon after it.
        let same_turn = turns == seen && turns % 2 == 1;
        if same_turn && !worker.detached.load(Ordering::Relaxed) {
            stuck.push((Arc::clone(worker), turns));
        }
    }
    for (worker, turn) in stuck {
        detach(shared, &worker, turn);
    }
    // A worker's hint to wake another may have been missed.
    if shared.idle.count() > 0 && shared.has_work() {
        shared.idle.wake_one();
    }
}

fn detach<R: Runnable>(shared: &Arc<Shared<R>>, worker: &Handle<R>, turn: u64) {
    if shared.threads.load(Ordering::Relaxed) >= shared.max_threads {
        shed_oldest(shared);
        return;
    }
    if worker.detached.swap(true, Ordering::AcqRel) {
        // It came back, and has ended.
        return;
    }
    shared.detachments.fetch_add(1, Ordering::Relaxed);
    shared.vacant.fetch_add(1, Ordering::Relaxed);
    let followed = fill_places(shared);
    if worker.turns.load(Ordering::Relaxed) == turn {
        if followed {
            worker.thread.lower_priority();
        }
    } else {
        // It came back just now, and may have gone to sleep.
        shared.idle.wake(worker.number);
    }
}

/// Starts a worker for each place that a detached one has left. If none can be started, whoever
/// comes back first keeps such a place, and goes on as before.
fn fill_places<R: Runnable>(shared: &Arc<Shared<R>>) -> bool {
    while shared.take_place() {
        if let Err(error) = pool::spawn_worker(shared) {
            shared.vacant.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "no thread could be started in place of one that is held up");
            shed_oldest(shared);
            return false;
        }
    }
    true
}

/// Asks the task that has been at it longest to give up.
fn shed_oldest<R: Runnable>(shared: &Shared<R>) {
    let workers = shared.workers.read();
    // Numbers are given in order, so the lowest detached one is the oldest.
    let oldest = workers
        .iter()
        .filter(|worker| worker.detached.load(Ordering::Relaxed))
        .find(|worker| !worker.shed.load(Ordering::Relaxed));
    if let Some(oldest) = oldest {
        oldest.shed.store(true, Ordering::Relaxed);
    }
}
