//! The one grammar behind ids, topics and patterns: segments of `A-Z a-z 0-9 _ -`, joined by a
//! separator.

use thiserror::Error;

/// What is wrong with the form of an id, a topic or a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormError {
    /// Nothing there: write at least one segment.
    #[error("it is empty")]
    Empty,
    /// Too long: shorten it to `limit` bytes.
    #[error("it has {length} bytes, and {limit} is the most")]
    TooLong {
        /// Bytes that it has.
        length: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// Too many segments: merge some.
    #[error("it has more than {limit} segments")]
    TooManySegments {
        /// Segments that it may have.
        limit: usize,
    },
    /// Two separators in a row, or one at an end: remove it.
    #[error("a segment is empty at byte {at}")]
    EmptySegment {
        /// Offset in bytes.
        at: usize,
    },
    /// A character outside the alphabet: segments are made of `A-Z a-z 0-9 _ -`.
    #[error("the character {found:?} at byte {at} is not one of A-Z a-z 0-9 _ -")]
    BadCharacter {
        /// Offset in bytes.
        at: usize,
        /// The character.
        found: char,
    },
    /// A `*` beside other characters: it stands for whole segments only.
    #[error("the * at byte {at} must be a segment by itself")]
    PartialWildcard {
        /// Offset in bytes.
        at: usize,
    },
}

/// The bounds of one kind of name.
#[derive(Clone, Copy)]
pub(crate) struct Grammar {
    pub(crate) separator: u8,
    pub(crate) max_bytes: usize,
    pub(crate) max_segments: usize,
    pub(crate) wildcards: bool,
}

impl Grammar {
    pub(crate) fn check(self, text: &str) -> Result<(), FormError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(FormError::Empty);
        }
        if bytes.len() > self.max_bytes {
            return Err(FormError::TooLong { length: bytes.len(), limit: self.max_bytes });
        }
        let mut segments = 1;
        let mut start = 0;
        let mut wildcard = None;
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {}
                b'*' if self.wildcards => wildcard = Some(at),
                separator if separator == self.separator => {
                    Self::check_segment(start, at, wildcard.take())?;
                    start = at + 1;
                    segments += 1;
                }
                _ => {
                    // `at` is a boundary: everything before it was ASCII.
                    let found = text[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                    return Err(FormError::BadCharacter { at, found });
                }
            }
        }
        Self::check_segment(start, bytes.len(), wildcard)?;
        if segments > self.max_segments {
            return Err(FormError::TooManySegments { limit: self.max_segments });
        }
        Ok(())
    }

    fn check_segment(start: usize, end: usize, wildcard: Option<usize>) -> Result<(), FormError> {
        match wildcard {
            _ if start == end => Err(FormError::EmptySegment { at: start }),
            Some(at) if end - start > 1 => Err(FormError::PartialWildcard { at }),
            _ => Ok(()),
        }
    }
}

/// Whether `name` is one of those that `pattern` stands for: a `*` that is not last stands for
/// one segment, one that is last, for one or more.
pub(crate) fn matches<'a>(
    pattern: impl Iterator<Item = &'a str>,
    mut name: impl Iterator<Item = &'a str>,
) -> bool {
    let mut pattern = pattern.peekable();
    while let Some(segment) = pattern.next() {
        let Some(found) = name.next() else { return false };
        if segment == "*" && pattern.peek().is_none() {
            return true;
        }
        if segment != "*" && segment != found {
            return false;
        }
    }
    name.next().is_none()
}

/// Whether `wide` stands for every name that `narrow` stands for.
pub(crate) fn covers<'a>(
    wide: impl Iterator<Item = &'a str>,
    narrow: impl Iterator<Item = &'a str>,
) -> bool {
    let (mut wide, mut narrow) = (wide.peekable(), narrow.peekable());
    while let Some(segment) = wide.next() {
        let Some(found) = narrow.next() else { return false };
        if segment == "*" && wide.peek().is_none() {
            return true;
        }
        // One or more, where `wide` has an end or a segment more to ask for.
        let open = found == "*" && narrow.peek().is_none();
        if open || (segment != "*" && segment != found) {
            return false;
        }
    }
    narrow.next().is_none()
}
