//! Tells what has happened, from the lines of the audit.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use crate::recording::Line;

pub(crate) struct Narrator<'a> {
    out: &'a mut dyn Write,
    scenes: usize,
    /// The first moment of the scene.
    began: Option<Duration>,
}

impl<'a> Narrator<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, scenes: 0, began: None }
    }

    pub(crate) fn say(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    pub(crate) fn scene(&mut self, title: &str) -> io::Result<()> {
        self.scenes += 1;
        self.began = None;
        writeln!(self.out, "\n{}. {title}", self.scenes)
    }

    /// Something that came out as it should.
    pub(crate) fn check(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "   ✓ {text}")
    }

    /// Tells what happened from one thing that the host did to the next.
    pub(crate) fn tell(&mut self, mut lines: Vec<Line>) -> io::Result<()> {
        // Records of one moment stand in the order in which each thread made them. The host's own
        // came first: by that, all the others came about. Denials and restarts, which the audit
        // writes apart, came before what has the same stamp.
        lines.sort_by_key(|line| {
            let begins = line.has(&[("kind", "send"), ("who", "host")]);
            let apart = matches!(line.get("kind"), "denial" | "restart");
            (line.at(), !begins, !apart, line.number("n"))
        });
        for line in &lines {
            if let Some((from, arrow, to, text)) = sentence(line, &lines) {
                let began = *self.began.get_or_insert(line.at());
                let after = line.at().saturating_sub(began).as_secs_f64() * 1e3;
                writeln!(self.out, "   {after:>6.1} ms {from:>16} {arrow} {to:<17} {text}")?;
            }
        }
        Ok(())
    }
}

/// From whom, how, to whom, and what; `None` for what only the machine wants to know.
fn sentence<'a>(line: &'a Line, all: &[Line]) -> Option<(&'a str, &'static str, &'a str, String)> {
    let (who, whom) = (line.get("who"), line.get("whom"));
    let why = line.get("why").to_owned();
    Some(match (line.get("kind"), line.get("what")) {
        ("send", "publish") => {
            let topic = line.get("topic");
            let mut copies: Vec<_> = all
                .iter()
                .filter(|line| line.has(&[("kind", "delivery"), ("topic", topic)]))
                .map(|line| line.get("whom"))
                .collect();
            copies.sort_unstable();
            (who, "=>", topic, format!("published; copies: {}", copies.join(", ")))
        }
        ("send", what) => (who, "->", whom, what.to_owned()),
        ("call-end", _) if why == "answered" => (whom, "->", who, why),
        ("call-end", _) if why == "failed" => (whom, "->", who, "answered with an error".into()),
        ("call-end", _) => (who, "-x", whom, format!("the call has ended: {why}")),
        ("cancel", _) => (who, "->", whom, "cancels its call".into()),
        ("denial", what) => (who, "-x", whom, format!("{what} denied: {why}")),
        ("dead-letter", what) => (who, "-x", whom, format!("{what} became a dead letter: {why}")),
        ("restart", _) => (whom, "  ", "", format!("restarted after a {why}")),
        _ => return None,
    })
}
