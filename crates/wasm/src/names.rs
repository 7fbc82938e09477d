//! The names of `wit/`.

/// What they all begin with.
pub(crate) const PACKAGE: &str = "castcall:component/";
pub(crate) const TYPES: &str = "castcall:component/types@0.1.0";
pub(crate) const HOST_SERVICES: &str = "castcall:component/host-services@0.1.0";
pub(crate) const MESSAGE_CONTEXT: &str = "castcall:component/message-context@0.1.0";
pub(crate) const DEFERRED_REPLY: &str = "castcall:component/deferred-reply@0.1.0";
pub(crate) const LIFECYCLE: &str = "castcall:component/component-lifecycle@0.1.0";
pub(crate) const CALLBACK: &str = "castcall:component/component-callback@0.1.0";
pub(crate) const SETUP: &str = "castcall:component/component-setup@0.1.0";
