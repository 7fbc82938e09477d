//! Standard output and error of a guest, in the host's log.
//!
//! A guest writes what it likes, so it must not be able to look like somebody else: each line is an
//! event of its own that names the component, and what could end or hide a line is escaped. Nor may
//! it flood: lines have a longest length and a rate, and what is left out is counted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use castcall_core::ComponentId;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes of a line that are logged, before what must be escaped is; the rest is cut off.
const MAX_LINE: usize = 1_024;
/// Lines of one stream that are logged within a [`WINDOW`].
const MAX_LINES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);
/// Bytes that may be written at once. None are kept but those of the last line.
const PERMIT: usize = 64 << 10;

#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// One output of one instance; all its handles write to the same lines.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Lines>>);

impl Output {
    pub(super) fn new(id: &ComponentId, stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(Lines::new(id.clone(), stream, Instant::now()))))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Only a subscriber of the host's could have panicked meanwhile.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    /// For WASI 0.3, which is not offered.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines().write(&bytes, Instant::now());
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

/// What has been written of the last line, and how much was logged.
struct Lines {
    id: ComponentId,
    stream: Stream,
    line: Vec<u8>,
    /// The line is longer than what is kept of it.
    cut: bool,
    window: Instant,
    logged: u32,
    left_out: u64,
}

impl Lines {
    fn new(id: ComponentId, stream: Stream, now: Instant) -> Self {
        Self { id, stream, line: Vec::new(), cut: false, window: now, logged: 0, left_out: 0 }
    }

    fn write(&mut self, mut bytes: &[u8], now: Instant) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.add(&bytes[..end]);
            self.end(now);
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
    }

    fn add(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(MAX_LINE - self.line.len());
        self.line.extend_from_slice(&bytes[..kept]);
        self.cut |= kept < bytes.len();
    }

    /// The line has ended.
    fn end(&mut self, now: Instant) {
        if now.saturating_duration_since(self.window) >= WINDOW {
            self.tell_left_out();
            self.window = now;
            self.logged = 0;
        }
        if self.logged < MAX_LINES {
            self.logged += 1;
            let text = escaped(&self.line, self.cut);
            tracing::info!(target: "castcall::guest", component = %self.id, stream = %self.stream, "{text}");
        } else {
            self.left_out += 1;
        }
        self.line.clear();
        self.cut = false;
    }

    fn tell_left_out(&mut self) {
        let lines = std::mem::take(&mut self.left_out);
        if lines > 0 {
            tracing::warn!(
                target: "castcall::guest",
                component = %self.id,
                stream = %self.stream,
                lines,
                "lines were left out: it writes more than {MAX_LINES} a second"
            );
        }
    }
}

impl Drop for Lines {
    /// The instance has ended, perhaps within a line that says why.
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end(Instant::now());
        }
        self.tell_left_out();
    }
}

/// The line as text in which nothing moves the cursor, ends the line, or turns its direction.
fn escaped(line: &[u8], cut: bool) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::with_capacity(line.len());
    for character in String::from_utf8_lossy(line).chars() {
        match character {
            '"' | '\'' => text.push(character),
            _ => text.extend(character.escape_debug()),
        }
    }
    if cut {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_can_end_or_hide_it() {
        assert_eq!(escaped("it's \"plain\", käse".as_bytes(), false), "it's \"plain\", käse");
        assert_eq!(escaped(b"a\rINFO root: all is well", false), r"a\rINFO root: all is well");
        assert_eq!(escaped(b"\x1b[2J\x07\0\t\\n", false), r"\u{1b}[2J\u{7}\0\t\\n");
        assert_eq!(
            escaped("\u{202e}txt\u{2028}\u{85}".as_bytes(), false),
            r"\u{202e}txt\u{2028}\u{85}"
        );
        assert_eq!(escaped(b"\xff\xfe", false), "\u{fffd}\u{fffd}");
        assert_eq!(escaped(b"windows\r", true), "windows…");
    }

    #[test]
    fn a_line_is_kept_up_to_its_longest_length() {
        let start = Instant::now();
        let mut lines = Lines::new("a".parse().unwrap(), Stream::Stdout, start);
        for _ in 0..1_000 {
            lines.write(&[b'x'; 1_000], start);
        }
        assert!(lines.cut);
        assert_eq!((lines.line.len(), lines.logged), (MAX_LINE, 0));
        lines.write(b"\nnext", start);
        assert!(!lines.cut);
        assert_eq!((&lines.line[..], lines.logged), (&b"next"[..], 1));
    }

    #[test]
    fn more_lines_than_the_rate_are_counted() {
        let start = Instant::now();
        let mut lines = Lines::new("a".parse().unwrap(), Stream::Stderr, start);
        lines.write(&b"\n".repeat(250), start);
        assert_eq!((lines.logged, lines.left_out), (100, 150));
        lines.write(b"\n", start + WINDOW);
        assert_eq!((lines.logged, lines.left_out), (1, 0));
    }
}
