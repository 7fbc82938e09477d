//! Where the outcome of a call goes.

use std::any::Any;
use std::sync::mpsc;

use castcall_core::ResponseMessage;
#[cfg(feature = "tokio")]
use tokio::sync::oneshot;

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
impl ResponseSink for oneshot::Sender<ResponseMessage> {
    fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage> {
        self.send(response)
    }
}

/// A sink of any type, which can become that type again. The one that is used most is kept as it
/// is, for want of an allocation; that makes no call larger.
pub(crate) enum Sink {
    #[cfg(feature = "tokio")]
    Oneshot(oneshot::Sender<ResponseMessage>),
    Boxed(Box<dyn AnySink>),
}

impl Sink {
    #[inline]
    pub(crate) fn new<S: ResponseSink>(sink: S) -> Self {
        #[cfg(feature = "tokio")]
        let sink = match same(sink) {
            Ok(oneshot) => return Self::Oneshot(oneshot),
            Err(other) => other,
        };
        Self::Boxed(Box::new(sink))
    }

    #[inline]
    pub(crate) fn deliver(self, response: ResponseMessage) -> Result<(), ResponseMessage> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Oneshot(oneshot) => oneshot.send(response),
            Self::Boxed(sink) => sink.deliver(response),
        }
    }

    /// What it was made of a moment ago.
    pub(crate) fn into_inner<S: ResponseSink>(self) -> S {
        let inner = match self {
            #[cfg(feature = "tokio")]
            Self::Oneshot(oneshot) => same(oneshot).ok(),
            Self::Boxed(sink) => sink.into_any().downcast().ok().map(|sink| *sink),
        };
        let Some(inner) = inner else { unreachable!("a sink of another type was put in") };
        inner
    }
}

/// `value` as a `B`, if that is what it is. Decided when it is compiled.
#[cfg(feature = "tokio")]
#[inline]
fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut value = Some(value);
    let any: &mut dyn Any = &mut value;
    let same = any.downcast_mut::<Option<B>>().and_then(Option::take);
    match (same, value) {
        (Some(same), _) => Ok(same),
        (None, Some(value)) => Err(value),
        (None, None) => unreachable!("it is in one of the two"),
    }
}

/// What is in the box.
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

    #[test]
    fn a_sink_becomes_its_type_again() {
        let (sender, receiver) = mpsc::channel();
        let again: mpsc::Sender<_> = Sink::new(sender).into_inner();
        assert_eq!(Sink::new(again).deliver(response()), Ok(()));
        assert_eq!(receiver.try_iter().count(), 1);
        assert_eq!(size_of::<Sink>(), size_of::<Box<dyn AnySink>>());
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_oneshot_is_kept_without_a_box() {
        let (sender, mut receiver) = oneshot::channel();
        let sink = Sink::new(sender);
        assert!(matches!(sink, Sink::Oneshot(_)));
        let again: oneshot::Sender<_> = sink.into_inner();
        assert_eq!(Sink::new(again).deliver(response()), Ok(()));
        assert!(receiver.try_recv().is_ok());
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn oneshots_are_sinks() {
        let response = response();
        let (sender, mut receiver) = oneshot::channel();
        assert_eq!(sender.deliver(response.clone()), Ok(()));
        assert_eq!(receiver.try_recv(), Ok(response.clone()));
        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert_eq!(sender.deliver(response.clone()), Err(response));
    }
}
