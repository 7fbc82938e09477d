//! Where the outcome of a call goes.

use std::any::Any;
use std::sync::mpsc;

use castcall_core::ResponseMessage;

/// Takes the outcome of one call: an answer, or an error such as `Timeout`.
///
/// A closure, a `std::sync::mpsc::Sender`, a tokio `oneshot::Sender` (feature `tokio`), or your
/// own. It is called by whoever ends the call, on that thread and outside of locks, and should
/// hand over, not work. It may use the tracker.
pub trait ResponseSink: Send + 'static {
    /// Takes the outcome.
    ///
    /// # Errors
    ///
    /// Nobody is there any more to take it; gives it back.
    fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage>;
}

impl<F: FnOnce(ResponseMessage) + Send + 'static> ResponseSink for F {
    fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage> {
        self(response);
        Ok(())
    }
}

impl ResponseSink for mpsc::Sender<ResponseMessage> {
    fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage> {
        self.send(response).map_err(|refused| refused.0)
    }
}

#[cfg(feature = "tokio")]
impl ResponseSink for tokio::sync::oneshot::Sender<ResponseMessage> {
    fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage> {
        self.send(response)
    }
}

/// A sink of any type, which can become that type again.
pub(crate) trait AnySink: Send {
    fn deliver(self: Box<Self>, response: ResponseMessage) -> Result<(), ResponseMessage>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<S: ResponseSink> AnySink for S {
    fn deliver(self: Box<Self>, response: ResponseMessage) -> Result<(), ResponseMessage> {
        ResponseSink::deliver(*self, response)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use castcall_core::{ComponentId, RequestMessage};

    use super::*;

    fn response() -> ResponseMessage {
        let [from, to] = ["a", "b"].map(|id| ComponentId::new(id).unwrap());
        ResponseMessage::success(&RequestMessage::new(from, to, "q", 1), "a")
    }

    #[test]
    fn closures_and_channels_are_sinks() {
        let (sender, receiver) = mpsc::channel();
        let response = response();
        let closure = sender.clone();
        let closure = move |response| closure.send(response).unwrap();
        assert_eq!(closure.deliver(response.clone()), Ok(()));
        assert_eq!(sender.clone().deliver(response.clone()), Ok(()));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [response.clone(), response.clone()]);
        drop(receiver);
        assert_eq!(sender.deliver(response.clone()), Err(response));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn oneshots_are_sinks() {
        let response = response();
        let (sender, mut receiver) = tokio::sync::oneshot::channel();
        assert_eq!(sender.deliver(response.clone()), Ok(()));
        assert_eq!(receiver.try_recv(), Ok(response.clone()));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        drop(receiver);
        assert_eq!(sender.deliver(response.clone()), Err(response));
    }
}
