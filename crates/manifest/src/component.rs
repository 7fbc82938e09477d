//! What `Component.toml` says, as data.

mod check;
mod read;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use castcall_codec::Codec;
use castcall_core::{ComponentId, Pattern, TargetPattern};
use serde::Serialize;

use crate::defaults;
use crate::error::ManifestError;
use crate::scalar;
use crate::source::Source;
use crate::wasi::Wasi;

pub(crate) use check::check;
pub(crate) use read::{Rights, find_wasm, overlay, put, put_some, rights, wasi};

/// What a component is, asks for, and may use: a `Component.toml`.
///
/// Serialized as TOML, it is a manifest again, which says the same.
///
/// ```
/// use castcall_manifest::ComponentManifest;
///
/// let text = r#"
///     id = "shop/orders"
///     wasm = "orders.wasm"
///     mailbox.messages = 256
///     capabilities.call = ["shop/stock"]
/// "#;
/// let manifest = ComponentManifest::parse(text, "orders/Component.toml")?;
/// assert_eq!(manifest.id, "shop/orders");
/// assert_eq!(manifest.wasm.to_str(), Some("orders/orders.wasm"));
/// assert_eq!(manifest.mailbox.messages, 256);
///
/// let error = ComponentManifest::parse("id = \"a\"\nwasn = \"a.wasm\"", "Component.toml").unwrap_err();
/// assert_eq!(error.problems[1].to_string(), "Component.toml:2:1: there is no key `wasn`");
/// assert_eq!(error.problems[1].suggestion.as_deref(), Some("did you mean `wasm`?"));
/// # Ok::<(), castcall_manifest::ManifestError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComponentManifest {
    /// Its id; neither `host` nor `cli`.
    pub id: ComponentId,
    /// The WebAssembly component, joined to the folder of the manifest if it was relative.
    pub wasm: PathBuf,
    /// What it does, for people. At most 1,024 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its version, for people. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Given to `init`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// How its payloads are encoded.
    pub codecs: Codecs,
    /// What it is subscribed to from the start.
    pub topics: Topics,
    /// How much may wait for it.
    pub mailbox: Mailbox,
    /// What it asks for.
    pub capabilities: Capabilities,
    /// How much it may send.
    pub quotas: Quotas,
    /// What an instance may use of the machine.
    pub limits: Limits,
    /// What follows a crash.
    pub restart: Restart,
}

/// How a component's payloads are encoded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Codecs {
    /// What it writes; absent if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Codec>,
    /// What it can read; absent if it is *unchecked*, and takes anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepts: Option<Vec<Codec>>,
}

/// What a component is subscribed to from the start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Topics {
    /// Each lies within one pattern of [`Capabilities::subscribe`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<Subscription>,
}

/// A subscription that a component has from the start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Subscription {
    /// To which topics.
    pub pattern: Pattern,
    /// The queue group to join, if any: one segment of at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// How much may wait for a component. Callbacks have room of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Mailbox {
    /// Messages: 1 to 1,000,000, by default 1,024.
    pub messages: u32,
    /// Bytes of their payloads: 1 to 64 GiB, by default 16 MiB.
    pub bytes: u64,
    /// What happens to a message that finds it full.
    pub overflow: Overflow,
}

/// What happens to a message that finds a mailbox full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Overflow {
    /// The sender is told.
    #[default]
    Reject,
    /// The message is dropped.
    DropNewest,
    /// What has waited longest is dropped.
    DropOldest,
}

/// What a component asks for. It may do what it asks for *and* is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Capabilities {
    /// Whom it wants to send messages to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cast: Vec<TargetPattern>,
    /// Whom it wants to call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<TargetPattern>,
    /// The topics that it wants to publish to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<Pattern>,
    /// The topics that it wants to subscribe to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<Pattern>,
    /// What it asks of the machine.
    #[serde(skip_serializing_if = "Wasi::is_nothing")]
    pub wasi: Wasi,
}

/// How much a component may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Quotas {
    /// Messages a second in the long run: 1 to 10,000,000, by default 100,000.
    pub messages_per_second: u32,
    /// Messages at once: 1 to 10,000,000; absent: see [`Quotas::burst_or_default`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Calls that are pending, or ended with their callback still queued: 1 to 1,000,000, by
    /// default 1,024.
    pub pending_requests: u32,
    /// Bytes of one message or answer: 1 to 1 GiB, by default 1 MiB.
    pub payload_bytes: u64,
    /// Subscriptions: 1 to 1,000,000, by default 1,024.
    pub subscriptions: u32,
}

impl Quotas {
    /// The messages that may be sent at once: as given, or else a second's worth.
    #[must_use]
    pub fn burst_or_default(&self) -> u32 {
        self.burst.unwrap_or(self.messages_per_second)
    }
}

/// What one instance of a component may use of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all its linear memories together: 64 KiB to 64 GiB, by default 64 MiB.
    pub memory_bytes: u64,
    /// Elements of all its tables together: 1 to 100,000,000, by default 100,000.
    pub table_elements: u32,
    /// How long one handler may run: 1 ms to 1 h, by default 1 s.
    #[serde(serialize_with = "scalar::serialize")]
    pub execution: Duration,
}

/// What follows a crash.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Restart {
    /// When a new instance is made.
    pub policy: RestartPolicy,
    /// Restarts within the window that are not yet too many: 0 to 1,000,000, by default 10.
    pub max_restarts: u32,
    /// Over how long restarts are counted: 1 ms to 24 h, by default one minute.
    #[serde(serialize_with = "scalar::serialize")]
    pub window: Duration,
    /// How long a restart waits.
    pub backoff: Backoff,
    /// How often the cast in hand is tried again: 0 to 1,000, by default 0.
    pub redeliver: u32,
    /// Crashes by one sender's messages after which it is cut off: 1 to 1,000,000, by default 5.
    pub poison_threshold: u32,
}

/// When an instance that has ended is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RestartPolicy {
    /// Always, also when `init` returns an error.
    Always,
    /// After a crash.
    #[default]
    OnCrash,
    /// Never.
    Never,
}

/// How long a restart waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Backoff {
    /// Before the first restart in a window: 1 ms to 1 h, by default 10 ms. Doubled at each
    /// further one.
    #[serde(serialize_with = "scalar::serialize")]
    pub initial: Duration,
    /// The longest wait: 1 ms to 24 h, by default 10 s, and at least `initial`.
    #[serde(serialize_with = "scalar::serialize")]
    pub max: Duration,
    /// By which part of itself a wait is longer or shorter, at random: 0 to 1, by default 0.25.
    pub jitter: f64,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            messages: defaults::MAILBOX_MESSAGES,
            bytes: defaults::MAILBOX_BYTES,
            overflow: Overflow::default(),
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            messages_per_second: defaults::MESSAGES_PER_SECOND,
            burst: None,
            pending_requests: defaults::PENDING_REQUESTS,
            payload_bytes: defaults::PAYLOAD_BYTES,
            subscriptions: defaults::SUBSCRIPTIONS,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: defaults::MEMORY_BYTES,
            table_elements: defaults::TABLE_ELEMENTS,
            execution: defaults::EXECUTION,
        }
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            max_restarts: defaults::MAX_RESTARTS,
            window: defaults::RESTART_WINDOW,
            backoff: Backoff::default(),
            redeliver: defaults::REDELIVER,
            poison_threshold: defaults::POISON_THRESHOLD,
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: defaults::BACKOFF_INITIAL,
            max: defaults::BACKOFF_MAX,
            jitter: defaults::BACKOFF_JITTER,
        }
    }
}

impl ComponentManifest {
    /// A manifest that says no more than who and where: everything else has its default.
    #[must_use]
    pub fn new(id: ComponentId, wasm: impl Into<PathBuf>) -> Self {
        Self {
            id,
            wasm: wasm.into(),
            description: None,
            version: None,
            config: BTreeMap::new(),
            codecs: Codecs::default(),
            topics: Topics::default(),
            mailbox: Mailbox::default(),
            capabilities: Capabilities::default(),
            quotas: Quotas::default(),
            limits: Limits::default(),
            restart: Restart::default(),
        }
    }

    /// Reads and checks a text, and touches no file. `file` is its name in errors, and paths in it
    /// are joined to that file's folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, but for files that are not there.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Self, ManifestError> {
        read::component(Source::new(text, file.as_ref())?, &|_| true)
    }

    /// As [`parse`](Self::parse), of bytes that should be UTF-8.
    ///
    /// # Errors
    ///
    /// As there; or the bytes are not UTF-8.
    pub fn parse_bytes(bytes: &[u8], file: impl AsRef<Path>) -> Result<Self, ManifestError> {
        read::component(Source::from_bytes(bytes, file.as_ref())?, &|_| true)
    }

    /// Reads and checks a file, and looks whether the WebAssembly component is there.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it: the file can't be read, has more than
    /// [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES), is not UTF-8, or says something wrong; or there
    /// is no file at [`wasm`](Self::wasm).
    pub fn load(file: impl AsRef<Path>) -> Result<Self, ManifestError> {
        read::component(Source::read(file.as_ref())?, &Path::is_file)
    }

    /// As [`load`](Self::load), without a look for the WebAssembly component.
    pub(crate) fn load_text(file: &Path) -> Result<Self, ManifestError> {
        read::component(Source::read(file)?, &|_| true)
    }
}
