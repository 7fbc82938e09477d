//! A native peer that is busy for exactly as long as a test wants.

use std::sync::{Arc, Condvar, Mutex};

use castcall::{Bytes, ComponentError, Context, Message, NativePeer};

use crate::recorder::Recorder;
use crate::wait::{PATIENCE, eventually};

/// Keeps every message, like a [`Recorder`], and does not return from one that ends in `hold`, in an
/// envelope or not, before the gate is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    recorder: Recorder,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// Makes one that is closed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody through, from now on.
    ///
    /// # Panics
    ///
    /// The gate panicked before.
    pub fn open(&self) {
        let (open, changed) = &*self.open;
        *open.lock().unwrap() = true;
        changed.notify_all();
    }

    /// What the messages that it began said.
    #[must_use]
    pub fn payloads(&self) -> Vec<String> {
        self.recorder.payloads()
    }

    /// Waits until it stands in the handler of a `hold`.
    ///
    /// # Panics
    ///
    /// Nobody sends one.
    pub async fn is_holding(&self) {
        let holds = || self.payloads().last().is_some_and(|last| last == "hold");
        eventually("the gate is reached", holds).await;
    }
}

impl NativePeer for Gate {
    fn handle_message(
        &mut self,
        _: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        self.recorder.keep(&message);
        if message.payload.ends_with(b"hold") {
            let (open, changed) = &*self.open;
            let closed = changed
                .wait_timeout_while(open.lock().unwrap(), PATIENCE, |open| !*open)
                .unwrap()
                .1
                .timed_out();
            assert!(!closed, "nobody opened the gate");
        }
        Ok(message.payload)
    }
}
