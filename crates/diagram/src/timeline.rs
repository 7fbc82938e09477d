//! A recording as one HTML page: time from left to right, a lane for each component.

use serde::Serialize;

use crate::lanes::Lane;
use crate::model::{
    Bad, Call, Cast, Denial, Item, Life, Note, Publish, Recording, Step, bytes, codec,
};
use crate::names::Name;
use crate::page::Page;
use crate::record::{Payload, What};
use crate::text::json_in_script;
use crate::time::length;

/// How many things a page draws. Each takes some 200 bytes.
const MOST: usize = 50_000;

/// Draws a recording as one HTML page, which opens without a network: time from left to right, a
/// lane for each component, casts, calls and their answers, copies of what was published, timeouts,
/// cancels, denials, dead letters, crashes. Who points at something is told the details; a click
/// follows its trace. It can be zoomed, and follows whether the browser is set to dark or light.
///
/// It has at most 50,000 messages and notes, and says how many more there would be.
#[must_use]
pub fn html(recording: &Recording) -> String {
    let items = recording.items.iter().take(MOST);
    let drawing = Drawing { recording };
    let data = Data {
        lanes: recording.lane_titles(),
        others: recording.lanes.others() > 0,
        start: recording.at(0),
        times: recording.times.iter().map(|at| at - recording.at(0)).collect(),
        items: items.map(|item| drawing.item(item)).collect(),
    };
    let json = serde_json::to_string(&data).unwrap_or_default();
    let mut remarks = recording.remarks();
    if recording.items.len() > MOST {
        let more = recording.items.len() - MOST;
        remarks.push(format!("{more} more messages and notes were left out."));
    }
    Page {
        title: "What the components said",
        subtitle: &subtitle(recording),
        remarks: &remarks,
        style: include_str!("../assets/timeline.css"),
        body: include_str!("../assets/timeline.html"),
        data: &json_in_script(&json),
        script: concat!(
            include_str!("../assets/timeline-scale.js"),
            include_str!("../assets/timeline-details.js"),
            include_str!("../assets/timeline-shapes.js"),
            include_str!("../assets/timeline-overview.js"),
            include_str!("../assets/timeline.js"),
        ),
    }
    .html()
}

fn subtitle(recording: &Recording) -> String {
    let sum = recording.summary();
    let some = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {more}"),
    };
    let span = i64::try_from(recording.span().as_micros()).unwrap_or(i64::MAX);
    let mut parts = vec![
        some(sum.components, "component", "components"),
        some(sum.casts, "cast", "casts"),
        some(sum.calls, "call", "calls"),
        some(sum.publishes, "publish", "publishes"),
    ];
    let denials = usize::try_from(sum.denials).unwrap_or(usize::MAX);
    for (count, one, more) in [
        (sum.timeouts, "timeout", "timeouts"),
        (denials, "denial", "denials"),
        (sum.restarts, "restart", "restarts"),
    ] {
        if count > 0 {
            parts.push(some(count, one, more));
        }
    }
    format!("{} in {}", parts.join(", "), length(span))
}

/// What the page's script draws. Keys are short, since there are many.
#[derive(Serialize)]
struct Data {
    lanes: Vec<String>,
    /// The last lane is that of all others.
    others: bool,
    /// Microseconds since 1970.
    start: i64,
    /// Of each step, microseconds since then.
    times: Vec<i64>,
    items: Vec<Drawn>,
}

/// One thing: a message has `from`, `to` or copies, a note has neither or `from`.
#[derive(Serialize, Default)]
struct Drawn {
    /// What it is: `cast`, `call`, `publish`, `denial`, `life`, `note`.
    k: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Lane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Lane>,
    /// Who, if the lane does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whom: Option<String>,
    /// What a note says, or was tried; the topic of a publish.
    #[serde(skip_serializing_if = "str::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    back: Option<Step>,
    /// How a call ended; why something was denied or a component crashed.
    #[serde(skip_serializing_if = "str::is_empty")]
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<DrawnBad>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<DrawnCopy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
    /// Of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

#[derive(Serialize)]
struct DrawnBad {
    at: Step,
    dead: bool,
    why: String,
}

#[derive(Serialize)]
struct DrawnCopy {
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Lane>,
    whom: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<DrawnBad>,
}

struct Drawing<'a> {
    recording: &'a Recording,
}

impl Drawing<'_> {
    fn item(&self, item: &Item) -> Drawn {
        match item {
            Item::Cast(cast) => self.cast(cast),
            Item::Call(call) => self.call(call),
            Item::Publish(publish) => self.publish(publish),
            Item::Denial(denial) => self.denial(denial),
            Item::Life(life) => self.life(life),
            Item::Note(note) => self.note(note),
        }
    }

    fn text(&self, name: Option<Name>) -> String {
        self.recording.text(name).to_owned()
    }

    fn some(&self, name: Option<Name>) -> Option<String> {
        name.map(|name| self.recording.names.get(name).to_owned())
    }

    fn bad(&self, bad: Option<Bad>) -> Option<DrawnBad> {
        bad.map(|bad| DrawnBad { at: bad.step, dead: bad.dead, why: self.text(bad.why) })
    }

    /// What all messages have.
    fn message(
        &self,
        k: &'static str,
        [who, whom]: [Option<Name>; 2],
        payload: Payload,
        trace: Option<Name>,
    ) -> Drawn {
        Drawn {
            k,
            from: self.recording.lane(who),
            to: self.recording.lane(whom),
            who: self.hidden(who),
            whom: self.hidden(whom),
            size: payload.size.map(bytes),
            codec: payload.codec.map(codec),
            trace: self.some(trace),
            ..Drawn::default()
        }
    }

    /// A name that its lane does not say.
    fn hidden(&self, name: Option<Name>) -> Option<String> {
        let lanes = &self.recording.lanes;
        let alone = lanes.count() - usize::from(lanes.others() > 0);
        match self.recording.lane(name) {
            Some(lane) if lane < alone => None,
            _ => self.some(name),
        }
    }

    fn cast(&self, cast: &Cast) -> Drawn {
        Drawn {
            sent: cast.sent,
            got: cast.delivered,
            bad: self.bad(cast.bad),
            ..self.message("cast", [cast.who, cast.whom], cast.payload, cast.trace)
        }
    }

    fn call(&self, call: &Call) -> Drawn {
        let end = call.end;
        Drawn {
            sent: call.sent,
            got: call.delivered,
            cancelled: call.cancelled,
            end: end.map(|end| end.step),
            back: call.callback,
            why: end.map_or(String::new(), |end| self.text(end.why)),
            bad: self.bad(call.bad),
            answer: end.and_then(|end| end.payload.size).map(bytes),
            request: self.some(call.request),
            ..self.message("call", [call.who, call.whom], call.payload, call.trace)
        }
    }

    fn publish(&self, publish: &Publish) -> Drawn {
        let copies = publish.copies.iter().map(|copy| DrawnCopy {
            to: self.recording.lane(copy.whom),
            whom: self.text(copy.whom),
            got: copy.delivered,
            bad: self.bad(copy.bad),
        });
        Drawn {
            text: self.text(publish.topic),
            sent: publish.sent,
            copies: copies.collect(),
            ..self.message("publish", [publish.who, None], publish.payload, publish.trace)
        }
    }

    fn denial(&self, denial: &Denial) -> Drawn {
        let payload = Payload { codec: None, size: denial.size };
        Drawn {
            to: self.recording.lane(denial.target),
            whom: self.some(denial.target),
            text: denial.what.map_or("something", What::as_str).to_owned(),
            sent: Some(denial.step),
            why: self.text(denial.why),
            request: self.some(denial.request),
            count: (denial.count > 1).then_some(denial.count),
            ..self.message("denial", [denial.who, None], payload, None)
        }
    }

    fn life(&self, life: &Life) -> Drawn {
        Drawn {
            k: "life",
            from: self.recording.lane(life.whom),
            who: self.hidden(life.whom),
            text: life.what.to_owned(),
            more: self.some(life.detail),
            whom: self.some(life.by),
            sent: Some(life.step),
            why: self.text(life.why),
            count: life.incarnation,
            ..Drawn::default()
        }
    }

    fn note(&self, note: &Note) -> Drawn {
        Drawn {
            k: "note",
            from: self.recording.lane(note.who),
            who: self.hidden(note.who),
            text: note.what.to_owned(),
            why: self.text(note.text),
            more: self.some(note.more),
            sent: Some(note.step),
            count: (note.what == "dropped").then_some(note.count),
            ..Drawn::default()
        }
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
