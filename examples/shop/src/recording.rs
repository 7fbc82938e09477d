//! What happens in the shop, line by line, as the audit says it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use castcall::audit::Sink;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::shop::PATIENCE;

/// A line of the audit. `docs/audit.md` says what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) text: String,
    fields: Value,
}

impl Line {
    /// A field's text; empty if it is not there.
    pub(crate) fn get(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.fields[field].as_u64().unwrap_or_default()
    }

    /// When, on its day: `2026-07-25T17:20:00.001000Z`.
    pub(crate) fn at(&self) -> Duration {
        let time = self.get("at").split_once('T').map_or("", |(_, time)| time);
        let mut numbers = time.trim_end_matches('Z').split(':').map(str::parse::<f64>);
        let mut next = || numbers.next().and_then(Result::ok).unwrap_or_default();
        Duration::from_secs_f64(next() * 3_600.0 + next() * 60.0 + next())
    }

    /// Whether it has all of these fields.
    pub(crate) fn has(&self, fields: &[(&str, &str)]) -> bool {
        fields.iter().all(|(field, text)| self.get(field) == *text)
    }
}

/// All lines so far. Clones are the same recording.
#[derive(Clone)]
pub(crate) struct Recording {
    lines: Arc<Mutex<Vec<Line>>>,
    count: watch::Sender<usize>,
}

impl Recording {
    pub(crate) fn new() -> Self {
        Self { lines: Arc::default(), count: watch::Sender::new(0) }
    }

    pub(crate) fn since(&self, from: usize) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(from..).unwrap_or_default().to_vec()
    }

    /// The first line since `from` that has these fields; waits for it.
    pub(crate) async fn wait_for(&self, from: usize, fields: &[(&str, &str)]) -> Result<Line> {
        let mut count = self.count.subscribe();
        let look = async {
            loop {
                count.borrow_and_update();
                if let Some(line) = self.since(from).into_iter().find(|line| line.has(fields)) {
                    break line;
                }
                // The sender is ours: it does not go away.
                let _ = count.changed().await;
            }
        };
        timeout(PATIENCE, look).await.with_context(|| format!("waited in vain for {fields:?}"))
    }
}

impl Sink for Recording {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for text in String::from_utf8_lossy(lines).lines() {
            let fields = serde_json::from_str(text)?;
            all.push(Line { text: text.to_owned(), fields });
        }
        self.count.send_replace(all.len());
        Ok(())
    }
}
