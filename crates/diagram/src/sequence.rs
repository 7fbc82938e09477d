//! A recording as a Mermaid sequence diagram.

use std::fmt::Write;

use crate::lanes::Lane;
use crate::model::{Bad, Call, Cast, Denial, Item, Life, Note, Publish, Recording, Step, bytes};
use crate::names::Name;
use crate::record::{Payload, What};
use crate::text::mermaid as escaped;
use crate::time::length;

/// How many arrows and notes are drawn. More than that nobody can read.
const MOST: usize = 400;

/// Mermaid refuses texts of more than 50,000 characters.
const MOST_BYTES: usize = 45_000;

/// Draws a recording as a Mermaid `sequenceDiagram`: calls with a filled arrow and the time that
/// they are served, answers dashed, casts and copies of what was published with an open arrow,
/// what was denied or came to nothing with a cross, the rest as notes.
///
/// It has at most 400 arrows and notes and 45,000 bytes; a note at its end says how many more
/// there would be.
#[must_use]
pub fn mermaid(recording: &Recording) -> String {
    let mut out = String::from("sequenceDiagram\n");
    for (lane, title) in recording.lane_titles().iter().enumerate() {
        line(&mut out, format_args!("participant c{lane} as {}", escaped(title)));
    }
    let all = match recording.lanes.count() {
        0 => {
            line(&mut out, format_args!("participant c0 as nobody"));
            "c0".to_owned()
        }
        1 => "c0".to_owned(),
        count => format!("c0,c{}", count - 1),
    };
    let mut sequence = Sequence { recording, all: &all, strokes: Vec::new() };
    for item in &recording.items {
        sequence.draw(item);
    }
    let mut strokes = sequence.strokes;
    strokes.sort_by_key(|(step, _)| *step);
    let mut kept = 0;
    for (_, stroke) in strokes.iter().take(MOST) {
        if out.len() + stroke.len() > MOST_BYTES {
            break;
        }
        out.push_str(stroke);
        kept += 1;
    }
    if kept < strokes.len() {
        let more = strokes.len() - kept;
        line(&mut out, format_args!("Note over {all}: {more} more arrows and notes were left out"));
    }
    for remark in recording.remarks() {
        line(&mut out, format_args!("Note over {all}: {}", escaped(&remark)));
    }
    if strokes.is_empty() {
        line(&mut out, format_args!("Note over {all}: nothing was recorded"));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    _ = writeln!(out, "    {text}");
}

struct Sequence<'a> {
    recording: &'a Recording,
    all: &'a str,
    /// Whole lines, at their steps.
    strokes: Vec<(Step, String)>,
}

impl Sequence<'_> {
    fn draw(&mut self, item: &Item) {
        match item {
            Item::Cast(cast) => self.cast(cast),
            Item::Call(call) => self.call(call),
            Item::Publish(publish) => self.publish(publish),
            Item::Denial(denial) => self.denial(denial),
            Item::Life(life) => self.life(life),
            Item::Note(note) => self.note(note),
        }
    }

    fn cast(&mut self, cast: &Cast) {
        let what = format!("cast{}", size(cast.payload));
        let Some(step) = cast.sent.or(cast.delivered) else {
            return self.bad(cast.bad, cast.whom);
        };
        self.message(step, cast.who, cast.whom, never_came(cast.delivered, cast.bad), &what);
        self.bad(cast.bad, cast.whom);
    }

    fn publish(&mut self, publish: &Publish) {
        let topic = escaped(self.recording.text(publish.topic));
        let what = format!("publish {topic}{}", size(publish.payload));
        for copy in &publish.copies {
            if let Some(step) = publish.sent.or(copy.delivered) {
                let lost = never_came(copy.delivered, copy.bad);
                self.message(step, publish.who, copy.whom, lost, &what);
            }
            self.bad(copy.bad, copy.whom);
        }
        if let Some(step) = publish.sent
            && publish.copies.is_empty()
        {
            self.note_over(step, publish.who, &format!("{what}: nobody got it"));
        }
    }

    /// An arrow without an answer.
    fn message(
        &mut self,
        step: Step,
        who: Option<Name>,
        whom: Option<Name>,
        lost: bool,
        what: &str,
    ) {
        let arrow = if lost { "-x" } else { "-)" };
        match (self.recording.lane(who), self.recording.lane(whom)) {
            (Some(from), Some(to)) => self.put(step, format_args!("c{from}{arrow}c{to}: {what}")),
            (None, Some(to)) => self.put(step, format_args!("c{to}{arrow}c{to}: {what}")),
            (Some(from), None) => self.put(step, format_args!("Note over c{from}: {what}")),
            (None, None) => {}
        }
    }

    fn bad(&mut self, bad: Option<Bad>, whom: Option<Name>) {
        if let Some(Bad { step, why, dead }) = bad {
            let what = if dead { "dead letter" } else { "error in the handler" };
            let why = escaped(self.recording.text(why));
            self.note_over(step, whom, &format!("{what}, {why}"));
        }
    }

    fn call(&mut self, call: &Call) {
        let lanes = (self.recording.lane(call.who), self.recording.lane(call.whom));
        let begun = call.sent.or(call.delivered);
        if let Some(step) = begun {
            let what = format!("call{}", size(call.payload));
            match lanes {
                (Some(from), Some(to)) => self.put(step, format_args!("c{from}->>+c{to}: {what}")),
                (None, Some(to)) => self.put(step, format_args!("c{to}->>+c{to}: {what}")),
                (Some(from), None) => self.put(step, format_args!("Note over c{from}: {what}")),
                (None, None) => {}
            }
        }
        let cancelled = call.cancelled.map(|step| (step, "cancelled", Payload::default()));
        let ended = call.end.map(|end| (end.step, self.recording.text(end.why), end.payload));
        if let Some((step, why, payload)) = ended.or(cancelled) {
            let after = match begun {
                Some(begun) => match self.recording.between(begun, step) {
                    // Within one tick of the audit's clock.
                    0 => ", at once".to_owned(),
                    micros => format!(", after {}", length(micros)),
                },
                None => String::new(),
            };
            let outcome = format!("{}{}{after}", escaped(why), size(payload));
            self.end(step, lanes, why, begun.is_some(), &outcome);
        }
        self.bad(call.bad, call.who);
    }

    fn end(
        &mut self,
        step: Step,
        (from, to): (Option<Lane>, Option<Lane>),
        why: &str,
        active: bool,
        outcome: &str,
    ) {
        let arrow = match why {
            "answered" => Some("-->>"),
            "failed" | "invalid-payload" | "crashed" => Some("--x"),
            _ => None,
        };
        let ends = if active { "-" } else { "" };
        match (to, from.or(to), arrow) {
            (Some(to), Some(from), Some(arrow)) => {
                self.put(step, format_args!("c{to}{arrow}{ends}c{from}: {outcome}"));
            }
            (Some(to), Some(from), None) => {
                if active {
                    self.put(step, format_args!("deactivate c{to}"));
                }
                self.put(step, format_args!("Note over c{from},c{to}: {outcome}"));
            }
            (_, Some(only), _) => self.put(step, format_args!("Note over c{only}: {outcome}")),
            _ => {}
        }
    }

    fn denial(&mut self, denial: &Denial) {
        let what = denial.what.map_or("something", What::as_str);
        let why = escaped(self.recording.text(denial.why));
        let times =
            if denial.count > 1 { format!(", {} times", denial.count) } else { String::new() };
        let target = self.recording.lane(denial.target);
        match (self.recording.lane(denial.who), target) {
            (Some(from), Some(to)) if from != to => {
                let text = format_args!("c{from}--xc{to}: {what} denied, {why}{times}");
                self.put(denial.step, text);
            }
            _ => {
                let target = match self.recording.text(denial.target) {
                    "" => String::new(),
                    text => format!(" {}", escaped(text)),
                };
                let text = format!("denied: {what}{target}, {why}{times}");
                self.note_over(denial.step, denial.who, &text);
            }
        }
    }

    fn life(&mut self, life: &Life) {
        let why = escaped(self.recording.text(life.why));
        let text = match life.what {
            "load" => "loaded".to_owned(),
            "unload" => "unloaded".to_owned(),
            "restart" => format!("crashed, {why}, and restarted"),
            _ => format!("failed, {why}"),
        };
        self.note_over(life.step, life.whom, &text);
    }

    fn note(&mut self, note: &Note) {
        let text = escaped(self.recording.text(note.text));
        let text = match note.what {
            "subscribe" => format!("subscribes to {text}"),
            "unsubscribe" => format!("unsubscribes from {text}"),
            "dropped" => format!("{} records are missing here, {text}", note.count),
            _ => format!("{}: {text}", escaped(self.recording.text(note.who))),
        };
        self.note_over(note.step, note.who, &text);
    }

    /// Over a component's lane; over all, if it has none.
    fn note_over(&mut self, step: Step, who: Option<Name>, text: &str) {
        match self.recording.lane(who) {
            Some(lane) => self.put(step, format_args!("Note over c{lane}: {text}")),
            None => {
                let all = self.all;
                self.put(step, format_args!("Note over {all}: {text}"));
            }
        }
    }

    fn put(&mut self, step: Step, text: std::fmt::Arguments<'_>) {
        let mut stroke = String::new();
        line(&mut stroke, text);
        self.strokes.push((step, stroke));
    }
}

/// Whether nobody was given it, as far as is known.
fn never_came(delivered: Option<Step>, bad: Option<Bad>) -> bool {
    delivered.is_none() && bad.is_some()
}

fn size(payload: Payload) -> String {
    payload.size.map_or(String::new(), |size| format!(", {}", bytes(size)))
}

#[cfg(test)]
#[path = "sequence_tests.rs"]
mod tests;
