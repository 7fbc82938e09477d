//! Asks a running system.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::control::{self, Answer, MAX_REQUEST, Request};
use crate::exit::Failure;
use crate::place;

/// A connection to a system, for one question.
pub(crate) struct Client(UnixStream);

impl Client {
    /// To the system of that name.
    pub(crate) fn connect(name: &str) -> Result<Self, Failure> {
        let path = place::find(name)?;
        let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                place::no_system(name, &path)
            }
            _ => Failure::file(path)(error),
        })?;
        Ok(Self(stream))
    }

    /// The same connection, to say from elsewhere that nothing more is wanted.
    pub(crate) fn stream(&self) -> io::Result<UnixStream> {
        self.0.try_clone()
    }

    /// `line` gets each line of an answer that has several, and whether another is there already.
    pub(crate) fn ask(
        self,
        request: &Request,
        mut line: impl FnMut(&str, bool) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let asked = control::line(request).map_err(io::Error::other)?;
        if asked.len() > MAX_REQUEST {
            let most = MAX_REQUEST >> 20;
            return Err(Failure::failed(format!("the payload is too long: {most} MiB at most")));
        }
        // Who does not listen any more may have said why.
        let written = (&self.0).write_all(&asked);
        let mut reader = BufReader::new(self.0);
        let mut answer = Vec::new();
        loop {
            answer.clear();
            let read = reader.read_until(b'\n', &mut answer);
            if !read.is_ok_and(|read| read > 0) || answer.last() != Some(&b'\n') {
                drop(written);
                return Err(Failure::Ended);
            }
            match serde_json::from_slice(&answer) {
                Ok(Answer::Line(text)) => line(&text, !reader.buffer().is_empty())?,
                Ok(Answer::Done(value)) => return Ok(value),
                Ok(Answer::Failed(why)) => return Err(Failure::Failed(why)),
                Err(error) => {
                    return Err(Failure::failed(format!(
                        "the system's answer is not understood ({error}): use the `castcall` that \
                         it was started with"
                    )));
                }
            }
        }
    }
}

/// Asks the system of that name what has one answer.
pub(crate) fn ask(name: &str, request: &Request) -> Result<Value, Failure> {
    Client::connect(name)?.ask(request, |_, _| Ok(()))
}
