//! Makes the times of records agree with each other.
//!
//! What comes from outside is stamped exactly, what components do with a clock that ticks: so a
//! delivery may be stamped earlier than its own send, and a handler's answer earlier than what the
//! handler sent. Such a record is as late as what it can't have been before.

use std::collections::{HashMap, HashSet};

use crate::names::Name;
use crate::order::{Flow, flow};
use crate::record::{Kind, Payload, Record, What};

/// A clock that is further behind, in µs, is wrong, and a send that is further ahead is another's.
const SLACK: i64 = 50_000;
/// What is stamped so much later is not of the same tick, however late that came.
const TURN: i64 = 5_000;
/// What follows from what was moved is moved in the next round.
const ROUNDS: usize = 8;

/// What each does is numbered in its order. Where a number stands twice, in a file of several starts,
/// the order of the lines is taken for that.
pub(crate) fn settle(records: &mut [Record]) {
    let mut numbers = HashSet::new();
    if records.iter().all(|record| numbers.insert(record.n)) {
        records.sort_unstable_by_key(|record| record.n);
    }
    let written: Vec<i64> = records.iter().map(|record| record.at).collect();
    for _ in 0..ROUNDS {
        let causes = Causes::of(records);
        if !move_behind(records, &written, &causes) {
            return;
        }
    }
}

/// Casts and publishes that look the same.
type Alike = (Flow, Payload);

/// When what others follow from was.
#[derive(Default)]
struct Causes {
    calls: HashMap<Name, i64>,
    delivered: HashMap<Name, i64>,
    ended: HashMap<Name, i64>,
    sends: HashMap<Alike, Vec<i64>>,
}

impl Causes {
    fn of(records: &[Record]) -> Self {
        let mut causes = Self::default();
        for record in records {
            match (record.kind, record.request) {
                (Kind::Send, Some(id)) => drop(causes.calls.insert(id, record.at)),
                (Kind::Send, None) => {
                    if let Some(flow) = flow(record) {
                        causes.sends.entry((flow, record.payload)).or_default().push(record.at);
                    }
                }
                (Kind::Delivery, Some(id)) if record.what == Some(What::Call) => {
                    causes.delivered.insert(id, record.at);
                }
                (Kind::CallEnd, Some(id)) => drop(causes.ended.insert(id, record.at)),
                _ => {}
            }
        }
        causes
    }
}

/// What somebody did in a tick of the clock.
#[derive(Clone, Copy)]
struct Busy {
    /// The stamp of a delivery, which what followed has too unless it has an exact one.
    tick: i64,
    /// When the last of it was.
    until: i64,
}

/// Whether any was.
fn move_behind(records: &mut [Record], written: &[i64], causes: &Causes) -> bool {
    let mut moved = false;
    // How many of those sends a target has had.
    let mut had: HashMap<(Alike, Option<Name>), usize> = HashMap::new();
    let mut busy: HashMap<Name, Busy> = HashMap::new();
    for (record, &written) in records.iter_mut().zip(written) {
        let at = |all: &HashMap<Name, i64>| record.request.and_then(|id| all.get(&id).copied());
        let answers = record.kind == Kind::CallEnd && record.payload.size.is_some();
        let (cause, who) = match (record.kind, record.what) {
            (Kind::Delivery, Some(What::Call)) => (at(&causes.calls), record.whom),
            (Kind::Delivery, Some(What::Callback)) => (at(&causes.ended), record.whom),
            (Kind::Delivery, _) => {
                let alike = flow(record).map(|flow| (flow, record.payload));
                let send = alike.and_then(|alike| {
                    let had = had.entry((alike, record.whom)).or_default();
                    let send = causes.sends.get(&alike)?.get(*had).copied()?;
                    (send - record.at <= SLACK).then(|| *had += 1)?;
                    Some(send)
                });
                (send, record.whom)
            }
            (Kind::CallEnd, _) if answers => (at(&causes.delivered), record.whom),
            (Kind::CallEnd | Kind::Cancel, _) => (at(&causes.calls), None),
            (Kind::Send, _) => (None, record.who),
            _ => continue,
        };
        let busy = who.map(|who| (busy.get(&who).copied(), busy.entry(who)));
        let in_tick = |busy: &Busy| busy.tick == written;
        let before = busy.as_ref().and_then(|(busy, _)| *busy).filter(in_tick);
        let cause = cause.filter(|&cause| cause - record.at <= SLACK);
        let settled =
            cause.into_iter().chain(before.map(|busy| busy.until)).fold(record.at, i64::max);
        moved |= settled != record.at;
        record.at = settled;
        match busy {
            Some((_, entry)) if record.kind == Kind::Delivery => {
                let until = before.map_or(settled, |busy| busy.until.max(settled));
                entry.insert_entry(Busy { tick: written, until });
            }
            // What it sends in between may have been stamped exactly.
            Some((Some(busy), entry)) if (0..=TURN).contains(&(settled - busy.tick)) => {
                entry.insert_entry(Busy { until: busy.until.max(settled), ..busy });
            }
            _ => {}
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    /// Times, in µs, of lines `µs kind what who whom [id]`.
    fn settled(lines: &[&str]) -> Vec<i64> {
        let mut names = Names::default();
        let mut records: Vec<_> = lines
            .iter()
            .zip(0_u64..)
            .map(|(text, n)| {
                let words: Vec<_> = text.split(' ').collect();
                let id =
                    words.get(5).map_or(String::new(), |id| format!(r#","request_id":"{id}""#));
                let line = format!(
                    r#"{{"v":1,"n":{n},"at":"1970-01-01T00:00:00.{:0>6}Z","kind":"{}","what":"{}","who":"{}","whom":"{}","size":1{id}}}"#,
                    words[0], words[1], words[2], words[3], words[4],
                );
                Record::new(&serde_json::from_str(&line).unwrap(), &mut names).unwrap()
            })
            .collect();
        settle(&mut records);
        records.iter().map(|record| record.at).collect()
    }

    #[test]
    fn a_call_goes_forward_in_time() {
        let lines = [
            "900 send call cli a 1",
            "300 delivery call cli a 1",
            "950 send call a b 2",
            "300 call-end - cli a 1",
            "300 delivery call a b 2",
            "300 call-end - a b 2",
            "300 delivery callback a a 2",
            "300 send cast a b",
            "300 delivery cast a b",
        ];
        assert_eq!(settled(&lines), [900, 900, 950, 950, 950, 950, 950, 950, 950]);
    }

    #[test]
    fn a_cast_goes_forward_in_time() {
        // What caused it may stand behind it.
        let lines = ["300 delivery cast cli a", "300 send cast a b", "900 send cast cli a"];
        assert_eq!(settled(&lines), [900, 900, 900]);
        // The first delivery is of one that is not in the recording.
        let lines = ["300 delivery cast x a", "800000 send cast x a", "800001 delivery cast x a"];
        assert_eq!(settled(&lines), [300, 800_000, 800_001]);
    }

    #[test]
    fn who_was_numbered_by_another_thread_stays() {
        let lines = [
            "13000 send cast x a",
            "13000 delivery cast x a",
            "13100 send cast a b",
            "1000 send cast cli a",
            "1000 delivery cast cli a",
            "1100 send cast a b",
        ];
        assert_eq!(settled(&lines), [13_000, 13_000, 13_100, 1_000, 1_000, 1_100]);
    }

    #[test]
    fn what_agrees_and_what_is_wrong_by_far_stay() {
        let lines = [
            "100 send cast cli a",
            "200 delivery cast cli a",
            "900000 send call cli a 1",
            "300 delivery call cli a 1",
        ];
        assert_eq!(settled(&lines), [100, 200, 900_000, 300]);
    }
}
