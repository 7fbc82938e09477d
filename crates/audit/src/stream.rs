//! Lines on their way into a sink: numbered, in pieces, kept while the sink fails.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::config::FailureHook;
use crate::line::Line;
use crate::sink::{Failure, Sink, StreamName};
use crate::status::Cells;
use crate::why::Why;

/// How much is written at once.
const PIECE: usize = 64 << 10;
/// How much is kept for a sink that fails.
const ROOM: usize = 4 << 20;
/// When it is tried again.
const RETRY: Duration = Duration::from_millis(250);

const WRITING: usize = 0;
const SYNCING: usize = 1;

pub(crate) struct Stream {
    name: StreamName,
    sink: Box<dyn Sink>,
    waiting: Vec<u8>,
    next: u64,
    /// Lines that found no room, and when the last one did; not yet said.
    lost: Option<(u64, u64)>,
    retry_at: Option<Instant>,
    unsynced: bool,
    /// Writing, and making durable.
    failing: [bool; 2],
    cells: Arc<Cells>,
    hook: Option<FailureHook>,
}

impl Stream {
    pub(crate) fn new(
        name: StreamName,
        sink: Box<dyn Sink>,
        cells: Arc<Cells>,
        hook: Option<FailureHook>,
    ) -> Self {
        let waiting = Vec::with_capacity(2 * PIECE);
        let (next, lost, retry_at, unsynced, failing) = (1, None, None, false, [false; 2]);
        Self { name, sink, waiting, next, lost, retry_at, unsynced, failing, cells, hook }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < ROOM
    }

    /// Adds a line, or counts it as lost if there is no room.
    pub(crate) fn line(&mut self, at: u64, kind: &str, fill: impl FnOnce(&mut Line<'_>)) {
        if self.has_room() {
            self.line_anyway(at, kind, fill);
        } else {
            self.lost = Some((self.lost.map_or(1, |(count, _)| count + 1), at));
            self.cells.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds a line, room or not.
    pub(crate) fn line_anyway(&mut self, at: u64, kind: &str, fill: impl FnOnce(&mut Line<'_>)) {
        self.tell_lost();
        self.put(at, kind, fill);
        if self.waiting.len() >= PIECE {
            self.write(false);
        }
    }

    fn put(&mut self, at: u64, kind: &str, fill: impl FnOnce(&mut Line<'_>)) {
        let mut line = Line::begin(&mut self.waiting, self.next, at, kind);
        fill(&mut line);
        line.end();
        self.next += 1;
    }

    pub(crate) fn tell_dropped(&mut self, at: u64, count: u64, why: Why) {
        self.line(at, "dropped", |line| {
            line.text("why", why.as_str());
            line.number("count", count);
        });
    }

    fn tell_lost(&mut self) {
        if let Some((count, at)) = self.lost.take() {
            self.put(at, "dropped", |line| {
                line.text("why", Why::WriteFailed.as_str());
                line.number("count", count);
            });
        }
    }

    /// Writes what waits, unless it has failed just now; `now`: then too.
    pub(crate) fn write(&mut self, now: bool) {
        if self.waiting.is_empty() && self.lost.is_none() {
            return;
        }
        if !now && self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let mut from = 0;
        let mut result = Ok(());
        while from < self.waiting.len() {
            let piece = whole_lines(&self.waiting[from..]);
            result = guard(|| self.sink.write_lines(piece));
            if result.is_err() {
                self.retry_at = Some(Instant::now() + RETRY);
                break;
            }
            self.cells.written.fetch_add(lines(piece), Ordering::Relaxed);
            from += piece.len();
            self.unsynced = true;
            self.retry_at = None;
        }
        self.waiting.drain(..from);
        if self.waiting.is_empty() && self.lost.is_some() {
            self.tell_lost();
            return self.write(now);
        }
        self.after(WRITING, result);
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) {
        if self.unsynced {
            let result = guard(|| self.sink.sync());
            self.unsynced = result.is_err();
            self.after(SYNCING, result);
        }
    }

    /// What the sink said, by the last `doing` of it.
    fn after(&mut self, doing: usize, result: io::Result<()>) {
        let failed = self.failing.contains(&true);
        self.failing[doing] = result.is_err();
        match result {
            Ok(()) if failed && !self.failing.contains(&true) => {
                self.cells.works(self.name);
                tracing::warn!(stream = %self.name, "can be written again");
            }
            Err(error) if !failed => {
                let failure = Failure { stream: self.name, error };
                tracing::error!(stream = %self.name, error = %failure.error, "can't be written");
                self.cells.fails(&failure);
                if let Some(hook) = &self.hook {
                    let _ = catch_unwind(AssertUnwindSafe(|| (hook.0)(&failure)));
                }
            }
            _ => {}
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.waiting.is_empty() {
            self.cells.lost.fetch_add(lines(&self.waiting), Ordering::Relaxed);
            tracing::error!(stream = %self.name, bytes = self.waiting.len(), "left unwritten");
        }
    }
}

/// A sink is anybody's code.
fn guard(run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(io::Error::other("the sink panicked")))
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// As many lines as make a piece, and at least one.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= PIECE {
        return bytes;
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let end = bytes[..PIECE].iter().rposition(is_end).or_else(|| bytes.iter().position(is_end));
    &bytes[..end.map_or(bytes.len(), |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::MemorySink;
    use parking_lot::Mutex;
    use std::sync::atomic::AtomicUsize;

    /// Fails so many times, then takes lines.
    struct Flaky {
        fails: Arc<AtomicUsize>,
        memory: MemorySink,
        panics: bool,
    }

    impl Flaky {
        fn fail(&self) -> io::Result<()> {
            let fail = |left: usize| left.checked_sub(1);
            if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail).is_err() {
                return Ok(());
            }
            assert!(!self.panics, "a sink may panic");
            Err(io::Error::other("no room"))
        }
    }

    impl Sink for Flaky {
        fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
            self.fail()?;
            self.memory.write_lines(lines)
        }

        fn sync(&mut self) -> io::Result<()> {
            self.fail()
        }
    }

    struct Fixture {
        stream: Stream,
        memory: MemorySink,
        cells: Arc<Cells>,
        fails: Arc<AtomicUsize>,
        told: Arc<Mutex<Vec<String>>>,
    }

    fn fixture(fails: usize, panics: bool) -> Fixture {
        let (memory, cells) = (MemorySink::new(), Arc::new(Cells::default()));
        let fails = Arc::new(AtomicUsize::new(fails));
        let told = Arc::new(Mutex::new(Vec::new()));
        let hook = {
            let told = Arc::clone(&told);
            FailureHook::new(move |failure| told.lock().push(failure.error.to_string()))
        };
        let sink = Flaky { fails: Arc::clone(&fails), memory: memory.clone(), panics };
        let stream = Stream::new(StreamName::All, Box::new(sink), Arc::clone(&cells), Some(hook));
        Fixture { stream, memory, cells, fails, told }
    }

    #[test]
    fn what_could_not_be_written_is_written_later_and_once() {
        let mut f = fixture(2, false);
        f.stream.line(0, "send", |_| {});
        f.stream.write(false);
        f.stream.line(1, "send", |_| {});
        // Too soon after the failure.
        f.stream.write(false);
        assert_eq!(f.fails.load(Ordering::SeqCst), 1);
        assert_eq!(f.cells.wrong().as_deref(), Some("audit: no room"));
        f.stream.write(true);
        f.stream.write(true);
        f.stream.write(true);
        let lines = f.memory.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("\"n\":1,") && lines[1].contains("\"n\":2,"));
        let status = f.cells.status();
        assert_eq!((status.written, status.lost, status.failures), (2, 0, 1));
        assert!(!status.failing);
        assert_eq!(*f.told.lock(), ["no room"]);
    }

    #[test]
    fn what_finds_no_room_is_counted_where_it_is_missing() {
        let mut f = fixture(usize::MAX, false);
        let mut lines = 0;
        while f.stream.has_room() {
            f.stream.line(1, "send", |line| line.strange("detail", &"x".repeat(256)));
            lines += 1;
        }
        for _ in 0..3 {
            f.stream.line(2, "send", |_| {});
        }
        f.stream.line_anyway(3, "denial", |_| {});
        f.stream.line(4, "send", |_| {});
        f.fails.store(0, Ordering::SeqCst);
        f.stream.write(true);
        let written = f.memory.lines();
        assert_eq!(written.len(), lines + 3);
        let ends_with = |n: usize, end: &str| assert!(written[n].ends_with(end), "{}", written[n]);
        ends_with(lines, "\"kind\":\"dropped\",\"why\":\"write-failed\",\"count\":3}");
        ends_with(lines + 1, "\"kind\":\"denial\"}");
        ends_with(lines + 2, "\"kind\":\"dropped\",\"why\":\"write-failed\",\"count\":1}");
        assert_eq!(f.cells.status().lost, 4);
        for (n, line) in written.iter().enumerate() {
            assert!(line.contains(&format!("\"n\":{},", n + 1)));
        }
    }

    #[test]
    fn a_sink_that_panics_has_failed() {
        let mut f = fixture(1, true);
        f.stream.line(0, "send", |_| {});
        f.stream.write(true);
        assert_eq!(f.cells.wrong().as_deref(), Some("audit: the sink panicked"));
        drop(f.stream);
        assert_eq!(f.cells.status().lost, 1);
    }

    #[test]
    fn a_failing_sync_is_a_failure_of_its_own() {
        let mut f = fixture(0, false);
        f.stream.sync();
        f.stream.line(0, "send", |_| {});
        f.stream.write(false);
        f.fails.store(1, Ordering::SeqCst);
        f.stream.sync();
        assert!(f.cells.wrong().is_some());
        f.stream.line(0, "send", |_| {});
        f.stream.write(false);
        assert!(f.cells.wrong().is_some());
        f.stream.sync();
        assert!(f.cells.wrong().is_none());
        assert_eq!(f.told.lock().len(), 1);
    }

    #[test]
    fn pieces_end_with_a_line() {
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let many = line.repeat(100);
        assert_eq!(whole_lines(&many).len(), 65_000);
        assert_eq!(whole_lines(&line), line);
        let long = [&vec![b'x'; 2 * PIECE][..], b"\n", &line].concat();
        assert_eq!(whole_lines(&long).len(), 2 * PIECE + 1);
    }
}
