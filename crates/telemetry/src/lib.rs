//! What a castcall system does, for those who watch many: traces and metrics.
//!
//! * [`Otlp`] sends the spans of messages, and metrics, to an OpenTelemetry collector, by
//!   OTLP over HTTP in protobuf.
//! * [`prometheus_text`] says the same metrics in Prometheus' text format, and [`Exposition`] serves
//!   that over HTTP.
//!
//! Both read a [`Snapshot`], which is made of the counters that components have anyway: nothing is
//! added to the path of a message but, for those that are sampled, its spans.
//!
//! This crate knows nothing of WebAssembly, and sends no messages.

mod error;
mod exposition;
mod http;
mod instruments;
mod otlp;
mod otlp_metrics;
mod prometheus;
mod snapshot;
mod tracer;

pub use error::{ExpositionError, OtlpError};
pub use exposition::Exposition;
pub use otlp::{Otlp, OtlpConfig};
pub use prometheus::prometheus_text;
pub use snapshot::{ComponentSnapshot, Snapshot};
pub use tracer::OtelTracer;
