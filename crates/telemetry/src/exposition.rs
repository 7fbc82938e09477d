//! Metrics over HTTP, for a Prometheus server that fetches them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tiny_http::{Header, Method, Request, Response, Server};

use crate::error::ExpositionError;
use crate::prometheus::prometheus_text;
use crate::snapshot::Snapshot;

/// Serves `GET /metrics` on a loopback address, on a thread of its own, until it is dropped.
///
/// ```
/// use castcall_telemetry::{Exposition, Snapshot};
///
/// let served = Exposition::serve("127.0.0.1:0".parse()?, || Snapshot::of([]))?;
/// println!("http://{}/metrics", served.address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Exposition {
    address: SocketAddr,
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Exposition {
    /// Begins to serve what `snapshot` says at each request. Port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// The address is no loopback address, is in use, or there is no thread.
    pub fn serve(
        address: SocketAddr,
        snapshot: impl Fn() -> Snapshot + Send + 'static,
    ) -> Result<Self, ExpositionError> {
        if !address.ip().is_loopback() {
            return Err(ExpositionError::NotLoopback { address });
        }
        let listen = |source| ExpositionError::Listen { address, source };
        let server = Arc::new(Server::http(address).map_err(listen)?);
        let address = server.server_addr().to_ip().unwrap_or(address);
        let mine = Arc::clone(&server);
        let thread = Builder::new()
            .name("castcall-metrics".into())
            .spawn(move || {
                for request in mine.incoming_requests() {
                    answer(request, &snapshot);
                }
            })
            .map_err(ExpositionError::Thread)?;
        Ok(Self { address, server, thread: Some(thread) })
    }

    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn answer(request: Request, snapshot: &impl Fn() -> Snapshot) {
    let path = request.url().split('?').next().unwrap_or_default();
    let (status, text) = match (request.method(), path) {
        (Method::Get | Method::Head, "/metrics") => (200, prometheus_text(&snapshot())),
        (Method::Get | Method::Head, _) => (404, "see /metrics\n".to_owned()),
        _ => (405, "GET alone\n".to_owned()),
    };
    let format = "text/plain; version=0.0.4; charset=utf-8";
    let header = Header::from_bytes("Content-Type", format).ok();
    let mut response = Response::from_string(text).with_status_code(status);
    if let Some(header) = header {
        response = response.with_header(header);
    }
    // Who asked may have gone.
    let _ = request.respond(response);
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").field("address", &self.address).finish_non_exhaustive()
    }
}
