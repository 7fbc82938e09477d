//! Names of queue groups.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use castcall_core::FormError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of a queue group: one segment of `A-Z a-z 0-9 _ -`, at most [`Group::MAX_BYTES`]
/// bytes. A clone shares the text.
///
/// ```
/// use castcall_topics::Group;
///
/// let workers: Group = "workers".parse()?;
/// assert_eq!(workers.as_str(), "workers");
/// assert!("two.segments".parse::<Group>().is_err());
/// # Ok::<(), castcall_topics::InvalidGroup>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(Arc<str>);

/// The name of a group out of form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no group: {reason}")]
pub struct InvalidGroup {
    /// What was given, cut to its first 256 bytes or so.
    pub text: String,
    /// What is wrong with it.
    #[source]
    pub reason: FormError,
}

impl Group {
    /// How long a name may be, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks the form.
    ///
    /// # Errors
    ///
    /// The text is empty, too long, or not of one segment.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidGroup> {
        let text = text.as_ref();
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => {
                let text = text[..text.floor_char_boundary(256)].to_owned();
                Err(InvalidGroup { text, reason })
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), FormError> {
    if text.is_empty() {
        return Err(FormError::Empty);
    }
    if text.len() > Group::MAX_BYTES {
        return Err(FormError::TooLong { length: text.len(), limit: Group::MAX_BYTES });
    }
    let stranger =
        text.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    match stranger {
        Some((at, found)) => Err(FormError::BadCharacter { at, found }),
        None => Ok(()),
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Group {
    type Err = InvalidGroup;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Group {
    type Error = InvalidGroup;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for Group {
    type Error = InvalidGroup;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Group> for String {
    fn from(group: Group) -> Self {
        group.0.as_ref().to_owned()
    }
}

impl AsRef<str> for Group {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Group {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_is_wrong() {
        let reason = |text: &str| Group::new(text).unwrap_err().reason;
        assert_eq!(reason(""), FormError::Empty);
        assert_eq!(reason("a.b"), FormError::BadCharacter { at: 1, found: '.' });
        assert_eq!(reason("a/b"), FormError::BadCharacter { at: 1, found: '/' });
        assert_eq!(reason("*"), FormError::BadCharacter { at: 0, found: '*' });
        assert_eq!(reason("aé"), FormError::BadCharacter { at: 1, found: 'é' });
        assert_eq!(reason(&"x".repeat(129)), FormError::TooLong { length: 129, limit: 128 });
        assert!(Group::new("é".repeat(100_000)).unwrap_err().text.len() <= 256);
        assert_eq!(
            Group::new("a.b").unwrap_err().to_string(),
            "\"a.b\" is no group: the character '.' at byte 1 is not one of A-Z a-z 0-9 _ -"
        );
    }

    #[test]
    fn deserializing_checks_the_form() {
        assert!(serde_json::from_str::<Group>("\"a b\"").is_err());
    }

    proptest! {
        #[test]
        fn well_formed_names_round_trip(text in "[A-Za-z0-9_-]{1,128}") {
            let group = Group::new(&text).unwrap();
            prop_assert_eq!(group.as_str(), &text);
            let json = serde_json::to_string(&group).unwrap();
            prop_assert_eq!(serde_json::from_str::<Group>(&json).unwrap(), group);
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Group::new(text);
        }
    }
}
