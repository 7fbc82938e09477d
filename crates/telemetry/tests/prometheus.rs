//! What a Prometheus server would read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use castcall_broker::{Broker, BrokerConfig, Ready, Scheduler};
use castcall_core::ComponentId;
use castcall_telemetry::{Exposition, ExpositionError, Snapshot, prometheus_text};

struct Nobody;

impl Scheduler for Nobody {
    fn schedule(&self, _: Ready) {}

    fn alarm(&self) {}
}

/// A system of `host` alone, which has been refused twice.
fn broker() -> Broker {
    let broker = Broker::new(BrokerConfig::default(), Arc::new(Nobody));
    let host = broker.add_program(ComponentId::host()).unwrap();
    host.cast("nobody", "x").unwrap_err();
    host.cast("nobody", "x").unwrap_err();
    broker
}

#[test]
fn counters_stand_in_the_text() {
    let text = prometheus_text(&Snapshot::of(broker().components()));
    for line in [
        "castcall_component_up{component=\"host\"} 1",
        "castcall_sends_refused_total{component=\"host\"} 2",
        "castcall_messages_sent_total{component=\"host\",kind=\"call\"} 0",
        "castcall_calls_ended_total{component=\"host\",outcome=\"timeout\"} 0",
        "castcall_call_seconds_bucket{component=\"host\",le=\"+Inf\"} 0",
        "# TYPE castcall_mailbox_messages gauge",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}

/// Debian's package `prometheus` has it. Where the gate has installed that, it must be there.
#[test]
fn promtool_finds_nothing_wrong() {
    let text = prometheus_text(&Snapshot::of(broker().components()));
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no promtool: {error}");
            eprintln!("skipped: there is no promtool");
            return;
        }
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn metrics_are_served_on_loopback_alone() {
    let broker = broker();
    let far = Exposition::serve("0.0.0.0:0".parse().unwrap(), || Snapshot::of([]));
    assert!(matches!(far, Err(ExpositionError::NotLoopback { .. })));
    let snapshot = move || Snapshot::of(broker.components());
    let served = Exposition::serve("127.0.0.1:0".parse().unwrap(), snapshot).unwrap();
    let address = served.address();
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask("GET /metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("castcall_sends_refused_total{component=\"host\"} 2"), "{answer}");
    assert!(ask("GET /").starts_with("HTTP/1.1 404"));
    assert!(ask("POST /metrics").starts_with("HTTP/1.1 405"));
    let again = Exposition::serve(address, || Snapshot::of([]));
    assert!(matches!(again, Err(ExpositionError::Listen { .. })));
    drop(served);
    // Whoever accepts connections notices soon.
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "still served");
        thread::sleep(Duration::from_millis(1));
    }
}
