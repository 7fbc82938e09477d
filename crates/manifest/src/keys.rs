//! Every key that a manifest may have: its type, range and default.
//!
//! One table for all who need it: the reader checks by it, and the JSON Schemas and the reference
//! are written from it, so that they can't say different things.

pub(crate) mod application;
pub(crate) mod component;
pub(crate) mod describe;
#[cfg(test)]
mod tests;

use std::time::Duration;

/// A key of a table.
#[derive(Debug)]
#[cfg_attr(not(feature = "schema"), allow(dead_code, reason = "parts are for the reference alone"))]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) absent: Absent,
    /// For people; plain text with `code`.
    pub(crate) doc: &'static str,
    /// A value, in TOML, that is not the default.
    pub(crate) example: &'static str,
    /// What people may write instead, and should be told better.
    pub(crate) misnomers: &'static [&'static str],
}

/// What holds if a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It may not be.
    Refused,
    /// This value, in TOML.
    Default(&'static str),
    /// What this says, in words.
    Means(&'static str),
}

/// What values a key takes.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "schema"), allow(dead_code, reason = "parts are for the reference alone"))]
pub(crate) enum Kind {
    /// A component id.
    Id,
    /// The path of a file or folder, not empty.
    Path,
    /// Any text, of so many bytes at most.
    Text(usize),
    Flag,
    /// A whole number.
    Count(u64, u64),
    /// A whole number of bytes, or a size with its unit.
    Size(u64, u64),
    Duration(Duration, Duration),
    /// A number from 0 to 1.
    Fraction,
    /// One of these words.
    Word(&'static [&'static str]),
    Codec,
    Codecs,
    /// Topic patterns.
    Topics,
    /// Target patterns.
    Targets,
    /// Topic patterns, with a queue group or without.
    Subscriptions,
    /// Any keys, each with a text.
    Settings,
    /// Names of environment variables, or a table of names and values.
    Environment,
    /// A list of such tables.
    Folders(&'static Section),
    Table(&'static Section),
    /// A table of such tables; the text says what their names are.
    Tables(&'static Section, &'static str),
}

/// A table and its keys.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) keys: &'static [Key],
    pub(crate) doc: &'static str,
}

impl Key {
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        absent: Absent,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, absent, doc, example, misnomers: &[] }
    }

    pub(crate) const fn table(name: &'static str, section: &'static Section) -> Self {
        let absent = Absent::Means("its keys have their defaults");
        Self::new(name, Kind::Table(section), absent, "{}", section.doc)
    }

    pub(crate) const fn not(self, misnomers: &'static [&'static str]) -> Self {
        Self { misnomers, ..self }
    }

    pub(crate) fn is_required(&self) -> bool {
        self.absent == Absent::Refused
    }
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The tables in which a key of that name stands, below this one: `restart.backoff`.
    pub(crate) fn homes(&self, name: &str) -> Vec<String> {
        let mut homes = Vec::new();
        for key in self.keys {
            if let Kind::Table(section) = key.kind {
                if section.key(name).is_some() {
                    homes.push(key.name.to_owned());
                }
                let below = section.homes(name).into_iter();
                homes.extend(below.map(|home| format!("{}.{home}", key.name)));
            }
        }
        homes
    }
}
