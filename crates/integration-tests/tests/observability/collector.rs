//! A collector that keeps what it is sent.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use castcall_telemetry::{Otlp, OtlpConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tiny_http::{Response, Server};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What came.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) spans: Vec<Span>,
    pub(crate) metrics: Vec<ExportMetricsServiceRequest>,
}

/// A collector, and a way to it.
pub(crate) struct Collector {
    kept: Arc<Mutex<Kept>>,
    pub(crate) otlp: Mutex<Otlp>,
}

/// One for the whole process, since there is one subscriber.
pub(crate) static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

impl Collector {
    fn new() -> Self {
        let server = Server::http("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", server.server_addr());
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let mine = Arc::clone(&kept);
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                let mut kept = mine.lock().unwrap();
                match request.url() {
                    "/v1/traces" => {
                        let spans = ExportTraceServiceRequest::decode(&body[..]).unwrap();
                        let scopes = spans.resource_spans.into_iter().flat_map(|it| it.scope_spans);
                        kept.spans.extend(scopes.flat_map(|scope| scope.spans));
                    }
                    "/v1/metrics" => {
                        kept.metrics.push(ExportMetricsServiceRequest::decode(&body[..]).unwrap());
                    }
                    other => panic!("{other}"),
                }
                drop(kept);
                request.respond(Response::empty(200)).unwrap();
            }
        });
        let mut config = OtlpConfig::default();
        config.endpoint = endpoint;
        config.ratio = 1.0;
        let otlp = Otlp::open(&config).unwrap();
        tracing_subscriber::registry().with(otlp.layer()).init();
        Self { kept, otlp: Mutex::new(otlp) }
    }

    /// All that was sent until now.
    pub(crate) fn flush(&self) {
        self.otlp.lock().unwrap().flush();
    }

    pub(crate) fn with<T>(&self, read: impl FnOnce(&Kept) -> T) -> T {
        read(&self.kept.lock().unwrap())
    }
}

/// The attributes that are texts or numbers.
pub(crate) fn attributes(attributes: &[KeyValue]) -> HashMap<&str, String> {
    let read = |attribute: &'_ KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    };
    let pairs = attributes.iter().filter_map(|it| Some((it.key.as_str(), read(it)?)));
    pairs.collect()
}
