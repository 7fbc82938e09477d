//! Where a response goes.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use castcall_core::{ComponentId, FormError, InvalidComponentId, InvalidTopic, Topic};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const TOPIC: &str = "topic:";
const SCHEME_END: &str = "://";

/// Where the response to a command goes.
///
/// Read from text by the first rule that fits:
///
/// 1. It contains `://`: an address that castcall does not read, [`OpaquePath`].
/// 2. It begins with `topic:`: the topic behind that.
/// 3. It contains `.`: a topic.
/// 4. Otherwise: a component id.
///
/// Its text form is read back as the same path: a topic without a dot is written `topic:orders`.
/// Serialized as that text.
///
/// ```
/// use castcall_correlation::ReplyPath;
///
/// assert!(matches!("shop/orders".parse()?, ReplyPath::Component(id) if id == "shop/orders"));
/// assert!(matches!("orders.done".parse()?, ReplyPath::Topic(_)));
/// assert!(matches!("topic:orders".parse()?, ReplyPath::Topic(_)));
/// assert!(matches!("amqp://queue/7".parse()?, ReplyPath::Opaque(_)));
/// assert!("shop//orders".parse::<ReplyPath>().is_err());
/// # Ok::<(), castcall_correlation::InvalidReplyPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum ReplyPath {
    /// That component or native peer.
    Component(ComponentId),
    /// Whoever is subscribed to that topic.
    Topic(Topic),
    /// An address that means something to the embedding program.
    Opaque(OpaquePath),
}

/// An address `scheme://…` that castcall hands on unread.
///
/// The scheme has the form of RFC 3986: a letter, then letters, digits, `+`, `-` and `.`. What
/// follows is free, but for white space and control characters. At most
/// [`OpaquePath::MAX_BYTES`] bytes in all. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpaquePath(Arc<str>);

/// A reply path out of form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path:?} is no reply path: {reason}")]
pub struct InvalidReplyPath {
    /// What was given, cut to its first 256 bytes or so.
    pub path: String,
    /// What is wrong with it.
    #[source]
    pub reason: ReplyPathError,
}

/// What is wrong with the form of a reply path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplyPathError {
    /// Read as a component id, and out of form: correct it, or mark it `topic:…` or `scheme://…`.
    #[error("as a component id, {0}")]
    Component(#[source] FormError),
    /// Read as a topic, and out of form: correct it.
    #[error("as a topic, {0}")]
    Topic(#[source] FormError),
    /// What stands before `://` is no scheme: a letter, then letters, digits, `+`, `-`, `.`.
    #[error("what stands before :// is no scheme")]
    Scheme,
    /// An address with white space or a control character: encode it.
    #[error("the character {found:?} at byte {at} must be encoded")]
    BadCharacter {
        /// Offset in bytes.
        at: usize,
        /// The character.
        found: char,
    },
    /// An address that is too long: shorten it to `limit` bytes.
    #[error("it has {length} bytes, and {limit} is the most")]
    TooLong {
        /// Bytes that it has.
        length: usize,
        /// Bytes that it may have.
        limit: usize,
    },
}

impl ReplyPath {
    /// Reads a path from its text: see [`ReplyPath`].
    ///
    /// # Errors
    ///
    /// The text is out of form for what it is by its first marks.
    pub fn new(path: impl AsRef<str>) -> Result<Self, InvalidReplyPath> {
        let path = path.as_ref();
        let topic = |InvalidTopic { reason, .. }| ReplyPathError::Topic(reason);
        let component = |InvalidComponentId { reason, .. }| ReplyPathError::Component(reason);
        let parsed = if path.contains(SCHEME_END) {
            OpaquePath::check(path).map(|()| Self::Opaque(OpaquePath(path.into())))
        } else if let Some(marked) = path.strip_prefix(TOPIC) {
            Topic::new(marked).map(Self::Topic).map_err(topic)
        } else if path.contains('.') {
            Topic::new(path).map(Self::Topic).map_err(topic)
        } else {
            ComponentId::new(path).map(Self::Component).map_err(component)
        };
        parsed.map_err(|reason| InvalidReplyPath { path: cut(path), reason })
    }
}

impl OpaquePath {
    /// How long an address may be, in bytes.
    pub const MAX_BYTES: usize = 2_048;

    /// Checks the form.
    ///
    /// # Errors
    ///
    /// There is no `://`, no scheme before it, a character that must be encoded, or too much.
    pub fn new(path: impl AsRef<str>) -> Result<Self, InvalidReplyPath> {
        let path = path.as_ref();
        match Self::check(path) {
            Ok(()) => Ok(Self(path.into())),
            Err(reason) => Err(InvalidReplyPath { path: cut(path), reason }),
        }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before `://`, as it was written: schemes are compared without case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(SCHEME_END).map_or("", |(scheme, _)| scheme)
    }

    /// What stands behind `://`.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.0.split_once(SCHEME_END).map_or("", |(_, rest)| rest)
    }

    fn check(path: &str) -> Result<(), ReplyPathError> {
        let (length, limit) = (path.len(), Self::MAX_BYTES);
        if length > limit {
            return Err(ReplyPathError::TooLong { length, limit });
        }
        let (scheme, _) = path.split_once(SCHEME_END).ok_or(ReplyPathError::Scheme)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            || !scheme.bytes().all(allowed)
        {
            return Err(ReplyPathError::Scheme);
        }
        let refused = |found: char| found.is_whitespace() || found.is_control();
        match path.char_indices().find(|(_, found)| refused(*found)) {
            Some((at, found)) => Err(ReplyPathError::BadCharacter { at, found }),
            None => Ok(()),
        }
    }
}

/// At most some 256 bytes of what a stranger wrote, for an error.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(256)].to_owned()
}

impl fmt::Display for ReplyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(id) => f.write_str(id.as_str()),
            Self::Topic(topic) if topic.as_str().contains('.') => f.write_str(topic.as_str()),
            Self::Topic(topic) => write!(f, "{TOPIC}{topic}"),
            Self::Opaque(path) => f.write_str(path.as_str()),
        }
    }
}

impl fmt::Display for OpaquePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OpaquePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for ReplyPath {
    type Err = InvalidReplyPath;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::new(path)
    }
}

impl TryFrom<&str> for ReplyPath {
    type Error = InvalidReplyPath;

    fn try_from(path: &str) -> Result<Self, Self::Error> {
        Self::new(path)
    }
}

impl TryFrom<String> for ReplyPath {
    type Error = InvalidReplyPath;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        Self::new(path)
    }
}

impl From<ReplyPath> for String {
    fn from(path: ReplyPath) -> Self {
        path.to_string()
    }
}

impl From<ComponentId> for ReplyPath {
    fn from(id: ComponentId) -> Self {
        Self::Component(id)
    }
}

impl From<&ComponentId> for ReplyPath {
    fn from(id: &ComponentId) -> Self {
        Self::Component(id.clone())
    }
}

impl From<Topic> for ReplyPath {
    fn from(topic: Topic) -> Self {
        Self::Topic(topic)
    }
}

impl From<OpaquePath> for ReplyPath {
    fn from(path: OpaquePath) -> Self {
        Self::Opaque(path)
    }
}

/// So that whatever takes text as a reply path takes a [`ReplyPath`] too.
impl From<Infallible> for InvalidReplyPath {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> ReplyPath {
        ReplyPath::new(text).unwrap()
    }

    fn reason(text: &str) -> ReplyPathError {
        ReplyPath::new(text).unwrap_err().reason
    }

    #[test]
    fn each_kind_is_known_by_its_marks() {
        let id = ComponentId::new("shop/orders").unwrap();
        assert_eq!(path("shop/orders"), ReplyPath::from(&id));
        assert_eq!(path("orders"), ComponentId::new("orders").unwrap().into());
        assert_eq!(path("a.b"), Topic::new("a.b").unwrap().into());
        assert_eq!(path("topic:a"), Topic::new("a").unwrap().into());
        assert_eq!(path("topic:a.b"), path("a.b"));
        assert_eq!(path("topic:a.b").to_string(), "a.b");
        assert_eq!(path("topic:a").to_string(), "topic:a");
        let opaque = OpaquePath::new("Svn+ssh://a.b/c?d#e://f").unwrap();
        assert_eq!((opaque.scheme(), opaque.rest()), ("Svn+ssh", "a.b/c?d#e://f"));
        assert_eq!(opaque.to_string(), "Svn+ssh://a.b/c?d#e://f");
        assert_eq!(format!("{opaque:?}"), "\"Svn+ssh://a.b/c?d#e://f\"");
        assert_eq!(path(opaque.as_str()), opaque.into());
        assert!(matches!(path("topic://x"), ReplyPath::Opaque(_)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(reason(""), ReplyPathError::Component(FormError::Empty));
        assert_eq!(reason("topic:"), ReplyPathError::Topic(FormError::Empty));
        let doubled = FormError::EmptySegment { at: 2 };
        assert_eq!(reason("a//b"), ReplyPathError::Component(doubled));
        assert_eq!(reason("a..b"), ReplyPathError::Topic(doubled));
        let wildcard = FormError::BadCharacter { at: 2, found: '*' };
        assert_eq!(reason("a.*"), ReplyPathError::Topic(wildcard));
        for scheme in ["", "1a", "a/b", "é", "a b", "-"] {
            assert_eq!(reason(&format!("{scheme}://x")), ReplyPathError::Scheme, "{scheme}");
        }
        assert_eq!(OpaquePath::new("a.b").unwrap_err().reason, ReplyPathError::Scheme);
        let newline = ReplyPathError::BadCharacter { at: 5, found: '\n' };
        assert_eq!(reason("a://b\nc"), newline);
        for found in [' ', '\u{7}'] {
            let bad = ReplyPathError::BadCharacter { at: 5, found };
            assert_eq!(reason(&format!("a://b{found}c")), bad);
        }
        let text = InvalidReplyPath { path: "a://b\nc".into(), reason: newline }.to_string();
        assert_eq!(
            text,
            r#""a://b\nc" is no reply path: the character '\n' at byte 5 must be encoded"#
        );
    }

    #[test]
    fn length_is_bounded() {
        let longest = format!("a://{}", "x".repeat(OpaquePath::MAX_BYTES - 4));
        assert!(ReplyPath::new(&longest).is_ok());
        let error = ReplyPath::new(format!("{longest}é")).unwrap_err();
        assert_eq!(error.reason, ReplyPathError::TooLong { length: 2_050, limit: 2_048 });
        assert_eq!(error.path.len(), 256);
    }

    #[test]
    fn deserializing_checks_the_form() {
        assert!(serde_json::from_str::<ReplyPath>("\"a b\"").is_err());
        assert_eq!(serde_json::to_string(&path("topic:a")).unwrap(), "\"topic:a\"");
    }

    fn any_path() -> impl Strategy<Value = ReplyPath> {
        prop_oneof![
            "[A-Za-z0-9_-]{1,9}(/[A-Za-z0-9_-]{1,9}){0,3}"
                .prop_map(|id| ComponentId::new(id).unwrap().into()),
            "[A-Za-z0-9_-]{1,9}(\\.[A-Za-z0-9_-]{1,9}){0,3}"
                .prop_map(|topic| Topic::new(topic).unwrap().into()),
            "[a-z][a-z0-9+.-]{0,5}://[!-~é]{0,40}"
                .prop_map(|path| OpaquePath::new(path).unwrap().into()),
        ]
    }

    proptest! {
        #[test]
        fn paths_round_trip(path in any_path()) {
            prop_assert_eq!(&ReplyPath::new(path.to_string()).unwrap(), &path);
            let json = serde_json::to_string(&path).unwrap();
            prop_assert_eq!(serde_json::from_str::<ReplyPath>(&json).unwrap(), path);
        }

        #[test]
        fn no_text_panics(text in "(topic:|[a-z]{0,2}://)?\\PC*") {
            if let Ok(path) = ReplyPath::new(&text) {
                prop_assert_eq!(ReplyPath::new(path.to_string()), Ok(path));
            }
        }
    }
}
