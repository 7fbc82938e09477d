//! Puts records in the order in which things happened.
//!
//! An audit's clock ticks once a millisecond, in which a system delivers thousands of messages. So
//! records of one moment stand as they were numbered, which is right for each thread; what stands
//! before its own cause, since another thread's record was written later, is moved behind it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::names::Name;
use crate::record::{Kind, Record, What};

/// What one record has to wait for, and another brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cause {
    /// A call has come so far.
    Call(Name, Stage),
    /// A cast from one to another, or a publish to a topic.
    Message(Flow),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Sent,
    Delivered,
    Ended,
}

/// Casts by sender and target, publishes by sender and topic.
pub(crate) type Flow = (What, Option<Name>, Option<Name>);

/// Casts and publishes, by what they are matched by; `None`: the record is of something else.
pub(crate) fn flow(record: &Record) -> Option<Flow> {
    match record.what {
        Some(what @ What::Cast) => Some((what, record.who, record.whom)),
        Some(what @ What::Publish) => Some((what, record.who, record.topic)),
        _ => None,
    }
}

/// Sorts.
pub(crate) fn arrange(mut records: Vec<Record>) -> Vec<Record> {
    // The audit writes lives apart, and later: what has the same stamp happened to who had come.
    let came = |record: &Record| matches!(record.kind, Kind::Load | Kind::Restart);
    records.sort_by_key(|record| (record.at, !came(record), record.n));
    let mut flows = Flows::default();
    let mut order = Vec::with_capacity(records.len());
    for moment in records.chunk_by(|one, next| one.at == next.at) {
        let from = order.len();
        Moment::new(moment, &mut flows).arrange(|index| order.push(from + index));
    }
    let mut records: Vec<_> = records.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| records[index].take()).collect()
}

/// How many messages were sent, and how many of them each target got.
#[derive(Default)]
struct Flows {
    sent: HashMap<Flow, u64>,
    got: HashMap<(Flow, Option<Name>), u64>,
}

/// Records that are of one moment, as fine as the clock is.
struct Moment<'a> {
    records: &'a [Record],
    flows: &'a mut Flows,
    /// How many records that bring it are still to come.
    to_come: HashMap<Cause, usize>,
    calls: HashMap<Cause, Vec<usize>>,
    /// By target: a publish brings each subscriber one.
    messages: HashMap<Flow, BTreeMap<Option<Name>, VecDeque<usize>>>,
}

impl<'a> Moment<'a> {
    fn new(records: &'a [Record], flows: &'a mut Flows) -> Self {
        let mut to_come = HashMap::new();
        if records.len() > 1 {
            for cause in records.iter().filter_map(brings) {
                *to_come.entry(cause).or_default() += 1;
            }
        }
        Self { records, flows, to_come, calls: HashMap::new(), messages: HashMap::new() }
    }

    fn arrange(mut self, mut put: impl FnMut(usize)) {
        let mut ready = VecDeque::new();
        for index in 0..self.records.len() {
            ready.push_back(index);
            while let Some(index) = ready.pop_front() {
                if !self.waits(index) {
                    put(index);
                    self.placed(index, &mut ready);
                }
            }
        }
    }

    /// Whether its cause is still to come; then it is put aside.
    fn waits(&mut self, index: usize) -> bool {
        let record = &self.records[index];
        let Some(cause) = needs(record) else { return false };
        let is_to_come = self.to_come.get(&cause).is_some_and(|&count| count > 0);
        match cause {
            Cause::Call(..) => {
                if is_to_come {
                    self.calls.entry(cause).or_default().push(index);
                }
                is_to_come
            }
            Cause::Message(flow) => {
                let got = self.flows.got.entry((flow, record.whom)).or_default();
                let sent = self.flows.sent.get(&flow).copied().unwrap_or_default();
                if is_to_come && *got >= sent {
                    let targets = self.messages.entry(flow).or_default();
                    targets.entry(record.whom).or_default().push_back(index);
                    return true;
                }
                *got += 1;
                false
            }
        }
    }

    /// It stands now; who waited for it comes next.
    fn placed(&mut self, index: usize, ready: &mut VecDeque<usize>) {
        let Some(cause) = brings(&self.records[index]) else { return };
        if let Some(count) = self.to_come.get_mut(&cause) {
            *count -= 1;
        }
        match cause {
            // All of a stage are of one call, and each waits for at most one other stage.
            Cause::Call(..) => ready.extend(self.calls.remove(&cause).into_iter().flatten()),
            Cause::Message(flow) => {
                *self.flows.sent.entry(flow).or_default() += 1;
                if let Some(targets) = self.messages.get_mut(&flow) {
                    ready.extend(targets.values_mut().filter_map(VecDeque::pop_front));
                    targets.retain(|_, waiting| !waiting.is_empty());
                }
            }
        }
    }
}

fn brings(record: &Record) -> Option<Cause> {
    let call = |stage| record.request.map(|id| Cause::Call(id, stage));
    match (record.kind, record.what) {
        (Kind::Send, Some(What::Call)) => call(Stage::Sent),
        (Kind::Delivery, Some(What::Call)) => call(Stage::Delivered),
        (Kind::CallEnd, _) => call(Stage::Ended),
        (Kind::Send, _) => flow(record).map(Cause::Message),
        _ => None,
    }
}

fn needs(record: &Record) -> Option<Cause> {
    let call = |stage| record.request.map(|id| Cause::Call(id, stage));
    match (record.kind, record.what) {
        (Kind::Delivery, Some(What::Call)) | (Kind::Cancel, _) => call(Stage::Sent),
        (Kind::CallEnd, _) if has_been_heard(record) => call(Stage::Delivered),
        (Kind::CallEnd, _) => call(Stage::Sent),
        (Kind::Delivery, Some(What::Callback)) => call(Stage::Ended),
        // A dead letter may have been delivered before, and then took its place already.
        (Kind::Delivery, _) => flow(record).map(Cause::Message),
        _ => None,
    }
}

/// Whether the call has ended by what its handler did: it can't be before that was entered. After
/// a timeout it can.
fn has_been_heard(record: &Record) -> bool {
    record.payload.size.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    /// Texts of lines `kind what who whom [id]`, all of one moment.
    fn arranged(lines: &[&str]) -> Vec<usize> {
        let mut names = Names::default();
        let records = lines.iter().zip(0_u64..).map(|(text, n)| {
            let words: Vec<_> = text.split(' ').collect();
            let is_topic = words[1] == "publish";
            let target = if is_topic { "topic" } else { "whom" };
            let more = match words.get(4) {
                Some(whom) if is_topic => format!(r#","whom":"{whom}""#),
                Some(id) => format!(r#","request_id":"{id}""#),
                None => String::new(),
            };
            let size = if words[0] == "call-end" { r#","size":1"# } else { "" };
            let line = format!(
                r#"{{"v":1,"n":{n},"at":"2026-07-25T17:20:00Z","kind":"{}","what":"{}","who":"{}","{target}":"{}"{more}{size}}}"#,
                words[0], words[1], words[2], words[3],
            );
            Record::new(&serde_json::from_str(&line).unwrap(), &mut names).unwrap()
        });
        let records = arrange(records.collect());
        records.iter().map(|record| usize::try_from(record.n).unwrap()).collect()
    }

    #[test]
    fn what_is_in_order_stays() {
        let lines = [
            "send call a b 1",
            "delivery call a b 1",
            "send cast b c",
            "call-end - a b 1",
            "delivery cast b c",
            "delivery callback a a 1",
            "send cast a b",
        ];
        assert_eq!(arranged(&lines), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_call_is_put_in_its_order() {
        let lines = [
            "delivery callback a a 1",
            "call-end - a b 1",
            "delivery call a b 1",
            "send cast x y",
            "send call a b 1",
        ];
        assert_eq!(arranged(&lines), [3, 4, 2, 1, 0]);
    }

    #[test]
    fn who_comes_comes_before_what_it_does() {
        let lines = ["delivery cast a b", "send cast b c", "restart - - b", "load - - c"];
        assert_eq!(arranged(&lines), [2, 3, 0, 1]);
    }

    #[test]
    fn each_delivery_waits_for_a_send_of_its_own() {
        let lines = [
            "send cast a b",
            "delivery cast a b",
            "delivery cast a b",
            "send cast a c",
            "send cast a b",
        ];
        assert_eq!(arranged(&lines), [0, 1, 3, 4, 2]);
        // There is none for the last one: it was sent before the recording began.
        let lines = ["delivery cast a b", "send cast a b", "delivery cast a b"];
        assert_eq!(arranged(&lines), [1, 0, 2]);
    }

    #[test]
    fn each_subscriber_waits_for_the_publish() {
        let lines = [
            "delivery publish a t x",
            "delivery publish a t y",
            "delivery publish a t y",
            "send publish a t",
            "send publish a t",
            "delivery publish a t x",
        ];
        assert_eq!(arranged(&lines), [3, 0, 1, 4, 2, 5]);
    }

    #[test]
    fn many_that_wait_cost_no_square() {
        let mut lines = vec!["delivery cast a b"; 40_000];
        lines.extend(vec!["send cast a b"; 40_000]);
        let order = arranged(&lines);
        assert_eq!(order[..4], [40_000, 0, 40_001, 1]);
    }
}
