//! Metrics by OTLP.

use castcall::{Policy, System};
use castcall_integration_tests::{PATIENCE, Stage};
use castcall_telemetry::Snapshot;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};

use crate::collector::{COLLECTOR, attributes};

#[tokio::test]
async fn counters_and_histograms_reach_the_collector() {
    let stage = Stage::guarded(System::builder().workers(2).policy(Policy::open()));
    stage.add("metered/echo", "echo-handler").await;
    for _ in 0..3 {
        stage.call("metered/echo", "12345", PATIENCE).await.unwrap();
    }
    let system = (*stage).clone();
    let snapshot = move || Snapshot::of(system.components());
    COLLECTOR.otlp.lock().unwrap().push_metrics(snapshot).unwrap();
    COLLECTOR.flush();
    COLLECTOR.with(|kept| {
        let last = kept.metrics.last().unwrap();
        let resource = &last.resource_metrics[0];
        let about = &resource.resource.as_ref().unwrap().attributes;
        assert_eq!(attributes(about)["service.name"], "castcall");
        let find = |name: &str| {
            let mut metrics = resource.scope_metrics[0].metrics.iter();
            metrics.find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name}"))
        };
        let Some(Data::Sum(sum)) = &find("castcall.messages.handled").data else { panic!() };
        assert!(sum.is_monotonic);
        let calls = sum.data_points.iter().find(|point| {
            let about = attributes(&point.attributes);
            about["castcall.component.id"] == "metered/echo" && about["castcall.kind"] == "call"
        });
        assert_eq!(calls.unwrap().value, Some(Value::AsInt(3)));
        let Some(Data::Histogram(all)) = &find("messaging.process.duration").data else { panic!() };
        let handled = all
            .data_points
            .iter()
            .find(|point| attributes(&point.attributes)["castcall.component.id"] == "metered/echo");
        let handled = handled.unwrap();
        assert_eq!((handled.count, handled.bucket_counts.iter().sum::<u64>()), (3, 3));
        assert_eq!(handled.bucket_counts.len(), handled.explicit_bounds.len() + 1);
        assert!(handled.sum.unwrap() > 0.0);
    });
}
