//! Casts from guest to guest while somebody watches: what the audit, tracing and exporters cost.

use std::io;
use std::sync::Arc;

use castcall::audit::{Audit, AuditConfig, Level, Sink, Sinks};
use castcall::broker::{Follows, Tracer};
use castcall::core::TraceContext;
use castcall::{System, SystemBuilder};

use crate::cast::bounce_in;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("watched");
    let plain = System::builder;
    bounce_in(&mut group, "nobody", 1, plain);
    bounce_in(&mut group, "audit", 1, || audited(Level::All));
    bounce_in(&mut group, "audit-of-denials", 1, || audited(Level::Denials));
    bounce_in(&mut group, "traced-unsampled", 1, || plain().tracer(Arc::new(Never)));
    bounce_in(&mut group, "nobody/2-workers", 2, plain);
    bounce_in(&mut group, "audit/2-workers", 2, || audited(Level::All));
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
