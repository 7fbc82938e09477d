//! Commands: calls whose outcome goes to a reply path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castcall_broker::{Broker, ComponentHandle, SendError};
use castcall_core::{ComponentId, ComponentMessage, CorrelationId, MessagingError, RequestError};
use castcall_correlation::{
    CallOutcome, InvalidReplyPath, PendingResponse, RegisterResponseError, ReplyPath,
    ResponseConfig, ResponseManager, ResponseRequired,
};

use crate::outlet::Outlet;
use crate::reply::CommandReply;
use crate::system::System;

/// A call whose outcome goes to a [`ReplyPath`], as a [`CommandReply`] in JSON: cast to a
/// component, published to a topic, or handed to
/// [`on_opaque_reply`](crate::SystemBuilder::on_opaque_reply). Made by [`System::command`].
///
/// The target handles it as any call. A command that was sent is followed by exactly one reply,
/// whatever becomes of it: an answer, an error, a timeout, a cancel, the end of its target or of
/// its sender. It is sent in the name of the command's sender, may what that may, and is refused
/// where that one's message would be: by a full mailbox, or while the system shuts down. Such a
/// reply is lost, logged, and counted in [`System::replies`].
///
/// **Who decides the end.** The call is pending in the broker, which ends it as every call, and
/// the command in [`System::responses`], which knows the reply path. Whatever ends the call then
/// takes the command out, and only who took it out replies. A cancel takes the command out first
/// and then ends the call, whose end finds no command any more. Timeouts come from the call
/// alone. So a command costs no task and no timer of its own.
///
/// ```
/// use std::time::Duration;
/// use castcall::{CommandReply, Context, Message, System};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (sender, replies) = std::sync::mpsc::channel();
/// let system = System::builder()
///     .on_opaque_reply(move |path, reply: CommandReply| sender.send((path, reply)).unwrap())
///     .build()?;
/// system
///     .register_fn("stock", |_: &mut Context, _: Message| Ok("reserved"))
///     .await?;
///
/// let id = system
///     .command("stock", "reserve three")
///     .reply_to("amqp://replies/7")?
///     .timeout(Duration::from_secs(2))
///     .send()?;
///
/// let (path, reply) = replies.recv()?;
/// assert_eq!((path.rest(), reply.correlation_id), ("replies/7", id));
/// assert_eq!(reply.into_result()?, "reserved");
/// # Ok(())
/// # }
/// ```
#[must_use = "a command does nothing until it is sent"]
pub struct Command<'a, P = ReplyPath> {
    system: &'a System,
    sender: Option<ComponentHandle>,
    target: String,
    payload: Bytes,
    timeout: Option<Duration>,
    reply_to: P,
}

impl<P> fmt::Debug for Command<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("target", &self.target).finish_non_exhaustive()
    }
}

impl<'a> Command<'a, ()> {
    pub(crate) fn new(system: &'a System, target: String, payload: Bytes) -> Self {
        Self { system, sender: None, target, payload, timeout: None, reply_to: () }
    }

    /// Sets where the outcome goes: text as [`ReplyPath`] reads it, or a `ReplyPath`.
    ///
    /// # Errors
    ///
    /// The text is no reply path.
    pub fn reply_to<P>(self, path: P) -> Result<Command<'a>, InvalidReplyPath>
    where
        P: TryInto<ReplyPath>,
        InvalidReplyPath: From<P::Error>,
    {
        let reply_to = path.try_into()?;
        let Self { system, sender, target, payload, timeout, .. } = self;
        Ok(Command { system, sender, target, payload, timeout, reply_to })
    }
}

impl<P> Command<'_, P> {
    /// Sends it, and its reply, in the name of that component of this system; otherwise in that
    /// of `host`.
    pub fn from(mut self, sender: &ComponentHandle) -> Self {
        self.sender = Some(sender.clone());
        self
    }

    /// Sets how long to wait for the outcome; otherwise [`ResponseConfig::max_timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Command<'_> {
    /// Sends it, and returns the correlation id that its reply will bear; the target knows the
    /// call by the same id. The reply can be there before this returns.
    ///
    /// # Errors
    ///
    /// It was refused, as a call is, and no reply follows. The payload comes back.
    /// `too-many-pending` also if the sender has as many commands waiting as it may;
    /// `invalid-timeout` also if the timeout is longer than [`ResponseConfig::max_timeout`].
    pub fn send(self) -> Result<CorrelationId, SendError> {
        let Self { system, sender, target, payload, timeout, reply_to } = self;
        let (responses, outlet) = (system.responses(), system.outlet());
        let sender = sender.unwrap_or_else(|| system.host().clone());
        let Ok(to) = ComponentId::new(&target) else {
            return Err(SendError { error: MessagingError::InvalidMessage, payload });
        };
        // Registered before the call is made, which can end at once.
        let message = ComponentMessage::new(sender.id().clone(), to, payload.clone())
            .with_correlation_id(sender.new_request_id());
        let required = ResponseRequired { reply_to, timeout };
        let registered = responses.register_response_required_for(sender.id(), &message, required);
        let id = match registered {
            Ok(id) => id,
            Err(RegisterResponseError::InvalidTimeout { .. }) => {
                return Err(SendError { error: MessagingError::InvalidTimeout, payload });
            }
            Err(_) => return Err(SendError { error: MessagingError::TooManyPending, payload }),
        };
        let timeout = timeout.unwrap_or(responses.config().max_timeout);
        let on_end = {
            let (responses, outlet) = (responses.clone(), Arc::clone(outlet));
            let sender = sender.clone();
            move |result: Result<Bytes, RequestError>| {
                if let Some(pending) = responses.take(id, outcome(&result)) {
                    let reply = reply(&pending, result);
                    outlet.send(&sender, &pending.reply_to, reply);
                }
            }
        };
        match sender.call_with(id, &target, payload, timeout, on_end) {
            Ok(()) => {
                // Somebody who saw it in a listing may have cancelled it before there was a call.
                if !responses.contains(id) {
                    let _ended = sender.cancel_request(id);
                }
                Ok(id)
            }
            // The same before a call that was then refused: its reply has gone out, so it counts
            // as sent.
            Err(_) if responses.take(id, CallOutcome::Withdrawn).is_none() => Ok(id),
            Err(refused) => Err(refused),
        }
    }
}

/// The system's manager. It has no timer: the calls have one.
pub(crate) fn responses(
    config: ResponseConfig,
    broker: &Broker,
    outlet: &Arc<Outlet>,
) -> ResponseManager {
    // Weak, since what is pending holds the manager, and the broker what is pending.
    let (broker, outlet) = (broker.downgrade(), Arc::clone(outlet));
    let on_cancel = move |pending: PendingResponse| {
        let Some(broker) = broker.upgrade() else { return };
        let owner = broker.component(pending.owner.as_str());
        if let Some(owner) = &owner {
            // May have ended meanwhile: then its end has found no command, and said nothing.
            let _ended = owner.cancel_request(pending.correlation_id);
        }
        let host = || broker.component(ComponentId::host().as_str());
        if let Some(sender) = owner.or_else(host) {
            let reply = reply(&pending, Err(RequestError::Cancelled));
            outlet.send(&sender, &pending.reply_to, reply);
        }
    };
    ResponseManager::builder().config(config).on_cancel(on_cancel).build()
}

fn reply(pending: &PendingResponse, result: Result<Bytes, RequestError>) -> CommandReply {
    match result {
        Ok(payload) => CommandReply::success(pending.correlation_id, payload),
        Err(RequestError::Timeout) => pending.timeout_response().into(),
        Err(error) => CommandReply::error(pending.correlation_id, &error),
    }
}

fn outcome<T>(result: &Result<T, RequestError>) -> CallOutcome {
    match result {
        // The target answered, though with an error.
        Ok(_) | Err(RequestError::InvalidPayload(_) | RequestError::ProcessingFailed { .. }) => {
            CallOutcome::Completed
        }
        Err(RequestError::Timeout) => CallOutcome::TimedOut,
        Err(RequestError::Cancelled) => CallOutcome::Cancelled,
        Err(_) => CallOutcome::TargetGone,
    }
}
