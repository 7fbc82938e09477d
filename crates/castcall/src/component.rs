//! A component to be loaded, and how it is to run.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use castcall_broker::{MailboxConfig, PeerConfig, RestartConfig};
use castcall_wasm::{CompileError, Engine, Limits, WasmComponent};

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
        Self { source, limits: Limits::default(), peer: PeerConfig::default() }
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

    /// Sets how many of its calls may be pending at once.
    #[must_use]
    pub fn max_pending(mut self, calls: u32) -> Self {
        self.peer.max_pending = calls;
        self
    }

    pub(crate) fn compile(&self, engine: &Engine) -> Result<WasmComponent, CompileError> {
        let component = match &self.source {
            Source::File(path) => engine.compile_file(path),
            Source::Bytes(wasm) => engine.compile(wasm),
        }?;
        Ok(component.with_limits(self.limits))
    }
}
