//! Finds out which records are of one message.
//!
//! Calls have an id. Casts and publishes have none: they are matched by who, whom and topic, in
//! order, and by codec and size where both records say them. So a cast that is given again after a
//! crash has a second delivery that no send belongs to.

use std::collections::{HashMap, VecDeque};

use castcall_core::{Pattern, Topic};

use crate::model::{Bad, ByName, Call, Cast, Copied, Denial, End, Item, Life, Note, Publish, Step};
use crate::names::{Name, Names};
use crate::order::{Flow, flow};
use crate::record::{Kind, Payload, Record, What};

/// How far to look for a message of the same size.
const WINDOW: usize = 64;

/// The place of an item among all, and of a copy within it.
#[derive(Debug, Clone, Copy)]
struct Place {
    item: usize,
    copy: usize,
}

/// A queue group, or a subscriber by itself: who gets one copy of each publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Share {
    Of(Option<Name>),
    Group(Name),
}

pub(crate) struct Matching<'a> {
    names: &'a Names,
    items: Vec<Item>,
    calls: HashMap<Name, usize>,
    /// Casts that were not delivered yet.
    casts: HashMap<Flow, VecDeque<usize>>,
    publishes: HashMap<Flow, Vec<usize>>,
    /// The first publish that a subscriber has no copy of.
    next_copy: HashMap<(Flow, Share), usize>,
    groups: ByName<Vec<(Pattern, Name)>>,
    /// What each component got last: it handles one at a time.
    in_hand: ByName<Place>,
    /// The last callback that each was entered with.
    called_back: ByName<usize>,
}

impl<'a> Matching<'a> {
    pub(crate) fn new(names: &'a Names) -> Self {
        Self {
            names,
            items: Vec::new(),
            calls: HashMap::new(),
            casts: HashMap::new(),
            publishes: HashMap::new(),
            next_copy: HashMap::new(),
            groups: HashMap::new(),
            in_hand: HashMap::new(),
            called_back: HashMap::new(),
        }
    }

    /// What the records, in order, come to.
    pub(crate) fn items(mut self, records: &[Record]) -> Vec<Item> {
        for (record, step) in records.iter().zip(0..) {
            self.add(record, step);
        }
        self.items
    }

    fn add(&mut self, record: &Record, step: Step) {
        match (record.kind, record.what) {
            (Kind::Send, Some(What::Call)) => {
                let call = self.call(record);
                call.sent.get_or_insert(step);
                call.payload = record.payload;
                call.trace = call.trace.or(record.trace);
            }
            (Kind::Delivery, Some(What::Call)) => {
                let call = self.call(record);
                call.delivered.get_or_insert(step);
                call.whom = record.whom.or(call.whom);
                call.trace = call.trace.or(record.trace);
                if call.sent.is_none() {
                    call.payload = record.payload;
                }
            }
            (Kind::CallEnd, _) => {
                let end = End { step, why: record.why, payload: record.payload };
                self.call(record).end.get_or_insert(end);
            }
            (Kind::Cancel, _) => {
                self.call(record).cancelled.get_or_insert(step);
            }
            (Kind::Delivery, Some(What::Callback)) => self.callback(record, step),
            (Kind::Send, Some(What::Publish)) => {
                let place = self.publish(record);
                if let Item::Publish(publish) = &mut self.items[place] {
                    publish.sent = Some(step);
                }
                if let Some(flow) = flow(record) {
                    self.publishes.entry(flow).or_default().push(place);
                }
            }
            (Kind::Send, _) => {
                let place = self.cast(record);
                if let Item::Cast(cast) = &mut self.items[place] {
                    cast.sent = Some(step);
                }
                if let Some(flow) = flow(record) {
                    self.casts.entry(flow).or_default().push_back(place);
                }
            }
            (Kind::Delivery, _) => {
                let place = self.claim(record);
                *self.delivered(place) = Some(step);
                self.in_hand.insert(record.whom, place);
            }
            (Kind::HandlerError, Some(What::Callback)) => {
                let bad = Bad { step, why: record.why, dead: false };
                if let Some(&place) = self.called_back.get(&record.whom)
                    && let Item::Call(call) = &mut self.items[place]
                {
                    call.bad = Some(bad);
                }
            }
            (Kind::HandlerError, _) => self.went_wrong(record, step, false),
            (Kind::DeadLetter, _) => self.went_wrong(record, step, true),
            (Kind::Denial, _) => self.items.push(Item::Denial(Denial {
                step,
                who: record.who,
                what: record.what,
                target: record.whom.or(record.topic).or(record.pattern),
                why: record.why,
                size: record.payload.size,
                request: record.request,
                count: record.count,
            })),
            (Kind::Load, _) => self.life(record, step, "load"),
            (Kind::Unload, _) => self.life(record, step, "unload"),
            (Kind::Restart, _) => self.life(record, step, "restart"),
            (Kind::Failure, _) => self.life(record, step, "failure"),
            (Kind::Subscribe, _) => {
                self.joined(record);
                self.note(record.who, record.pattern, record.group, record, step, "subscribe");
            }
            (Kind::Unsubscribe, _) => {
                self.note(record.who, record.pattern, record.group, record, step, "unsubscribe");
            }
            (Kind::CapabilityChange, _) => {
                self.note(
                    record.whom,
                    record.detail,
                    record.who,
                    record,
                    step,
                    "capability-change",
                );
            }
            (Kind::Dropped, _) => self.note(None, record.why, None, record, step, "dropped"),
        }
    }

    fn life(&mut self, record: &Record, step: Step, what: &'static str) {
        self.items.push(Item::Life(Life {
            step,
            whom: record.whom,
            what,
            by: record.who,
            why: record.why,
            incarnation: record.incarnation,
            detail: record.detail,
        }));
    }

    fn note(
        &mut self,
        who: Option<Name>,
        text: Option<Name>,
        more: Option<Name>,
        record: &Record,
        step: Step,
        what: &'static str,
    ) {
        self.items.push(Item::Note(Note { step, what, who, text, more, count: record.count }));
    }

    /// The call of a record: that of its id, or a new one.
    fn call(&mut self, record: &Record) -> &mut Call {
        let new = self.items.len();
        let place = match record.request {
            Some(id) => *self.calls.entry(id).or_insert(new),
            None => new,
        };
        if place == new {
            self.items.push(Item::Call(Call {
                who: record.who,
                whom: record.whom,
                payload: Payload::default(),
                trace: record.trace,
                request: record.request,
                sent: None,
                delivered: None,
                cancelled: None,
                end: None,
                callback: None,
                bad: None,
            }));
        }
        match &mut self.items[place] {
            Item::Call(call) => {
                call.who = call.who.or(record.who);
                call.whom = call.whom.or(record.whom);
                call
            }
            _ => unreachable!("only calls are in the table"),
        }
    }

    fn callback(&mut self, record: &Record, step: Step) {
        // Of a callback both are the requester: a call that is not known is to nobody known.
        let record = Record { whom: None, ..record.clone() };
        let call = self.call(&record);
        call.callback.get_or_insert(step);
        if let Some(&place) = record.request.and_then(|id| self.calls.get(&id)) {
            self.called_back.insert(record.who, place);
        }
    }

    fn cast(&mut self, record: &Record) -> usize {
        self.items.push(Item::Cast(Cast {
            who: record.who,
            whom: record.whom,
            payload: record.payload,
            trace: record.trace,
            sent: None,
            delivered: None,
            bad: None,
        }));
        self.items.len() - 1
    }

    fn publish(&mut self, record: &Record) -> usize {
        self.items.push(Item::Publish(Publish {
            who: record.who,
            topic: record.topic,
            payload: record.payload,
            trace: record.trace,
            sent: None,
            copies: Vec::new(),
        }));
        self.items.len() - 1
    }

    /// The message that a delivery or a dead letter is of.
    fn claim(&mut self, record: &Record) -> Place {
        if record.what == Some(What::Publish) {
            self.claim_copy(record)
        } else {
            self.claim_cast(record)
        }
    }

    fn claim_cast(&mut self, record: &Record) -> Place {
        let waiting = flow(record).and_then(|flow| self.casts.get_mut(&flow));
        let found = waiting.and_then(|waiting| {
            let fits = |&place: &usize| match &self.items[place] {
                Item::Cast(cast) => agree(cast.payload, record.payload),
                _ => false,
            };
            let found = waiting.iter().take(WINDOW).position(fits)?;
            waiting.remove(found)
        });
        Place { item: found.unwrap_or_else(|| self.cast(record)), copy: 0 }
    }

    fn claim_copy(&mut self, record: &Record) -> Place {
        let share = self.share(record);
        let found = flow(record).and_then(|flow| {
            let next = self.next_copy.entry((flow, share)).or_default();
            let published = self.publishes.get(&flow)?.get(*next..)?;
            let fits = |&place: &usize| match &self.items[place] {
                Item::Publish(publish) => agree(publish.payload, record.payload),
                _ => false,
            };
            let found = published.iter().take(WINDOW).position(fits)?;
            *next += found + 1;
            Some(published[found])
        });
        let item = found.unwrap_or_else(|| self.publish(record));
        let Item::Publish(publish) = &mut self.items[item] else {
            unreachable!("only publishes are in the table")
        };
        publish.copies.push(Copied { whom: record.whom, delivered: None, bad: None });
        Place { item, copy: publish.copies.len() - 1 }
    }

    /// Members of a group share its copies, if it is known that they are.
    fn share(&self, record: &Record) -> Share {
        let groups = self.groups.get(&record.whom).map_or(&[][..], Vec::as_slice);
        if groups.is_empty() {
            return Share::Of(record.whom);
        }
        let topic = record.topic.and_then(|topic| Topic::new(self.names.get(topic)).ok());
        let group =
            topic.and_then(|topic| groups.iter().find(|(pattern, _)| pattern.matches(&topic)));
        group.map_or(Share::Of(record.whom), |(_, group)| Share::Group(*group))
    }

    fn joined(&mut self, record: &Record) {
        if let (Some(pattern), Some(group)) = (record.pattern, record.group)
            && let Ok(pattern) = Pattern::new(self.names.get(pattern))
        {
            let groups = self.groups.entry(record.who).or_default();
            if !groups.iter().any(|known| *known == (pattern.clone(), group))
                && groups.len() < WINDOW
            {
                groups.push((pattern, group));
            }
        }
    }

    fn delivered(&mut self, place: Place) -> &mut Option<Step> {
        match &mut self.items[place.item] {
            Item::Cast(cast) => &mut cast.delivered,
            Item::Publish(publish) => &mut publish.copies[place.copy].delivered,
            _ => unreachable!("only casts and publishes have places"),
        }
    }

    fn bad(&mut self, place: Place) -> &mut Option<Bad> {
        match &mut self.items[place.item] {
            Item::Cast(cast) => &mut cast.bad,
            Item::Publish(publish) => &mut publish.copies[place.copy].bad,
            _ => unreachable!("only casts and publishes have places"),
        }
    }

    /// A handler returned an error, or nobody took a message.
    fn went_wrong(&mut self, record: &Record, step: Step, dead: bool) {
        let in_hand = self.in_hand.get(&record.whom).copied();
        let is_it = in_hand.is_some_and(|place| {
            let same = match &self.items[place.item] {
                Item::Cast(cast) => {
                    record.what != Some(What::Publish)
                        && cast.who == record.who
                        && agree(cast.payload, record.payload)
                }
                Item::Publish(publish) => {
                    record.what == Some(What::Publish)
                        && (publish.who, publish.topic) == (record.who, record.topic)
                        && agree(publish.payload, record.payload)
                }
                _ => false,
            };
            // A letter may be dead since its handler crashed; otherwise it never had one.
            let crashed = record.why.is_some_and(|why| self.names.get(why) == "crashed");
            same && (!dead || crashed)
        });
        let place = match in_hand {
            Some(place) if is_it && self.bad(place).is_none() => place,
            _ => self.claim(record),
        };
        *self.bad(place) = Some(Bad { step, why: record.why, dead });
    }
}

/// Whether two records may be of the same payload.
fn agree(one: Payload, other: Payload) -> bool {
    let same =
        |one: Option<u64>, other: Option<u64>| one.is_none() || other.is_none() || one == other;
    same(one.codec, other.codec) && same(one.size, other.size)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
