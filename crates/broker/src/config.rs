//! What can be set, and its defaults.

use std::sync::Arc;
use std::time::Duration;

use castcall_audit::Audit;
use castcall_codec::{Codec, CodecSet};
use castcall_core::Pattern;
use castcall_policy::{Capabilities, Policy, Quotas, Rate};
use castcall_topics::Group;

use crate::clock::Clock;
use crate::spans::Tracing;

/// Settings of a whole broker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BrokerConfig {
    /// The longest payload of a message or an answer, in bytes. Default: 1 MiB.
    pub max_payload: usize,
    /// How many bytes may wait in all mailboxes together: payloads, some 130 bytes for each message,
    /// and answers, of which each mailbox has 256 KiB beside. What finds no room fares as if the
    /// mailbox itself were full; of an answer, the callback is made with `dropped`. The last
    /// sixteenth is for mailboxes with less than 16 KiB in them. Default: 512 MiB.
    pub max_waiting: usize,
    /// The longest timeout of a call. Default: one hour.
    pub max_timeout: Duration,
    /// How many calls the embedding program may have pending at once. Default: 1,000,000.
    pub max_host_pending: u32,
    /// Who may do what; changed while the broker runs. Default: `host` everything, others nothing.
    pub policy: Arc<Policy>,
    /// Where what happens is recorded. Default: nowhere.
    pub audit: Audit,
    /// Which traces messages belong to. Default: those that senders set.
    pub tracing: Tracing,
    /// Where time comes from. Default: the machine's clock.
    pub clock: Clock,
    /// Seeds what is random in the broker's decisions (jitter, and nothing secret). Ids of calls
    /// come from it under a manual clock alone, so that a simulation repeats. Default: at random.
    pub seed: Option<u64>,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            max_payload: 1 << 20,
            max_waiting: 512 << 20,
            max_timeout: Duration::from_secs(3600),
            max_host_pending: 1_000_000,
            policy: Arc::new(Policy::new()),
            audit: Audit::off(),
            tracing: Tracing::default(),
            clock: Clock::default(),
            seed: None,
        }
    }
}

/// Settings of one component or native peer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerConfig {
    /// What it asks for; it may do what the policy grants of this. Default: everything, so that the
    /// policy alone decides.
    pub asks: Capabilities,
    /// The codecs that it can read, checked where somebody sends to it, and where somebody answers
    /// it. Default: anything, also what is no envelope: it is *unchecked*.
    pub codecs: CodecSet,
    /// The codec that it writes itself: named to who sends it something that it can't read, and
    /// nothing is checked by it. Default: it does not say.
    pub preferred: Option<Codec>,
    /// How many messages it may send in a second: casts, calls, publishes, which count once, and
    /// changes of its subscriptions. Default: 100,000.
    pub rate: Rate,
    /// How many of these at once after a pause. Default: 100,000.
    pub burst: u32,
    /// The longest payload that it may send, in bytes, if that is less than
    /// [`BrokerConfig::max_payload`]. Default: 1 GiB.
    pub max_payload: u32,
    /// Its mailbox.
    pub mailbox: MailboxConfig,
    /// How many of its calls may be pending, or ended with their callback still queued, at once.
    /// Default: 1,024.
    pub max_pending: u32,
    /// How many subscriptions it may have. Default: 1,024.
    pub max_subscriptions: u32,
    /// What it is subscribed to from each of its starts on, plain or as a member of a group.
    pub subscriptions: Vec<(Pattern, Option<Group>)>,
    /// What it subscribed to itself, in an earlier process: applied once, when it is added.
    pub restored: Vec<(Pattern, Option<Group>)>,
    /// What happens when it crashes.
    pub restart: RestartConfig,
    /// How often a cast or published message is given to it again after it crashed with it. Then,
    /// and by default at once, the message becomes a dead letter. Calls never are. Default: 0.
    pub redeliver: u32,
    /// How many crashes one sender's messages may cause, each within
    /// [`window`](RestartConfig::window) of the last: then the sender is cut off. What it sends is
    /// refused with `capability-denied`, what it publishes and what waits becomes a dead letter.
    /// Should be less than [`max_restarts`](RestartConfig::max_restarts). 0 is no limit.
    /// Default: 3.
    pub poison_limit: u32,
    /// Given to `init`.
    pub config: Vec<(String, String)>,
}

impl PeerConfig {
    /// Sets what [`Quotas`] bound.
    pub fn set_quotas(&mut self, quotas: Quotas) {
        self.rate = quotas.messages_per_second;
        self.burst = quotas.burst;
        self.max_payload = quotas.max_payload;
        self.max_pending = quotas.max_pending;
        self.max_subscriptions = quotas.max_subscriptions;
    }
}

impl Default for PeerConfig {
    fn default() -> Self {
        let quotas = Quotas::default();
        Self {
            asks: Capabilities::all(),
            codecs: CodecSet::ANY,
            preferred: None,
            rate: quotas.messages_per_second,
            burst: quotas.burst,
            max_payload: Quotas::MAX_PAYLOAD,
            mailbox: MailboxConfig::default(),
            max_pending: quotas.max_pending,
            max_subscriptions: quotas.max_subscriptions,
            subscriptions: Vec::new(),
            restored: Vec::new(),
            restart: RestartConfig::default(),
            redeliver: 0,
            poison_limit: 3,
            config: Vec::new(),
        }
    }
}

/// Bounds of a mailbox. Callbacks have room of their own: [`PeerConfig::max_pending`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxConfig {
    /// How many messages may wait. At least 1. Default: 1,024.
    pub messages: usize,
    /// How many bytes their payloads may have. Default: 16 MiB.
    pub bytes: usize,
    /// What happens to a message that finds it full.
    pub overflow: Overflow,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self { messages: 1024, bytes: 16 << 20, overflow: Overflow::default() }
    }
}

/// What happens when a message finds its target's mailbox full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The sender is told `mailbox-full`.
    #[default]
    Reject,
    /// The message is dropped: a cast becomes a dead letter, a call ends with `dropped`.
    DropNewest,
    /// The messages that have waited longest are dropped to make room, in the same way.
    DropOldest,
}

/// When an instance that has ended is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RestartPolicy {
    /// Always, also when `init` returns an error.
    Always,
    /// After a crash; an error from `init` is final.
    #[default]
    OnCrash,
    /// Never.
    Never,
}

/// How a crashed component is restarted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RestartConfig {
    /// When at all.
    pub policy: RestartPolicy,
    /// How many restarts within [`window`](Self::window) are too many: the component has then
    /// failed. Default: 10.
    pub max_restarts: u32,
    /// Over how long restarts are counted. Default: one minute.
    pub window: Duration,
    /// The wait before the first restart in a window; doubled at each further one. Default: 10 ms.
    pub backoff: Duration,
    /// The longest wait. Default: 10 s.
    pub max_backoff: Duration,
    /// By which part of itself each wait is longer or shorter, at random, so that what crashed
    /// together does not come back together: 0 to 1. Default: 0.25.
    pub jitter: f64,
}

impl Default for RestartConfig {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            max_restarts: 10,
            window: Duration::from_secs(60),
            backoff: Duration::from_millis(10),
            max_backoff: Duration::from_secs(10),
            jitter: 0.25,
        }
    }
}
