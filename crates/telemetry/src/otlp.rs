//! Spans and metrics to an OpenTelemetry collector.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/>, 1.7: OTLP over HTTP, in protobuf.

use std::sync::Arc;
use std::time::Duration;

use castcall_broker::Tracer;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::error::OtlpError;
use crate::http::Client;
use crate::otlp_metrics::Pusher;
use crate::snapshot::Snapshot;
use crate::tracer::OtelTracer;

/// Where to send, and how much.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The collector: `http://HOST:PORT`, without the path of a signal. Default:
    /// `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// The attribute `service.name`. Default: `castcall`.
    pub service_name: String,
    /// Which part of what belongs to no trace yet is traced, 0 to 1. Default: 1 in 100.
    pub ratio: f64,
    /// How often metrics are sent. Default: 10 s.
    pub interval: Duration,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4318".to_owned(),
            service_name: "castcall".to_owned(),
            ratio: 0.01,
            interval: Duration::from_secs(10),
        }
    }
}

/// A way to a collector. When it is dropped, what was made is sent.
///
/// ```
/// use castcall_telemetry::{Otlp, OtlpConfig};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let otlp = Otlp::open(&OtlpConfig::default())?;
/// // Set it as the default, for the whole process.
/// let subscriber = tracing_subscriber::registry().with(otlp.layer());
/// // And give this to the system: `System::builder().tracer(…)`.
/// let tracer = otlp.tracer();
/// # let _ = (subscriber, tracer);
/// # Ok::<(), castcall_telemetry::OtlpError>(())
/// ```
#[derive(Debug)]
pub struct Otlp {
    spans: SdkTracerProvider,
    client: Client,
    config: OtlpConfig,
    pushers: Vec<Pusher>,
}

impl Otlp {
    /// Gets ready to send. Whether the collector is there is not asked: what can't be sent is logged
    /// and lost.
    ///
    /// # Errors
    ///
    /// The endpoint is no `http://` address.
    pub fn open(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let endpoint = config.endpoint.trim_end_matches('/').to_owned();
        if !endpoint.starts_with("http://") {
            return Err(OtlpError::Endpoint { endpoint });
        }
        let client = Client::new();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()?;
        let resource = Resource::builder().with_service_name(config.service_name.clone()).build();
        let spans = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .build();
        let config = OtlpConfig { endpoint, ..config.clone() };
        Ok(Self { spans, client, config, pushers: Vec::new() })
    }

    /// The layer that makes OpenTelemetry's spans of castcall's. Others' are left to other layers.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let tracer: SdkTracer = self.spans.tracer("castcall");
        let ours = Targets::new().with_target("castcall::message", Level::DEBUG);
        OpenTelemetryLayer::new(tracer).with_location(false).with_threads(false).with_filter(ours)
    }

    /// What a system needs to put its spans into traces.
    #[must_use]
    pub fn tracer(&self) -> Arc<dyn Tracer> {
        Arc::new(OtelTracer::new(self.config.ratio))
    }

    /// Sends the metrics that `snapshot` says, now and then, from a thread of its own.
    ///
    /// # Errors
    ///
    /// There is no thread.
    pub fn push_metrics(
        &mut self,
        snapshot: impl Fn() -> Snapshot + Send + 'static,
    ) -> Result<(), OtlpError> {
        let client = self.client.clone();
        self.pushers.push(Pusher::start(client, &self.config, snapshot)?);
        Ok(())
    }

    /// Sends what there is, and waits for it.
    pub fn flush(&self) {
        if let Err(error) = self.spans.force_flush() {
            tracing::warn!(%error, "spans could not be sent");
        }
        self.pushers.iter().for_each(Pusher::push);
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.pushers.clear();
        if let Err(error) = self.spans.shutdown() {
            tracing::warn!(%error, "spans could not be sent");
        }
    }
}
