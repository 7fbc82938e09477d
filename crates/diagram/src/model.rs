//! What a picture is drawn of: lanes, and what has happened on them and between them.

use std::collections::HashMap;
use std::io::BufRead;
use std::time::Duration;

use crate::error::ReadError;
use crate::lanes::{Lane, Lanes};
use crate::matching::Matching;
use crate::names::{Name, Names};
use crate::order;
use crate::read::{self, Limits, Skipped};
use crate::record::{Payload, What};
use crate::settle::settle;

/// The place of a record in the order of all, from 0.
pub(crate) type Step = u32;

/// What has happened between some components for a while, read from an audit's lines.
///
/// ```
/// use castcall_diagram::{Recording, mermaid};
///
/// let lines = r#"
/// {"v":1,"n":1,"at":"2026-07-25T17:20:00.001000Z","kind":"send","who":"shop/orders","what":"cast","whom":"shop/stock","size":64}
/// {"v":1,"n":2,"at":"2026-07-25T17:20:00.002000Z","kind":"delivery","who":"shop/orders","what":"cast","whom":"shop/stock","size":64}
/// "#;
/// let recording = Recording::read(lines.as_bytes())?;
/// assert_eq!(recording.components().collect::<Vec<_>>(), ["shop/orders", "shop/stock"]);
/// assert_eq!(recording.summary().casts, 1);
/// assert!(mermaid(&recording).contains("c0-)c1: cast, 64 B"));
/// # Ok::<(), castcall_diagram::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    pub(crate) names: Names,
    pub(crate) lanes: Lanes,
    /// When each step was, in microseconds since 1970; never less than that of the step before.
    pub(crate) times: Vec<i64>,
    /// In the order of their first steps.
    pub(crate) items: Vec<Item>,
    skipped: Skipped,
}

/// Something that a picture shows.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Cast(Cast),
    Call(Call),
    Publish(Publish),
    Denial(Denial),
    Life(Life),
    Note(Note),
}

/// How a message came to nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bad {
    pub(crate) step: Step,
    pub(crate) why: Option<Name>,
    /// It became a dead letter; otherwise its handler returned an error.
    pub(crate) dead: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) who: Option<Name>,
    pub(crate) whom: Option<Name>,
    pub(crate) payload: Payload,
    pub(crate) trace: Option<Name>,
    /// `None`: before the recording.
    pub(crate) sent: Option<Step>,
    /// `None`: not in the recording.
    pub(crate) delivered: Option<Step>,
    pub(crate) bad: Option<Bad>,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) who: Option<Name>,
    pub(crate) whom: Option<Name>,
    pub(crate) payload: Payload,
    pub(crate) trace: Option<Name>,
    pub(crate) request: Option<Name>,
    pub(crate) sent: Option<Step>,
    pub(crate) delivered: Option<Step>,
    pub(crate) cancelled: Option<Step>,
    pub(crate) end: Option<End>,
    /// The handler of the callback was entered.
    pub(crate) callback: Option<Step>,
    /// It returned an error.
    pub(crate) bad: Option<Bad>,
}

/// The end of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) step: Step,
    pub(crate) why: Option<Name>,
    pub(crate) payload: Payload,
}

#[derive(Debug, Clone)]
pub(crate) struct Publish {
    pub(crate) who: Option<Name>,
    pub(crate) topic: Option<Name>,
    pub(crate) payload: Payload,
    pub(crate) trace: Option<Name>,
    pub(crate) sent: Option<Step>,
    pub(crate) copies: Vec<Copied>,
}

/// One subscriber's copy.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    pub(crate) whom: Option<Name>,
    pub(crate) delivered: Option<Step>,
    pub(crate) bad: Option<Bad>,
}

#[derive(Debug, Clone)]
pub(crate) struct Denial {
    pub(crate) step: Step,
    pub(crate) who: Option<Name>,
    pub(crate) what: Option<What>,
    /// Any text.
    pub(crate) target: Option<Name>,
    pub(crate) why: Option<Name>,
    pub(crate) size: Option<u64>,
    pub(crate) request: Option<Name>,
    /// How often.
    pub(crate) count: u64,
}

/// A component came, went, crashed.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) step: Step,
    pub(crate) whom: Option<Name>,
    pub(crate) what: &'static str,
    pub(crate) by: Option<Name>,
    pub(crate) why: Option<Name>,
    pub(crate) incarnation: Option<u64>,
    pub(crate) detail: Option<Name>,
}

/// A subscription, what is granted, records that are missing.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) step: Step,
    pub(crate) what: &'static str,
    /// `None`: of the whole system.
    pub(crate) who: Option<Name>,
    pub(crate) text: Option<Name>,
    pub(crate) more: Option<Name>,
    pub(crate) count: u64,
}

/// How much of what there is in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Components that did something, or to which something was done.
    pub components: usize,
    /// Casts.
    pub casts: usize,
    /// Calls.
    pub calls: usize,
    /// Publishes; not the copies of each.
    pub publishes: usize,
    /// Calls that ended by their timeouts.
    pub timeouts: usize,
    /// What was denied, each as often as it was.
    pub denials: u64,
    /// Crashes after which there was another instance.
    pub restarts: usize,
    /// Records that the audit says are missing.
    pub missing: u64,
}

impl Recording {
    /// Reads lines of an audit (`docs/audit.md`), in any order, with the default [`Limits`]. What
    /// is no JSON is passed over and counted, as are kinds that are not known.
    ///
    /// # Errors
    ///
    /// The input fails, is of another version, or has lines and no record among them. No lines at
    /// all are an empty recording.
    pub fn read(input: impl BufRead) -> Result<Self, ReadError> {
        Self::read_limited(input, &Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_limited(input: impl BufRead, limits: &Limits) -> Result<Self, ReadError> {
        let mut read = read::read(input, limits)?;
        settle(&mut read.records);
        let records = order::arrange(read.records);
        let lanes = Lanes::of(&records, limits.lanes);
        let times = records.iter().map(|record| record.at).collect();
        let items = Matching::new(&read.names).items(&records);
        Ok(Self { names: read.names, lanes, times, items, skipped: read.skipped })
    }

    /// The components, in the order in which they first appear; beyond [`Limits::lanes`] too.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.lanes.components().map(|name| self.names.get(name))
    }

    /// From the first record to the last.
    #[must_use]
    pub fn span(&self) -> Duration {
        let span = self.times.last().unwrap_or(&0) - self.times.first().unwrap_or(&0);
        Duration::from_micros(span.unsigned_abs())
    }

    /// The lines that are not in it.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// What is in it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut sum = Summary { components: self.lanes.components().count(), ..Summary::default() };
        for item in &self.items {
            match item {
                Item::Cast(_) => sum.casts += 1,
                Item::Publish(_) => sum.publishes += 1,
                Item::Call(call) => {
                    sum.calls += 1;
                    let why = call.end.and_then(|end| end.why);
                    sum.timeouts += usize::from(self.text(why) == "timeout");
                }
                Item::Denial(denial) => sum.denials = sum.denials.saturating_add(denial.count),
                Item::Life(life) => sum.restarts += usize::from(life.what == "restart"),
                Item::Note(note) if note.what == "dropped" => {
                    sum.missing = sum.missing.saturating_add(note.count);
                }
                Item::Note(_) => {}
            }
        }
        sum
    }

    /// A text that may be missing.
    pub(crate) fn text(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.names.get(name))
    }

    pub(crate) fn lane(&self, name: Option<Name>) -> Option<Lane> {
        name.and_then(|name| self.lanes.of_name(name))
    }

    /// What each lane is called.
    pub(crate) fn lane_titles(&self) -> Vec<String> {
        self.lanes.titles(&self.names)
    }

    /// From one step to another, in microseconds.
    pub(crate) fn between(&self, from: Step, to: Step) -> i64 {
        self.at(to) - self.at(from)
    }

    /// When a step was, in microseconds since 1970.
    pub(crate) fn at(&self, step: Step) -> i64 {
        self.times.get(step as usize).copied().unwrap_or_default()
    }

    /// Says what is missing in a picture, if something is.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let Skipped { unreadable, unknown, left_out } = self.skipped;
        let lines =
            |count: u64| if count == 1 { "1 line".into() } else { format!("{count} lines") };
        let mut remarks = Vec::new();
        if left_out > 0 {
            remarks.push(format!("The rest was left out: {} after these.", lines(left_out)));
        }
        if unreadable > 0 {
            remarks.push(format!("{} could not be read.", lines(unreadable)));
        }
        if unknown > 0 {
            remarks.push(format!("{} of kinds that are not known.", lines(unknown)));
        }
        let missing = self.summary().missing;
        if missing > 0 {
            remarks.push(format!("The audit says that {missing} records are missing."));
        }
        remarks
    }
}

/// Codecs by name, as `castcall-codec` gives them their numbers; others as a number.
pub(crate) fn codec(code: u64) -> String {
    match code {
        0x51 => "CBOR".into(),
        0x0200 => "JSON".into(),
        0x0201 => "MessagePack".into(),
        other => format!("{other:#x}"),
    }
}

/// Bytes for people.
pub(crate) fn bytes(size: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let size_f = size as f64;
    match size {
        0..10_240 => format!("{size} B"),
        10_240..10_485_760 => format!("{:.1} KiB", size_f / 1_024.0),
        _ => format!("{:.1} MiB", size_f / 1_048_576.0),
    }
}

/// The places of things by name, for those who count.
pub(crate) type ByName<T> = HashMap<Option<Name>, T>;
