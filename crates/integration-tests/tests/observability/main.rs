//! Traces and metrics, as an OpenTelemetry collector gets them: one in this process, that reads the
//! protobuf.

mod collector;
mod metrics;
mod traces;
