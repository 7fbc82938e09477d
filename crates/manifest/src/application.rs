//! What an application manifest says, with the manifests that it names, as data.

mod grants;
mod read;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use castcall_core::{ComponentId, Pattern, TargetPattern};
use serde::Serialize;

use crate::component::ComponentManifest;
use crate::defaults;
use crate::error::ManifestError;
use crate::matrix::{CompatibilityMatrix, Member};
use crate::problem::Problem;
use crate::scalar;
use crate::source::Source;
use crate::wasi::Wasi;

/// The components of a system, what each may do, and the system's options: a `castcall.toml`.
///
/// ```
/// use castcall_manifest::{ApplicationManifest, ComponentManifest};
///
/// let text = r#"
///     [components.orders]
///     manifest = "orders/Component.toml"
///     mailbox.messages = 64
///     grants.call = ["shop/*"]
/// "#;
/// let orders = r#"
///     id = "shop/orders"
///     wasm = "orders.wasm"
///     capabilities.call = ["shop/stock"]
/// "#;
/// let application = ApplicationManifest::parse(text, "castcall.toml", |file| {
///     ComponentManifest::parse(orders, file)
/// })?;
/// let entry = &application.components["orders"];
/// assert_eq!(entry.component.mailbox.messages, 64);
/// assert!(entry.may_call(&"shop/stock".parse()?));
/// assert!(!entry.may_call(&"shop/tills".parse()?), "granted, and not asked for");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ApplicationManifest {
    /// Options of the whole system.
    pub system: SystemOptions,
    /// The components, by the names that the application gives them. No two have the same id.
    pub components: BTreeMap<String, ComponentEntry>,
    /// What peers that are no components are granted: `host`, `cli`, native peers. Who does not
    /// stand here has what the host grants otherwise.
    pub peers: BTreeMap<ComponentId, PeerGrants>,
    /// What somebody should look at, though the manifest is in order.
    #[serde(skip)]
    pub warnings: Vec<Problem>,
}

/// Options of a whole system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SystemOptions {
    /// How many components run at once: 1 to 1,024; absent: as many as there are cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// How many threads components may occupy: 1 to 65,536, and at least `workers`; absent: 256
    /// more than those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_threads: Option<u32>,
    /// Bytes of the longest payload: 1 to 1 GiB, by default 1 MiB.
    pub max_payload_bytes: u64,
    /// The longest timeout of a call: 1 ms to 24 h, by default one hour.
    #[serde(serialize_with = "scalar::serialize")]
    pub max_timeout: Duration,
    /// Where subscriptions, dead letters and compiled code are kept; absent: they end with the
    /// process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_directory: Option<PathBuf>,
    /// The file that audit records are added to; absent: there is no audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<PathBuf>,
    /// Whether a component that does not say which codecs it accepts is refused.
    pub forbid_unchecked: bool,
}

/// A component of an application.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComponentEntry {
    /// Its own manifest, joined to the folder of the application's.
    pub manifest: PathBuf,
    /// What that says, with what the application says instead.
    pub component: ComponentManifest,
    /// What it is granted.
    pub grants: Grants,
}

/// What a component is granted. It may do what it asks for *and* is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Grants {
    /// Whom it may send messages to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cast: Vec<TargetPattern>,
    /// Whom it may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<TargetPattern>,
    /// The topics that it may publish to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<Pattern>,
    /// The topics that it may subscribe to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<Pattern>,
    /// What it may do on the machine.
    #[serde(skip_serializing_if = "Wasi::is_nothing")]
    pub wasi: Wasi,
}

/// What a peer that is no component is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PeerGrants {
    /// Whom it may send messages to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cast: Vec<TargetPattern>,
    /// Whom it may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<TargetPattern>,
    /// The topics that it may publish to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<Pattern>,
    /// The topics that it may subscribe to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<Pattern>,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            workers: None,
            max_threads: None,
            max_payload_bytes: defaults::PAYLOAD_BYTES,
            max_timeout: defaults::MAX_TIMEOUT,
            state_directory: None,
            audit: None,
            forbid_unchecked: false,
        }
    }
}

impl ApplicationManifest {
    /// Reads and checks a text, and has `component` load each manifest that it names; touches no
    /// file itself. `file` is its name in errors, and paths in it are joined to that file's folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it and with the components' manifests.
    pub fn parse(
        text: &str,
        file: impl AsRef<Path>,
        mut component: impl FnMut(&Path) -> Result<ComponentManifest, ManifestError>,
    ) -> Result<Self, ManifestError> {
        let source = Source::new(text, file.as_ref())?;
        read::application(source, &mut |file, _| component(file), &|_| true)
    }

    /// Reads and checks a file and each manifest that it names, and looks whether the WebAssembly
    /// components are there.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them, as
    /// [`ComponentManifest::load`] does for one.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, ManifestError> {
        let source = Source::read(file.as_ref())?;
        let mut load = |file: &Path, find_wasm| match find_wasm {
            true => ComponentManifest::load(file),
            false => ComponentManifest::load_text(file),
        };
        read::application(source, &mut load, &Path::is_file)
    }

    /// Who may send to whom, and whether it can be read.
    #[must_use]
    pub fn compatibility_matrix(&self) -> CompatibilityMatrix<'_> {
        CompatibilityMatrix::new(
            self.components
                .values()
                .map(|entry| Member { component: &entry.component, grants: Some(&entry.grants) }),
        )
    }
}

impl ComponentEntry {
    /// Whether it asks to send messages to `target`, and is granted that.
    #[must_use]
    pub fn may_cast(&self, target: &ComponentId) -> bool {
        any(&self.component.capabilities.cast, target) && any(&self.grants.cast, target)
    }

    /// Whether it asks to call `target`, and is granted that.
    #[must_use]
    pub fn may_call(&self, target: &ComponentId) -> bool {
        any(&self.component.capabilities.call, target) && any(&self.grants.call, target)
    }

    /// What holds of what it asks of the machine.
    #[must_use]
    pub fn wasi(&self) -> Wasi {
        self.component.capabilities.wasi.granted_by(&self.grants.wasi)
    }
}

pub(crate) fn any(patterns: &[TargetPattern], target: &ComponentId) -> bool {
    patterns.iter().any(|pattern| pattern.matches(target))
}
