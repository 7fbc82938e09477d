//! What the audit itself writes is read as it was meant.

use castcall_audit::{
    Audit, AuditConfig, Denial, Kind, MemorySink, Note, NoteKind, Record, Sinks, What, Why,
};
use castcall_core::{ComponentId, RequestId, Timestamp, Topic};
use castcall_diagram::{Recording, Skipped, Topology, Via, mermaid};

/// All of one tick, from which a system has thousands of records.
const AT: Timestamp = Timestamp::from_unix_nanos(1_785_000_000_000_000_000);

fn recorded(by: impl FnOnce(&Audit)) -> Recording {
    let lines = MemorySink::new();
    let sinks = Sinks { all: Some(Box::new(lines.clone())), denials: None };
    let audit = Audit::to(&AuditConfig::default(), sinks).unwrap();
    by(&audit);
    audit.close().unwrap();
    Recording::read(lines.lines().join("\n").as_bytes()).unwrap()
}

fn id(text: &str) -> ComponentId {
    ComponentId::new(text).unwrap()
}

#[test]
fn no_kind_is_unknown() {
    let recording = recorded(|audit| {
        let who = audit.name(&id("shop/orders"));
        for &kind in Kind::ALL {
            for &what in What::ALL {
                let record = Record::new(kind, AT, &who).what(what).whom(&who).why(Why::Failed);
                audit.record(record.request_id(RequestId::new()).trace_id([1; 16]));
            }
        }
        for &kind in NoteKind::ALL {
            audit.note(Note::new(kind, AT).whom("shop/orders").why(Why::Trap));
        }
        for &what in What::ALL {
            audit.deny(Denial::new(AT, &who, what, "bank/vault").why(Why::CapabilityDenied));
        }
    });
    assert_eq!(recording.skipped(), Skipped::default());
    let sum = recording.summary();
    assert_eq!((sum.restarts, sum.denials), (1, What::ALL.len() as u64));
}

#[test]
fn an_order_within_one_tick() {
    let recording = recorded(|audit| {
        let [orders, stock] = ["shop/orders", "shop/stock"].map(|text| audit.name(&id(text)));
        let topic = audit.name(&"orders.paid".parse::<Topic>().unwrap());
        let call = RequestId::new();
        let record = |kind, what| Record::new(kind, AT, &orders).what(what).size(9);
        audit.record(record(Kind::Send, What::Call).whom(&stock).request_id(call));
        audit.record(record(Kind::Delivery, What::Call).whom(&stock).request_id(call));
        let nested = Record::new(Kind::Send, AT, &stock).what(What::Cast).whom(&orders);
        audit.record(nested);
        let end = Record::new(Kind::CallEnd, AT, &orders).whom(&stock).why(Why::Answered).size(3);
        audit.record(end.request_id(call));
        audit.record(Record::new(Kind::Delivery, AT, &stock).what(What::Cast).whom(&orders));
        let back = record(Kind::Delivery, What::Callback).whom(&orders);
        audit.record(back.request_id(call));
        audit.record(record(Kind::Send, What::Publish).topic(&topic));
        audit.record(record(Kind::Delivery, What::Publish).topic(&topic).whom(&stock));
        audit.flush().unwrap();
        audit.deny(
            Denial::new(AT, &orders, What::Publish, "bank.secrets").why(Why::CapabilityDenied),
        );
    });
    let drawn = mermaid(&recording);
    let strokes: Vec<_> = drawn.lines().skip(3).map(str::trim).collect();
    assert_eq!(
        strokes,
        [
            "c0->>+c1: call, 9 B",
            "c1-)c0: cast",
            "c1-->>-c0: answered, 3 B, at once",
            "c0-)c1: publish orders.paid, 9 B",
            "Note over c0: denied: publish bank.secrets, capability-denied",
        ]
    );
    let topology = Topology::of(&recording, &[]);
    let denied: Vec<_> = topology.edges().iter().filter(|edge| edge.denied > 0).collect();
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].via, Via::Publish);
    assert_eq!(topology.nodes()[denied[0].to].name, "bank.secrets");
}
