//! Capabilities: what is asked for, or granted.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use castcall_core::{Pattern, TargetPattern};
use serde::{Deserialize, Serialize};

use crate::error::PolicyError;
use crate::set::Form;

/// Whom and what somebody may send to, and listen to, as patterns. What no pattern stands for is
/// denied.
///
/// A manifest *asks* for capabilities, a [`Policy`](crate::Policy) *grants* some, and what holds is
/// the intersection: [`Rights`](crate::Rights). The same data says both.
///
/// ```
/// use castcall_policy::Capabilities;
///
/// let asked = Capabilities::none()
///     .with_cast("shop/*".parse()?)
///     .with_call("shop/stock".parse()?)
///     .with_publish("orders.*".parse()?);
/// assert!(asked.subscribe.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whom it may cast to.
    pub cast: Vec<TargetPattern>,
    /// Whom it may call.
    pub call: Vec<TargetPattern>,
    /// Which topics it may publish to.
    pub publish: Vec<Pattern>,
    /// Which topics it may receive. A subscription must lie within one of these patterns.
    pub subscribe: Vec<Pattern>,
}

/// One of the four lists of [`Capabilities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Capability {
    /// [`Capabilities::cast`].
    Cast,
    /// [`Capabilities::call`].
    Call,
    /// [`Capabilities::publish`].
    Publish,
    /// [`Capabilities::subscribe`].
    Subscribe,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cast => "cast",
            Self::Call => "call",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        })
    }
}

impl Capabilities {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything: `*` in each list.
    #[must_use]
    pub fn all() -> Self {
        Self { cast: star(), call: star(), publish: star(), subscribe: star() }
    }

    /// These, and casting to `pattern`.
    #[must_use]
    pub fn with_cast(mut self, pattern: TargetPattern) -> Self {
        self.cast.push(pattern);
        self
    }

    /// These, and calling `pattern`.
    #[must_use]
    pub fn with_call(mut self, pattern: TargetPattern) -> Self {
        self.call.push(pattern);
        self
    }

    /// These, and publishing to `pattern`.
    #[must_use]
    pub fn with_publish(mut self, pattern: Pattern) -> Self {
        self.publish.push(pattern);
        self
    }

    /// These, and receiving what is published to `pattern`.
    #[must_use]
    pub fn with_subscribe(mut self, pattern: Pattern) -> Self {
        self.subscribe.push(pattern);
        self
    }

    /// Whether no list has a pattern.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count() == 0
    }

    /// How many patterns, in all lists.
    pub(crate) fn count(&self) -> usize {
        self.cast.len() + self.call.len() + self.publish.len() + self.subscribe.len()
    }

    /// Looks for a pattern that stands in one list twice, which somebody meant otherwise.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Duplicate`].
    pub fn check(&self) -> Result<(), PolicyError> {
        once(&self.cast, Capability::Cast)?;
        once(&self.call, Capability::Call)?;
        once(&self.publish, Capability::Publish)?;
        once(&self.subscribe, Capability::Subscribe)
    }
}

/// `cast shop/* bank, publish orders.*`; `nothing` if there is no pattern.
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("nothing");
        }
        let mut before = "";
        list(f, &mut before, Capability::Cast, &self.cast)?;
        list(f, &mut before, Capability::Call, &self.call)?;
        list(f, &mut before, Capability::Publish, &self.publish)?;
        list(f, &mut before, Capability::Subscribe, &self.subscribe)
    }
}

fn list<P: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    before: &mut &str,
    capability: Capability,
    patterns: &[P],
) -> fmt::Result {
    if patterns.is_empty() {
        return Ok(());
    }
    write!(f, "{before}{capability}")?;
    *before = ", ";
    patterns.iter().try_for_each(|pattern| write!(f, " {pattern}"))
}

fn star<P: FromStr>() -> Vec<P> {
    "*".parse().into_iter().collect()
}

fn once<P: Form>(patterns: &[P], capability: Capability) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    match patterns.iter().find(|pattern| !seen.insert(*pattern)) {
        None => Ok(()),
        Some(twice) => {
            Err(PolicyError::Duplicate { capability, pattern: twice.as_ref().to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_a_star_each() {
        let all = Capabilities::all();
        assert_eq!((all.cast[0].as_str(), all.call[0].as_str()), ("*", "*"));
        assert_eq!((all.publish[0].as_str(), all.subscribe[0].as_str()), ("*", "*"));
        assert_eq!((all.count(), all.is_none()), (4, false));
        assert!(Capabilities::none().is_none());
    }

    #[test]
    fn a_pattern_stands_in_a_list_once() {
        let target = || "a/*".parse::<TargetPattern>().unwrap();
        let topic = || "a.*".parse::<Pattern>().unwrap();
        let once = Capabilities::none()
            .with_cast(target())
            .with_call(target())
            .with_publish(topic())
            .with_subscribe(topic());
        assert_eq!(once.check(), Ok(()));
        let twice = |capability, pattern: &str| {
            Err(PolicyError::Duplicate { capability, pattern: pattern.to_owned() })
        };
        let check = |capabilities: Capabilities| capabilities.check();
        assert_eq!(check(once.clone().with_cast(target())), twice(Capability::Cast, "a/*"));
        assert_eq!(check(once.clone().with_call(target())), twice(Capability::Call, "a/*"));
        assert_eq!(check(once.clone().with_publish(topic())), twice(Capability::Publish, "a.*"));
        assert_eq!(check(once.with_subscribe(topic())), twice(Capability::Subscribe, "a.*"));
    }

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let all = Capabilities::all();
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Capabilities>(&json).unwrap(), all);
        assert_eq!(serde_json::from_str::<Capabilities>("{}").unwrap(), Capabilities::none());
        assert!(serde_json::from_str::<Capabilities>(r#"{"casts": ["a"]}"#).is_err());
        assert!(serde_json::from_str::<Capabilities>(r#"{"cast": ["a*"]}"#).is_err());
        let named = [
            (Capability::Cast, "cast"),
            (Capability::Call, "call"),
            (Capability::Publish, "publish"),
            (Capability::Subscribe, "subscribe"),
        ];
        for (capability, name) in named {
            assert_eq!(capability.to_string(), name);
            assert_eq!(serde_json::to_value(capability).unwrap(), name);
        }
    }
}
