//! The state of a system at one moment.

use std::time::SystemTime;

use castcall_broker::{ComponentHandle, Latencies, MessagingStats, PeerState};
use castcall_core::ComponentId;

/// What every component of a system has done since it was loaded, and how it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was made.
    pub at: SystemTime,
    /// In the order of their ids.
    pub components: Vec<ComponentSnapshot>,
}

/// One component, or native peer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ComponentSnapshot {
    /// Who.
    pub id: ComponentId,
    /// Where it is in its life.
    pub state: PeerState,
    /// Its counters.
    pub stats: MessagingStats,
    /// How long its messages took.
    pub latencies: Latencies,
}

impl Snapshot {
    /// Reads the counters of all these. They go on counting meanwhile: sums over several need not
    /// match to the last message.
    pub fn of(components: impl IntoIterator<Item = ComponentHandle>) -> Self {
        let read = |handle: ComponentHandle| ComponentSnapshot {
            id: handle.id().clone(),
            state: handle.state(),
            stats: handle.stats(),
            latencies: handle.latencies(),
        };
        let mut components: Vec<_> = components.into_iter().map(read).collect();
        components.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Self { at: SystemTime::now(), components }
    }
}
