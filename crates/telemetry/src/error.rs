//! What can go wrong before anything is exported.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why nothing can be sent to a collector.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The endpoint is no `http://` address: TLS is a local collector's matter.
    #[error("{endpoint:?} is no http:// address")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// The exporter of spans could not be made.
    #[error("no exporter of spans: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No thread: raise the system's limit.
    #[error("no thread to export on: {0}")]
    Thread(#[source] io::Error),
}

/// Why metrics are not served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExpositionError {
    /// The address is none of this machine alone: serve it there, and let a proxy that knows who
    /// may read go further.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// What was given.
        address: SocketAddr,
    },
    /// The address can't be listened on: choose another port.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// What was given.
        address: SocketAddr,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No thread: raise the system's limit.
    #[error("no thread to serve on: {0}")]
    Thread(#[source] io::Error),
}
