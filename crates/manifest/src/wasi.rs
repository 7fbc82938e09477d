//! What a component asks of the machine, or is granted of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// What a component asks of the machine through WASI, or is granted of it. By default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Wasi {
    /// Environment variables; those without a value have the host's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "environment")]
    pub env: BTreeMap<String, Option<String>>,
    /// Folders; no two have the same path of the guest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<Folder>,
    /// Clocks, and waiting for them.
    pub clocks: bool,
    /// Random numbers.
    pub random: bool,
    /// Standard output and error, which go to the host's log.
    pub stdio: bool,
    /// Sockets and name lookups.
    pub network: bool,
}

/// A folder of the host under a path of the guest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Folder {
    /// The folder; a relative path of a manifest has been joined to the manifest's folder.
    pub host: PathBuf,
    /// The path that the guest opens it by; begins with `/`.
    pub guest: String,
    /// Whether it may be changed.
    pub access: Access,
}

/// What may be done with a [`Folder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Access {
    /// Files may be read and listed.
    #[default]
    ReadOnly,
    /// Files may be made, changed and removed too.
    ReadWrite,
}

impl Wasi {
    /// What holds of what is asked, under these grants.
    ///
    /// * A variable holds if its name is granted; with the value of the grant if that has one, or
    ///   else as it is asked for.
    /// * A folder holds if its path of the guest is granted. What is opened is the *grant's*
    ///   folder, for reading only if either side says so.
    #[must_use]
    pub fn granted_by(&self, grants: &Self) -> Self {
        let env = self.env.iter().filter_map(|(name, asked)| {
            let granted = grants.env.get(name)?;
            Some((name.clone(), granted.clone().or_else(|| asked.clone())))
        });
        let dirs = self.dirs.iter().filter_map(|asked| {
            let granted = grants.dirs.iter().find(|granted| granted.guest == asked.guest)?;
            Some(Folder { access: granted.access.min(asked.access), ..granted.clone() })
        });
        Self {
            env: env.collect(),
            dirs: dirs.collect(),
            clocks: self.clocks && grants.clocks,
            random: self.random && grants.random,
            stdio: self.stdio && grants.stdio,
            network: self.network && grants.network,
        }
    }

    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// As a manifest writes it: a list of names if no value is given, a table otherwise. What holds
/// after a grant may have both; a name without a value is null then.
fn environment<S: serde::Serializer>(
    env: &BTreeMap<String, Option<String>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    if env.values().all(Option::is_none) { to.collect_seq(env.keys()) } else { to.collect_map(env) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(host: &str, guest: &str, access: Access) -> Folder {
        Folder { host: host.into(), guest: guest.into(), access }
    }

    fn env(variables: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
        let owned =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        variables.iter().map(owned).collect()
    }

    #[test]
    fn only_what_is_asked_and_granted_holds() {
        let asked = Wasi {
            env: env(&[("A", None), ("B", Some("asked")), ("C", Some("asked")), ("D", None)]),
            dirs: vec![
                folder("mine", "/data", Access::ReadWrite),
                folder("other", "/other", Access::ReadOnly),
                folder("secret", "/secret", Access::ReadOnly),
            ],
            clocks: true,
            random: true,
            ..Wasi::default()
        };
        let grants = Wasi {
            env: env(&[("A", None), ("B", None), ("C", Some("granted")), ("E", None)]),
            dirs: vec![
                folder("/srv/data", "/data", Access::ReadOnly),
                folder("/srv/other", "/other", Access::ReadWrite),
            ],
            clocks: true,
            network: true,
            ..Wasi::default()
        };
        let holds = asked.granted_by(&grants);
        assert_eq!(holds.env, env(&[("A", None), ("B", Some("asked")), ("C", Some("granted"))]));
        assert_eq!(
            holds.dirs,
            [
                folder("/srv/data", "/data", Access::ReadOnly),
                folder("/srv/other", "/other", Access::ReadOnly),
            ]
        );
        assert!(holds.clocks && !holds.random && !holds.stdio && !holds.network);
        assert!(asked.granted_by(&Wasi::default()).is_nothing());
    }
}
