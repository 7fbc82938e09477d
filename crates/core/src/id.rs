//! Component ids.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::grammar::{FormError, Grammar};

/// Who: a component, a native peer, or the embedding program itself.
///
/// Segments of `A-Z a-z 0-9 _ -`, joined by `/`, at most [`ComponentId::MAX_BYTES`] bytes. A clone
/// shares the text.
///
/// ```
/// use castcall_core::ComponentId;
///
/// let id: ComponentId = "shop/orders".parse()?;
/// assert_eq!(id, "shop/orders");
/// assert!("shop//orders".parse::<ComponentId>().is_err());
/// # Ok::<(), castcall_core::InvalidComponentId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentId(Arc<str>);

/// A component id out of form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{id:?} is no component id: {reason}")]
pub struct InvalidComponentId {
    /// What was given, cut to its first 256 bytes or so.
    pub id: String,
    /// What is wrong with it.
    #[source]
    pub reason: FormError,
}

impl ComponentId {
    /// How long an id may be, in bytes.
    pub const MAX_BYTES: usize = 128;

    const GRAMMAR: Grammar = Grammar {
        separator: b'/',
        max_bytes: Self::MAX_BYTES,
        max_segments: usize::MAX,
        wildcards: false,
    };

    /// Checks the form and makes an id.
    ///
    /// # Errors
    ///
    /// The text is not segments of `A-Z a-z 0-9 _ -` joined by `/`, or is too long.
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidComponentId> {
        let id = id.as_ref();
        match Self::GRAMMAR.check(id) {
            Ok(()) => Ok(Self(id.into())),
            Err(reason) => Err(InvalidComponentId { id: cut(id), reason }),
        }
    }

    /// The embedding program: `host`.
    #[must_use]
    pub fn host() -> Self {
        Self("host".into())
    }

    /// The command line: `cli`.
    #[must_use]
    pub fn cli() -> Self {
        Self("cli".into())
    }

    /// Whether this is `host` or `cli`, which no component may be called.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        matches!(&*self.0, "host" | "cli")
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// At most some 256 bytes of what a stranger wrote, for an error.
pub(crate) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(256)].to_owned()
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for ComponentId {
    type Err = InvalidComponentId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl TryFrom<&str> for ComponentId {
    type Error = InvalidComponentId;

    fn try_from(id: &str) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl TryFrom<String> for ComponentId {
    type Error = InvalidComponentId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl TryFrom<&ComponentId> for ComponentId {
    type Error = InvalidComponentId;

    fn try_from(id: &ComponentId) -> Result<Self, Self::Error> {
        Ok(id.clone())
    }
}

impl From<ComponentId> for String {
    fn from(id: ComponentId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl AsRef<str> for ComponentId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ComponentId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for ComponentId {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for ComponentId {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(id: &str) -> FormError {
        ComponentId::new(id).unwrap_err().reason
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(reason(""), FormError::Empty);
        assert_eq!(reason("a//b"), FormError::EmptySegment { at: 2 });
        assert_eq!(reason("/a"), FormError::EmptySegment { at: 0 });
        assert_eq!(reason("a/"), FormError::EmptySegment { at: 2 });
        assert_eq!(reason("a.b"), FormError::BadCharacter { at: 1, found: '.' });
        assert_eq!(reason("a/é"), FormError::BadCharacter { at: 2, found: 'é' });
        assert_eq!(reason("*"), FormError::BadCharacter { at: 0, found: '*' });
        assert_eq!(reason("a\0"), FormError::BadCharacter { at: 1, found: '\0' });
        assert_eq!(reason(&"x".repeat(129)), FormError::TooLong { length: 129, limit: 128 });
        assert!(ComponentId::new("x".repeat(128)).is_ok());
    }

    #[test]
    fn the_error_is_bounded() {
        let error = ComponentId::new("é".repeat(100_000)).unwrap_err();
        assert!(error.id.len() <= 256);
    }

    #[test]
    fn reserved_ids() {
        assert!(ComponentId::host().is_reserved());
        assert!(ComponentId::cli().is_reserved());
        assert!(!ComponentId::new("hosts").unwrap().is_reserved());
        assert!(!ComponentId::new("host/a").unwrap().is_reserved());
    }

    #[test]
    fn deserializing_checks_the_form() {
        assert!(serde_json::from_str::<ComponentId>("\"a b\"").is_err());
    }

    #[test]
    fn every_conversion_checks_the_form() {
        let id = ComponentId::new("shop/orders").unwrap();
        assert_eq!("shop/orders".parse(), Ok(id.clone()));
        assert_eq!(ComponentId::try_from("shop/orders"), Ok(id.clone()));
        assert_eq!(ComponentId::try_from("shop/orders".to_owned()), Ok(id.clone()));
        assert_eq!(ComponentId::try_from(&id), Ok(id));
        assert!("a b".parse::<ComponentId>().is_err());
        assert!(ComponentId::try_from("a b").is_err());
        assert!(ComponentId::try_from("a b".to_owned()).is_err());
    }

    #[test]
    fn is_found_and_compared_by_its_text() {
        let id = ComponentId::new("b/c").unwrap();
        let ids = std::collections::HashSet::from([id.clone()]);
        assert!(ids.contains("b/c") && !ids.contains("b"));
        assert!(id == *"b/c" && id != *"b");
        assert_eq!((format!("{id}"), format!("{id:?}")), ("b/c".to_owned(), "\"b/c\"".to_owned()));
        assert_eq!(id.as_ref(), "b/c");
        assert_eq!(String::from(id), "b/c");
    }

    proptest! {
        #[test]
        fn well_formed_ids_round_trip(id in "[A-Za-z0-9_-]{1,12}(/[A-Za-z0-9_-]{1,12}){0,6}") {
            let parsed = ComponentId::new(&id).unwrap();
            prop_assert_eq!(&parsed, id.as_str());
            let json = serde_json::to_string(&parsed).unwrap();
            prop_assert_eq!(serde_json::from_str::<ComponentId>(&json).unwrap(), parsed);
        }

        #[test]
        fn no_text_panics(id in "\\PC*") {
            let _ = ComponentId::new(id);
        }
    }
}
