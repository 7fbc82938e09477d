//! What ends a command from outside: Ctrl-C, or SIGTERM, or its terminal going away.

use std::io;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// With which code the second one ends a process.
pub(crate) const TWICE: i32 = 130;

/// From when it is made, signals no longer end the process.
pub(crate) struct Interrupts([Signal; 3]);

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    pub(crate) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Does this at the first, and ends the process at the second. For what waits without a runtime.
pub(crate) fn at_the_first(act: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut interrupts = {
        let _within = runtime.enter();
        Interrupts::listen()?
    };
    let wait = move || {
        runtime.block_on(interrupts.next());
        act();
        runtime.block_on(interrupts.next());
        std::process::exit(TWICE);
    };
    thread::Builder::new().name("interrupts".to_owned()).spawn(wait).map(drop)
}
