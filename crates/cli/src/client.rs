//! Asks a running system.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::control::{Answer, Request};
use crate::exit::Failure;
use crate::place;

/// Asks the system of that name; `line` gets each line of an answer that has several.
pub(crate) fn ask(
    name: &str,
    request: &Request,
    mut line: impl FnMut(&str) -> io::Result<()>,
) -> Result<Value, Failure> {
    let path = place::socket(name)?;
    let mut stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Failure::NoSystem(format!("no system {name:?} runs: start one with `castcall run`"))
        }
        _ => Failure::File { path, source: error },
    })?;
    let mut text = serde_json::to_vec(request).map_err(io::Error::other)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    for answer in BufReader::new(stream).lines() {
        match serde_json::from_str(&answer?).map_err(io::Error::other)? {
            Answer::Line(text) => line(&text)?,
            Answer::Done(value) => return Ok(value),
            Answer::Failed(why) => return Err(Failure::Failed(why)),
        }
    }
    Err(Failure::failed("the system has ended before it had answered"))
}
