//! What holds for a key that a manifest leaves out.
//!
//! Where broker and guests have a default of their own, it is the same.

use std::time::Duration;

/// Messages that a mailbox holds.
pub const MAILBOX_MESSAGES: u32 = 1_024;
/// Bytes that their payloads may have together: 16 MiB.
pub const MAILBOX_BYTES: u64 = 16 << 20;
/// Messages that a component may send a second. A publish counts once.
pub const MESSAGES_PER_SECOND: u32 = 100_000;
/// Calls that a component may have pending at once.
pub const PENDING_REQUESTS: u32 = 1_024;
/// Bytes of one payload: 1 MiB. For a component and for a whole system.
pub const PAYLOAD_BYTES: u64 = 1 << 20;
/// Subscriptions that a component may have.
pub const SUBSCRIPTIONS: u32 = 1_024;
/// Bytes of all memories of an instance together: 64 MiB.
pub const MEMORY_BYTES: u64 = 64 << 20;
/// Elements of all tables of an instance together.
pub const TABLE_ELEMENTS: u32 = 100_000;
/// How long one entry of a guest may run.
pub const EXECUTION: Duration = Duration::from_secs(1);
/// Restarts within the window; one more, and the component has failed.
pub const MAX_RESTARTS: u32 = 10;
/// Over how long restarts are counted.
pub const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// The wait before the first restart in a window.
pub const BACKOFF_INITIAL: Duration = Duration::from_millis(10);
/// The longest wait before a restart.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// By which part of itself a wait is longer or shorter, at random.
pub const BACKOFF_JITTER: f64 = 0.25;
/// How often the cast in hand is tried again after a crash: it becomes a dead letter at once.
pub const REDELIVER: u32 = 0;
/// Crashes by one sender's messages after which it is cut off from the component.
pub const POISON_THRESHOLD: u32 = 3;
/// The longest timeout of a call: one hour.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);
