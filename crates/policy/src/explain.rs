//! Why something is allowed, or is not: for people.

use std::fmt;

use castcall_core::{ComponentId, Pattern, TargetPattern, Topic};
use serde::{Deserialize, Serialize};

use crate::capabilities::Capability;
use crate::rights::Rights;
use crate::rule::Compiled;
use crate::set::{Form, PatternSet};

/// What a component may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Cast to somebody.
    Cast(&'a ComponentId),
    /// Call somebody.
    Call(&'a ComponentId),
    /// Publish to a topic.
    Publish(&'a Topic),
    /// Subscribe to a pattern.
    Subscribe(&'a Pattern),
    /// Be given what is published to a topic.
    Receive(&'a Topic),
}

impl Action<'_> {
    /// Which list it is a matter of.
    #[must_use]
    pub fn capability(&self) -> Capability {
        match self {
            Self::Cast(_) => Capability::Cast,
            Self::Call(_) => Capability::Call,
            Self::Publish(_) => Capability::Publish,
            Self::Subscribe(_) | Self::Receive(_) => Capability::Subscribe,
        }
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cast(target) => write!(f, "cast to {target}"),
            Self::Call(target) => write!(f, "call {target}"),
            Self::Publish(topic) => write!(f, "publish to {topic}"),
            Self::Subscribe(pattern) => write!(f, "subscribe to {pattern}"),
            Self::Receive(topic) => write!(f, "receive {topic}"),
        }
    }
}

/// A pattern of a policy's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Clause {
    /// Whom the rule is for.
    pub who: TargetPattern,
    /// The pattern.
    pub pattern: String,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by the rule for {}", self.pattern, self.who)
    }
}

/// Why something is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Denial {
    /// It is granted, but the component does not ask for it: add it to the manifest.
    NotAsked,
    /// It is asked for, but no rule grants it: grant it.
    NotGranted,
    /// Neither: add it to the manifest, and grant it.
    Neither,
    /// It is revoked, whatever else: grant it to whom it was revoked from.
    Revoked,
}

/// Why a component may do something, or may not. To be shown, and to be looked into.
///
/// ```
/// use castcall_core::ComponentId;
/// use castcall_policy::{Action, Capabilities, Denial, Policy};
///
/// let policy = Policy::new();
/// policy.grant(&"shop/*".parse()?, &Capabilities::none().with_cast("shop/*".parse()?))?;
/// let asked = Capabilities::none().with_cast("*".parse()?);
/// let rights = policy.rights(&"shop/orders".parse()?, &asked);
///
/// let stock: ComponentId = "shop/stock".parse()?;
/// assert_eq!(
///     rights.explain(Action::Cast(&stock)).to_string(),
///     "shop/orders may cast to shop/stock: its manifest asks for *, and it is granted shop/* by \
///      the rule for shop/*",
/// );
/// let denied = rights.explain(Action::Call(&stock));
/// assert_eq!(denied.denial(), Some(Denial::Neither));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Who.
    pub component: ComponentId,
    /// What, in words: `cast to shop/stock`.
    pub action: String,
    /// Which list it is a matter of.
    pub capability: Capability,
    /// The pattern that it asks for this by.
    pub asked: Option<String>,
    /// What grants this.
    pub granted: Option<Clause>,
    /// What revokes this.
    pub revoked: Option<Clause>,
    /// If it does not ask for this: what it asks for that comes nearest.
    pub nearest_asked: Option<String>,
    /// If no rule grants this: what is granted that comes nearest.
    pub nearest_granted: Option<Clause>,
    /// How many rules are for this component.
    pub rules: usize,
}

impl Explanation {
    /// Why it is denied; `None` if it is allowed.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        match (&self.asked, &self.granted, &self.revoked) {
            (_, _, Some(_)) => Some(Denial::Revoked),
            (Some(_), Some(_), None) => None,
            (None, Some(_), None) => Some(Denial::NotAsked),
            (Some(_), None, None) => Some(Denial::NotGranted),
            (None, None, None) => Some(Denial::Neither),
        }
    }

    /// Whether it is allowed: the same that [`Rights`] says.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.denial().is_none()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let may = if self.is_allowed() { "may" } else { "may not" };
        write!(f, "{} {may} {}: ", self.component, self.action)?;
        if let Some(revoked) = &self.revoked {
            return write!(f, "it is revoked, {revoked}");
        }
        match (&self.asked, &self.nearest_asked) {
            (Some(asked), _) => write!(f, "its manifest asks for {asked}")?,
            (None, Some(nearest)) => write!(f, "its manifest asks for {nearest} at most")?,
            (None, None) => f.write_str("its manifest asks for nothing like it")?,
        }
        let and = if self.asked.is_some() == self.granted.is_some() { "and" } else { "but" };
        match (&self.granted, &self.nearest_granted) {
            (Some(granted), _) => write!(f, ", {and} it is granted {granted}"),
            (None, Some(nearest)) => write!(f, ", {and} it is granted {nearest} at most"),
            (None, None) if self.rules == 0 => write!(f, ", {and} no rule is for it"),
            (None, None) => write!(f, ", {and} no rule for it grants anything like it"),
        }
    }
}

impl Rights {
    /// Says why the component may do something, or may not. For people: looks at all patterns if
    /// none allows it.
    #[must_use]
    pub fn explain(&self, action: Action<'_>) -> Explanation {
        match action {
            Action::Cast(target) => self.by_name(action, |of| &of.cast, target.as_str()),
            Action::Call(target) => self.by_name(action, |of| &of.call, target.as_str()),
            Action::Publish(topic) => self.by_name(action, |of| &of.publish, topic.as_str()),
            Action::Receive(topic) => self.by_name(action, |of| &of.subscribe, topic.as_str()),
            Action::Subscribe(pattern) => self.by(
                action,
                |of| &of.subscribe,
                pattern.as_str(),
                |set| set.covering(pattern),
                |set| set.overlapping(pattern, |_| true),
            ),
        }
    }

    fn by_name<P: Form>(
        &self,
        action: Action<'_>,
        list: impl Fn(&Compiled) -> &PatternSet<P>,
        name: &str,
    ) -> Explanation {
        self.by(action, list, name, |set| set.find(name), |set| set.find(name))
    }

    fn by<P: Form>(
        &self,
        action: Action<'_>,
        list: impl Fn(&Compiled) -> &PatternSet<P>,
        text: &str,
        allows: impl Fn(&PatternSet<P>) -> Option<&P>,
        takes: impl Fn(&PatternSet<P>) -> Option<&P>,
    ) -> Explanation {
        let text_of = |pattern: &P| pattern.as_ref().to_owned();
        let clause = |who: &TargetPattern, pattern| Clause { who: who.clone(), pattern };
        let asked = allows(list(&self.asked)).map(text_of);
        let granted = self
            .rules
            .iter()
            .find_map(|rule| Some(clause(&rule.who, allows(list(&rule.granted)).map(text_of)?)));
        let revoked = self
            .rules
            .iter()
            .find_map(|rule| Some(clause(&rule.who, takes(list(&rule.revoked)).map(text_of)?)));
        let nearest_asked = match &asked {
            Some(_) => None,
            None => list(&self.asked).nearest(text).map(|(_, pattern)| text_of(pattern)),
        };
        let nearest_granted = match &granted {
            Some(_) => None,
            None => {
                let of_each = self.rules.iter().filter_map(|rule| {
                    let (common, pattern) = list(&rule.granted).nearest(text)?;
                    Some((common, clause(&rule.who, text_of(pattern))))
                });
                of_each.max_by_key(|(common, _)| *common).map(|(_, clause)| clause)
            }
        };
        Explanation {
            component: self.component().clone(),
            action: action.to_string(),
            capability: action.capability(),
            asked,
            granted,
            revoked,
            nearest_asked,
            nearest_granted,
            rules: self.rules.len(),
        }
    }
}
