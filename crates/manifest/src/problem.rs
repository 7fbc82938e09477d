//! One thing that is wrong with a manifest.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::render;
use crate::source::Source;

/// One thing that is wrong with a manifest, and where.
///
/// Shown with `{}`, it is one line, `file:line:column: message`; [`render`](Self::render) shows it
/// with the offending text underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file, by the name that it was given or found under.
    pub file: PathBuf,
    /// Whether the manifest can't be used for it.
    pub severity: Severity,
    /// What sort of mistake it is.
    pub kind: ProblemKind,
    /// Where it stands; absent if it concerns the file as a whole.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What could stand there.
    pub expected: Option<String>,
    /// What was probably meant, or how to put it right.
    pub suggestion: Option<String>,
    source: Arc<Source>,
}

/// Where something stands in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// In bytes from the beginning of the file. Never longer than the line that it begins in.
    pub span: Range<usize>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The manifest is refused.
    Error,
    /// The manifest is used as it stands; somebody should look at it.
    Warning,
}

/// The sort of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file is not there: correct the path, or make the file.
    FileMissing,
    /// The file is there and can't be read: correct its permissions, or the path.
    FileUnreadable,
    /// The file has more than [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES): shorten it.
    TooLarge,
    /// The file is not UTF-8: save it as such.
    NotUtf8,
    /// The file begins with a byte order mark: save it without.
    ByteOrderMark,
    /// The file is no TOML: correct it at the place. What else is wrong is not looked for.
    Syntax,
    /// A key, or a table, stands there twice: remove one.
    DuplicateKey,
    /// No such key is known here: the suggestion may say which was meant.
    UnknownKey,
    /// A key that must be there is not: add it.
    MissingKey,
    /// The value is of another type than the key's: write it as expected.
    WrongType,
    /// The number, size or duration is outside of what is allowed: choose one within.
    OutOfRange,
    /// The text is not in the form that ids, patterns, sizes or durations have: write it as
    /// expected.
    Malformed,
    /// The word is none of those that the key knows: the suggestion may say which was meant.
    UnknownWord,
    /// `host` and `cli` can't be ids of components: choose another.
    ReservedId,
    /// Two components of one application have the same id: give one another with `id`.
    DuplicateId,
    /// An entry of a list stands there twice: remove one.
    DuplicateEntry,
    /// A list or table that says nothing: fill it, or leave it out.
    Empty,
    /// A list with too many entries: merge some, with `*` where they are patterns.
    TooMany,
    /// Two values that can't both be meant: change one.
    Contradiction,
    /// A component does not say which codecs it accepts, in a system that forbids this: add
    /// `codecs.accepts`.
    Unchecked,
    /// A grant of what nobody asks for (a warning): remove it, or ask for it in the component's
    /// manifest.
    NotAsked,
    /// A subscription that no grant covers, so that it will be refused (a warning): grant it, or
    /// remove it.
    NotGranted,
}

impl Problem {
    pub(crate) fn new(
        source: &Arc<Source>,
        kind: ProblemKind,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: source.file.clone(),
            severity: Severity::Error,
            kind,
            place: span.map(|span| source.place(span)),
            message: message.into(),
            expected: None,
            suggestion: None,
            source: source.clone(),
        }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The text that the problem is about, as it stands in the file; empty if it concerns the file
    /// as a whole, or what is not there.
    #[must_use]
    pub fn offending_text(&self) -> &str {
        self.place.as_ref().map_or("", |place| &self.source.text[place.span.clone()])
    }

    /// The problem as a compiler shows it: over several lines, with the offending text underlined.
    #[must_use]
    pub fn render(&self) -> String {
        render::problem(self, &self.source, false)
    }

    /// The same in colours, as ANSI escape codes.
    #[must_use]
    pub fn render_coloured(&self) -> String {
        render::problem(self, &self.source, true)
    }

    /// What problems are listed by: file, then place.
    pub(crate) fn order(&self) -> (&Path, usize) {
        (&self.file, self.place.as_ref().map_or(0, |place| place.span.start))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.place {
            Some(Place { line, column, .. }) => write!(f, "{file}:{line}:{column}: ")?,
            None => write!(f, "{file}: ")?,
        }
        f.write_str(&self.message)
    }
}
