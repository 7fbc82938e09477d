//! The audit's one thread: empties the queues, makes lines of what was in them, writes these.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::config::Fsync;
use crate::denial::Denied;
use crate::floods::{Counts, Floods};
use crate::line::Line;
use crate::name::{Table, Texts};
use crate::note::Note;
use crate::record::{About, Event, What};
use crate::ring::{Drops, Outlet, Rings};
use crate::status::Cells;
use crate::stream::Stream;
use crate::why::Why;

/// How many notes may wait.
pub(crate) const MAX_NOTES: usize = 4_096;
/// How many denials may wait to be recorded by themselves. More are counted.
pub(crate) const MAX_DENIALS: usize = 4_096;
/// How many events are taken out of a queue before their room is given back.
const CHUNK: usize = 256;
/// A second in which the same denials are counted together.
const SECOND: Duration = Duration::from_secs(1);
/// While nothing comes, the writer sleeps up to so many times its interval.
const IDLE: u32 = 10;

/// What all handles of an audit and its writer share.
pub(crate) struct Shared {
    pub(crate) rings: Arc<Rings>,
    pub(crate) names: Arc<Table>,
    pub(crate) slow: Mutex<Slow>,
    pub(crate) notes_dropped: Drops,
    pub(crate) cells: Arc<Cells>,
    pub(crate) asked: Mutex<Asked>,
    pub(crate) done: Condvar,
}

/// What is rare, or denied, under one lock that is held for some ten nanoseconds.
pub(crate) struct Slow {
    pub(crate) floods: Floods,
    pub(crate) denials: VecDeque<Denied>,
    pub(crate) denied: u64,
    pub(crate) notes: VecDeque<Note>,
}

/// Flushes, and the end.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) flushes: u64,
    pub(crate) flushed: u64,
    pub(crate) close: bool,
    /// The writer has ended.
    pub(crate) closed: bool,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) texts: Texts,
    pub(crate) outlets: Vec<Outlet>,
    pub(crate) all: Option<Stream>,
    pub(crate) denials: Option<Stream>,
    pub(crate) interval: Duration,
    pub(crate) fsync: Fsync,
}

/// Tells those who wait that nobody will answer any more.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.rings.close();
        self.0.asked.lock().closed = true;
        self.0.done.notify_all();
    }
}

impl Writer {
    pub(crate) fn run(mut self) {
        let ended = Ended(Arc::clone(&self.shared));
        let mut second = Instant::now();
        let mut synced = Instant::now();
        let mut sleep = self.interval;
        loop {
            let (flushes, flushed, close) = {
                let asked = self.shared.asked.lock();
                (asked.flushes, asked.flushed, asked.close)
            };
            let flush = flushes > flushed;
            let worked = self.empty_queues();
            let next = second.elapsed() >= SECOND;
            self.take_denials(next, close);
            if next {
                second = Instant::now();
            }
            for stream in self.streams() {
                stream.write(flush || close);
            }
            let due = match self.fsync {
                Fsync::Never => false,
                Fsync::OnFlush => flush || close,
                Fsync::Every(time) => flush || close || synced.elapsed() >= time,
            };
            if due {
                synced = Instant::now();
                for stream in self.streams() {
                    stream.sync();
                }
            }
            if close {
                break;
            }
            if flush {
                self.shared.asked.lock().flushed = flushes;
                self.shared.done.notify_all();
            }
            sleep = if worked { self.interval } else { sleep * 2 }.min(self.interval * IDLE);
            self.shared.rings.waker.sleep(sleep, || {
                let asked = self.shared.asked.lock();
                asked.close || asked.flushes > flushes
            });
        }
        // What is left unwritten is counted before anybody is told.
        drop(self);
        drop(ended);
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.all.iter_mut().chain(&mut self.denials)
    }

    /// Whether there was anything.
    fn empty_queues(&mut self) -> bool {
        // First of all: who gives a name back has recorded before what it recorded with it.
        let retired = self.texts.retired();
        let worked = self.empty_rings();
        self.texts.free(&retired);
        worked
    }

    fn empty_rings(&mut self) -> bool {
        let Some(stream) = &mut self.all else { return false };
        self.outlets.extend(self.shared.rings.fresh());
        let mut worked = false;
        for outlet in &mut self.outlets {
            let consumer = &mut outlet.consumer;
            let seen = outlet.drops.seen();
            let mut left = consumer.slots();
            worked |= left > 0;
            while left > 0 {
                let Ok(chunk) = consumer.read_chunk(left.min(CHUNK)) else { break };
                let (one, two) = chunk.as_slices();
                for event in one.iter().chain(two) {
                    write_event(stream, &mut self.texts, event);
                }
                left -= chunk.len();
                chunk.commit_all();
            }
            tell_dropped(stream, outlet.drops.take_seen(seen));
        }
        tell_dropped(stream, self.shared.rings.strays().take());
        let (notes, dropped) = {
            let mut slow = self.shared.slow.lock();
            (std::mem::take(&mut slow.notes), self.shared.notes_dropped.take())
        };
        worked |= !notes.is_empty();
        for note in notes {
            write_note(stream, &note);
        }
        tell_dropped(stream, dropped);
        worked
    }

    /// `second`: one has passed. `last`: there is no other time.
    fn take_denials(&mut self, second: bool, last: bool) {
        // While their stream has no room they wait, and when too many do, are counted.
        let to = self.denials.as_ref().or(self.all.as_ref());
        if !last && to.is_some_and(|stream| !stream.has_room()) {
            return;
        }
        let (denied, counts) = {
            let mut slow = self.shared.slow.lock();
            let counts = if second || last { slow.floods.end() } else { Counts::default() };
            (std::mem::take(&mut slow.denials), counts)
        };
        let counted = counts.into_denied();
        for denied in denied.iter().chain(&counted) {
            // Room or not, where they must not be lost; elsewhere if there is.
            if let Some(stream) = &mut self.denials {
                stream.line_anyway(denied.at, "denial", |line| fill_denial(line, denied));
                if let Some(all) = &mut self.all {
                    all.line(denied.at, "denial", |line| fill_denial(line, denied));
                }
            } else if let Some(all) = &mut self.all {
                all.line_anyway(denied.at, "denial", |line| fill_denial(line, denied));
            }
        }
    }
}

fn tell_dropped(stream: &mut Stream, dropped: Option<(u64, u64)>) {
    if let Some((count, at)) = dropped {
        stream.tell_dropped(at, count, Why::Overload);
    }
}

fn write_event(stream: &mut Stream, texts: &mut Texts, event: &Event) {
    let kind = match event.kind() {
        Ok(kind) => kind,
        Err(count) => return stream.tell_dropped(event.at(), count, Why::Overload),
    };
    stream.line(event.at(), kind.as_str(), |line| {
        // Someone without a name: of another audit, by mistake.
        line.text("who", texts.get(event.who).map_or("?", |(_, text)| text));
        if let Some(what) = event.what() {
            line.text("what", what.as_str());
        }
        for index in [event.whom, event.topic] {
            if let Some(name) = texts.get(index) {
                line.name(name);
            }
        }
        if let Some(why) = event.why() {
            line.text("why", why.as_str());
        }
        fill_about(line, event.about());
    });
}

fn fill_about(line: &mut Line<'_>, about: About) {
    if let Some(codec) = about.codec {
        line.number("codec", codec);
    }
    if let Some(size) = about.size {
        line.number("size", size.into());
    }
    if let Some(id) = about.request {
        line.request_id(id);
    }
    if let Some(id) = about.trace {
        line.trace_id(id);
    }
}

fn write_note(stream: &mut Stream, note: &Note) {
    stream.line(note.at, note.kind.as_str(), |line| {
        if let Some(who) = &note.who {
            line.text("who", who.as_str());
        }
        if let Some(whom) = &note.whom {
            line.strange("whom", whom);
        }
        if let Some(why) = note.why {
            line.text("why", why.as_str());
        }
        if let Some(incarnation) = note.incarnation {
            line.number("incarnation", incarnation);
        }
        if let Some(detail) = &note.detail {
            line.strange("detail", detail);
        }
    });
}

fn fill_denial(line: &mut Line<'_>, denied: &Denied) {
    line.text("who", denied.who.text());
    line.text("what", denied.what.as_str());
    if !denied.whom.is_empty() {
        let key = match denied.what {
            What::Publish => "topic",
            What::Subscribe | What::Unsubscribe => "pattern",
            _ => "whom",
        };
        line.strange(key, &denied.whom);
    }
    line.text("why", denied.why.as_str());
    fill_about(line, denied.about);
    if let Some((count, since)) = denied.repeated {
        line.number("repeated", count);
        line.time("since", since);
    }
}
