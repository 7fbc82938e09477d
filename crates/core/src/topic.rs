//! Topics, and the patterns that match them.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::grammar::{FormError, Grammar, covers, matches};
use crate::id::cut;

/// A dotted name that messages are published to: `orders.eu.created`.
///
/// Segments of `A-Z a-z 0-9 _ -`, at most [`Topic::MAX_BYTES`] bytes and
/// [`Topic::MAX_SEGMENTS`] segments. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(Arc<str>);

/// A topic in which `*` may stand for whole segments.
///
/// A `*` that is not last stands for exactly one segment; one that is last, for one **or more**.
///
/// ```
/// use castcall_core::{InvalidTopic, Pattern, Topic};
///
/// let events: Pattern = "events.*".parse()?;
/// assert!(events.matches(&"events.user.created".parse()?));
/// assert!(!events.matches(&"events".parse()?));
/// assert!("or*".parse::<Pattern>().is_err());
/// # Ok::<(), InvalidTopic>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Arc<str>);

/// A topic or pattern out of form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no {kind}: {reason}")]
pub struct InvalidTopic {
    /// What was given, cut to its first 256 bytes or so.
    pub text: String,
    /// `topic` or `pattern`.
    pub kind: &'static str,
    /// What is wrong with it.
    #[source]
    pub reason: FormError,
}

impl Topic {
    /// How long a topic or pattern may be, in bytes.
    pub const MAX_BYTES: usize = 256;
    /// How many segments it may have.
    pub const MAX_SEGMENTS: usize = 32;

    const GRAMMAR: Grammar = Grammar {
        separator: b'.',
        max_bytes: Self::MAX_BYTES,
        max_segments: Self::MAX_SEGMENTS,
        wildcards: false,
    };
}

impl Pattern {
    const GRAMMAR: Grammar = Grammar { wildcards: true, ..Topic::GRAMMAR };

    /// Whether `topic` is one of those that this pattern stands for.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        matches(self.segments(), topic.segments())
    }

    /// Whether this pattern stands for every topic that `narrower` stands for: what a subscription
    /// needs of the pattern that it is granted by.
    ///
    /// ```
    /// use castcall_core::{InvalidTopic, Pattern};
    ///
    /// let granted: Pattern = "orders.*".parse()?;
    /// assert!(granted.covers(&"orders.eu.*".parse()?));
    /// assert!(!granted.covers(&"*".parse()?));
    /// # Ok::<(), InvalidTopic>(())
    /// ```
    #[must_use]
    pub fn covers(&self, narrower: &Self) -> bool {
        covers(self.segments(), narrower.segments())
    }
}

macro_rules! dotted {
    ($name:ident, $kind:literal) => {
        impl $name {
            /// Checks the form.
            ///
            /// # Errors
            ///
            /// The text is out of form, too long, or has too many segments.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidTopic> {
                let text = text.as_ref();
                match Self::GRAMMAR.check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(reason) => Err(InvalidTopic { text: cut(text), kind: $kind, reason }),
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What stands between the dots.
            pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
                self.0.split('.')
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidTopic;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidTopic;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidTopic;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl TryFrom<&$name> for $name {
            type Error = InvalidTopic;

            fn try_from(text: &$name) -> Result<Self, Self::Error> {
                Ok(text.clone())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

dotted!(Topic, "topic");
dotted!(Pattern, "pattern");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(pattern: &str, topic: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(&Topic::new(topic).unwrap())
    }

    #[test]
    fn wildcards_stand_for_whole_segments() {
        assert!(is_match("a.b", "a.b"));
        assert!(!is_match("a.b", "a.b.c"));
        assert!(!is_match("a.b.c", "a.b"));
        assert!(is_match("a.*.c", "a.b.c"));
        assert!(!is_match("a.*.c", "a.b.b.c"));
        assert!(is_match("a.*", "a.b"));
        assert!(is_match("a.*", "a.b.c"));
        assert!(!is_match("a.*", "a"));
        assert!(is_match("*", "a"));
        assert!(is_match("*", "a.b.c"));
        assert!(is_match("*.*", "a.b.c"));
        assert!(!is_match("*.*", "a"));
    }

    #[test]
    fn form() {
        let reason = |text| Pattern::new(text).unwrap_err().reason;
        assert_eq!(reason("or*"), FormError::PartialWildcard { at: 2 });
        assert_eq!(reason("a.*b.c"), FormError::PartialWildcard { at: 2 });
        assert_eq!(reason("**"), FormError::PartialWildcard { at: 1 });
        assert_eq!(reason("a..b"), FormError::EmptySegment { at: 2 });
        let deep = ["a"; 33].join(".");
        assert_eq!(reason(&deep), FormError::TooManySegments { limit: 32 });
        assert_eq!(
            Topic::new("a.*").unwrap_err().reason,
            FormError::BadCharacter { at: 2, found: '*' }
        );
        assert_eq!(
            Topic::new("a.*").unwrap_err().to_string(),
            "\"a.*\" is no topic: the character '*' at byte 2 is not one of A-Z a-z 0-9 _ -"
        );
        assert!(Topic::new("x".repeat(257)).is_err());
    }

    #[test]
    fn every_conversion_checks_the_form() {
        let topic = Topic::new("a.b").unwrap();
        assert_eq!("a.b".parse(), Ok(topic.clone()));
        assert_eq!(Topic::try_from("a.b"), Ok(topic.clone()));
        assert_eq!(Topic::try_from("a.b".to_owned()), Ok(topic.clone()));
        assert_eq!(Topic::try_from(&topic), Ok(topic));
        assert_eq!("a.*".parse::<Topic>().unwrap_err().kind, "topic");
        assert_eq!(Topic::try_from("a.*").unwrap_err().kind, "topic");
        assert_eq!(Topic::try_from("a.*".to_owned()).unwrap_err().kind, "topic");

        let pattern = Pattern::new("a.*").unwrap();
        assert_eq!("a.*".parse(), Ok(pattern.clone()));
        assert_eq!(Pattern::try_from("a.*"), Ok(pattern.clone()));
        assert_eq!(Pattern::try_from("a.*".to_owned()), Ok(pattern.clone()));
        assert_eq!(Pattern::try_from(&pattern), Ok(pattern));
        assert_eq!(Pattern::try_from("a*").unwrap_err().kind, "pattern");
    }

    #[test]
    fn are_found_and_shown_by_their_text() {
        let topic = Topic::new("a.b").unwrap();
        let topics = std::collections::HashSet::from([topic.clone()]);
        assert!(topics.contains("a.b") && !topics.contains("a"));
        assert_eq!(format!("{topic} {topic:?}"), "a.b \"a.b\"");
        assert_eq!(topic.as_ref(), "a.b");
        assert_eq!(String::from(topic), "a.b");

        let pattern = Pattern::new("a.*").unwrap();
        let patterns = std::collections::HashSet::from([pattern.clone()]);
        assert!(patterns.contains("a.*") && !patterns.contains("a.b"));
        assert_eq!(format!("{pattern} {pattern:?}"), "a.* \"a.*\"");
        assert_eq!(pattern.as_ref(), "a.*");
        assert_eq!(String::from(pattern), "a.*");
    }

    proptest! {
        #[test]
        fn a_topic_matches_itself_and_its_generalisations(
            segments in prop::collection::vec("[ab]{1,2}", 1..6),
            stars in prop::collection::vec(any::<bool>(), 6),
        ) {
            let topic = Topic::new(segments.join(".")).unwrap();
            let general: Vec<_> = segments
                .iter()
                .zip(&stars)
                .map(|(segment, star)| if *star { "*" } else { segment })
                .collect();
            prop_assert!(Pattern::new(topic.as_str()).unwrap().matches(&topic));
            prop_assert!(Pattern::new(general.join(".")).unwrap().matches(&topic));
        }

        #[test]
        fn covering_is_matching_all_that_the_other_matches(
            wide in "[ab*](\\.[ab*]){0,3}",
            narrow in "[ab*](\\.[ab*]){0,3}",
            topics in prop::collection::vec("[abc](\\.[abc]){0,4}", 40),
        ) {
            let (wide, narrow) = (Pattern::new(wide).unwrap(), Pattern::new(narrow).unwrap());
            // `c` stands for any segment that neither pattern names; one star may be two of them.
            let witness = |tail: &str| {
                let named = narrow.as_str().replace('*', "c");
                Topic::new(format!("{named}{tail}")).unwrap()
            };
            let open = narrow.segments().last() == Some("*");
            let mut witnesses = vec![witness("")];
            if open {
                witnesses.push(witness(".c"));
            }
            let all = witnesses.iter().all(|topic| wide.matches(topic));
            prop_assert_eq!(wide.covers(&narrow), all);
            if wide.covers(&narrow) {
                for topic in topics.iter().map(|topic| Topic::new(topic).unwrap()) {
                    prop_assert!(wide.matches(&topic) || !narrow.matches(&topic));
                }
            }
        }

        #[test]
        fn round_trips(text in "[a-z*]\\.[a-z]{1,9}\\.\\*") {
            let pattern = Pattern::new(&text).unwrap();
            let json = serde_json::to_string(&pattern).unwrap();
            prop_assert_eq!(serde_json::from_str::<Pattern>(&json).unwrap(), pattern);
        }
    }
}
