//! The manager against lists that are searched from end to end.

use std::time::{Duration, Instant};

use castcall_core::{ComponentId, ComponentMessage, CorrelationId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::entry::CallOutcome;

const IDS: usize = 12;
const LIMIT: usize = 4;
const REMEMBERED: usize = 5;
const MAX: Duration = Duration::from_millis(40);

#[derive(Debug, Clone)]
enum Op {
    Register { id: Option<usize>, owner: usize, path: usize, timeout: Option<Duration> },
    Respond { own: Option<usize>, explicit: Option<usize> },
    Cancel { id: usize },
    Take { id: usize, outcome: CallOutcome },
    EndOwner { owner: usize },
    Expire,
    Pass { time: Duration },
    Shrink,
}

fn op() -> impl Strategy<Value = Op> {
    use CallOutcome::{Cancelled, Completed, TargetGone, TimedOut, Withdrawn};
    let maybe = || prop::option::of(0..IDS);
    let outcomes = vec![Completed, TimedOut, Cancelled, TargetGone, Withdrawn];
    let timeout = prop::option::of((0..45_u64).prop_map(Duration::from_millis));
    prop_oneof![
        8 => (prop::option::weighted(0.8, 0..IDS), 0..3_usize, 0..3_usize, timeout)
            .prop_map(|(id, owner, path, timeout)| Op::Register { id, owner, path, timeout }),
        4 => (maybe(), maybe()).prop_map(|(own, explicit)| Op::Respond { own, explicit }),
        1 => (0..IDS).prop_map(|id| Op::Cancel { id }),
        1 => (0..IDS, prop::sample::select(outcomes))
            .prop_map(|(id, outcome)| Op::Take { id, outcome }),
        1 => (0..3_usize).prop_map(|owner| Op::EndOwner { owner }),
        2 => Just(Op::Expire),
        3 => (0..20_u64).prop_map(|ms| Op::Pass { time: Duration::from_millis(ms) }),
        1 => Just(Op::Shrink),
    ]
}

/// What a rejection says, without the message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reason {
    NoId,
    Unknown,
    Resolved,
    TimedOut,
    Cancelled,
}

fn reason(rejected: &RejectedResponse) -> Reason {
    match rejected {
        RejectedResponse::NoCorrelationId { .. } => Reason::NoId,
        RejectedResponse::Unknown { .. } => Reason::Unknown,
        RejectedResponse::AlreadyResolved { .. } => Reason::Resolved,
        RejectedResponse::TimedOut { .. } => Reason::TimedOut,
        RejectedResponse::Cancelled { .. } => Reason::Cancelled,
    }
}

#[derive(Default)]
struct Model {
    pending: Vec<PendingResponse>,
    ended: Vec<(CorrelationId, Reason)>,
    rejected: u64,
}

impl Model {
    fn find(&self, id: CorrelationId) -> Option<&PendingResponse> {
        self.pending.iter().find(|pending| pending.correlation_id == id)
    }

    fn take(
        &mut self,
        reason: Reason,
        wanted: impl Fn(&PendingResponse) -> bool,
    ) -> Vec<PendingResponse> {
        let (taken, kept) = self.pending.drain(..).partition(wanted);
        self.pending = kept;
        let taken: Vec<PendingResponse> = taken;
        if reason != Reason::Unknown {
            self.ended.extend(taken.iter().map(|taken| (taken.correlation_id, reason)));
        }
        taken
    }

    /// Takes one out in time, or says why not.
    fn end(
        &mut self,
        id: CorrelationId,
        reason: Reason,
        now: Instant,
    ) -> Result<PendingResponse, Reason> {
        match self.find(id) {
            Some(found) if found.registered_at + found.timeout <= now => Err(Reason::TimedOut),
            Some(_) => Ok(self.take(reason, |pending| pending.correlation_id == id).remove(0)),
            None => {
                let remembered = self.ended.iter().rev().take(REMEMBERED);
                let mut remembered = remembered.filter(|(ended, _)| *ended == id);
                Err(remembered.next().map_or(Reason::Unknown, |(_, reason)| *reason))
            }
        }
    }

    fn list(&self, now: Instant, owner: Option<&ComponentId>) -> Vec<PendingResponseSnapshot> {
        let theirs =
            self.pending.iter().filter(|one| owner.is_none_or(|owner| *owner == one.owner));
        let mut list: Vec<_> = theirs
            .map(|one| PendingResponseSnapshot {
                correlation_id: one.correlation_id,
                owner: one.owner.clone(),
                target: one.target.clone(),
                reply_to: one.reply_to.clone(),
                timeout: one.timeout,
                age: now - one.registered_at,
                remaining: (one.registered_at + one.timeout).saturating_duration_since(now),
            })
            .collect();
        list.sort_by_key(|one| (std::cmp::Reverse(one.age), one.correlation_id));
        list
    }
}

fn by_id(mut list: Vec<PendingResponse>) -> Vec<PendingResponse> {
    list.sort_by_key(|one| one.correlation_id);
    list
}

fn run(ops: Vec<Op>) {
    let config = ResponseConfig {
        max_timeout: MAX,
        max_pending_per_owner: LIMIT,
        max_remembered: REMEMBERED,
    };
    let manager = ResponseManager::with_config(config);
    let mut model = Model::default();
    let ids: Vec<_> = (0..IDS).map(|_| CorrelationId::new()).collect();
    let owners = ["a", "b/c", "host"].map(|owner| ComponentId::new(owner).unwrap());
    let paths = ["a", "t.u", "x://y"].map(|path| ReplyPath::new(path).unwrap());
    let mut now = Instant::now();
    for op in ops {
        match op {
            Op::Register { id, owner, path, timeout } => {
                let (owner, reply_to) = (&owners[owner], paths[path].clone());
                let mut message = ComponentMessage::new(owner.clone(), owners[0].clone(), "m");
                message.correlation_id = id.map(|id| ids[id]);
                let required = ResponseRequired { reply_to, timeout };
                let registered = manager.register_response_required_for_at(
                    owner,
                    &message,
                    required.clone(),
                    now,
                );
                let length = timeout.unwrap_or(MAX);
                let theirs = model.pending.iter().filter(|one| one.owner == *owner).count();
                match registered {
                    Ok(registered) => {
                        assert!(!length.is_zero() && length <= MAX && theirs < LIMIT);
                        assert!(model.find(registered).is_none());
                        assert!(id.is_none_or(|id| ids[id] == registered));
                        model.pending.push(PendingResponse {
                            correlation_id: registered,
                            owner: owner.clone(),
                            target: owners[0].clone(),
                            reply_to: required.reply_to,
                            timeout: length,
                            registered_at: now,
                        });
                    }
                    Err(refused) => {
                        match &refused {
                            RegisterResponseError::InvalidTimeout { .. } => {
                                assert!(length.is_zero() || length > MAX);
                            }
                            RegisterResponseError::TooManyPending { .. } => {
                                assert_eq!(theirs, LIMIT);
                            }
                            RegisterResponseError::AlreadyPending { id: pending, .. } => {
                                assert!(model.find(*pending).is_some());
                            }
                        }
                        assert_eq!(refused.into_required(), required);
                    }
                }
            }
            Op::Respond { own, explicit } => {
                let mut message = ComponentMessage::new(owners[0].clone(), owners[1].clone(), "r");
                message.correlation_id = own.map(|id| ids[id]);
                let expected = match explicit.or(own) {
                    None => Err(Reason::NoId),
                    Some(id) => model.end(ids[id], Reason::Resolved, now),
                };
                model.rejected += u64::from(expected.is_err());
                let explicit = explicit.map(|id| ids[id]);
                let handled = manager.handle_response_at(message.clone(), explicit, now);
                let handled = handled.map_err(|rejected| {
                    let reason = reason(&rejected);
                    assert_eq!(rejected.into_message(), message);
                    reason
                });
                assert_eq!(handled, expected.map(|pending| (pending, message)));
            }
            Op::Cancel { id } => {
                let expected = model.end(ids[id], Reason::Cancelled, now).is_ok();
                assert_eq!(manager.cancel_at(ids[id], now), expected);
            }
            Op::Take { id, outcome } => {
                let reason = match outcome {
                    CallOutcome::Completed | CallOutcome::TargetGone => Reason::Resolved,
                    CallOutcome::TimedOut => Reason::TimedOut,
                    CallOutcome::Cancelled => Reason::Cancelled,
                    CallOutcome::Withdrawn => Reason::Unknown,
                };
                let expected = model.take(reason, |one| one.correlation_id == ids[id]).pop();
                assert_eq!(manager.take(ids[id], outcome), expected);
            }
            Op::EndOwner { owner } => {
                let owner = &owners[owner];
                // What order a sweep has is the table's secret: the memory follows it.
                let mut ended = Vec::new();
                manager.end_owner(owner, |pending| ended.push(pending));
                let before = model.ended.len();
                let expected = model.take(Reason::Cancelled, |one| one.owner == *owner);
                model.ended.truncate(before);
                let order = ended.iter().map(|one| (one.correlation_id, Reason::Cancelled));
                model.ended.extend(order);
                assert_eq!(by_id(ended), by_id(expected));
            }
            Op::Expire => {
                let mut sent = Vec::new();
                manager.expire_at(now, |to, response| sent.push((to, response)));
                let before = model.ended.len();
                let due = |one: &PendingResponse| one.registered_at + one.timeout <= now;
                let expected = by_id(model.take(Reason::TimedOut, due));
                model.ended.truncate(before);
                let order = sent.iter().map(|(_, sent)| (sent.correlation_id, Reason::TimedOut));
                model.ended.extend(order);
                sent.sort_by_key(|(_, response)| response.correlation_id);
                let expected = expected.into_iter();
                let expected = expected.map(|one| (one.reply_to.clone(), one.timeout_response()));
                assert_eq!(sent, expected.collect::<Vec<_>>());
            }
            Op::Pass { time } => now += time,
            Op::Shrink => manager.shrink(),
        }
        assert_eq!(manager.list_all_pending_at(now), model.list(now, None));
        let mut active = 0;
        for owner in &owners {
            let list = model.list(now, Some(owner));
            active += usize::from(!list.is_empty());
            assert_eq!(manager.list_pending_for_at(owner, now), list);
        }
        let status = manager.status();
        assert_eq!((status.count, status.owners), (model.pending.len(), active));
        assert_eq!(manager.counts().orphaned, model.rejected);
        for id in &ids {
            let expected = model.find(*id).map(|one| one.reply_to.clone());
            assert_eq!(manager.get_reply_to(*id), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn behaves_like_lists(ops in vec(op(), 1..150)) {
        run(ops);
    }
}
