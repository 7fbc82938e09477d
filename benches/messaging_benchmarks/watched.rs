//! Casts from guest to guest while somebody watches: what the audit, tracing and exporters cost.

use std::io;
use std::sync::Arc;

use castcall::audit::{Audit, AuditConfig, Level, Sink, Sinks};
use castcall::broker::{Follows, Tracer};
use castcall::core::TraceContext;
use castcall::{System, SystemBuilder};
use castcall_benches::lane::Lane;

use crate::cast::bounce;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("watched");
    for &lane in Lane::ALL {
        let mut bounce = |id: &str, workers, builder: fn() -> SystemBuilder| {
            let id = format!("{}/{id}", lane.name());
            bounce(&mut group, &id, lane, workers, 1, 64, builder);
        };
        bounce("nobody", 1, System::builder);
        bounce("audit", 1, || audited(Level::All));
        bounce("audit-of-denials", 1, || audited(Level::Denials));
        bounce("traced-unsampled", 1, || System::builder().tracer(Arc::new(Never)));
        bounce("nobody/2-workers", 2, System::builder);
        bounce("audit/2-workers", 2, || audited(Level::All));
    }
}

/// All that can be on: everything is audited, and a tracer is there.
pub(crate) fn everything() -> SystemBuilder {
    audited(Level::All).tracer(Arc::new(Never))
}

/// Lines are made, and go nowhere: what a disk takes is not the sender's matter.
struct Nowhere;

impl Sink for Nowhere {
    fn write_lines(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn audited(level: Level) -> SystemBuilder {
    let mut config = AuditConfig::default();
    config.level = level;
    let sinks = Sinks { all: Some(Box::new(Nowhere)), denials: Some(Box::new(Nowhere)) };
    System::builder().audit_to(Audit::to(&config, sinks).unwrap())
}

/// A tracer is there, and nothing is sampled.
struct Never;

impl Tracer for Never {
    fn begins(&self) -> bool {
        false
    }

    fn place(&self, _: &tracing::Span, _: Follows<'_>) -> Option<TraceContext> {
        None
    }
}
