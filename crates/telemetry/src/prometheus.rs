//! Prometheus' text format.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, 0.0.4.

use castcall_broker::Latency;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder, TextEncoder};

use crate::instruments::{BOUNDS, DISTRIBUTIONS, Distribution, NUMBERS, Number, UP, counts, is_up};
use crate::snapshot::{ComponentSnapshot, Snapshot};

/// All metrics of a snapshot, each with the label `component`.
///
/// Histograms are of a sample: their `_count` is how many were measured, and not how many there
/// were.
///
/// ```
/// use castcall_telemetry::{Snapshot, prometheus_text};
///
/// let text = prometheus_text(&Snapshot::of([]));
/// assert_eq!(text, "", "nothing is there");
/// ```
#[must_use]
pub fn prometheus_text(snapshot: &Snapshot) -> String {
    let components = &snapshot.components;
    if components.is_empty() {
        return String::new();
    }
    let mut families = vec![up(components)];
    families.extend(NUMBERS.iter().map(|number| numbers(number, components)));
    families.extend(DISTRIBUTIONS.iter().map(|of| distributions(of, components)));
    let mut text = Vec::new();
    // Names and types are castcall's own, each family has a metric, and memory takes everything.
    let _ = TextEncoder::new().encode(&families, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn family(name: &str, help: &str, sort: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(sort);
    family.set_metric(metrics);
    family
}

fn metric(component: &ComponentSnapshot, label: Option<(&str, &str)>) -> Metric {
    let pair = |name: &str, value: &str| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    let mut labels = vec![pair("component", component.id.as_str())];
    labels.extend(label.map(|(name, value)| pair(name, value)));
    let mut metric = Metric::default();
    metric.set_label(labels);
    metric
}

fn gauge(mut metric: Metric, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    metric.set_gauge(gauge);
    metric
}

fn counter(mut metric: Metric, value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    metric.set_counter(counter);
    metric
}

fn up(components: &[ComponentSnapshot]) -> MetricFamily {
    let (_, name, help) = UP;
    let one = |component| gauge(metric(component, None), f64::from(u8::from(is_up(component))));
    family(name, help, MetricType::GAUGE, components.iter().map(one).collect())
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn numbers(number: &Number, components: &[ComponentSnapshot]) -> MetricFamily {
    let mut metrics = Vec::new();
    for component in components {
        for (value, read) in number.read {
            let metric = metric(component, number.label.map(|label| (label, *value)));
            let read = read(&component.stats) as f64;
            metrics.push(if number.is_sum { counter(metric, read) } else { gauge(metric, read) });
        }
    }
    let sort = if number.is_sum { MetricType::COUNTER } else { MetricType::GAUGE };
    family(number.prometheus, number.help, sort, metrics)
}

fn distributions(of: &Distribution, components: &[ComponentSnapshot]) -> MetricFamily {
    let one = |component: &ComponentSnapshot| {
        let mut metric = metric(component, None);
        metric.set_histogram(histogram((of.read)(&component.latencies)));
        metric
    };
    let metrics = components.iter().map(one).collect();
    family(of.prometheus, of.help, MetricType::HISTOGRAM, metrics)
}

fn histogram(latency: &Latency) -> Histogram {
    let mut all = 0;
    let buckets = BOUNDS.iter().zip(counts(latency)).map(|(bound, count)| {
        all += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(all);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(latency.count());
    histogram.set_sample_sum(latency.sum().as_secs_f64());
    histogram
}
