//! Pictures of what castcall recorded.
//!
//! A [`Recording`] is read from the JSON lines of an audit (`docs/audit.md`). It is drawn as a
//! sequence diagram, by [`mermaid`] as Mermaid text and by [`html`] as one HTML page that opens
//! without a network; and as a [`Topology`], who talks to whom, in both forms too.
//!
//! ```
//! use castcall_diagram::{Allowed, Recording, Topology, Via, html, mermaid};
//!
//! let lines = br#"{"v":1,"n":1,"at":"2026-07-25T17:20:00Z","kind":"send","who":"a","what":"cast","whom":"b"}"#;
//! let recording = Recording::read(&lines[..])?;
//! assert!(mermaid(&recording).starts_with("sequenceDiagram"));
//! assert!(html(&recording).starts_with("<!DOCTYPE html>"));
//!
//! let topology = Topology::of(&recording, &[Allowed::new("a", Via::Call, "b")]);
//! assert!(topology.mermaid().contains("-.->|\"call, unused\"|"));
//! assert!(topology.html().starts_with("<!DOCTYPE html>"));
//! # Ok::<(), castcall_diagram::ReadError>(())
//! ```
//!
//! Recordings come from guests, in part: ids, topics, and the targets of what was denied, which may
//! be any text. In Mermaid all but letters, digits and some punctuation are written as numbers; in
//! HTML they are escaped, or put in by the page's script as text, and the page's own policy forbids
//! it to load anything. Controls and what turns the direction of writing are replaced.

mod error;
mod flowchart;
mod lanes;
mod matching;
mod model;
mod names;
mod network;
mod order;
mod page;
mod read;
mod record;
mod ring;
mod ring_drawing;
mod sequence;
mod settle;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod timeline;
mod topology;

pub use error::ReadError;
pub use model::{Recording, Summary};
pub use read::{Limits, Skipped};
pub use sequence::mermaid;
pub use timeline::html;
pub use topology::{Allowed, Edge, Node, Topology, Via};
