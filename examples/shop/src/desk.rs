//! Where the shop's people look: a peer in Rust, beside the components. It may listen, and does
//! nothing else.

use std::collections::VecDeque;

use anyhow::{Context as _, Result};
use castcall::codec::cbor;
use castcall::{Bytes, Context, Message, System};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::shop::PATIENCE;

/// What came to the desk, and was not looked at yet.
pub(crate) struct Desk {
    incoming: mpsc::UnboundedReceiver<(String, Bytes)>,
    seen: VecDeque<(String, Bytes)>,
}

impl Desk {
    pub(crate) async fn open(system: &System) -> Result<Self> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let peer = move |_: &mut Context, message: Message| {
            if let Some(topic) = message.topic {
                // Nobody listens once the day is over.
                let _ = sender.send((topic.to_string(), message.payload));
            }
            Ok(Bytes::new())
        };
        let desk = system.register_fn("shop/desk", peer).await?;
        for pattern in ["orders.*", "payments.*", "mails.*"] {
            desk.subscribe(pattern)?;
        }
        Ok(Self { incoming, seen: VecDeque::new() })
    }

    /// The next message on this topic; waits for it.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self, topic: &str) -> Result<T> {
        let at = loop {
            if let Some(at) = self.seen.iter().position(|(seen, _)| seen == topic) {
                break at;
            }
            let message = timeout(PATIENCE, self.incoming.recv()).await.ok().flatten();
            self.seen.push_back(message.with_context(|| format!("nothing came on {topic}"))?);
        };
        let (_, payload) = self.seen.remove(at).context("it was there")?;
        Ok(cbor::decode(&payload)?)
    }

    /// Whether anything came on this topic that was not looked at.
    pub(crate) fn has(&mut self, topic: &str) -> bool {
        self.seen.extend(std::iter::from_fn(|| self.incoming.try_recv().ok()));
        self.seen.iter().any(|(seen, _)| seen == topic)
    }
}
