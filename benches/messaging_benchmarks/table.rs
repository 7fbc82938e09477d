//! The table of ratios: castcall's cost over its reference's, so that smaller is better.

use crate::suite::Medians;

/// What is measured, against which sum of what, and how much it may cost.
struct Row {
    name: &'static str,
    reference: &'static [(f64, &'static str)],
    formula: &'static str,
    goal: Option<f64>,
}

const fn row(
    name: &'static str,
    formula: &'static str,
    reference: &'static [(f64, &'static str)],
    goal: Option<f64>,
) -> Row {
    Row { name, reference, formula, goal }
}

const CAST: &[(f64, &str)] =
    &[(1.0, "cast/floor/import"), (1.0, "cast/floor/handle-message-uncopied")];
const CAST_ON_TWO: &[(f64, &str)] =
    &[(0.5, "cast/floor/import"), (0.5, "cast/floor/handle-message-uncopied")];
const CALL: &[(f64, &str)] = &[(1.0, "call/floor/import"), (2.0, "call/floor/handle-message")];
const CALL_EXACT: &[(f64, &str)] =
    &[(1.0, "call/floor/callback-and-request"), (1.0, "call/floor/handle-message")];
const HUNDRED: &[(f64, &str)] = &[(100.0, "publish/floor/handle-message-of-100/32-each")];
const HUNDRED_ONCE: &[(f64, &str)] = &[(100.0, "publish/floor/handle-message-of-100/1-each")];
const TRACKING: &[(f64, &str)] =
    &[(1.0, "bench_correlation_tracking_overhead/reference/uuid-dashmap-oneshot")];
const ACTIVE: &[(f64, &str)] = &[(1.0, "bench_correlation_with_idle_requests/1000-active")];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("cast/64-in-flight/1-worker", "H + F'", CAST, Some(2.0)),
    row("cast/64-in-flight/2-workers", "H + F'", CAST, None),
    row("cast/1-in-flight/1-worker", "H + F'", CAST, None),
    row("cast/1-in-flight/2-workers", "H + F'", CAST, None),
    row("cast/8-pairs/1-worker", "H + F'", CAST, None),
    row("cast/8-pairs/2-workers", "(H + F') / 2", CAST_ON_TWO, None),
    row("cast/64-in-flight/1-worker", "kameo tell, 1 thread", &[(1.0, "cast/kameo/1-thread")], None),
    row("cast/64-in-flight/1-worker", "ractor cast, 1 thread", &[(1.0, "cast/ractor/1-thread")], None),
    row("call/64-in-flight/1-worker", "H + 2 F", CALL, Some(2.0)),
    row("call/64-in-flight/1-worker", "callback with request + F", CALL_EXACT, None),
    row("call/64-in-flight/2-workers", "H + 2 F", CALL, None),
    row("call/1-in-flight/1-worker", "H + 2 F", CALL, None),
    row("call/1-in-flight/1-worker", "kameo ask, 1 thread", &[(1.0, "call/kameo/1-thread")], None),
    row("call/1-in-flight/1-worker", "ractor call, 1 thread", &[(1.0, "call/ractor/1-thread")], None),
    row("call/1-in-flight/2-workers", "kameo ask, 2 threads", &[(1.0, "call/kameo/2-threads")], None),
    row("call/1-in-flight/2-workers", "ractor call, 2 threads", &[(1.0, "call/ractor/2-threads")], None),
    row("native-call/to-component/1-in-flight", "tokio channels between threads",
        &[(1.0, "native-call/tokio/between-threads/1-in-flight")], None),
    row("native-call/to-native-peer/1-in-flight", "tokio channels between threads",
        &[(1.0, "native-call/tokio/between-threads/1-in-flight")], None),
    row("routing/cast-by-handle/1-queued", "tokio mpsc", &[(1.0, "routing/tokio/mpsc/1-queued")], None),
    row("routing/cast-by-handle/64-queued", "tokio mpsc", &[(1.0, "routing/tokio/mpsc/64-queued")], None),
    row("routing/cast-by-context/64-queued", "tokio mpsc", &[(1.0, "routing/tokio/mpsc/64-queued")], Some(1.5)),
    row("watched/audit", "nobody watches", &[(1.0, "watched/nobody")], None),
    row("watched/audit/2-workers", "nobody watches", &[(1.0, "watched/nobody/2-workers")], None),
    row("watched/audit-of-denials", "nobody watches", &[(1.0, "watched/nobody")], None),
    row("watched/traced-unsampled", "nobody watches", &[(1.0, "watched/nobody")], Some(1.02)),
    row("publish/to-100/32-in-flight", "100 F'", HUNDRED, Some(1.2)),
    row("publish/to-100/1-in-flight", "100 F'", HUNDRED_ONCE, None),
    row("topics/match-3-of-100000", "among 10 patterns", &[(1.0, "topics/match-3-of-10")], Some(1.3)),
    row("bench_correlation_tracking_overhead/tracker", "uuid + dashmap + oneshot", TRACKING, Some(2.0)),
    row("bench_correlation_tracking_overhead/table", "uuid + dashmap + oneshot", TRACKING, None),
    row("bench_correlation_tracker_construction/tracker", "Arc of an empty map",
        &[(1.0, "bench_correlation_tracker_construction/reference/empty-map")], None),
    row("bench_request_message_construction/request", "uuid + timestamp",
        &[(1.0, "bench_request_message_construction/reference/uuid-and-timestamp")], None),
    row("bench_correlation_with_idle_requests/1000-active-1000000-idle", "none idle", ACTIVE, Some(1.3)),
    row("bench_correlation_with_idle_requests/any-of-1001000", "none idle", ACTIVE, None),
];

pub(crate) fn print(medians: &Medians) {
    let rows: Vec<_> = ROWS.iter().filter_map(|row| line(row, medians)).collect();
    if rows.is_empty() {
        return;
    }
    println!("H: an import. F: handle-message. F': the same, its answer not copied. In ns.\n");
    println!("| what | ns | reference | ns | ratio | goal |");
    println!("| --- | ---: | --- | ---: | ---: | ---: |");
    rows.iter().for_each(|row| println!("{row}"));
}

fn line(row: &Row, medians: &Medians) -> Option<String> {
    let value = medians.get(row.name)?;
    let parts = row.reference.iter().map(|(factor, name)| Some(factor * medians.get(*name)?));
    let reference = parts.sum::<Option<f64>>()?;
    let goal = row.goal.map_or_else(String::new, |goal| format!("≤ {goal}"));
    Some(format!(
        "| {} | {value:.0} | {} | {reference:.0} | {:.2} | {goal} |",
        row.name,
        row.formula,
        value / reference
    ))
}
