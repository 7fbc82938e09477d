//! Records from their making to their lines.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use castcall_audit::{
    Audit, AuditConfig, Denial, FlushError, Fsync, Kind, Level, MemorySink, Name, NameCache, Note,
    NoteKind, Record, Sink, Sinks, What, Why,
};
use castcall_core::{ComponentId, Pattern, RequestId, Timestamp, Topic};
use serde_json::{Value, json};

fn id(text: &str) -> ComponentId {
    ComponentId::new(text).unwrap()
}

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn memory(config: &AuditConfig) -> (Audit, MemorySink, MemorySink) {
    let (all, denials) = (MemorySink::new(), MemorySink::new());
    let sinks =
        Sinks { all: Some(Box::new(all.clone())), denials: Some(Box::new(denials.clone())) };
    (Audit::to(config, sinks).unwrap(), all, denials)
}

fn parsed(sink: &MemorySink) -> Vec<Value> {
    sink.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn send<'a>(who: &'a Name, whom: &'a Name, size: usize) -> Record<'a> {
    Record::new(Kind::Send, at(size as u64), who).what(What::Cast).whom(whom).size(size)
}

/// How many records the lines stand for.
fn stand_for(lines: &[Value]) -> u64 {
    lines.iter().map(|line| line["count"].as_u64().or(line["repeated"].as_u64()).unwrap_or(1)).sum()
}

#[test]
fn each_kind_says_what_it_is_about() {
    let (audit, all, denials) = memory(&AuditConfig::default());
    assert!(audit.is_on() && audit.level() == Level::All);
    let (orders, stock) = (audit.name(&id("shop/orders")), audit.name(&id("shop/stock")));
    let topic = audit.name(&Topic::new("orders.eu.paid").unwrap());
    let pattern = audit.name(&Pattern::new("orders.*").unwrap());
    let group = audit.group("packers");
    let call = RequestId::new();
    audit.record(
        Record::new(Kind::Send, at(1_000), &orders)
            .what(What::Call)
            .whom(&stock)
            .codec(0x51)
            .size(3)
            .request_id(call)
            .trace_id([0xab; 16]),
    );
    audit.record(
        Record::new(Kind::Delivery, at(0), &orders).what(What::Publish).whom(&stock).topic(&topic),
    );
    let ended = Record::new(Kind::CallEnd, at(0), &orders).whom(&stock).why(Why::Timeout);
    audit.record(ended.request_id(call));
    audit.record(Record::new(Kind::Subscribe, at(0), &stock).topic(&pattern).whom(&group));
    audit.note(
        Note::new(NoteKind::Restart, at(0))
            .who(&ComponentId::host())
            .whom("shop/stock")
            .why(Why::Trap)
            .incarnation(7)
            .detail("a \"quoted\"\nline"),
    );
    let denial = Denial::new(at(0), &orders, What::Cancel, "").why(Why::NotOwner);
    audit.deny(denial.request_id(call).size(1).codec(0x55).trace_id([1; 16]));
    audit.deny(Denial::new(at(0), &orders, What::Publish, "a..b"));
    audit.deny(Denial::new(at(0), &orders, What::Subscribe, "*"));
    audit.flush().unwrap();

    let call = call.to_string();
    let mut lines = parsed(&all);
    for (n, line) in lines.iter_mut().enumerate() {
        assert_eq!((&line["v"], &line["n"]), (&json!(1), &json!(n + 1)));
        if n > 0 {
            assert_eq!(line["at"], "1970-01-01T00:00:00.000000Z");
        }
        let line = line.as_object_mut().unwrap();
        line.retain(|key, _| !["v", "n", "at"].contains(&key.as_str()));
    }
    let trace = "01".repeat(16);
    let denied = [
        json!({ "kind": "denial", "who": "shop/orders", "what": "cancel", "why": "not-owner",
            "codec": 0x55, "size": 1, "request_id": call, "trace_id": trace }),
        json!({ "kind": "denial", "who": "shop/orders", "what": "publish", "topic": "a..b",
            "why": "capability-denied" }),
        json!({ "kind": "denial", "who": "shop/orders", "what": "subscribe", "pattern": "*",
            "why": "capability-denied" }),
    ];
    assert_eq!(
        lines[..5],
        [
            json!({ "kind": "send", "who": "shop/orders", "what": "call", "whom": "shop/stock",
                "codec": 0x51, "size": 3, "request_id": call, "trace_id": "ab".repeat(16) }),
            json!({ "kind": "delivery", "who": "shop/orders", "what": "publish",
                "whom": "shop/stock", "topic": "orders.eu.paid" }),
            json!({ "kind": "call-end", "who": "shop/orders", "whom": "shop/stock",
                "why": "timeout", "request_id": call }),
            json!({ "kind": "subscribe", "who": "shop/stock", "pattern": "orders.*",
                "group": "packers" }),
            json!({ "kind": "restart", "who": "host", "whom": "shop/stock", "why": "trap",
                "incarnation": 7, "detail": "a \"quoted\"\nline" }),
        ]
    );
    assert_eq!(lines[5..], denied);
    assert_eq!(parsed(&denials).len(), 3);
    let status = audit.status();
    assert_eq!((status.written, status.denials, status.dropped), (11, 3, 0));
}

#[test]
fn off_is_off_and_denials_alone_are_denials_alone() {
    let off = Audit::default();
    let name = off.name(&id("a"));
    off.record(send(&name, &name, 1));
    off.note(Note::new(NoteKind::Load, at(0)));
    off.deny(Denial::new(at(0), &name, What::Cast, "b"));
    assert_eq!((off.flush(), off.close()), (Ok(()), Ok(())));
    assert!(!off.is_on() && off.status() == castcall_audit::Status::default());
    assert_eq!(Audit::to(&AuditConfig::default(), Sinks::default()).unwrap().level(), Level::Off);

    let mut config = AuditConfig::default();
    config.level = Level::Denials;
    let (audit, all, denials) = memory(&config);
    assert!(!audit.is_on() && audit.level() == Level::Denials);
    let name = audit.name(&id("a"));
    audit.record(send(&name, &name, 1));
    audit.note(Note::new(NoteKind::Load, at(0)));
    audit.deny(Denial::new(at(0), &name, What::Cast, "b"));
    audit.flush().unwrap();
    assert_eq!((all.lines().len(), denials.lines().len()), (0, 1));
}

/// Two threads as fast as they can, into a short queue.
#[test]
fn each_record_is_written_once_or_counted() {
    const EACH: usize = 200_000;
    let mut config = AuditConfig::default();
    config.queue = 256;
    let (audit, all, _) = memory(&config);
    thread::scope(|scope| {
        for thread in 0..3 {
            let audit = &audit;
            scope.spawn(move || {
                let who = audit.name(&id(&format!("t{thread}")));
                for n in 0..EACH {
                    audit.record(send(&who, &who, n));
                }
            });
        }
    });
    audit.flush().unwrap();
    let lines = parsed(&all);
    assert_eq!(stand_for(&lines), 3 * EACH as u64);
    let mut last = HashMap::<String, u64>::new();
    let mut dropped = 0;
    for line in &lines {
        if line["kind"] == "dropped" {
            assert_eq!(line["why"], "overload");
            dropped += line["count"].as_u64().unwrap();
            continue;
        }
        let size = line["size"].as_u64().unwrap();
        if let Some(before) = last.insert(line["who"].as_str().unwrap().to_owned(), size) {
            assert!(before < size, "in order, and once");
        }
    }
    assert_eq!(audit.status().dropped, dropped);
}

#[test]
fn where_records_are_missing_stands_how_many() {
    let mut config = AuditConfig::default();
    config.queue = 64;
    let (audit, all, _) = memory(&config);
    let who = audit.name(&id("a"));
    for n in 0..100_000 {
        audit.record(send(&who, &who, n));
    }
    audit.close().unwrap();
    let mut next = 0;
    for line in parsed(&all) {
        match line["count"].as_u64() {
            Some(count) => next += count,
            None => {
                assert_eq!(line["size"].as_u64(), Some(next));
                next += 1;
            }
        }
    }
    assert_eq!(next, 100_000);
}

#[test]
fn names_come_and_go() {
    let (audit, all, _) = memory(&AuditConfig::default());
    let mut cache = NameCache::default();
    for n in 0..20_000 {
        let who = audit.name(&id(&format!("guest-{n}")));
        let whom = cache.get(&audit, &id(&format!("host-{}", n % 7)));
        audit.record(send(&who, whom, n));
        if n % 1_000 == 0 {
            audit.flush().unwrap();
        }
    }
    audit.flush().unwrap();
    for line in parsed(&all) {
        if let Some(n) = line["size"].as_u64() {
            assert_eq!(line["who"], format!("guest-{n}"));
            assert_eq!(line["whom"], format!("host-{}", n % 7));
        }
    }
}

#[test]
fn a_name_of_another_audit_is_no_name() {
    let (one, _, _) = memory(&AuditConfig::default());
    let (two, all, _) = memory(&AuditConfig::default());
    let (mine, others) = (two.name(&id("mine")), one.name(&id("others")));
    two.record(send(&mine, &others, 1));
    two.deny(Denial::new(at(0), &others, What::Cast, "b"));
    two.flush().unwrap();
    let lines = parsed(&all);
    // Records and denials come by two ways, in no order.
    let of = |kind: &str| lines.iter().find(|line| line["kind"] == kind).expect(kind);
    assert_eq!((&of("send")["who"], &of("send")["whom"]), (&json!("?"), &Value::Null));
    assert_eq!(of("denial")["who"], "?");
}

#[test]
fn a_flood_is_its_first_few_and_a_count() {
    let (audit, all, denials) = memory(&AuditConfig::default());
    let total = 200_000;
    thread::scope(|scope| {
        for thread in 0..2 {
            let audit = &audit;
            scope.spawn(move || {
                let who = audit.name(&id(&format!("t{thread}")));
                for n in 0..total / 2 {
                    // One target most of the time, and others without end.
                    let other = format!("x{n}");
                    let whom = if n % 10 == 0 { other.as_str() } else { "bank/vault" };
                    audit.deny(Denial::new(at(n), &who, What::Cast, whom));
                }
            });
        }
    });
    assert_eq!(audit.status().denials, total);
    audit.close().unwrap();
    for lines in [parsed(&all), parsed(&denials)] {
        assert_eq!(stand_for(&lines), total);
        assert!(lines.len() < 10_000, "{}", lines.len());
    }
}

#[test]
fn a_flood_is_told_when_its_second_is_over() {
    let (audit, _, denials) = memory(&AuditConfig::default());
    let who = audit.name(&id("a"));
    for n in 0..25 {
        audit.deny(Denial::new(at(n), &who, What::Cast, "b"));
    }
    audit.flush().unwrap();
    let before = parsed(&denials);
    let began = Instant::now();
    while stand_for(&parsed(&denials)) < 25 {
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(10));
    }
    let lines = parsed(&denials);
    if before.len() == 10 {
        assert_eq!((lines.len(), &lines[10]["repeated"]), (11, &json!(15)));
        assert_eq!(lines[10]["since"], "1970-01-01T00:00:00.000000Z");
    }
}

/// Fails while it is told to.
#[derive(Clone, Default)]
struct Disk {
    full: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<u8>>>,
    syncs: Arc<Mutex<u32>>,
}

impl Sink for Disk {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        *self.syncs.lock().unwrap() += 1;
        Ok(())
    }
}

#[test]
fn no_denial_is_lost_to_a_full_disk() {
    let disk = Disk::default();
    disk.full.store(true, Ordering::SeqCst);
    let mut config = AuditConfig::default();
    config.targets_per_second = 10_000;
    let sinks = Sinks { all: None, denials: Some(Box::new(disk.clone())) };
    let audit = Audit::to(&config, sinks).unwrap();
    let who = audit.name(&id("a"));
    for n in 0..200_000 {
        let whom = format!("{}{}", "x".repeat(200), n % 9_000);
        audit.deny(Denial::new(at(n), &who, What::Cast, &whom));
        if n == 0 {
            assert!(matches!(audit.flush(), Err(FlushError::Failing { .. })));
        }
    }
    let status = audit.status();
    assert!(status.failing && status.last_error.unwrap().contains("denials"));
    disk.full.store(false, Ordering::SeqCst);
    audit.flush().unwrap();
    audit.close().unwrap();
    let lines = disk.lines.lock().unwrap().clone();
    let lines: Vec<Value> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(stand_for(&lines), 200_000);
    assert_eq!(audit.status().lost, 0);
    assert!(!audit.status().failing);
}

#[test]
fn what_is_recorded_is_there_after_the_last_handle() {
    let (audit, all, _) = memory(&AuditConfig::default());
    let clone = audit.clone();
    let who = audit.name(&id("a"));
    audit.record(send(&who, &who, 1));
    drop(audit);
    clone.record(send(&who, &who, 2));
    for _ in 0..3 {
        clone.note(Note::new(NoteKind::Unload, at(0)));
    }
    drop(clone);
    assert_eq!(all.lines().len(), 5);
    assert!(format!("{:?}", Audit::off()).contains("Off"));
}

#[test]
fn closed_is_closed_for_all() {
    let (audit, all, _) = memory(&AuditConfig::default());
    let clone = audit.clone();
    let who = audit.name(&id("a"));
    audit.record(send(&who, &who, 1));
    audit.close().unwrap();
    clone.close().unwrap();
    assert_eq!(clone.flush(), Err(FlushError::Closed));
    clone.record(send(&who, &who, 2));
    assert_eq!(all.lines().len(), 1);
}

#[test]
fn too_many_notes_are_counted() {
    let (audit, all, _) = memory(&AuditConfig::default());
    for n in 0..100_000 {
        audit.note(Note::new(NoteKind::Load, at(n)));
    }
    audit.close().unwrap();
    let lines = parsed(&all);
    assert_eq!(stand_for(&lines), 100_000);
    assert_eq!(
        audit.status().dropped,
        100_000 - lines.iter().filter(|l| l["kind"] == "load").count() as u64
    );
}

#[test]
fn is_synced_as_asked() {
    for (fsync, least, most) in [
        (Fsync::Never, 0, 0),
        (Fsync::OnFlush, 1, 1),
        (Fsync::Every(Duration::from_millis(1)), 1, u32::MAX),
    ] {
        let disk = Disk::default();
        let mut config = AuditConfig::default();
        config.fsync = fsync;
        let sinks = Sinks { all: Some(Box::new(disk.clone())), denials: None };
        let audit = Audit::to(&config, sinks).unwrap();
        audit.note(Note::new(NoteKind::Load, at(0)));
        audit.flush().unwrap();
        let syncs = *disk.syncs.lock().unwrap();
        assert!((least..=most).contains(&syncs), "{fsync:?}: {syncs}");
    }
}

#[test]
fn who_listens_gets_the_lines_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let tap = MemorySink::new();
    let audit = Audit::open_tapped(&AuditConfig::new(&path), Some(Box::new(tap.clone()))).unwrap();
    let who = audit.name(&ComponentId::new("a").unwrap());
    audit.record(Record::new(Kind::Send, Timestamp::now(), &who));
    audit.flush().unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(tap.lines(), written.lines().collect::<Vec<_>>());
    assert_eq!(tap.lines().len(), 1);
}
