//! The text of a manifest, and where in it something stands.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::MAX_FILE_BYTES;
use crate::error::ManifestError;
use crate::problem::{Place, Problem, ProblemKind};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file, as it was given or read.
#[derive(PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

/// The file's name alone: its text is in every problem of it.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.file).finish()
    }
}

impl Source {
    /// Takes a text, if it can be a manifest at all.
    pub(crate) fn new(text: &str, file: &Path) -> Result<Arc<Self>, ManifestError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(too_large(file).into());
        }
        let source = Self::unchecked(text.to_owned(), file);
        if text.starts_with(BYTE_ORDER_MARK) {
            let message = "the file begins with a byte order mark";
            return Err(Problem::new(&source, ProblemKind::ByteOrderMark, None, message)
                .expected("UTF-8 without a byte order mark, as most editors write by default")
                .into());
        }
        Ok(source)
    }

    /// Takes bytes that should be UTF-8.
    pub(crate) fn from_bytes(bytes: &[u8], file: &Path) -> Result<Arc<Self>, ManifestError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(too_large(file).into());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::new(text, file),
            Err(error) => {
                let at = error.valid_up_to();
                // What stands before the fault is the same in both.
                let source = Self::unchecked(String::from_utf8_lossy(bytes).into_owned(), file);
                let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
                let message = format!("the byte {:#04x} is not UTF-8", bytes[at]);
                Err(Problem::new(&source, ProblemKind::NotUtf8, Some(at..end), message)
                    .expected("text in UTF-8")
                    .into())
            }
        }
    }

    /// Reads a file, no more of it than a manifest may have.
    pub(crate) fn read(file: &Path) -> Result<Arc<Self>, ManifestError> {
        let mut bytes = Vec::new();
        let limit = MAX_FILE_BYTES as u64 + 1;
        let read = File::open(file).and_then(|open| open.take(limit).read_to_end(&mut bytes));
        match read {
            Ok(_) => Self::from_bytes(&bytes, file),
            Err(error) => {
                let source = Self::unchecked(String::new(), file);
                let (kind, message) = if error.kind() == ErrorKind::NotFound {
                    (ProblemKind::FileMissing, format!("there is no file {}", file.display()))
                } else {
                    let message = format!("{} can't be read: {error}", file.display());
                    (ProblemKind::FileUnreadable, message)
                };
                Err(Problem::new(&source, kind, None, message).into())
            }
        }
    }

    fn unchecked(text: String, file: &Path) -> Arc<Self> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Arc::new(Self { file: file.to_owned(), text, lines })
    }

    /// The place of a span, cut to its first line.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(span.start);
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line.saturating_sub(1)];
        let end = begin + self.line(line).len();
        let end = self.text.ceil_char_boundary(span.end).clamp(start, end.max(start));
        let column = self.text[begin..start].chars().count() + 1;
        Place { span: start..end, line, column }
    }

    /// A line, by its number from one, without its end.
    pub(crate) fn line(&self, line: usize) -> &str {
        let begin = self.lines[line.saturating_sub(1)];
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[begin..end].trim_end_matches(['\n', '\r'])
    }

    /// Where a line begins, in bytes.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines[line.saturating_sub(1)]
    }

    /// The folder that relative paths in this file start from.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

fn too_large(file: &Path) -> Problem {
    let source = Source::unchecked(String::new(), file);
    let message = "the file is too large for a manifest";
    Problem::new(&source, ProblemKind::TooLarge, None, message)
        .expected(format!("at most {MAX_FILE_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Source::new(text, Path::new("Component.toml")).unwrap()
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = source("a = 1\r\né = \"ü\"\nlast");
        let place = source.place(0..1);
        assert_eq!((place.line, place.column), (1, 1));
        let at = source.text.find("\"ü").unwrap();
        let place = source.place(at..at + 4);
        assert_eq!((place.line, place.column, place.span), (2, 5, at..at + 4));
        assert_eq!(source.line(1), "a = 1");
        let end = source.text.len();
        let place = source.place(end..end);
        assert_eq!((place.line, place.column, source.line(place.line)), (3, 5, "last"));
    }

    #[test]
    fn a_span_over_lines_is_cut_to_the_first() {
        let source = source("a = '''x\ny'''\n");
        assert_eq!(source.place(4..13).span, 4..8);
        assert_eq!(source.place(8..13).span, 8..8);
    }

    #[test]
    fn the_line_break_itself_has_a_place() {
        let source = source("a\r\nb");
        let place = source.place(2..3);
        assert_eq!((place.line, place.span), (1, 2..2));
        assert_eq!(source.place(99..120).span, 4..4);
    }

    fn refused(read: Result<Arc<Source>, ManifestError>) -> Problem {
        read.unwrap_err().problems.remove(0)
    }

    #[test]
    fn what_is_no_text() {
        let file = Path::new("x/Component.toml");
        let read = |bytes: &[u8]| Source::from_bytes(bytes, file);
        assert_eq!(refused(read(b"\xef\xbb\xbfid = 1")).kind, ProblemKind::ByteOrderMark);
        assert_eq!(refused(read(&vec![b'#'; MAX_FILE_BYTES + 1])).kind, ProblemKind::TooLarge);
        assert!(read(&vec![b'#'; MAX_FILE_BYTES]).is_ok());
        let problem = refused(read(b"a\nb = \"\xff\""));
        assert_eq!(problem.kind, ProblemKind::NotUtf8);
        let place = problem.place.unwrap();
        assert_eq!((place.line, place.column), (2, 6));
        assert_eq!(format!("{:?}", source("")), "Source(\"Component.toml\")");
    }

    #[test]
    fn what_can_not_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(refused(Source::read(folder)).kind, ProblemKind::FileUnreadable);
        let missing = refused(Source::read(&folder.join("no/such.toml")));
        assert_eq!(missing.kind, ProblemKind::FileMissing);
        let read = Source::read(&folder.join("Cargo.toml")).unwrap();
        assert_eq!(read.folder(), folder);
    }
}
