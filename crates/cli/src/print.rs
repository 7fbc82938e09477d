//! What is written to standard output and standard error.
//!
//! Whoever reads may go early, as `head` does. That is no failure: there is nobody left to tell.

use std::fmt::Display;
use std::io::{self, Write};

use crate::exit::Failure;

/// An answer, to standard output.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    write_whole(&mut io::stdout().lock(), text.as_bytes())
}

/// A remark, to standard error, on a line of its own. If that can't be written, nothing can be said.
pub(crate) fn remark(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn write_whole(out: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if !is_gone(&error) => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Whether nobody reads any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
