//! What collectors of another process get: OpenTelemetry's protocol, and Prometheus' text.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tiny_http::{Response, Server};

use crate::shop::{Running, Shop, eventually};

struct Post {
    path: String,
    content: String,
    body: Vec<u8>,
}

/// A collector, and what it is sent.
fn collector() -> (String, Receiver<Post>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", server.server_addr());
    let (sender, posts) = mpsc::channel();
    thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let mut body = Vec::new();
            request.as_reader().read_to_end(&mut body).unwrap();
            let content =
                request.headers().iter().find(|header| header.field.equiv("content-type"));
            let content = content.map_or(String::new(), |header| header.value.to_string());
            let _ = sender.send(Post { path: request.url().to_owned(), content, body });
            let _ = request.respond(Response::empty(200));
        }
    });
    (endpoint, posts)
}

#[test]
fn a_collector_gets_traces_and_metrics() {
    let shop = Shop::new();
    let (endpoint, posts) = collector();
    let args = ["castcall.toml", "--name", "shop-1", "--otlp", &endpoint, "--sample", "1"];
    let mut running: Running = shop.start(&args);
    let call = ["call", "shop/echo", "7", "--name", "shop-1"];
    eventually("the system runs", || shop.output(&call).status.success());
    // All that is there is sent before it ends.
    running.interrupt();
    assert_eq!(running.end(), Some(0), "{}", shop.log());
    let posts: Vec<_> = {
        let first = posts.recv_timeout(Duration::from_secs(30)).unwrap();
        std::iter::once(first).chain(posts.try_iter()).collect()
    };
    assert!(posts.iter().all(|post| post.content == "application/x-protobuf"));
    let of = |path: &'static str| posts.iter().filter(move |post| post.path == path);

    let spans: Vec<Span> = of("/v1/traces")
        .map(|post| ExportTraceServiceRequest::decode(&post.body[..]).unwrap())
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    let named = |name: &str| spans.iter().find(|span| span.name == name).expect(name);
    let (send, process) = (named("send shop/echo"), named("process shop/echo"));
    assert_eq!(send.trace_id, process.trace_id);
    assert_eq!(send.span_id, process.parent_span_id);

    let metrics: Vec<_> = of("/v1/metrics")
        .map(|post| ExportMetricsServiceRequest::decode(&post.body[..]).unwrap())
        .flat_map(|request| request.resource_metrics)
        .collect();
    let resource = format!("{:?}", metrics[0].resource);
    assert!(resource.contains("service.name") && resource.contains("shop-1"), "{resource}");
    let names = metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let mut names = names.flat_map(|scope| &scope.metrics).map(|metric| &metric.name);
    assert!(names.any(|name| name == "castcall.messages.handled"));
}

#[test]
fn prometheus_reads_what_is_served() {
    let shop = Shop::new();
    let _running = shop.run();
    // The port is chosen by the system, and stands in the log.
    let log = shop.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("200 OK") && head.to_lowercase().contains("text/plain"), "{head}");
    assert!(text.contains("castcall_component_up{component=\"shop/echo\"} 1"), "{text}");
    let mut promtool = Command::new("promtool");
    let promtool = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no promtool: {error}");
            eprintln!("skipped: there is no promtool");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(promtool.wait().unwrap().success());
}
