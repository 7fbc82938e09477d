//! A native peer that keeps what it gets.

use std::sync::{Arc, Mutex};

use castcall::core::Topic;
use castcall::{Bytes, ComponentError, Context, Message, NativePeer, RequestError, RequestId};

/// One message, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who sent it.
    pub sender: String,
    /// What it said.
    pub payload: Bytes,
    /// The topic it was published to.
    pub topic: Option<Topic>,
    /// Whether it was a call.
    pub is_call: bool,
}

/// The end of one call, as it came.
pub type Outcome = (RequestId, Result<Bytes, RequestError>);

/// Keeps every message and callback, and answers with the message. Clones share what they keep,
/// so that it outlasts the peer's instances.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    records: Arc<Mutex<Vec<Record>>>,
    callbacks: Arc<Mutex<Vec<Outcome>>>,
}

impl Recorder {
    /// Makes one that has kept nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages so far.
    ///
    /// # Panics
    ///
    /// The recorder panicked before.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }

    /// What the messages so far said.
    #[must_use]
    pub fn payloads(&self) -> Vec<String> {
        let text = |record: &Record| String::from_utf8_lossy(&record.payload).into_owned();
        self.records().iter().map(text).collect()
    }

    /// The callbacks so far.
    ///
    /// # Panics
    ///
    /// The recorder panicked before.
    #[must_use]
    pub fn callbacks(&self) -> Vec<Outcome> {
        self.callbacks.lock().unwrap().clone()
    }

    /// Keeps a message.
    ///
    /// # Panics
    ///
    /// The recorder panicked before.
    pub fn keep(&self, message: &Message) {
        self.records.lock().unwrap().push(Record {
            sender: message.sender.to_string(),
            payload: message.payload.clone(),
            topic: message.topic.clone(),
            is_call: message.request_id().is_some(),
        });
    }
}

impl NativePeer for Recorder {
    fn handle_message(
        &mut self,
        _: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        self.keep(&message);
        Ok(message.payload)
    }

    fn handle_callback(
        &mut self,
        _: &mut Context,
        id: RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        self.callbacks.lock().unwrap().push((id, result));
        Ok(())
    }
}
