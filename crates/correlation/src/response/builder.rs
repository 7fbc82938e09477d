//! Settings and handlers of a manager.

use std::fmt;

use crate::response::{PendingResponse, ResponseConfig, ResponseManager};
#[cfg(feature = "tokio")]
use crate::response::{ReplyPath, TimeoutResponse};

/// Makes a [`ResponseManager`] with settings and handlers.
#[derive(Default)]
#[must_use]
pub struct ResponseManagerBuilder {
    pub(super) config: ResponseConfig,
    pub(super) handlers: Handlers,
}

pub(super) type OnCancel = Box<dyn Fn(PendingResponse) + Send + Sync>;
#[cfg(feature = "tokio")]
pub(super) type OnTimeout = Box<dyn Fn(ReplyPath, TimeoutResponse) + Send + Sync>;

#[derive(Default)]
pub(super) struct Handlers {
    pub(super) cancel: Option<OnCancel>,
    #[cfg(feature = "tokio")]
    pub(super) timeout: Option<OnTimeout>,
}

impl ResponseManagerBuilder {
    /// Sets what it lets pass and remembers.
    pub fn config(mut self, config: ResponseConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets what is called with each command that [`ResponseManager::cancel`] has taken out, by
    /// whoever cancels, outside of locks. It may use the manager.
    pub fn on_cancel(mut self, handler: impl Fn(PendingResponse) + Send + Sync + 'static) -> Self {
        self.handlers.cancel = Some(Box::new(handler));
        self
    }

    /// Sets what sends a synthetic response to its path when a command times out, and makes the
    /// manager expire by itself: see [`ResponseManager`]. Called by a task, outside of locks; it
    /// should hand over, not work. It may use the manager. Where the time is told, use
    /// [`ResponseManager::expire_at`] instead: the task goes by the real clock.
    #[cfg(feature = "tokio")]
    pub fn on_timeout(
        mut self,
        handler: impl Fn(ReplyPath, TimeoutResponse) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.timeout = Some(Box::new(handler));
        self
    }

    /// Makes the manager.
    #[must_use]
    pub fn build(self) -> ResponseManager {
        ResponseManager::from_builder(self)
    }
}

impl fmt::Debug for ResponseManagerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseManagerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
