//! Who talks to whom, how often, and who may but does not.

use std::collections::BTreeMap;

use crate::lanes::Lane;
use crate::model::{Bad, Item, Recording};
use crate::names::{Name, cut, shown};
use crate::record::What;

/// How many targets of denials that are no components are drawn by themselves.
const MOST_STRANGERS: usize = 12;

/// How many nodes there are before components that are only allowed something share one.
const MOST_NODES: usize = 64;

/// By which pattern one talks to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Via {
    /// By casts.
    Cast,
    /// By calls.
    Call,
    /// By what is published: an edge for each subscriber that got it.
    Publish,
}

impl Via {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cast => "cast",
            Self::Call => "call",
            Self::Publish => "publish",
        }
    }
}

/// What somebody may do, whether they did or not: for [`Topology::of`]. Of a publish, that one
/// may publish what the other is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Allowed {
    /// The id of who may.
    pub who: String,
    /// What.
    pub via: Via,
    /// The id of whom it may talk to.
    pub whom: String,
}

impl Allowed {
    /// `who` may talk to `whom`.
    pub fn new(who: impl Into<String>, via: Via, whom: impl Into<String>) -> Self {
        Self { who: who.into(), via, whom: whom.into() }
    }
}

/// Somebody in a topology.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// A component's id, or what somebody asked for and was denied.
    pub name: String,
    /// Whether it is not a component but a text that was asked for, or a topic that nobody heard.
    pub stranger: bool,
}

/// What one did to another.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// The place of who did it, in [`Topology::nodes`].
    pub from: usize,
    /// The place of whom it was done to.
    pub to: usize,
    /// By which pattern.
    pub via: Via,
    /// Messages; calls count once. None of an edge that is only allowed.
    pub count: u64,
    /// Messages each second, over the span of the recording. `None` if that is shorter than the
    /// audit's clock can tell, or nothing was sent.
    pub rate: Option<f64>,
    /// How many of them came to nothing: errors, dead letters, timeouts.
    pub failed: u64,
    /// How many more were denied.
    pub denied: u64,
}

/// Who talks to whom in a recording.
///
/// ```
/// use castcall_diagram::{Allowed, Recording, Topology, Via};
///
/// let lines = br#"{"v":1,"n":1,"at":"2026-07-25T17:20:00Z","kind":"send","who":"a","what":"cast","whom":"b"}"#;
/// let recording = Recording::read(&lines[..])?;
/// let topology = Topology::of(&recording, &[Allowed::new("b", Via::Call, "a")]);
/// let unused: Vec<_> = topology.edges().iter().filter(|edge| edge.is_unused()).collect();
/// assert_eq!((unused[0].via, &*topology.nodes()[unused[0].from].name), (Via::Call, "b"));
/// # Ok::<(), castcall_diagram::ReadError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    pub(crate) span: std::time::Duration,
    pub(crate) remarks: Vec<String>,
}

impl Edge {
    /// Whether it is allowed, and was not used nor denied.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.count == 0 && self.denied == 0
    }
}

impl Topology {
    /// Counts what a recording holds, and adds what is `allowed` and was not done. Components
    /// beyond [`Limits::lanes`](crate::Limits::lanes) are one node, and so are targets of denials
    /// beyond the first 12 that are no components. Components that are only allowed something have
    /// nodes while there are fewer than 64, and then one together.
    #[must_use]
    pub fn of(recording: &Recording, allowed: &[Allowed]) -> Self {
        let mut count = Counting::new(recording);
        for item in &recording.items {
            count.item(item);
        }
        for allowed in allowed {
            let from = count.allowed_node(&allowed.who);
            let to = count.allowed_node(&allowed.whom);
            count.edge(from, to, allowed.via);
        }
        let span = recording.span();
        let mut edges: Vec<_> = count.edges.into_values().collect();
        for edge in &mut edges {
            edge.rate = rate(edge.count, span);
        }
        Self { nodes: count.nodes, edges, span, remarks: recording.remarks() }
    }

    /// Everybody: first the recording's components in the order in which they appear.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What each did to whom; at most one of a kind for each two.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate is for people")]
fn rate(count: u64, span: std::time::Duration) -> Option<f64> {
    (count > 0 && span.as_micros() > 0).then(|| count as f64 / span.as_secs_f64())
}

struct Counting<'a> {
    recording: &'a Recording,
    nodes: Vec<Node>,
    by_name: BTreeMap<String, usize>,
    strangers: usize,
    edges: BTreeMap<(usize, usize, Via), Edge>,
}

impl<'a> Counting<'a> {
    fn new(recording: &'a Recording) -> Self {
        let titles = recording.lane_titles().into_iter();
        let nodes: Vec<_> = titles.map(|name| Node { name, stranger: false }).collect();
        Self { recording, nodes, by_name: BTreeMap::new(), strangers: 0, edges: BTreeMap::new() }
    }

    fn edge(&mut self, from: usize, to: usize, via: Via) -> &mut Edge {
        let new = Edge { from, to, via, count: 0, rate: None, failed: 0, denied: 0 };
        self.edges.entry((from, to, via)).or_insert(new)
    }

    fn used(&mut self, from: Option<Lane>, to: Option<Lane>, via: Via, failed: bool) {
        if let (Some(from), Some(to)) = (from, to) {
            let edge = self.edge(from, to, via);
            edge.count += 1;
            edge.failed += u64::from(failed);
        }
    }

    fn item(&mut self, item: &Item) {
        let lane = |name: Option<Name>| self.recording.lane(name);
        let is_bad = |bad: Option<Bad>| bad.is_some();
        match item {
            Item::Cast(cast) => {
                let [from, to] = [lane(cast.who), lane(cast.whom)];
                self.used(from, to, Via::Cast, is_bad(cast.bad));
            }
            Item::Call(call) => {
                let why = self.recording.text(call.end.and_then(|end| end.why));
                let failed = !matches!(why, "" | "answered" | "cancelled" | "requester-gone");
                let [from, to] = [lane(call.who), lane(call.whom)];
                self.used(from, to, Via::Call, failed);
            }
            Item::Publish(publish) => {
                let from = lane(publish.who);
                for copy in &publish.copies {
                    let to = self.recording.lane(copy.whom);
                    self.used(from, to, Via::Publish, is_bad(copy.bad));
                }
                if publish.copies.is_empty() && from.is_some() {
                    let topic = self.stranger(self.recording.text(publish.topic));
                    self.used(from, Some(topic), Via::Publish, false);
                }
            }
            Item::Denial(denial) => {
                let via = match denial.what {
                    Some(What::Cast) => Via::Cast,
                    Some(What::Call) => Via::Call,
                    Some(What::Publish) => Via::Publish,
                    _ => return,
                };
                let (Some(from), Some(target)) = (lane(denial.who), denial.target) else { return };
                let to = match lane(Some(target)) {
                    Some(lane) => lane,
                    None => self.stranger(self.recording.names.get(target)),
                };
                let edge = self.edge(from, to, via);
                edge.denied = edge.denied.saturating_add(denial.count);
            }
            Item::Life(_) | Item::Note(_) => {}
        }
    }

    /// The node of a text that is no component.
    fn stranger(&mut self, text: &str) -> usize {
        if let Some(&node) = self.by_name.get(text) {
            return node;
        }
        let name = if self.strangers < MOST_STRANGERS { text } else { "other targets" };
        self.strangers += 1;
        let nodes = &mut self.nodes;
        *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            nodes.push(Node { name: name.to_owned(), stranger: true });
            nodes.len() - 1
        })
    }

    /// The node of a component that may not be in the recording.
    fn allowed_node(&mut self, id: &str) -> usize {
        let id = &*shown(cut(id));
        let recorded = self.recording.names.find(id);
        if let Some(lane) = self.recording.lane(recorded) {
            return lane;
        }
        match self.by_name.get(id) {
            Some(&node) => {
                self.nodes[node].stranger = false;
                node
            }
            None => {
                let name = if self.nodes.len() < MOST_NODES { id } else { "other components" };
                let nodes = &mut self.nodes;
                *self.by_name.entry(name.to_owned()).or_insert_with(|| {
                    nodes.push(Node { name: name.to_owned(), stranger: false });
                    nodes.len() - 1
                })
            }
        }
    }
}

/// A rate for people: `12/s`, `0.25/s`.
pub(crate) fn per_second(rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}/s"),
        1.0.. => format!("{}/s", trimmed(format!("{rate:.1}"))),
        _ => format!("{}/s", trimmed(format!("{rate:.3}"))),
    }
}

fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "topology_tests.rs"]
mod tests;
