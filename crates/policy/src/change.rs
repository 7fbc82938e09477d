//! Changes of a policy, as they are told to those who want to know.

use std::fmt;

use castcall_core::TargetPattern;

use crate::capabilities::Capabilities;
use crate::rule::Rule;

/// What has changed in a policy. Its text is for people: `grant cast shop/*, call shop/stock`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Change<'a> {
    /// [`Policy::grant`](crate::Policy::grant).
    Granted(&'a TargetPattern, &'a Capabilities),
    /// [`Policy::revoke`](crate::Policy::revoke).
    Revoked(&'a TargetPattern, &'a Capabilities),
    /// [`Policy::set`](crate::Policy::set).
    Set(&'a TargetPattern, &'a Capabilities),
    /// [`Policy::remove`](crate::Policy::remove).
    Removed(&'a TargetPattern),
    /// [`Policy::replace`](crate::Policy::replace), with these and perhaps that for `host`.
    Replaced(&'a [Rule]),
}

impl Change<'_> {
    /// Whose rule has changed; `None` if all have.
    #[must_use]
    pub fn who(&self) -> Option<&TargetPattern> {
        match self {
            Self::Granted(who, _)
            | Self::Revoked(who, _)
            | Self::Set(who, _)
            | Self::Removed(who) => Some(who),
            Self::Replaced(_) => None,
        }
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(_, more) => write!(f, "grant {more}"),
            Self::Revoked(_, less) => write!(f, "revoke {less}"),
            Self::Set(_, granted) => write!(f, "set to {granted}"),
            Self::Removed(_) => f.write_str("remove the rule"),
            Self::Replaced(rules) => write!(f, "replace all rules by {}", rules.len()),
        }
    }
}

/// Told of each change of a [`Policy`](crate::Policy), in their order, when it is in force and
/// before the function that made it returns.
pub trait Observer: Send + Sync {
    /// The policy has changed. May look at it, and must not change it: changes wait for this.
    fn changed(&self, change: &Change<'_>);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::Policy;

    #[derive(Default)]
    struct Diary(Mutex<Vec<String>>);

    impl Observer for Diary {
        fn changed(&self, change: &Change<'_>) {
            let who = change.who().map_or("*all*".to_owned(), ToString::to_string);
            self.0.lock().push(format!("{who}: {change}"));
        }
    }

    #[test]
    fn each_change_is_told_of_once_and_refused_ones_are_not() {
        let policy = Policy::new();
        let diary: Arc<Diary> = Arc::default();
        let seen: Arc<dyn Observer> = diary.clone();
        policy.observe(&seen);
        let shop: TargetPattern = "shop/*".parse().unwrap();
        let some = Capabilities::none()
            .with_cast("a".parse().unwrap())
            .with_cast("b/*".parse().unwrap())
            .with_publish("orders.*".parse().unwrap());
        policy.grant(&shop, &some).unwrap();
        policy.grant(&shop, &Capabilities::none()).unwrap_err();
        policy.revoke(&shop, &Capabilities::none().with_call("c".parse().unwrap())).unwrap();
        policy.set(&shop, &Capabilities::none()).unwrap();
        assert!(policy.remove(&shop) && !policy.remove(&shop));
        policy.replace([Rule::new(shop)]).unwrap();
        let told = [
            "shop/*: grant cast a b/*, publish orders.*",
            "shop/*: revoke call c",
            "shop/*: set to nothing",
            "shop/*: remove the rule",
            "*all*: replace all rules by 1",
        ];
        assert_eq!(*diary.0.lock(), told);
        drop((seen, diary));
        // Nobody is told any more, and the place is free for others.
        policy.replace([]).unwrap();
    }
}
