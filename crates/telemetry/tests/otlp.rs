//! Collectors that are not there, or say no.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use castcall_telemetry::{Otlp, OtlpConfig, OtlpError, Snapshot};
use tiny_http::{Response, Server};

fn config(endpoint: &str) -> OtlpConfig {
    let mut config = OtlpConfig::default();
    config.endpoint = endpoint.to_owned();
    config.interval = Duration::from_millis(5);
    config
}

#[test]
fn an_endpoint_is_an_http_address() {
    for wrong in ["https://collector:4318", "collector:4318", ""] {
        let refused = Otlp::open(&config(wrong)).err();
        assert!(matches!(refused, Some(OtlpError::Endpoint { .. })), "{wrong:?}");
    }
}

#[test]
fn who_is_not_there_holds_up_nobody() {
    // Nobody listens on this port of ours.
    let mut otlp = Otlp::open(&config("http://127.0.0.1:9")).unwrap();
    otlp.push_metrics(|| Snapshot::of([])).unwrap();
    otlp.flush();
    assert!(format!("{otlp:?}").contains("Pusher"));
}

#[test]
fn metrics_are_sent_by_the_clock_even_if_they_are_refused() {
    let server = Server::http("127.0.0.1:0").unwrap();
    let mut otlp = Otlp::open(&config(&format!("http://{}", server.server_addr()))).unwrap();
    let (asked, requests) = mpsc::channel();
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let _ = asked.send(request.url().to_owned());
            let _ = request.respond(Response::empty(503));
        }
    });
    otlp.push_metrics(|| Snapshot::of([])).unwrap();
    for _ in 0..3 {
        assert_eq!(requests.recv_timeout(Duration::from_secs(30)).unwrap(), "/v1/metrics");
    }
}
