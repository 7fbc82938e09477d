//! Patterns over component ids: whom somebody may cast to or call.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::grammar::{FormError, Grammar, covers, matches};
use crate::id::{ComponentId, cut};

/// A component id in which `*` may stand for whole segments, by the rule of
/// [`Pattern`](crate::Pattern) over `/`: one that is not last stands for exactly one segment, one
/// that is last, for one **or more**.
///
/// ```
/// use castcall_core::{InvalidTargetPattern, TargetPattern};
///
/// let shop: TargetPattern = "shop/*".parse()?;
/// assert!(shop.matches(&"shop/eu/orders".parse().unwrap()));
/// assert!(!shop.matches(&"shop".parse().unwrap()));
/// assert!("sh*".parse::<TargetPattern>().is_err());
/// # Ok::<(), InvalidTargetPattern>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetPattern(Arc<str>);

/// A target pattern out of form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no target pattern: {reason}")]
pub struct InvalidTargetPattern {
    /// What was given, cut to its first 256 bytes or so.
    pub text: String,
    /// What is wrong with it.
    #[source]
    pub reason: FormError,
}

impl TargetPattern {
    const GRAMMAR: Grammar = Grammar {
        separator: b'/',
        max_bytes: ComponentId::MAX_BYTES,
        max_segments: usize::MAX,
        wildcards: true,
    };

    /// Checks the form.
    ///
    /// # Errors
    ///
    /// The text is out of form, or too long.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidTargetPattern> {
        let text = text.as_ref();
        match Self::GRAMMAR.check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => Err(InvalidTargetPattern { text: cut(text), reason }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands between the slashes.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split('/')
    }

    /// Whether `id` is one of those that this pattern stands for.
    #[must_use]
    pub fn matches(&self, id: &ComponentId) -> bool {
        matches(self.segments(), id.as_str().split('/'))
    }

    /// Whether this pattern stands for every id that `narrower` stands for.
    #[must_use]
    pub fn covers(&self, narrower: &Self) -> bool {
        covers(self.segments(), narrower.segments())
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for TargetPattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for TargetPattern {
    type Err = InvalidTargetPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<&str> for TargetPattern {
    type Error = InvalidTargetPattern;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for TargetPattern {
    type Error = InvalidTargetPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<&ComponentId> for TargetPattern {
    /// The pattern that stands for that id alone.
    fn from(id: &ComponentId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<TargetPattern> for String {
    fn from(pattern: TargetPattern) -> Self {
        pattern.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TargetPattern {
        TargetPattern::new(text).unwrap()
    }

    #[test]
    fn stars_stand_for_whole_segments() {
        let matches = |text, id| pattern(text).matches(&ComponentId::new(id).unwrap());
        assert!(matches("a/*/c", "a/b/c") && !matches("a/*/c", "a/b/b/c"));
        assert!(matches("a/*", "a/b/c") && !matches("a/*", "a"));
        assert!(matches("*", "a/b") && matches("a", "a") && !matches("a", "b"));
        assert!(pattern("a/*").covers(&pattern("a/b/*")));
        assert!(!pattern("a/b").covers(&pattern("a/*")));
    }

    #[test]
    fn out_of_form() {
        let error = TargetPattern::new("a/b*").unwrap_err();
        assert_eq!(error.reason, FormError::PartialWildcard { at: 3 });
        assert_eq!(
            error.to_string(),
            "\"a/b*\" is no target pattern: the * at byte 3 must be a segment by itself"
        );
        assert!(TargetPattern::try_from("a.b").is_err());
        assert!(TargetPattern::try_from(String::new()).is_err());
        assert!("x".repeat(129).parse::<TargetPattern>().is_err());
    }

    #[test]
    fn is_shown_and_stored_as_its_text() {
        let id = ComponentId::new("a/b").unwrap();
        let exact = TargetPattern::from(&id);
        assert!(exact.matches(&id));
        assert_eq!(format!("{exact} {exact:?}"), "a/b \"a/b\"");
        assert_eq!((exact.as_ref(), exact.as_str()), ("a/b", "a/b"));
        let json = serde_json::to_string(&exact).unwrap();
        assert_eq!(serde_json::from_str::<TargetPattern>(&json).unwrap(), exact);
        assert!(serde_json::from_str::<TargetPattern>("\"a//b\"").is_err());
    }
}
