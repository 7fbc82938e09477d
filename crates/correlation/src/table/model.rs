//! The table against a list that is searched from end to end.

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::assert_empty;
use super::*;
use crate::counts::PendingCounts;
use crate::entry::{CallOutcome, PendingCall};
use crate::epoch::deadline_after;

#[derive(Debug, Clone)]
enum Op {
    Register { id: usize, owner: u8, target: u8, timeout: Timeout },
    RegisterNew { id: usize, owner: u8, target: u8, timeout: Timeout },
    Resolve { nth: usize },
    ResolveId { id: usize },
    Fail { nth: usize },
    Withdraw { nth: usize },
    Cancel { id: usize, owner: u8 },
    TakeIf { id: usize, target: u8, outcome: CallOutcome },
    EndOwner { owner: u8 },
    EndTarget { target: u8 },
    Expire,
    ExpireSome { max: usize },
    Arm,
    Pass { time: Duration },
    PassToNext { less: u64 },
    Shrink,
}

#[derive(Debug, Clone, Copy)]
enum Timeout {
    Past(Duration),
    In(Duration),
}

impl Timeout {
    fn from(self, now: Instant) -> Instant {
        match self {
            Self::In(time) => deadline_after(now, time),
            Self::Past(time) => now.checked_sub(time).unwrap_or(now),
        }
    }
}

/// Mostly near powers of two, where buckets begin.
fn duration() -> impl Strategy<Value = Duration> {
    let near = (0..45_u32, 0..3_u64).prop_map(|(bit, more)| (1_u64 << bit) + more - 1);
    prop_oneof![4 => near, 1 => 0..1_000_u64, 2 => 0..1_u64 << 33].prop_map(Duration::from_nanos)
}

fn timeout() -> impl Strategy<Value = Timeout> {
    prop_oneof![
        12 => duration().prop_map(Timeout::In),
        1 => duration().prop_map(Timeout::Past),
        1 => prop_oneof![Just(Duration::MAX), Just(Duration::from_nanos(1 << 62))]
            .prop_map(Timeout::In),
    ]
}

fn outcome() -> impl Strategy<Value = CallOutcome> {
    use CallOutcome::{Cancelled, Completed, TargetGone, TimedOut, Withdrawn};
    prop::sample::select(vec![Completed, TimedOut, Cancelled, TargetGone, Withdrawn])
}

const IDS: usize = 48;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..IDS, 0..5_u8, 0..5_u8, timeout()).prop_map(|(id, owner, target, timeout)| {
            Op::Register { id, owner, target, timeout }
        }),
        8 => (0..IDS, 0..5_u8, 0..5_u8, timeout()).prop_map(|(id, owner, target, timeout)| {
            Op::RegisterNew { id, owner, target, timeout }
        }),
        2 => (0..400_usize).prop_map(|nth| Op::Resolve { nth }),
        1 => (0..IDS).prop_map(|id| Op::ResolveId { id }),
        1 => (0..400_usize).prop_map(|nth| Op::Fail { nth }),
        1 => (0..400_usize).prop_map(|nth| Op::Withdraw { nth }),
        2 => (0..IDS, 0..5_u8).prop_map(|(id, owner)| Op::Cancel { id, owner }),
        1 => (0..IDS, 0..5_u8, outcome())
            .prop_map(|(id, target, outcome)| Op::TakeIf { id, target, outcome }),
        1 => (0..5_u8).prop_map(|owner| Op::EndOwner { owner }),
        1 => (0..5_u8).prop_map(|target| Op::EndTarget { target }),
        2 => Just(Op::Expire),
        1 => (0..4_usize).prop_map(|max| Op::ExpireSome { max }),
        2 => Just(Op::Arm),
        3 => duration().prop_map(|time| Op::Pass { time }),
        3 => (0..3_u64).prop_map(|less| Op::PassToNext { less }),
        1 => Just(Op::Shrink),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Call {
    id: CorrelationId,
    owner: u8,
    target: u8,
    deadline: Instant,
    sink: u32,
}

impl From<PendingCall<'_, u8, u32>> for Call {
    fn from(call: PendingCall<'_, u8, u32>) -> Self {
        let PendingCall { id, owner, target, deadline, sink } = call;
        Self { id, owner: *owner, target: *target, deadline, sink: *sink }
    }
}

impl From<Entry<u8, u32>> for Call {
    fn from(entry: Entry<u8, u32>) -> Self {
        let deadline = entry.deadline();
        let Entry { id, owner, target, sink, .. } = entry;
        Self { id, owner, target, deadline, sink }
    }
}

/// What a call came out as.
#[derive(Debug, PartialEq)]
enum Outcome {
    Live(Call),
    Expired(Call),
    Unknown,
}

impl From<Resolution<u8, u32>> for Outcome {
    fn from(resolution: Resolution<u8, u32>) -> Self {
        match resolution {
            Resolution::Live(entry) => Self::Live(entry.into()),
            Resolution::Expired(entry) => Self::Expired(entry.into()),
            Resolution::Unknown => Self::Unknown,
        }
    }
}

#[derive(Default)]
struct Model {
    calls: Vec<Call>,
    counts: PendingCounts,
}

impl Model {
    fn take(&mut self, wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
        let (taken, kept) = self.calls.drain(..).partition(wanted);
        self.calls = kept;
        taken
    }

    fn end(&mut self, sink: Option<u32>, now: Instant) -> Outcome {
        match self.take(|call| Some(call.sink) == sink).pop() {
            Some(call) if call.deadline <= now => {
                self.counts.timed_out += 1;
                Outcome::Expired(call)
            }
            Some(call) => Outcome::Live(call),
            None => Outcome::Unknown,
        }
    }

    fn answer(&mut self, sink: Option<u32>, now: Instant) -> Outcome {
        let outcome = self.end(sink, now);
        match outcome {
            Outcome::Live(_) => self.counts.completed += 1,
            _ => self.counts.orphaned += 1,
        }
        outcome
    }

    fn sink_of(&self, id: CorrelationId) -> Option<u32> {
        self.calls.iter().find(|call| call.id == id).map(|call| call.sink)
    }

    fn next(&self) -> Option<Instant> {
        self.calls.iter().map(|call| call.deadline).min()
    }
}

fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    calls.sort_by_key(|call| call.sink);
    calls
}

fn collect(end: impl FnOnce(&mut dyn FnMut(Entry<u8, u32>)) -> usize) -> Vec<Call> {
    let mut ended = Vec::new();
    let count = end(&mut |entry| ended.push(Call::from(entry)));
    assert_eq!(count, ended.len());
    sorted(ended)
}

fn run(ops: Vec<Op>) {
    let table = PendingTable::<u8, u32>::new();
    let mut model = Model::default();
    let mut ids: Vec<CorrelationId> = (0..IDS).map(|_| CorrelationId::new()).collect();
    let mut tickets = Vec::new();
    let mut now = Instant::now();
    for (sink, op) in (0..).zip(ops) {
        // The sink tells which registration a ticket is of.
        let ticket = |nth: usize| tickets.get(nth % tickets.len().max(1)).copied();
        match op {
            Op::Register { id, owner, target, timeout } => {
                let deadline = timeout.from(now);
                let id = ids[id];
                let pending = model.sink_of(id).is_some();
                match table.register(id, &owner, &target, deadline, sink) {
                    Ok(ticket) => {
                        assert!(!pending);
                        tickets.push((sink, ticket));
                        model.calls.push(Call { id, owner, target, deadline, sink });
                        model.counts.registered += 1;
                    }
                    Err(error) => assert!(pending && error.into_sink() == sink),
                }
            }
            Op::RegisterNew { id, owner, target, timeout } => {
                let deadline = timeout.from(now);
                let new = table.register_new(&owner, &target, deadline, |_| sink);
                tickets.push((sink, new.1));
                model.calls.push(Call { id: new.0, owner, target, deadline, sink });
                model.counts.registered += 1;
                // The call that had the number before is known by its ticket alone.
                ids[id] = new.0;
            }
            Op::Resolve { nth } => {
                if let Some((sink, ticket)) = ticket(nth) {
                    let outcome = Outcome::from(table.resolve(ticket, now));
                    assert_eq!(outcome, model.answer(Some(sink), now));
                }
            }
            Op::ResolveId { id } => {
                let sink = model.sink_of(ids[id]);
                let outcome = Outcome::from(table.resolve_id(ids[id], now));
                assert_eq!(outcome, model.answer(sink, now));
            }
            Op::Fail { nth } => {
                if let Some((sink, ticket)) = ticket(nth) {
                    let expected = model.end(Some(sink), now);
                    model.counts.target_gone += u64::from(matches!(expected, Outcome::Live(_)));
                    assert_eq!(Outcome::from(table.fail(ticket, now)), expected);
                }
            }
            Op::Withdraw { nth } => {
                if let Some((sink, ticket)) = ticket(nth) {
                    let expected = model.take(|call| call.sink == sink).pop();
                    model.counts.withdrawn += u64::from(expected.is_some());
                    assert_eq!(table.withdraw(ticket).map(Call::from), expected);
                }
            }
            Op::Cancel { id, owner } => {
                let id = ids[id];
                let call = model.calls.iter().find(|call| call.id == id).copied();
                match table.cancel(id, &owner, now) {
                    Ok(entry) => {
                        assert!(entry.owner == owner && entry.deadline() > now);
                        model.counts.cancelled += 1;
                        assert_eq!(
                            model.end(call.map(|call| call.sink), now),
                            Outcome::Live(entry.into())
                        );
                    }
                    Err(CancelRefusal::NotFound) => assert_eq!(call, None),
                    Err(CancelRefusal::NotOwner) => assert!(call.unwrap().owner != owner),
                    Err(CancelRefusal::Expired(entry)) => {
                        assert_eq!(entry.owner, owner);
                        assert_eq!(
                            model.end(call.map(|call| call.sink), now),
                            Outcome::Expired(entry.into())
                        );
                    }
                }
            }
            Op::TakeIf { id, target, outcome } => {
                let id = ids[id];
                let expected = model.take(|call| call.id == id && call.target == target).pop();
                let taken = table.take_if(id, outcome, |call| *call.target == target);
                assert_eq!(taken.map(Call::from), expected);
                let counts = &mut model.counts;
                *match outcome {
                    CallOutcome::Completed => &mut counts.completed,
                    CallOutcome::TimedOut => &mut counts.timed_out,
                    CallOutcome::Cancelled => &mut counts.cancelled,
                    CallOutcome::TargetGone => &mut counts.target_gone,
                    CallOutcome::Withdrawn => &mut counts.withdrawn,
                } += u64::from(expected.is_some());
            }
            Op::EndOwner { owner } => {
                let expected = model.take(|call| call.owner == owner);
                model.counts.owner_gone += expected.len() as u64;
                assert_eq!(collect(|ended| table.end_owner(&owner, ended)), sorted(expected));
            }
            Op::EndTarget { target } => {
                let expected = model.take(|call| call.target == target);
                model.counts.target_gone += expected.len() as u64;
                assert_eq!(collect(|ended| table.end_target(&target, ended)), sorted(expected));
            }
            Op::Expire => {
                let expected = model.take(|call| call.deadline <= now);
                model.counts.timed_out += expected.len() as u64;
                assert_eq!(collect(|ended| table.expire(now, ended)), sorted(expected));
            }
            Op::ExpireSome { max } => {
                let due = model.calls.iter().filter(|call| call.deadline <= now).count();
                let ended = collect(|ended| table.expire_up_to(now, max, ended));
                assert_eq!(ended.len(), due.min(max));
                assert!(ended.iter().all(|call| call.deadline <= now));
                model.counts.timed_out += ended.len() as u64;
                model.take(|call| ended.contains(call));
            }
            Op::Arm => match (table.arm(now), model.next()) {
                (Some(armed), Some(next)) => assert!(armed <= next.max(now) && armed >= now),
                (armed, next) => assert_eq!(armed, next),
            },
            Op::Pass { time } => now += time,
            Op::PassToNext { less } => {
                let far = now + Duration::from_secs(1 << 20);
                let next = model.next().filter(|next| *next < far).unwrap_or(now);
                now = now.max(next.checked_sub(Duration::from_nanos(less)).unwrap_or(now));
            }
            Op::Shrink => table.shrink(),
        }
        model.counts.pending = model.calls.len() as u64;
        assert_eq!(table.counts(), model.counts);
        assert_eq!(table.pending_count(), model.calls.len());
        let mut seen = Vec::new();
        table.visit_all(|call| seen.push(Call::from(call)));
        assert_eq!(sorted(seen), model.calls);
        for owner in 0..5 {
            let mut seen = Vec::new();
            table.visit_owner(&owner, |call| seen.push(Call::from(call)));
            let expected = model.calls.iter().filter(|call| call.owner == owner);
            assert_eq!(sorted(seen), expected.copied().collect::<Vec<_>>());
        }
        let any = ids[sink as usize % IDS];
        let expected = model.calls.iter().find(|call| call.id == any).copied();
        assert_eq!(table.peek_id(any, |call| Call::from(call)), expected);
        if let Some((sink, ticket)) = tickets.last().copied() {
            let left = model.calls.iter().find(|call| call.sink == sink);
            let left = left.map(|call| call.deadline.saturating_duration_since(now));
            assert_eq!(table.remaining(ticket, now), left);
            assert_eq!(table.is_pending(ticket), left.is_some());
        }
    }
    // Driven by what `arm` says alone, the rest fires, each at its deadline.
    while let Some(next) = table.arm(now) {
        now = next;
        let expected = model.take(|call| call.deadline <= now);
        assert!(expected.iter().all(|call| call.deadline <= now));
        assert_eq!(collect(|ended| table.expire(now, ended)), sorted(expected));
    }
    assert_eq!(model.calls, []);
    assert_empty(&table);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn behaves_like_a_list(ops in vec(op(), 1..250)) {
        run(ops);
    }
}
