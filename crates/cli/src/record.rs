//! What happens in a running system, line by line, for whoever listens: `castcall record`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::Shutdown;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use castcall::audit::Sink;
use tokio::sync::mpsc;

use crate::args::Record;
use crate::client::Client;
use crate::control::Request;
use crate::exit::Failure;
use crate::interrupt;
use crate::print;

/// How many chunks of lines, of 64 KiB at most, may wait for one who listens.
const WAITING: usize = 256;

type Listener = mpsc::Sender<Arc<[u8]>>;

/// Where the lines of the audit go past.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<Listener>>>);

impl Tap {
    /// All lines from now on; closed if whoever listens is too slow.
    pub(crate) fn listen(&self) -> mpsc::Receiver<Arc<[u8]>> {
        let (sender, receiver) = mpsc::channel(WAITING);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }
}

impl Sink for Tap {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !listeners.is_empty() {
            let lines: Arc<[u8]> = lines.into();
            // Nobody holds up the audit: who has no room for more is let go of.
            listeners.retain(|listener| listener.try_send(Arc::clone(&lines)).is_ok());
        }
        Ok(())
    }
}

pub(crate) fn record(args: &Record) -> Result<(), Failure> {
    let for_ms = u64::try_from(args.time.as_millis()).unwrap_or(u64::MAX);
    // First of all: where there is no system, no file is written over.
    let client = Client::connect(&args.place.name)?;
    let stream = client.stream()?;
    interrupt::at_the_first(move || {
        // The system then ends the recording, with what it has up to now.
        let _ = stream.shutdown(Shutdown::Write);
    })?;
    let mut out = Lines::new(args.output.as_deref())?;
    let ended = client.ask(&Request::Record { for_ms }, |line, more| out.write(line, more));
    print::remark(format_args!("{} lines", out.count));
    match ended {
        // As when the time is over: what there is stands there.
        Err(Failure::Output(error)) if print::is_gone(&error) => Ok(()),
        ended => ended.map(drop),
    }
}

/// Where the lines go. All that was read is written before more is waited for, so that nothing is
/// lost however this ends.
struct Lines<'a> {
    to: BufWriter<Box<dyn Write>>,
    path: Option<&'a Path>,
    count: u64,
}

impl<'a> Lines<'a> {
    fn new(path: Option<&'a Path>) -> Result<Self, Failure> {
        let to: Box<dyn Write> = match path {
            None => Box::new(io::stdout().lock()),
            Some(path) => Box::new(File::create(path).map_err(Failure::file(path))?),
        };
        Ok(Self { to: BufWriter::new(to), path, count: 0 })
    }

    fn write(&mut self, line: &str, more: bool) -> Result<(), Failure> {
        self.count += 1;
        let mut write = || {
            self.to.write_all(line.as_bytes())?;
            self.to.write_all(b"\n")?;
            if more { Ok(()) } else { self.to.flush() }
        };
        write().map_err(|error| match self.path {
            None => Failure::Output(error),
            Some(path) => Failure::file(path)(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_is_let_go_of() {
        let mut tap = Tap::default();
        let (mut slow, mut quick) = (tap.listen(), tap.listen());
        for _ in 0..=WAITING {
            tap.write_lines(b"{}\n").unwrap();
            assert!(quick.try_recv().is_ok());
        }
        assert_eq!(tap.0.lock().unwrap().len(), 1);
        // What it was given it has; then it learns it.
        for _ in 0..WAITING {
            assert!(slow.try_recv().is_ok());
        }
        assert_eq!(slow.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }
}
