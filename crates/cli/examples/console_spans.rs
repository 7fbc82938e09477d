//! The spans of a call, on the console: each line of the log says to which call it belongs.
//!
//! `cargo run -p castcall-cli --example console_spans`

use std::error::Error;
use std::time::Duration;

use castcall::{Context, Message, Policy, System};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Without a tracer every message has spans: good for a few, on a console.
    let filter = EnvFilter::new("info,castcall::message=debug");
    tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::CLOSE).init();

    let system = System::builder().policy(Policy::open()).build()?;
    let stock = |_: &mut Context, message: Message| {
        // Stands in the span `process`, and so has the request id of the call.
        tracing::info!(bytes = message.payload.len(), "looking for it");
        Ok("three left")
    };
    system.register_fn("stock", stock).await?;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
    let host = system.host().in_trace(trace);
    let answer = host.call("stock", "chairs?", Duration::from_secs(1)).await?;
    tracing::info!(answer = %String::from_utf8_lossy(&answer), "answered");
    system.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
