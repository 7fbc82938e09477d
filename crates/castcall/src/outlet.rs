//! Where the replies to commands leave.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use castcall_broker::ComponentHandle;
use castcall_core::MessagingError;
use castcall_correlation::{OpaquePath, ReplyPath};

use crate::reply::CommandReply;

/// What became of the replies to commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReplyStats {
    /// Queued for a component, published (whoever was subscribed), or taken by the program's
    /// handler.
    pub delivered: u64,
    /// Refused by the reply path: nobody of that id, a full mailbox, a shutdown, a handler that
    /// panicked. Lost.
    pub refused: u64,
    /// With an address `scheme://…`, and no handler for those. Lost.
    pub unhandled: u64,
}

type Send = dyn Fn(OpaquePath, CommandReply) + std::marker::Send + Sync;

/// The program's handler for addresses that castcall does not read.
#[derive(Clone, Default)]
pub(crate) struct OnOpaqueReply(pub(crate) Option<Arc<Send>>);

impl fmt::Debug for OnOpaqueReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnOpaqueReply").field(&self.0.is_some()).finish()
    }
}

pub(crate) struct Outlet {
    on_opaque: OnOpaqueReply,
    delivered: AtomicU64,
    refused: AtomicU64,
    unhandled: AtomicU64,
}

/// Why a reply was lost.
enum Lost {
    Refused(MessagingError),
    Panicked,
    Unhandled,
}

impl Outlet {
    pub(crate) fn new(on_opaque: OnOpaqueReply) -> Self {
        let [delivered, refused, unhandled] = [(); 3].map(|()| AtomicU64::new(0));
        Self { on_opaque, delivered, refused, unhandled }
    }

    pub(crate) fn stats(&self) -> ReplyStats {
        ReplyStats {
            delivered: self.delivered.load(Relaxed),
            refused: self.refused.load(Relaxed),
            unhandled: self.unhandled.load(Relaxed),
        }
    }

    /// Sends a reply in the name of the command's sender: what that one may not, its replies may
    /// not either.
    pub(crate) fn send(&self, sender: &ComponentHandle, to: &ReplyPath, reply: CommandReply) {
        let id = reply.correlation_id;
        let sent = match self.try_send(sender, to, reply) {
            // JSON is longer than what the target said: at least say that.
            Err(Lost::Refused(MessagingError::PayloadTooLarge { limit })) => {
                self.try_send(sender, to, CommandReply::too_large(id, limit))
            }
            sent => sent,
        };
        let counter = match &sent {
            Ok(()) => &self.delivered,
            Err(Lost::Unhandled) => &self.unhandled,
            Err(_) => &self.refused,
        };
        counter.fetch_add(1, Relaxed);
        match sent {
            Ok(()) => {}
            Err(Lost::Refused(error)) => tracing::warn!(%id, %to, %error, "a reply was refused"),
            Err(Lost::Panicked) => tracing::error!(%id, %to, "the handler of a reply panicked"),
            Err(Lost::Unhandled) => tracing::warn!(%id, %to, "nobody handles such replies"),
        }
    }

    fn try_send(
        &self,
        sender: &ComponentHandle,
        to: &ReplyPath,
        reply: CommandReply,
    ) -> Result<(), Lost> {
        match to {
            ReplyPath::Component(id) => {
                sender.cast(id, reply.to_json()).map_err(|refused| Lost::Refused(refused.error))
            }
            ReplyPath::Topic(topic) => match sender.publish(topic, reply.to_json()) {
                Ok(_matched) => Ok(()),
                Err(refused) => Err(Lost::Refused(refused.error)),
            },
            ReplyPath::Opaque(path) => {
                let handler = self.on_opaque.0.as_ref().ok_or(Lost::Unhandled)?;
                catch_unwind(AssertUnwindSafe(|| handler(path.clone(), reply)))
                    .map_err(|_| Lost::Panicked)
            }
            // A kind of path that was added and not here.
            _ => Err(Lost::Unhandled),
        }
    }
}
