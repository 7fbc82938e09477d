//! What is measured, against which sum of what, and how much it may cost.

use castcall_benches::lane::Lane;

use crate::payload::SIZES;

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Factors and names.
    pub(crate) reference: Vec<(f64, String)>,
    pub(crate) formula: String,
    /// The largest ratio that is asked for.
    pub(crate) goal: Option<f64>,
}

/// A name that stands for so many nanoseconds, measured nowhere.
pub(crate) const NANOSECOND: &str = "ns";

fn row(
    name: impl Into<String>,
    formula: &str,
    reference: &[(f64, &str)],
    goal: Option<f64>,
) -> Row {
    let reference = reference.iter().map(|(factor, name)| (*factor, (*name).to_owned())).collect();
    Row { name: name.into(), reference, formula: formula.to_owned(), goal }
}

/// What the same row may cost in each lane.
struct Goals {
    cast: f64,
    call: f64,
    alone: f64,
    /// Nanoseconds of a cast on two cores.
    sustained: Option<f64>,
}

fn goals(lane: Lane) -> Goals {
    match lane {
        Lane::Core => Goals { cast: 0.6, call: 0.75, alone: 1.0, sustained: Some(200.0) },
        Lane::Component => Goals { cast: 1.4, call: 1.4, alone: 1.2, sustained: None },
    }
}

const CAST: &[(f64, &str)] =
    &[(1.0, "cast/floor/import"), (1.0, "cast/floor/handle-message-uncopied")];
const CALL: &[(f64, &str)] = &[(1.0, "call/floor/import"), (2.0, "call/floor/handle-message")];
const CALL_EXACT: &[(f64, &str)] =
    &[(1.0, "call/floor/callback-and-request"), (1.0, "call/floor/handle-message")];
const HUNDRED: &[(f64, &str)] = &[(100.0, "publish/floor/handle-message-of-100/32-each")];
const HUNDRED_ONCE: &[(f64, &str)] = &[(100.0, "publish/floor/handle-message-of-100/1-each")];
const TRACKING: &[(f64, &str)] =
    &[(1.0, "bench_correlation_tracking_overhead/reference/uuid-dashmap-oneshot")];
const ACTIVE: &[(f64, &str)] = &[(1.0, "bench_correlation_with_idle_requests/1000-active")];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for &lane in Lane::ALL {
        messages(&mut rows, lane);
        bulk(&mut rows, lane);
        latency(&mut rows, lane);
        growth(&mut rows, lane);
        watched(&mut rows, lane);
        let published = |in_flight: &str| format!("publish/{}/to-100/{in_flight}", lane.name());
        rows.push(row(published("32-in-flight"), "100 F'", HUNDRED, Some(1.2)));
        rows.push(row(published("1-in-flight"), "100 F'", HUNDRED_ONCE, None));
    }
    rows.extend(others());
    rows
}

fn messages(rows: &mut Vec<Row>, lane: Lane) {
    let Goals { cast, call, alone, .. } = goals(lane);
    let lane = lane.name();
    let cast_row = |id: &str, goal| row(format!("cast/{lane}/{id}"), "H + F'", CAST, goal);
    let call_row = |id: &str, goal| row(format!("call/{lane}/{id}"), "H + 2 F", CALL, goal);
    let against = |name: &str, formula: &str, reference: &str, goal| {
        row(name.replace("LANE", lane), formula, &[(1.0, reference)], goal)
    };
    let ask = "kameo ask, 2 threads";
    rows.extend([
        cast_row("64-in-flight/1-worker", Some(cast)),
        cast_row("64-in-flight/1-worker/audited", Some(cast)),
        call_row("64-in-flight/1-worker", Some(call)),
        call_row("64-in-flight/1-worker/audited", Some(call)),
        against("call/LANE/1-in-flight/2-workers", ask, "call/kameo/2-threads", Some(alone)),
        against(
            "call/LANE/1-in-flight/2-workers/audited",
            ask,
            "call/kameo/2-threads",
            Some(alone),
        ),
        cast_row("64-in-flight/2-workers", None),
        cast_row("1-in-flight/1-worker", None),
        cast_row("1-in-flight/2-workers", None),
        cast_row("8-pairs/1-worker", None),
        against(
            "cast/LANE/64-in-flight/1-worker",
            "kameo tell, 1 thread",
            "cast/kameo/1-thread",
            None,
        ),
        against(
            "cast/LANE/64-in-flight/1-worker",
            "ractor cast, 1 thread",
            "cast/ractor/1-thread",
            None,
        ),
        row(
            format!("call/{lane}/64-in-flight/1-worker"),
            "callback with request + F",
            CALL_EXACT,
            None,
        ),
        call_row("64-in-flight/2-workers", None),
        call_row("1-in-flight/1-worker", None),
        against(
            "call/LANE/1-in-flight/1-worker",
            "kameo ask, 1 thread",
            "call/kameo/1-thread",
            None,
        ),
        against(
            "call/LANE/1-in-flight/1-worker",
            "ractor call, 1 thread",
            "call/ractor/1-thread",
            None,
        ),
        against(
            "call/LANE/1-in-flight/2-workers",
            "ractor call, 2 threads",
            "call/ractor/2-threads",
            None,
        ),
    ]);
}

fn bulk(rows: &mut Vec<Row>, lane: Lane) {
    let sustained = goals(lane).sustained;
    let lane = lane.name();
    let on_two = [(1.0, "sustained/floor/cast/2-threads")];
    for id in ["64-pairs/2-workers", "64-pairs/2-workers/audited"] {
        let name = || format!("sustained/{lane}/{id}");
        let five_million = [(200.0, NANOSECOND)];
        rows.push(row(name(), "5 million a second", &five_million, sustained.map(|ns| ns / 200.0)));
        rows.push(row(name(), "H + F' on two threads at once", &on_two, None));
    }
    for (suffix, goal) in [("", Some(1.3)), ("/own-payloads", None)] {
        let alone = format!("hot/{lane}/delivery-alone{suffix}");
        let hot = format!("hot/{lane}/16-senders{suffix}");
        rows.push(row(hot, "its delivery alone", &[(1.0, &alone)], goal));
    }
    for (name, _) in SIZES {
        let copies = format!("payload/two-copies/{name}");
        let reference = [&[(1.0, copies.as_str())], CAST].concat();
        let formula = "two copies + H + F'";
        rows.push(row(format!("payload/{lane}/{name}"), formula, &reference, Some(1.2)));
    }
}

fn latency(rows: &mut Vec<Row>, lane: Lane) {
    let lane = lane.name();
    for id in ["wake-up/LANE/p50", "wake-up/LANE/p99"] {
        let reference = id.replace("LANE", "tokio");
        let formula = "tokio channel + F', from idle";
        rows.push(row(id.replace("LANE", lane), formula, &[(1.0, &reference)], Some(1.3)));
    }
    for id in ["half-load/LANE/p50", "half-load/LANE/p99", "half-load/LANE/p99.9"] {
        let reference = id.replace("LANE", "tokio");
        let formula = "tokio channel + F', same arrivals";
        rows.push(row(id.replace("LANE", lane), formula, &[(1.0, &reference)], Some(1.3)));
    }
    let start = format!("start/{lane}");
    rows.push(row(&start, "pooled instantiate", &[(1.0, "start/wasmtime-pooled")], Some(1.5)));
    rows.push(row(&start, "instantiate on demand", &[(1.0, "start/wasmtime-on-demand")], None));
}

fn growth(rows: &mut Vec<Row>, lane: Lane) {
    let lane = lane.name();
    let mut grows = |id: &str, least: &str, more: &[&str], formula: &str, goal| {
        let name = |count| format!("growth/{lane}/{}", id.replace("COUNT", count));
        let reference = name(least);
        for count in more {
            rows.push(row(name(count), formula, &[(1.0, &reference)], goal));
        }
    };
    let (hundreds, millions) = (["1000", "10000"], ["10000", "1000000"]);
    grows("8-active-of-COUNT-components", "10", &hundreds, "8 active of 10", Some(1.3));
    grows("calls-beside-COUNT-pending", "0", &millions, "none pending", Some(1.3));
    grows("any-of-COUNT-components", "10", &hundreds, "any of 10", None);
}

fn watched(rows: &mut Vec<Row>, lane: Lane) {
    let lane = lane.name();
    let one = format!("watched/{lane}/nobody");
    let two = format!("{one}/2-workers");
    let mut against = |id: &str, reference: &str, goal| {
        let name = format!("watched/{lane}/{id}");
        rows.push(row(name, "nobody watches", &[(1.0, reference)], goal));
    };
    against("audit", &one, None);
    against("audit/2-workers", &two, None);
    against("audit-of-denials", &one, None);
    against("traced-unsampled", &one, Some(1.02));
}

fn others() -> Vec<Row> {
    let simple = |name: &str, formula: &str, reference: &str, goal| {
        row(name, formula, &[(1.0, reference)], goal)
    };
    let between = "native-call/tokio/between-threads/1-in-flight";
    let pending = "growth/cancel-and-call-any-of-1000-pending";
    vec![
        simple(
            "growth/cancel-and-call-any-of-1000000-pending",
            "any of 1,000 pending",
            pending,
            None,
        ),
        simple(
            "native-call/to-component/1-in-flight",
            "tokio channels between threads",
            between,
            None,
        ),
        simple(
            "native-call/to-native-peer/1-in-flight",
            "tokio channels between threads",
            between,
            None,
        ),
        simple(
            "routing/cast-by-handle/1-queued",
            "tokio mpsc",
            "routing/tokio/mpsc/1-queued",
            None,
        ),
        simple(
            "routing/cast-by-handle/64-queued",
            "tokio mpsc",
            "routing/tokio/mpsc/64-queued",
            None,
        ),
        simple(
            "routing/cast-by-context/64-queued",
            "tokio mpsc",
            "routing/tokio/mpsc/64-queued",
            Some(1.5),
        ),
        simple("topics/match-3-of-100000", "among 10 patterns", "topics/match-3-of-10", Some(1.3)),
        row(
            "bench_correlation_tracking_overhead/tracker",
            "uuid + dashmap + oneshot",
            TRACKING,
            Some(2.0),
        ),
        row(
            "bench_correlation_tracking_overhead/table",
            "uuid + dashmap + oneshot",
            TRACKING,
            None,
        ),
        simple(
            "bench_correlation_tracker_construction/tracker",
            "Arc of an empty map",
            "bench_correlation_tracker_construction/reference/empty-map",
            None,
        ),
        simple(
            "bench_request_message_construction/request",
            "uuid + timestamp",
            "bench_request_message_construction/reference/uuid-and-timestamp",
            None,
        ),
        row(
            "bench_correlation_with_idle_requests/1000-active-1000000-idle",
            "none idle",
            ACTIVE,
            Some(1.3),
        ),
        row("bench_correlation_with_idle_requests/any-of-1001000", "none idle", ACTIVE, None),
    ]
}
