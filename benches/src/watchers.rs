//! Who may watch: an audit, and a tracer.

use std::io;
use std::sync::Arc;

use castcall::audit::{Audit, AuditConfig, Level, Sink, Sinks};
use castcall::broker::{Follows, Tracer};
use castcall::core::TraceContext;
use castcall::{System, SystemBuilder};

/// All that can be on: everything is audited, and a tracer is there.
#[must_use]
pub fn everything() -> SystemBuilder {
    audited(Level::All).tracer(Arc::new(Never))
}

/// Lines are made, and go nowhere: what a disk takes is not the sender's matter.
struct Nowhere;

impl Sink for Nowhere {
    fn write_lines(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// An audit whose lines are thrown away.
///
/// # Panics
///
/// No thread can be started for it.
#[must_use]
pub fn audited(level: Level) -> SystemBuilder {
    let mut config = AuditConfig::default();
    config.level = level;
    let sinks = Sinks { all: Some(Box::new(Nowhere)), denials: Some(Box::new(Nowhere)) };
    System::builder().audit_to(Audit::to(&config, sinks).expect("an audit"))
}

/// A tracer is there, and nothing is sampled.
#[derive(Debug)]
pub struct Never;

impl Tracer for Never {
    fn begins(&self) -> bool {
        false
    }

    fn place(&self, _: &tracing::Span, _: Follows<'_>) -> Option<TraceContext> {
        None
    }
}
