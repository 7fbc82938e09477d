//! A component to be loaded, and how it is to run.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use castcall_broker::{Capabilities, MailboxConfig, PeerConfig, Quotas, RestartConfig};
use castcall_codec::Codec;
use castcall_core::Pattern;
use castcall_manifest as manifest;
use castcall_topics::Group;
use castcall_wasm::{CompileError, Engine, Limits, Wasi, WasmComponent};

/// A component to be loaded with [`System::load`](crate::System::load), and how it is to run.
///
/// ```
/// use std::time::Duration;
/// use castcall::{Component, Limits};
///
/// let mut limits = Limits::default();
/// limits.execution = Duration::from_millis(200);
/// let component = Component::file("orders.wasm").config("currency", "EUR").limits(limits);
/// ```
#[derive(Debug, Clone)]
pub struct Component {
    source: Source,
    limits: Limits,
    wasi: Wasi,
    /// What its manifest asks for of WASI.
    pub(crate) asks_wasi: manifest::Wasi,
    pub(crate) peer: PeerConfig,
}

#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

impl Component {
    /// The component in a file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::new(Source::File(path.as_ref().to_owned()))
    }

    /// The component in these bytes.
    pub fn bytes(wasm: impl Into<Bytes>) -> Self {
        Self::new(Source::Bytes(wasm.into()))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            limits: Limits::default(),
            wasi: Wasi::default(),
            asks_wasi: manifest::Wasi::default(),
            peer: PeerConfig::default(),
        }
    }

    /// Adds a setting that its `init` is given.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.peer.config.push((key.into(), value.into()));
        self
    }

    /// Sets what each of its instances may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the bounds of its mailbox.
    #[must_use]
    pub fn mailbox(mut self, mailbox: MailboxConfig) -> Self {
        self.peer.mailbox = mailbox;
        self
    }

    /// Sets how it is restarted.
    #[must_use]
    pub fn restart(mut self, restart: RestartConfig) -> Self {
        self.peer.restart = restart;
        self
    }

    /// Sets how often a cast or published message is given to it again after it crashed with it.
    /// Default: 0, the message becomes a dead letter at once.
    #[must_use]
    pub fn redeliver(mut self, times: u32) -> Self {
        self.peer.redeliver = times;
        self
    }

    /// Sets how many crashes the messages of one sender may cause before that sender is cut off
    /// from it. 0 is no limit. Default: 3.
    #[must_use]
    pub fn poison_limit(mut self, crashes: u32) -> Self {
        self.peer.poison_limit = crashes;
        self
    }

    /// Subscribes it at each of its starts, as its manifest would.
    #[must_use]
    pub fn subscribe(mut self, pattern: Pattern) -> Self {
        self.peer.subscriptions.push((pattern, None));
        self
    }

    /// Subscribes it at each of its starts as a member of `group`, as its manifest would.
    #[must_use]
    pub fn subscribe_group(mut self, pattern: Pattern, group: Group) -> Self {
        self.peer.subscriptions.push((pattern, Some(group)));
        self
    }

    /// Sets what it asks for: it may do what the system's [`Policy`](crate::Policy) grants of this.
    /// By default it asks for everything, so that the policy alone decides.
    #[must_use]
    pub fn capabilities(mut self, asks: Capabilities) -> Self {
        self.peer.asks = asks;
        self
    }

    /// Grants it this of the machine, through WASI, and nothing else. By default nothing: it is not
    /// loaded if it imports `wasi:*`.
    ///
    /// Whoever has a manifest grants with [`grant_wasi`](Self::grant_wasi) what that asks for.
    #[must_use]
    pub fn wasi(mut self, wasi: Wasi) -> Self {
        self.wasi = wasi;
        self
    }

    /// Sets the codecs that it can read. What comes in another is refused where it is sent. By
    /// default it takes anything, and is *unchecked*.
    #[must_use]
    pub fn codecs(mut self, accepts: impl IntoIterator<Item = Codec>) -> Self {
        self.peer.codecs = accepts.into_iter().collect();
        self
    }

    /// Sets the codec that it writes itself, to be named to who sends it one that it can't read. By
    /// default it does not say.
    #[must_use]
    pub fn preferred_codec(mut self, codec: Codec) -> Self {
        self.peer.preferred = Some(codec);
        self
    }

    /// Sets how much it may send and hold. Out of range, it is not loaded.
    #[must_use]
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.peer.set_quotas(quotas);
        self
    }

    /// Sets how many of its calls may be pending at once.
    #[must_use]
    pub fn max_pending(mut self, calls: u32) -> Self {
        self.peer.max_pending = calls;
        self
    }

    /// Compiles it, with what it is granted of WASI, and looks whether it could be loaded. Loading does
    /// that by itself: this is to know it before.
    ///
    /// # Errors
    ///
    /// The file can't be read, it is no component, or not one for this host: [`CompileError`].
    pub fn compile(&self, engine: &Engine) -> Result<WasmComponent, CompileError> {
        let component = match &self.source {
            Source::File(path) => engine.compile_file_with(path, self.wasi.clone()),
            Source::Bytes(wasm) => engine.compile_with(wasm, self.wasi.clone()),
        }?;
        Ok(component.with_limits(self.limits))
    }
}
