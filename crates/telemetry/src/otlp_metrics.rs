//! Metrics in OTLP's protobuf.
//!
//! Made by hand, as the counters and histograms are there already: OpenTelemetry's own instruments
//! would count everything a second time, on the path of each message.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_http::Request;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::error::OtlpError;
use crate::http::Client;
use crate::instruments::{BOUNDS, DISTRIBUTIONS, NUMBERS, UP, counts, is_up};
use crate::otlp::OtlpConfig;
use crate::snapshot::{ComponentSnapshot, Snapshot};

/// A thread that sends metrics, until it is dropped; then, once more.
pub(crate) struct Pusher {
    ask: Option<mpsc::Sender<mpsc::Sender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    pub(crate) fn start(
        client: Client,
        config: &OtlpConfig,
        snapshot: impl Fn() -> Snapshot + Send + 'static,
    ) -> Result<Self, OtlpError> {
        let (ask, asked) = mpsc::channel::<mpsc::Sender<()>>();
        let (interval, began) = (config.interval, nanos(SystemTime::now()));
        let url = format!("{}/v1/metrics", config.endpoint);
        let service = config.service_name.clone();
        let run = move || {
            loop {
                let next = asked.recv_timeout(interval);
                send(&client, &url, &export(&snapshot(), &service, began));
                match next {
                    Ok(done) => {
                        // Who asked may have given up.
                        let _ = done.send(());
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        let thread = Builder::new().name("castcall-otlp".into()).spawn(run);
        Ok(Self { ask: Some(ask), thread: Some(thread.map_err(OtlpError::Thread)?) })
    }

    /// Sends now, and waits for it.
    pub(crate) fn push(&self) {
        let (done, wait) = mpsc::channel();
        if let Some(ask) = &self.ask
            && ask.send(done).is_ok()
        {
            let _ = wait.recv();
        }
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pusher")
    }
}

fn send(client: &Client, url: &str, metrics: &ExportMetricsServiceRequest) {
    let request = Request::post(url)
        .header("Content-Type", "application/x-protobuf")
        .body(metrics.encode_to_vec().into());
    let Ok(request) = request else { return };
    match client.send(request) {
        Ok(response) if response.status().is_success() => {}
        Ok(response) => tracing::warn!(status = %response.status(), "metrics were not taken"),
        Err(error) => tracing::warn!(%error, "metrics could not be sent"),
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.to_owned()));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

/// Counters count since `began` at the latest: a component that was loaded later began later.
pub(crate) fn export(
    snapshot: &Snapshot,
    service: &str,
    began: u64,
) -> ExportMetricsServiceRequest {
    let made = Maker { at: nanos(snapshot.at), began, components: &snapshot.components };
    let scope = InstrumentationScope {
        name: "castcall".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let resource =
        Resource { attributes: vec![attribute("service.name", service)], ..Resource::default() };
    let scope = ScopeMetrics { scope: Some(scope), metrics: made.all(), ..ScopeMetrics::default() };
    let resource = ResourceMetrics {
        resource: Some(resource),
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

struct Maker<'a> {
    at: u64,
    began: u64,
    components: &'a [ComponentSnapshot],
}

impl Maker<'_> {
    fn all(&self) -> Vec<Metric> {
        let mut metrics = vec![self.up()];
        metrics.extend(NUMBERS.iter().map(|number| {
            let points = self.components.iter().flat_map(|component| {
                number.read.iter().map(|(value, read)| {
                    let label = number.label.map(|label| (label, *value));
                    self.number(component, label, read(&component.stats))
                })
            });
            let data_points = points.collect();
            let data = if number.is_sum {
                metric::Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: true,
                })
            } else {
                metric::Data::Gauge(Gauge { data_points })
            };
            named(number.name, number.help, number.unit, data)
        }));
        metrics.extend(DISTRIBUTIONS.iter().map(|of| {
            let points = self.components.iter().map(|component| {
                let latency = (of.read)(&component.latencies);
                HistogramDataPoint {
                    attributes: self.attributes(component, None),
                    start_time_unix_nano: self.began,
                    time_unix_nano: self.at,
                    count: latency.count(),
                    sum: Some(latency.sum().as_secs_f64()),
                    bucket_counts: counts(latency).to_vec(),
                    explicit_bounds: BOUNDS.to_vec(),
                    ..HistogramDataPoint::default()
                }
            });
            let data = metric::Data::Histogram(Histogram {
                data_points: points.collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            });
            named(of.name, of.help, "s", data)
        }));
        metrics
    }

    fn up(&self) -> Metric {
        let (name, _, help) = UP;
        let points = self.components.iter();
        let points = points.map(|one| self.number(one, None, is_up(one).into()));
        named(name, help, "1", metric::Data::Gauge(Gauge { data_points: points.collect() }))
    }

    fn attributes(
        &self,
        component: &ComponentSnapshot,
        label: Option<(&str, &str)>,
    ) -> Vec<KeyValue> {
        let mut attributes = vec![attribute("castcall.component.id", component.id.as_str())];
        attributes.extend(label.map(|(key, value)| attribute(&format!("castcall.{key}"), value)));
        attributes
    }

    fn number(
        &self,
        component: &ComponentSnapshot,
        label: Option<(&str, &str)>,
        value: u64,
    ) -> NumberDataPoint {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        NumberDataPoint {
            attributes: self.attributes(component, label),
            start_time_unix_nano: self.began,
            time_unix_nano: self.at,
            value: Some(number_data_point::Value::AsInt(value)),
            ..NumberDataPoint::default()
        }
    }
}

fn named(name: &str, help: &str, unit: &str, data: metric::Data) -> Metric {
    Metric {
        name: name.to_owned(),
        description: help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}
