//! What happens in a running system, line by line, for whoever listens: `castcall record`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use castcall::audit::Sink;
use tokio::sync::mpsc;

use crate::args::Record;
use crate::client;
use crate::control::Request;
use crate::exit::Failure;

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
    let mut out: Box<dyn Write> = match &args.output {
        None => Box::new(io::stdout().lock()),
        Some(path) => {
            let file = File::create(path);
            let file = file.map_err(|source| Failure::File { path: path.clone(), source })?;
            Box::new(io::BufWriter::new(file))
        }
    };
    let mut count = 0_u64;
    client::ask(&args.place.name, &Request::Record { for_ms }, |line| {
        count += 1;
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")
    })?;
    out.flush()?;
    eprintln!("{count} lines");
    Ok(())
}
