//! What is being handled: it lies in the context, where host functions look it up. From the mailbox
//! it is moved here and nowhere else, since it is large.

use std::mem;

use bytes::Bytes;
use castcall_core::RequestError;

use super::Context;
use crate::message::{Callback, Item, Message};

impl Context {
    /// This is what is next.
    #[inline]
    pub(crate) fn take_up(&mut self, item: Option<Item>) -> Option<&mut Item> {
        self.in_hand = item;
        self.in_hand.as_mut()
    }

    /// It is begun.
    #[inline]
    pub(crate) fn enter(&mut self, untraced: bool) {
        self.untraced = untraced;
    }

    /// It is done, and nothing is being handled any more.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.in_hand = None;
        self.trace = None;
        self.untraced = false;
    }

    /// The message being handled.
    #[must_use]
    pub fn current(&self) -> Option<&Message> {
        match self.in_hand.as_ref()? {
            Item::Message(message) => Some(message),
            Item::Callback(_) => None,
        }
    }

    /// The message being handled, which is not handled any more.
    pub fn take_current(&mut self) -> Option<Message> {
        match self.in_hand.take()? {
            Item::Message(message) => Some(message),
            Item::Callback(_) => None,
        }
    }

    /// Takes the payload out of the message being handled, for who can't leave it here.
    #[must_use]
    pub fn take_payload(&mut self) -> Bytes {
        match &mut self.in_hand {
            Some(Item::Message(message)) => mem::take(&mut message.payload),
            _ => Bytes::new(),
        }
    }

    /// Gives the payload back to the message being handled, after a crash.
    pub fn restore(&mut self, payload: Bytes) {
        if let Some(Item::Message(message)) = &mut self.in_hand {
            message.payload = payload;
        }
    }

    /// The end of a call that is being handled.
    #[must_use]
    pub fn current_callback(&self) -> Option<&Callback> {
        match self.in_hand.as_ref()? {
            Item::Message(_) => None,
            Item::Callback(callback) => Some(callback),
        }
    }

    /// Takes out what the callback being handled brings. What stays behind is an empty answer.
    #[must_use]
    pub fn take_result(&mut self) -> Option<Result<Bytes, RequestError>> {
        match self.in_hand.as_mut()? {
            Item::Message(_) => None,
            Item::Callback(callback) => Some(mem::replace(&mut callback.result, Ok(Bytes::new()))),
        }
    }
}
