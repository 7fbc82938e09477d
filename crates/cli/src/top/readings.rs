//! Asks the system again and again, beside the table: a system that does not answer must not hold up
//! the keys.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client;
use crate::control::Request;
use crate::exit::Failure;

/// When it was read, and what, or why not.
pub(super) type Reading = Result<(Instant, Value), Failure>;

pub(super) fn read(name: &str) -> Reading {
    let components = client::ask(name, &Request::Components)?;
    Ok((Instant::now(), components))
}

/// The next ones; after an error there are no more.
pub(super) fn readings(name: &str, every: Duration) -> io::Result<Receiver<Reading>> {
    let (sender, receiver) = sync_channel(1);
    let name = name.to_owned();
    let read = move || go_on(&name, every, &sender);
    thread::Builder::new().name("readings".to_owned()).spawn(read)?;
    Ok(receiver)
}

fn go_on(name: &str, every: Duration, to: &SyncSender<Reading>) {
    loop {
        thread::sleep(every);
        let reading = read(name).map_err(|failure| match failure {
            // It was there before.
            Failure::NoSystem(_) => Failure::Ended,
            other => other,
        });
        let last = reading.is_err();
        if to.send(reading).is_err() || last {
            return;
        }
    }
}
