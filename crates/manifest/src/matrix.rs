//! Who may send to whom, and whether it can be read: known before anything runs.

use std::fmt;

use castcall_codec::Codec;
use castcall_core::ComponentId;
use serde::Serialize;

use crate::application::{Grants, any};
use crate::component::ComponentManifest;

/// Whether what one component writes can be read by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compatibility {
    /// The target accepts the codec that the sender prefers.
    Compatible {
        /// That codec.
        codec: Codec,
    },
    /// The target does not accept it: such a message is refused when it is sent.
    Incompatible {
        /// What the sender prefers.
        sends: Codec,
        /// What the target accepts.
        accepts: Vec<Codec>,
    },
    /// Nothing is known before a message is sent.
    Unchecked {
        /// Who does not say what it writes, or accepts.
        by: Undeclared,
    },
}

/// Who leaves a pair unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Undeclared {
    /// The sender has no preferred codec; each message is checked when it is sent.
    Sender,
    /// The target accepts anything.
    Target,
    /// Both.
    Both,
}

impl Compatibility {
    /// Of a message from `sender` to `target`, or of an answer.
    #[must_use]
    pub fn between(sender: &ComponentManifest, target: &ComponentManifest) -> Self {
        match (sender.codecs.preferred, &target.codecs.accepts) {
            (Some(codec), Some(accepts)) if accepts.contains(&codec) => Self::Compatible { codec },
            (Some(sends), Some(accepts)) => Self::Incompatible { sends, accepts: accepts.clone() },
            (None, Some(_)) => Self::Unchecked { by: Undeclared::Sender },
            (Some(_), None) => Self::Unchecked { by: Undeclared::Target },
            (None, None) => Self::Unchecked { by: Undeclared::Both },
        }
    }

    /// Whether it is known that messages are refused.
    #[must_use]
    pub fn is_incompatible(&self) -> bool {
        matches!(self, Self::Incompatible { .. })
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compatible { codec } => write!(f, "{codec}"),
            Self::Incompatible { sends, accepts } => {
                write!(f, "incompatible: {sends}, accepted are")?;
                let mut accepts = accepts.iter();
                accepts.try_for_each(|codec| write!(f, " {codec}"))
            }
            Self::Unchecked { by: Undeclared::Sender } => f.write_str("unchecked: sender"),
            Self::Unchecked { by: Undeclared::Target } => f.write_str("unchecked: target"),
            Self::Unchecked { by: Undeclared::Both } => f.write_str("unchecked: both"),
        }
    }
}

/// One sender and one target, in that direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pair {
    /// Who sends.
    pub sender: ComponentId,
    /// Who is to read it; may be the sender itself.
    pub target: ComponentId,
    /// Whether the sender may cast to the target.
    pub cast: bool,
    /// Whether it may call the target.
    pub call: bool,
    /// Whether the target can read what the sender writes.
    pub message: Compatibility,
    /// Whether the sender can read what the target answers to a call.
    pub answer: Compatibility,
}

impl Pair {
    /// Whether the sender may send to the target, and it is known that the target refuses it, or,
    /// where it may call, that the answer is refused.
    #[must_use]
    pub fn fails(&self) -> bool {
        ((self.cast || self.call) && self.message.is_incompatible())
            || (self.call && self.answer.is_incompatible())
    }
}

/// Who takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'m> {
    pub(crate) component: &'m ComponentManifest,
    /// Absent: everything that it asks for is granted.
    pub(crate) grants: Option<&'m Grants>,
}

impl Member<'_> {
    fn may_cast(&self, target: &ComponentId) -> bool {
        any(&self.component.capabilities.cast, target)
            && self.grants.is_none_or(|grants| any(&grants.cast, target))
    }

    fn may_call(&self, target: &ComponentId) -> bool {
        any(&self.component.capabilities.call, target)
            && self.grants.is_none_or(|grants| any(&grants.call, target))
    }
}

/// For each ordered pair of some components: who may send, and whether it can be read.
///
/// Shown with `{}`, it is a table of the pairs of which one may send to the other.
#[derive(Debug, Clone)]
pub struct CompatibilityMatrix<'m> {
    members: Vec<Member<'m>>,
}

/// Who may send to whom among these components if all that they ask for is granted, and whether
/// it can be read. [`ApplicationManifest::compatibility_matrix`] regards the grants too.
///
/// ```
/// use castcall_manifest::{ComponentManifest, compatibility_matrix};
///
/// let orders = r#"
///     id = "orders"
///     wasm = "orders.wasm"
///     codecs = { preferred = "cbor", accepts = ["cbor", "json"] }
///     capabilities.call = ["stock"]
/// "#;
/// let stock = r#"
///     id = "stock"
///     wasm = "stock.wasm"
///     codecs = { preferred = "json", accepts = ["json"] }
/// "#;
/// let orders = ComponentManifest::parse(orders, "orders.toml")?;
/// let stock = ComponentManifest::parse(stock, "stock.toml")?;
///
/// let matrix = compatibility_matrix([&orders, &stock]);
/// let pair = matrix.pairs().find(|pair| pair.fails()).unwrap();
/// assert!(pair.message.is_incompatible(), "stock can't read cbor");
/// assert_eq!(pair.answer.to_string(), "json");
/// # Ok::<(), castcall_manifest::ManifestError>(())
/// ```
///
/// [`ApplicationManifest::compatibility_matrix`]: crate::ApplicationManifest::compatibility_matrix
#[must_use]
pub fn compatibility_matrix<'m>(
    manifests: impl IntoIterator<Item = &'m ComponentManifest>,
) -> CompatibilityMatrix<'m> {
    let members = manifests.into_iter();
    CompatibilityMatrix::new(members.map(|component| Member { component, grants: None }))
}

impl<'m> CompatibilityMatrix<'m> {
    pub(crate) fn new(members: impl Iterator<Item = Member<'m>>) -> Self {
        Self { members: members.collect() }
    }

    /// Every ordered pair, those of a component with itself included, made as they are asked for:
    /// there are as many as the square of the components.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.members
            .iter()
            .flat_map(|sender| self.members.iter().map(|target| pair(sender, target.component)))
    }

    /// The pair of these two, if both are there.
    #[must_use]
    pub fn pair(&self, sender: &ComponentId, target: &ComponentId) -> Option<Pair> {
        let member =
            |id: &ComponentId| self.members.iter().find(|member| member.component.id == *id);
        Some(pair(member(sender)?, member(target)?.component))
    }

    /// Who does not say which codecs it accepts.
    pub fn unchecked(&self) -> impl Iterator<Item = &'m ComponentId> {
        let unchecked = |member: &&Member<'_>| member.component.codecs.accepts.is_none();
        self.members.iter().filter(unchecked).map(|member| &member.component.id)
    }
}

fn pair(sender: &Member<'_>, target: &ComponentManifest) -> Pair {
    Pair {
        sender: sender.component.id.clone(),
        target: target.id.clone(),
        cast: sender.may_cast(&target.id),
        call: sender.may_call(&target.id),
        message: Compatibility::between(sender.component, target),
        answer: Compatibility::between(target, sender.component),
    }
}

impl fmt::Display for CompatibilityMatrix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["sender", "target", "may", "message", "answer"].map(str::to_owned);
        let mut rows = vec![head];
        for pair in self.pairs().filter(|pair| pair.cast || pair.call) {
            let may = match (pair.cast, pair.call) {
                (true, true) => "cast, call",
                (true, false) => "cast",
                _ => "call",
            };
            let answer = if pair.call { pair.answer.to_string() } else { "-".into() };
            let (sender, target) = (pair.sender.to_string(), pair.target.to_string());
            rows.push([sender, target, may.into(), pair.message.to_string(), answer]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: [usize; 4] = std::array::from_fn(width);
        for row in &rows {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "{cell:width$}  ")?;
            }
            writeln!(f, "{}", row[4])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(id: &str, codecs: &str, capabilities: &str) -> ComponentManifest {
        let text = format!(
            "id = \"{id}\"\nwasm = \"x.wasm\"\n[codecs]\n{codecs}\n[capabilities]\n{capabilities}"
        );
        ComponentManifest::parse(&text, "Component.toml")
            .unwrap_or_else(|e| panic!("{}", e.render()))
    }

    #[test]
    fn a_table_of_all_sorts() {
        let members = [
            component("a", "preferred = \"cbor\"\naccepts = [\"cbor\"]", "cast = [\"*\"]"),
            component("b", "preferred = \"json\"\naccepts = [\"json\", \"raw\"]", "call = [\"a\"]"),
            component("c", "", "cast = [\"a\", \"c\"]\ncall = [\"b\", \"c\"]"),
        ];
        let matrix = compatibility_matrix(&members);
        let expected = "\
sender  target  may         message                                 answer
a       a       cast        cbor                                    -
a       b       cast        incompatible: cbor, accepted are json raw  -
a       c       cast        unchecked: target                       -
";
        let shown = matrix.to_string();
        let squeezed = |text: &str| {
            let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            text.lines().map(line).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&shown)[..4], squeezed(expected)[..]);
        assert_eq!(
            squeezed(&shown)[4..],
            [
                "b a call incompatible: json, accepted are cbor incompatible: cbor, accepted are \
                 json raw",
                "c a cast unchecked: sender -",
                "c b call unchecked: sender unchecked: target",
                "c c cast, call unchecked: both unchecked: both",
            ]
        );
        assert_eq!(matrix.pairs().count(), 9);
        assert_eq!(matrix.unchecked().collect::<Vec<_>>(), ["c"]);
        let id = |id: &str| ComponentId::new(id).unwrap();
        assert!(matrix.pair(&id("a"), &id("b")).unwrap().fails());
        assert!(matrix.pair(&id("b"), &id("a")).unwrap().fails());
        assert!(!matrix.pair(&id("a"), &id("a")).unwrap().fails());
        assert_eq!(matrix.pair(&id("a"), &id("d")), None);
        let json = serde_json::to_value(matrix.pairs().next().unwrap()).unwrap();
        assert_eq!(json["message"]["compatible"]["codec"], "cbor");
    }
}
