//! Where lines go.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;

/// Takes what is written: a file, standard output, memory, a connection to somewhere. Called by the
/// audit's thread alone, which waits for it.
pub trait Sink: Send {
    /// Takes some lines, each a JSON object in UTF-8 with `\n` at its end: 64 KiB, or one line.
    ///
    /// # Errors
    ///
    /// Nothing of it was taken: the same lines come again a quarter of a second later, and those
    /// that follow wait.
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Makes what was taken durable, where that means something.
    ///
    /// # Errors
    ///
    /// It could not be made durable.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the two streams go, for [`Audit::to`](crate::Audit::to).
#[derive(Default)]
pub struct Sinks {
    /// All records; unused if only denials are recorded.
    pub all: Option<Box<dyn Sink>>,
    /// Denials.
    pub denials: Option<Box<dyn Sink>>,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sinks")
            .field("all", &self.all.is_some())
            .field("denials", &self.denials.is_some())
            .finish()
    }
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamName {
    /// All records.
    All,
    /// Denials.
    Denials,
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "audit",
            Self::Denials => "audit of denials",
        })
    }
}

/// A stream that can't be written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Which.
    pub stream: StreamName,
    /// What the sink says.
    pub error: io::Error,
}

/// Lines to anything that is written to, such as standard output.
///
/// If that fails with half of them written, they are written again whole: a reader may see a line
/// cut short, and lines twice.
///
/// ```
/// use castcall_audit::{Sinks, WriterSink};
///
/// let sinks = Sinks { all: Some(Box::new(WriterSink(std::io::stdout()))), denials: None };
/// # let _ = sinks;
/// ```
#[derive(Debug)]
pub struct WriterSink<W>(pub W);

impl<W: Write + Send> Sink for WriterSink<W> {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)?;
        self.0.flush()
    }
}

/// A file, and somebody who listens.
pub(crate) struct Tapped {
    pub(crate) file: Box<dyn Sink>,
    pub(crate) tap: Box<dyn Sink>,
}

impl Sink for Tapped {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_lines(lines)?;
        if let Err(error) = self.tap.write_lines(lines) {
            tracing::debug!(%error, "who listens to the audit did not take its lines");
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Lines kept in memory, for tests. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySink(Arc<Mutex<Vec<u8>>>);

impl MemorySink {
    /// Without a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All lines so far, without the `\n`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock()).lines().map(str::to_owned).collect()
    }
}

impl Sink for MemorySink {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().extend_from_slice(lines);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_take_lines() {
        let memory = MemorySink::new();
        memory.clone().write_lines(b"{}\n[]\n").unwrap();
        assert_eq!(memory.lines(), ["{}", "[]"]);
        let mut writer = WriterSink(Vec::new());
        writer.write_lines(b"{}\n").unwrap();
        writer.sync().unwrap();
        assert_eq!(writer.0, b"{}\n");
        let sinks = Sinks { all: Some(Box::new(memory)), denials: None };
        assert_eq!(format!("{sinks:?}"), "Sinks { all: true, denials: false }");
        assert_eq!(StreamName::All.to_string(), "audit");
    }
}
