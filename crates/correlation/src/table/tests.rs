use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::counts::PendingCounts;
use crate::epoch::deadline_after;

type Table = PendingTable<u64, u32>;

const SECOND: Duration = Duration::from_secs(1);

fn register(table: &Table, owner: u64, target: u64, deadline: Instant, sink: u32) -> Ticket {
    table.register(CorrelationId::new(), &owner, &target, deadline, sink).unwrap()
}

/// Nothing is left in any index of any shard.
pub(super) fn assert_empty<K: Clone + Eq + Hash, S>(table: &PendingTable<K, S>) {
    if let Some(core) = table.core.get() {
        assert!(core.shards.iter().all(|shard| shard.lock().is_empty()));
    }
}

impl<K: Clone + Eq + Hash, S> PendingTable<K, S> {
    /// Bytes allocated in the shards.
    pub(crate) fn footprint(&self) -> usize {
        let core = self.core.get().unwrap();
        core.shards.iter().map(|shard| shard.lock().footprint()).sum()
    }
}

#[test]
fn an_answer_ends_a_call_once() {
    let (table, now) = (Table::new(), Instant::now());
    let id = CorrelationId::new();
    let ticket = table.register(id, &1, &2, now + SECOND, 7).unwrap();
    assert_eq!(table.ticket(id), Some(ticket));
    assert!(table.is_pending(ticket) && table.contains(id));
    let Resolution::Live(entry) = table.resolve_id(id, now) else { panic!("it is pending") };
    assert_eq!((entry.id, entry.owner, entry.target, entry.sink), (id, 1, 2, 7));
    assert_eq!(entry.deadline(), now + SECOND);
    assert!(matches!(table.resolve(ticket, now), Resolution::Unknown));
    assert!(matches!(table.resolve_id(id, now), Resolution::Unknown));
    assert!(!table.is_pending(ticket) && table.remaining(ticket, now).is_none());
    let counts = table.counts();
    assert_eq!((counts.completed, counts.orphaned, counts.pending), (1, 2, 0));
    assert_empty(&table);
}

#[test]
fn an_id_is_pending_once() {
    let (table, now) = (Table::new(), Instant::now());
    let id = table.new_id();
    let ticket = table.register(id, &1, &2, now + SECOND, 7).unwrap();
    let refused = table.register(id, &3, &4, now + SECOND, 8).unwrap_err();
    assert_eq!(refused.into_sink(), 8);
    assert_eq!(table.withdraw(ticket).map(|entry| entry.sink), Some(7));
    assert!(table.withdraw(ticket).is_none());
    let counts = table.counts();
    assert_eq!((counts.registered, counts.withdrawn), (1, 1));
    // The same id again is another call, and the old ticket is not good for it.
    let again = table.register(id, &1, &2, now + SECOND, 9).unwrap();
    assert_ne!(again, ticket);
    assert!(!table.is_pending(ticket) && table.is_pending(again));
}

#[test]
fn an_id_made_for_its_call_finds_it() {
    let (table, now) = (Table::new(), Instant::now());
    let calls: Vec<_> = (0..1_000)
        .map(|sink| {
            let mut told = None;
            let (id, ticket) = table.register_new(&1, &2, now + SECOND, |id| {
                told = Some(id);
                sink
            });
            assert_eq!((told, table.ticket(id)), (Some(id), Some(ticket)));
            (id, ticket, sink)
        })
        .collect();
    for (id, ticket, sink) in calls {
        let refused = table.register(id, &1, &2, now + SECOND, 0).unwrap_err();
        assert_eq!(refused.into_sink(), 0);
        // The same place, and all but one of the bits that say nothing of it.
        let other = CorrelationId::from_uuid(uuid::Uuid::from_u128(id.as_u128() ^ 1 << 100));
        assert!(!table.contains(other) && table.contains(id) && table.is_pending(ticket));
        if sink % 2 == 0 {
            assert!(matches!(table.resolve(ticket, now), Resolution::Live(e) if e.sink == sink));
        } else {
            assert_eq!(table.cancel(id, &1, now).unwrap().sink, sink);
        }
        assert!(!table.contains(id) && !table.is_pending(ticket));
        // It is an id like any other.
        let again = table.register(id, &1, &2, now + SECOND, 7).unwrap();
        assert!(!table.is_pending(ticket) && table.is_pending(again));
        assert_eq!(table.ticket(id), Some(again));
        assert!(table.withdraw(again).is_some());
    }
    assert_empty(&table);
}

#[test]
fn an_id_that_cannot_say_where_its_call_lies_is_indexed() {
    let (table, now) = (Table::new(), Instant::now());
    let deadline = table.nanos_after(now, SECOND);
    let (id, ticket) = table.register_elsewhere(&1, &2, deadline, |_| 7);
    assert_eq!(table.ticket(id), Some(ticket));
    assert!(matches!(table.resolve_id(id, now), Resolution::Live(entry) if entry.sink == 7));
    assert_empty(&table);
}

#[test]
fn whether_a_call_is_pending_is_known_of_however_many() {
    let (table, now) = (Table::new(), Instant::now());
    // More than are remembered outside of the locks.
    let mut tickets: Vec<_> =
        (0..20_000).map(|sink| table.register_new(&1, &2, now + SECOND, |_| sink).1).collect();
    assert!(tickets.iter().all(|ticket| table.is_pending(*ticket)));
    let ended: Vec<_> = tickets.drain(..10_000).collect();
    for ticket in &ended {
        assert!(table.withdraw(*ticket).is_some());
    }
    assert!(!ended.iter().any(|ticket| table.is_pending(*ticket)));
    assert!(tickets.iter().all(|ticket| table.is_pending(*ticket)));
    assert_eq!(table.expire(now + SECOND, |_| ()), 10_000);
    assert!(!tickets.iter().any(|ticket| table.is_pending(*ticket)));
}

#[test]
fn a_ticket_of_another_table_finds_nothing() {
    let (here, there, now) = (Table::new(), Table::new(), Instant::now());
    let ticket = register(&here, 1, 2, now + SECOND, 7);
    register(&there, 1, 2, now + SECOND, 8);
    assert!(!there.is_pending(ticket));
    assert!(!Table::new().is_pending(ticket));
    assert!(matches!(Table::new().fail(ticket, now), Resolution::Unknown));
}

#[test]
fn the_deadline_wins_before_the_timer_fires() {
    let (table, now) = (Table::new(), Instant::now());
    let before = SECOND - Duration::from_nanos(1);
    let ticket = register(&table, 1, 2, now + SECOND, 7);
    assert_eq!(table.remaining(ticket, now + before), Some(Duration::from_nanos(1)));
    assert_eq!(table.remaining(ticket, now + SECOND * 2), Some(Duration::ZERO));
    assert_eq!(table.expire(now + before, |_| panic!("too early")), 0);
    assert!(matches!(table.resolve(ticket, now + SECOND), Resolution::Expired(_)));
    let id = CorrelationId::new();
    table.register(id, &1, &2, now + SECOND, 7).unwrap();
    let refusal = table.cancel(id, &1, now + SECOND).unwrap_err();
    assert!(matches!(refusal, CancelRefusal::Expired(entry) if entry.sink == 7));
    let ticket = register(&table, 1, 2, now + SECOND, 7);
    assert!(matches!(table.fail(ticket, now + SECOND), Resolution::Expired(_)));
    let counts = table.counts();
    assert_eq!((counts.timed_out, counts.orphaned, counts.cancelled), (3, 1, 0));
    assert_empty(&table);
}

#[test]
fn only_the_owner_cancels() {
    let (table, now) = (Table::new(), Instant::now());
    let id = CorrelationId::new();
    assert!(matches!(table.cancel(id, &1, now), Err(CancelRefusal::NotFound)));
    let ticket = table.register(id, &1, &2, now + SECOND, 7).unwrap();
    for stranger in [2, 3] {
        assert!(matches!(table.cancel(id, &stranger, now), Err(CancelRefusal::NotOwner)));
        // Nor does a stranger learn whether the deadline has passed.
        let late = table.cancel(id, &stranger, now + SECOND);
        assert!(matches!(late, Err(CancelRefusal::NotOwner)));
        assert_eq!(table.remaining(ticket, now), Some(SECOND));
    }
    assert_eq!(table.cancel(id, &1, now).map(|entry| entry.sink).unwrap(), 7);
    assert!(matches!(table.cancel(id, &1, now), Err(CancelRefusal::NotFound)));
    assert_eq!(table.counts().cancelled, 1);
    assert_empty(&table);
}

#[test]
fn a_failed_call_counts_with_its_target() {
    let (table, now) = (Table::new(), Instant::now());
    let ticket = register(&table, 1, 2, now + SECOND, 7);
    assert!(matches!(table.fail(ticket, now), Resolution::Live(_)));
    assert!(matches!(table.fail(ticket, now), Resolution::Unknown));
    let counts = table.counts();
    assert_eq!((counts.target_gone, counts.orphaned), (1, 0));
}

#[test]
fn owners_and_targets_end_together() {
    let (table, now) = (Table::new(), Instant::now());
    // More of one owner's in a shard than a batch takes.
    for sink in 0..20_000 {
        register(&table, u64::from(sink % 2), u64::from(sink % 5), now + SECOND, sink);
    }
    let mut ended = Vec::new();
    assert_eq!(table.end_owner(&0, |entry| ended.push(entry.sink)), 10_000);
    assert!(ended.iter().all(|sink| sink % 2 == 0));
    assert_eq!(table.end_owner(&0, |_| ()), 0);
    assert_eq!(table.end_target(&3, |entry| assert_eq!(entry.target, 3)), 2_000);
    assert_eq!(table.pending_count(), 8_000);
    // The callback may use the table, and what it registers is not ended with the rest.
    let anew = |entry: Entry<u64, u32>| {
        register(&table, entry.owner, entry.target, entry.deadline(), entry.sink);
    };
    assert_eq!(table.end_owner(&1, anew), 8_000);
    assert_eq!(table.expire(now + SECOND, |_| ()), 8_000);
    let counts = table.counts();
    assert_eq!((counts.owner_gone, counts.target_gone), (18_000, 2_000));
    assert_empty(&table);
}

#[test]
fn expiry_comes_in_parts_if_asked() {
    let (table, now) = (Table::new(), Instant::now());
    for sink in 0..1_000 {
        register(&table, 1, 2, now + SECOND, sink);
    }
    assert_eq!(table.expire_up_to(now + SECOND, 300, |_| ()), 300);
    assert_eq!(table.pending_count(), 700);
    assert_eq!(table.arm(now + SECOND), Some(now + SECOND));
    assert_eq!(table.expire_up_to(now + SECOND, 0, |_| ()), 0);
    assert_eq!(table.expire(now + SECOND, |_| ()), 700);
    assert_eq!(table.arm(now + SECOND), None);
    assert_empty(&table);
}

#[test]
fn the_alarm_rings_for_what_the_driver_does_not_know() {
    let rings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&rings);
    let table = Table::with_alarm(Arc::new(move || {
        counter.fetch_add(1, SeqCst);
    }));
    assert_eq!(table.set_alarm(Arc::new(|| ())), Err(AlarmAlreadySet));
    let now = Instant::now();
    let rung = |seconds: u32| {
        register(&table, 1, 2, now + SECOND * seconds, 0);
        rings.swap(0, SeqCst)
    };
    assert_eq!(table.arm(now), None);
    assert_eq!((rung(60), rung(70)), (1, 0), "the driver comes once for both");
    assert_eq!(table.arm(now), Some(now + SECOND * 60));
    assert_eq!((rung(60), rung(90), rung(59), rung(58)), (0, 0, 1, 1));
    assert_eq!(table.arm(now), Some(now + SECOND * 58));
}

#[test]
fn registrations_ring_while_the_driver_looks_around() {
    let rings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&rings);
    let table = Table::with_alarm(Arc::new(move || {
        counter.fetch_add(1, SeqCst);
    }));
    let now = Instant::now();
    register(&table, 1, 2, now + SECOND, 0);
    assert_eq!(table.arm(now), Some(now + SECOND));
    rings.store(0, SeqCst);
    let core = table.core.get().unwrap();
    let last = core.shards.last().unwrap().lock();
    std::thread::scope(|scope| {
        scope.spawn(|| table.arm(now));
        // The driver has passed the first shard, or will not see there what comes out at once.
        let id = std::iter::repeat_with(CorrelationId::new).find(|id| core.locate(*id).shard == 0);
        while rings.load(SeqCst) == 0 && now.elapsed() < SECOND * 10 {
            let ticket = table.register(id.unwrap(), &1, &2, now + SECOND * 2, 0).unwrap();
            table.withdraw(ticket).unwrap();
        }
        drop(last);
    });
    assert!(rings.load(SeqCst) > 0);
    assert_eq!(table.arm(now), Some(now + SECOND));
}

#[test]
fn timeouts_of_any_length() {
    let (table, now) = (Table::new(), Instant::now());
    let forever = deadline_after(now, Duration::MAX);
    let ticket = register(&table, 1, 2, forever, 7);
    let overdue = register(&table, 1, 2, now, 8);
    assert_eq!(table.remaining(overdue, now), Some(Duration::ZERO));
    assert_eq!(table.expire(now, |entry| assert_eq!(entry.sink, 8)), 1);
    assert_eq!(table.arm(now), Some(forever));
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    assert_eq!(table.expire(now + century, |_| ()), 0);
    assert!(table.is_pending(ticket));
    assert_eq!(table.expire(forever, |_| ()), 1);
    assert_empty(&table);
}

#[test]
fn memory_is_little_and_comes_back() {
    let (table, now) = (Table::new(), Instant::now());
    let calls = 100_000;
    for sink in 0..calls {
        register(&table, u64::from(sink), u64::from(sink), now + SECOND, sink);
    }
    let each = table.footprint() / calls as usize;
    assert!(each <= 200, "{each} bytes for each call, each with an owner and a target of its own");
    table.expire(now + SECOND, |_| ());
    assert_empty(&table);
    table.shrink();
    assert_eq!(table.footprint(), 0);
    assert_eq!(table.counts().timed_out, u64::from(calls));
}

#[test]
fn an_unused_table_does_nothing() {
    let (table, now) = (Table::default(), Instant::now());
    table.shrink();
    assert_eq!((table.pending_count(), table.expire(now, |_| ()), table.arm(now)), (0, 0, None));
    assert_eq!(table.end_owner(&1, |_| ()) + table.end_target(&1, |_| ()), 0);
    assert_eq!(table.counts(), PendingCounts::default());
    let _id = table.new_id();
    assert!(matches!(table.resolve_id(CorrelationId::new(), now), Resolution::Unknown));
    assert_eq!(table.counts().orphaned, 1);
}
