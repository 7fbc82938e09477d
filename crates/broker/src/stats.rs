//! Counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that several threads may add to.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// For counters that only one thread writes at a time, such as those that a component's own
    /// turn counts: a plain load and store, a tenth of the cost.
    pub(crate) fn add_exclusive(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages sent and accepted, and the bytes of their payloads.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) casts: Counter,
    pub(crate) calls: Counter,
    pub(crate) published: Counter,
    pub(crate) bytes: Counter,
}

/// What became of calls.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) answered: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) cancelled: Counter,
    pub(crate) failed: Counter,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a component, or a whole system, has done since it was loaded. Plain numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct MessagingStats {
            $($(#[$doc])* pub $name: u64,)*
            /// Calls made and not ended, or ended with the callback still queued. A level.
            pub pending: u64,
            /// Messages waiting in the mailbox. A level.
            pub mailbox_messages: u64,
            /// Bytes of their payloads. A level.
            pub mailbox_bytes: u64,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
            /// What the component's own turn sends, which no other thread counts.
            pub(crate) own: Sent,
            /// Outcomes that came through the component's mailbox, counted under its lock.
            pub(crate) called_back: Outcomes,
        }

        impl Counters {
            pub(crate) fn read(&self) -> MessagingStats {
                let mut stats = MessagingStats {
                    $($name: self.$name.get(),)*
                    ..MessagingStats::default()
                };
                stats.casts_sent += self.own.casts.get();
                stats.calls_sent += self.own.calls.get();
                stats.published += self.own.published.get();
                stats.bytes_sent += self.own.bytes.get();
                stats.answered += self.called_back.answered.get();
                stats.timeouts += self.called_back.timeouts.get();
                stats.cancelled += self.called_back.cancelled.get();
                stats.failed += self.called_back.failed.get();
                stats
            }
        }

        impl std::ops::AddAssign for MessagingStats {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
                self.pending += other.pending;
                self.mailbox_messages += other.mailbox_messages;
                self.mailbox_bytes += other.mailbox_bytes;
            }
        }
    };
}

counters! {
    /// Casts that it sent and that were accepted.
    casts_sent,
    /// Calls that it made and that were accepted.
    calls_sent,
    /// Messages that it published.
    published,
    /// Bytes of the payloads of all these.
    bytes_sent,
    /// Sends of all kinds that were refused.
    refused,
    /// Of those, and of subscriptions, what it may not, by its rights.
    denied,
    /// Casts and published messages that its handler was given.
    casts_handled,
    /// Calls that its handler was given.
    calls_handled,
    /// Bytes of the payloads of all these.
    bytes_handled,
    /// Messages for which its handler returned an error.
    handler_errors,
    /// Callbacks that it was given.
    callbacks,
    /// Callbacks for which it returned an error.
    callback_errors,
    /// Its calls that were answered.
    answered,
    /// Its calls that ended in a timeout.
    timeouts,
    /// Its calls that it cancelled.
    cancelled,
    /// Its calls that ended without an answer for another reason.
    failed,
    /// Attempts to cancel what is another's.
    denied_cancels,
    /// Its answers that came too late, or to nobody.
    orphans,
    /// Calls to it that ended while they waited in its mailbox, and were not delivered.
    ended_in_mailbox,
    /// Messages that its full mailbox dropped.
    overflowed,
    /// Casts and published messages to it that were not handled and never will be.
    dead_letters,
    /// Messages and answers to it in a codec that it does not accept.
    codec_refused,
    /// Casts and published messages given to it again after it crashed with them.
    redelivered,
    /// Times that a sender was cut off since its messages crashed this one.
    cut_off,
    /// Its instances that crashed.
    crashes,
    /// Instances started after the first.
    restarts,
}
