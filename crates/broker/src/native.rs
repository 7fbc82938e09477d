//! Rust code of the embedding program as a peer: it casts, calls, answers and subscribes like a
//! component.

use bytes::Bytes;
use castcall_core::{ComponentError, CrashCode, RequestError, RequestId};

use crate::context::Context;
use crate::inbox::{Inbox, Work};
use crate::instance::{Factory, Instance, StartError};
use crate::message::Message;

/// What a native peer does. One message at a time, in the order of arrival.
///
/// Handlers run on castcall's workers and should not block: one that does is put on a thread of
/// its own after a millisecond or two, as a guest that loops is, but it can't be ended. A panic is
/// a crash of that peer: it is restarted by its policy, and nobody else is harmed.
///
/// A closure that takes the context and the message and returns the answer is a native peer too.
pub trait NativePeer: Send + 'static {
    /// Handles a cast, a call or a published message. What is returned is the answer if it is a
    /// call.
    ///
    /// # Errors
    ///
    /// What the requester is told.
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError>;

    /// Takes the end of a call made by `context.send_request`. By default, ignores it.
    ///
    /// # Errors
    ///
    /// Counted and logged.
    fn handle_callback(
        &mut self,
        context: &mut Context,
        request_id: RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        let _ = (context, request_id, result);
        Ok(())
    }

    /// Called before everything else.
    ///
    /// # Errors
    ///
    /// The peer refuses to run.
    fn init(&mut self, context: &mut Context) -> Result<(), ComponentError> {
        let _ = context;
        Ok(())
    }

    /// Called last, when the peer is stopped in order.
    fn shutdown(&mut self, context: &mut Context) {
        let _ = context;
    }
}

impl<F, B> NativePeer for F
where
    F: FnMut(&mut Context, Message) -> Result<B, ComponentError> + Send + 'static,
    B: Into<Bytes>,
{
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        self(context, message).map(Into::into)
    }
}

/// Makes the instances of a native peer with a function: one now, one after each crash.
pub(crate) struct NativeFactory<F>(pub(crate) F);

impl<F, P> Factory for NativeFactory<F>
where
    F: Fn() -> P + Send + Sync + 'static,
    P: NativePeer,
{
    fn instantiate(&self, context: Context) -> Result<Box<dyn Instance>, StartError> {
        Ok(Box::new(NativeInstance { peer: (self.0)(), context }))
    }
}

struct NativeInstance<P> {
    peer: P,
    context: Context,
}

impl<P: NativePeer> Instance for NativeInstance<P> {
    fn init(&mut self, _config: &[(String, String)]) -> Result<(), StartError> {
        self.peer.init(&mut self.context).map_err(StartError::Refused)
    }

    fn run(&mut self, inbox: &mut Inbox) -> Result<(), CrashCode> {
        let Self { peer, context } = self;
        while let Some(work) = inbox.next(context) {
            match work {
                Work::Message => {
                    let Some(message) = context.hand_out() else { continue };
                    let answer = peer.handle_message(context, message);
                    if context.must_crash() {
                        return Err(CrashCode::Trap);
                    }
                    inbox.finish(context, answer);
                }
                Work::Callback => {
                    let Some(id) = context.current_callback().map(|it| it.request_id) else {
                        continue;
                    };
                    let Some(result) = context.take_result() else { continue };
                    let result = peer.handle_callback(context, id, result);
                    if context.must_crash() {
                        return Err(CrashCode::Trap);
                    }
                    inbox.finish_callback(context, result);
                }
            }
        }
        Ok(())
    }

    fn take_in_hand(&mut self) -> Option<Message> {
        self.context.take_current()
    }

    fn shutdown(&mut self) -> Result<(), CrashCode> {
        self.peer.shutdown(&mut self.context);
        Ok(())
    }
}

impl Context {
    /// The message being handled, for who wants it as their own. A copy stays behind: all of it, or
    /// without the payload for a call, which is never given again.
    fn hand_out(&mut self) -> Option<Message> {
        let payload = match self.current()? {
            Message { call: None, payload, .. } => payload.clone(),
            _ => self.take_payload(),
        };
        let current = self.current()?;
        Some(Message {
            sender: current.sender.clone(),
            payload,
            topic: current.topic.clone(),
            timestamp: current.timestamp,
            trace: current.trace.clone(),
            measured: current.measured,
            untraced: current.untraced,
            call: current.call,
        })
    }
}

/// Makes a factory for [`Broker::add`](crate::Broker::add) out of a function that makes a native
/// peer.
pub fn native_factory<F, P>(make: F) -> Box<dyn Factory>
where
    F: Fn() -> P + Send + Sync + 'static,
    P: NativePeer,
{
    Box::new(NativeFactory(make))
}
