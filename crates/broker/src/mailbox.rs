//! The bounded queue of one component.
//!
//! One lock, held for a few instructions by whoever adds; the component's turn takes everything
//! that waits at once, so that it locks once a batch and a flood of senders does not fight with
//! the receiver over each message. What was taken and not yet begun still counts against the
//! capacity, through two counters that only the receiver writes.
//!
//! The flag that says whether the component stands in a run queue lives under the same lock: who
//! adds to an idle mailbox wakes its component, once, and no wake-up can be missed or made twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use castcall_core::RequestError;

use crate::budget::{Budget, Share};
use crate::config::{MailboxConfig, Overflow};
use crate::message::{Callback, Item, Message};
use crate::sync::{AtomicUsize, Mutex};

/// What a message costs the system's budget beside its payload.
const OVERHEAD: usize = size_of::<Item>();

/// So many bytes of answers may wait in a mailbox whatever else does. Beyond that they take their
/// part of the system's budget.
const OWN_ANSWERS: usize = 256 << 10;

pub(crate) struct Mailbox {
    config: MailboxConfig,
    queue: Mutex<Queue>,
    /// Messages, and their bytes, that were taken in a batch and not yet begun. Written by the
    /// component's turn alone.
    taken: AtomicUsize,
    taken_bytes: AtomicUsize,
    /// The same for the bytes of answers.
    taken_answers: AtomicUsize,
}

struct Queue {
    items: VecDeque<Item>,
    messages: usize,
    bytes: usize,
    /// Bytes of the answers that callbacks bring.
    answers: usize,
    /// This mailbox's part of the system's budget.
    share: Share,
    gate: Gate,
    /// The component stands in a run queue, or has its turn.
    scheduled: bool,
    /// Additions don't wake the component: it waits for its restart.
    parked: bool,
}

/// Who may put messages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// A restart is due then: calls that end before it are not worth queueing.
    Restarting(Instant),
    /// Failed for good, to be started by an operator: nothing is queued.
    Failed,
    /// Stopping: no more messages, callbacks still.
    Closing,
    /// The end: not even callbacks.
    Closed,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It waits. `wake`: the component must be scheduled. `dropped`: these had to go for it.
    Queued { wake: bool, dropped: Option<Vec<Message>> },
    /// It was dropped for lack of room.
    Dropped(Message),
    /// It would not be handled in time, or ever.
    Unavailable(Message),
    /// There is no room, and the policy is to say so.
    Full(Message),
    /// The component is going, or gone.
    Gone(Message),
}

/// Messages and bytes that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Depth {
    /// Messages.
    pub messages: usize,
    /// Bytes of their payloads.
    pub bytes: usize,
    /// Callbacks, which have room of their own.
    pub callbacks: usize,
}

impl Mailbox {
    pub(crate) fn new(config: MailboxConfig, budget: Arc<Budget>) -> Self {
        Self {
            config: MailboxConfig { messages: config.messages.max(1), ..config },
            queue: Mutex::new(Queue {
                items: VecDeque::new(),
                messages: 0,
                bytes: 0,
                answers: 0,
                share: Share::new(budget),
                gate: Gate::Open,
                scheduled: false,
                parked: false,
            }),
            taken: AtomicUsize::new(0),
            taken_bytes: AtomicUsize::new(0),
            taken_answers: AtomicUsize::new(0),
        }
    }

    pub(crate) fn config(&self) -> MailboxConfig {
        self.config
    }

    pub(crate) fn push(&self, message: Message) -> Pushed {
        let size = message.payload.len();
        let mut queue = self.queue.lock();
        match queue.gate {
            Gate::Open => {}
            Gate::Restarting(due) => {
                if message.call.is_some_and(|call| call.deadline <= due) {
                    return Pushed::Unavailable(message);
                }
            }
            Gate::Failed => return Pushed::Unavailable(message),
            Gate::Closing | Gate::Closed => return Pushed::Gone(message),
        }
        let mut dropped: Option<Vec<_>> = None;
        while !self.has_room(&mut queue, size) {
            match self.config.overflow {
                Overflow::Reject => return Pushed::Full(message),
                Overflow::DropNewest => return Pushed::Dropped(message),
                // Nothing is dropped for what has no room in an empty mailbox either, be it that
                // others have taken all of the system's budget.
                Overflow::DropOldest
                    if size > self.config.bytes || !self.covers(&mut queue, size + OVERHEAD, 0) =>
                {
                    return Pushed::Dropped(message);
                }
                Overflow::DropOldest => match queue.pop_oldest_message() {
                    Some(oldest) => dropped.get_or_insert_default().push(oldest),
                    None => break,
                },
            }
        }
        queue.messages += 1;
        queue.bytes += size;
        queue.items.push_back(Item::Message(message));
        Pushed::Queued { wake: queue.wake(), dropped }
    }

    fn has_room(&self, queue: &mut Queue, size: usize) -> bool {
        let messages = queue.messages + self.taken.load(Ordering::Relaxed);
        let bytes = queue.bytes + self.taken_bytes.load(Ordering::Relaxed);
        let Some(bytes) = bytes.checked_add(size) else { return false };
        messages < self.config.messages
            && bytes <= self.config.bytes
            && self.covers(queue, bytes.saturating_add((messages + 1).saturating_mul(OVERHEAD)), 0)
    }

    /// Whether this mailbox's part of the budget has room for so much of messages in all, and so
    /// many more bytes of answers.
    #[inline]
    fn covers(&self, queue: &mut Queue, messages: usize, more_answers: usize) -> bool {
        let answers = queue.answers + self.taken_answers.load(Ordering::Relaxed);
        let beyond = answers.saturating_add(more_answers).saturating_sub(OWN_ANSWERS);
        queue.share.covers(messages.saturating_add(beyond))
    }

    /// Adds a callback, which always has room, but not the answer that it brings: that is dropped
    /// if too much waits everywhere. `None` if nobody is there any more, otherwise whether the
    /// component must be scheduled. `count` is told what the callback brings.
    pub(crate) fn push_callback(
        &self,
        mut callback: Callback,
        count: impl FnOnce(&Result<Bytes, RequestError>),
    ) -> Option<bool> {
        let mut queue = self.queue.lock();
        if queue.gate == Gate::Closed {
            count(&callback.result);
            return None;
        }
        let size = callback.answer_len();
        if size > 0 {
            let messages = queue.messages + self.taken.load(Ordering::Relaxed);
            let bytes = queue.bytes + self.taken_bytes.load(Ordering::Relaxed);
            if self.covers(&mut queue, bytes + messages * OVERHEAD, size) {
                queue.answers += size;
            } else {
                callback.result = Err(RequestError::Dropped);
            }
        }
        // Before it can be made: who is told, may look.
        count(&callback.result);
        queue.items.push_back(Item::Callback(callback));
        Some(queue.wake())
    }

    /// Schedules the component although nothing was added. Returns whether the caller must do it.
    pub(crate) fn wake(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.parked = false;
        !std::mem::replace(&mut queue.scheduled, true)
    }

    /// Takes what waits into the empty `batch`. `false`: nothing waits, and the component is no
    /// longer scheduled.
    pub(crate) fn take(&self, batch: &mut VecDeque<Item>) -> bool {
        let mut queue = self.queue.lock();
        if queue.items.is_empty() {
            queue.scheduled = false;
            queue.share.release();
            return false;
        }
        if self.config.overflow == Overflow::DropOldest {
            // One at a time, so that all that waits can be dropped.
            let item = queue.items.pop_front();
            match &item {
                Some(Item::Message(message)) => {
                    queue.messages -= 1;
                    queue.bytes -= message.payload.len();
                }
                Some(Item::Callback(callback)) => queue.answers -= callback.answer_len(),
                None => {}
            }
            batch.extend(item);
            return true;
        }
        std::mem::swap(&mut queue.items, batch);
        self.taken.store(std::mem::take(&mut queue.messages), Ordering::Relaxed);
        self.taken_bytes.store(std::mem::take(&mut queue.bytes), Ordering::Relaxed);
        self.taken_answers.store(std::mem::take(&mut queue.answers), Ordering::Relaxed);
        true
    }

    /// A callback of the batch is being made, or was found to need no making.
    pub(crate) fn callback_begun(&self, callback: &Callback) {
        let size = callback.answer_len();
        if size > 0 && self.config.overflow != Overflow::DropOldest {
            // As in `begun`.
            let taken = self.taken_answers.load(Ordering::Relaxed).saturating_sub(size);
            self.taken_answers.store(taken, Ordering::Relaxed);
        }
    }

    /// A message of the batch is being handled, or was found to need no handling.
    pub(crate) fn begun(&self, message: &Message) {
        if self.config.overflow == Overflow::DropOldest {
            return;
        }
        // Only the component's turn writes these: no read-modify-write is needed.
        let taken = self.taken.load(Ordering::Relaxed).saturating_sub(1);
        self.taken.store(taken, Ordering::Relaxed);
        let size = message.payload.len();
        if size > 0 {
            let bytes = self.taken_bytes.load(Ordering::Relaxed).saturating_sub(size);
            self.taken_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// Puts what is left of a batch back to the front.
    pub(crate) fn give_back(&self, batch: &mut VecDeque<Item>) {
        if batch.is_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        for item in batch.drain(..).rev() {
            match &item {
                Item::Message(message) => {
                    queue.messages += 1;
                    queue.bytes += message.payload.len();
                }
                Item::Callback(callback) => queue.answers += callback.answer_len(),
            }
            queue.items.push_front(item);
        }
        self.taken.store(0, Ordering::Relaxed);
        self.taken_bytes.store(0, Ordering::Relaxed);
        self.taken_answers.store(0, Ordering::Relaxed);
    }

    /// Sets who may put messages in; a mailbox on its way to being closed is not opened again
    /// by this.
    pub(crate) fn set_gate(&self, gate: Gate) {
        let mut queue = self.queue.lock();
        if matches!(queue.gate, Gate::Closing | Gate::Closed) && gate != Gate::Closed {
            return;
        }
        queue.gate = gate;
    }

    /// The component waits for its restart: it is not scheduled, and additions don't change that.
    /// `false` if it has been told to stop meanwhile and must not wait.
    pub(crate) fn park(&self, due: Instant) -> bool {
        let mut queue = self.queue.lock();
        if matches!(queue.gate, Gate::Closing | Gate::Closed) {
            return false;
        }
        queue.gate = Gate::Restarting(due);
        queue.parked = true;
        queue.scheduled = false;
        true
    }

    /// The component has failed, or is gone: additions don't schedule it any more.
    pub(crate) fn retire(&self) {
        let mut queue = self.queue.lock();
        queue.scheduled = false;
        queue.parked = true;
    }

    /// Whether it waits for its restart or its end: only [`wake`](Self::wake) schedules it.
    pub(crate) fn is_parked(&self) -> bool {
        self.queue.lock().parked
    }

    /// Takes out the messages for which `which` says so, in order; callbacks stay.
    pub(crate) fn extract(&self, mut which: impl FnMut(&Message) -> bool) -> Vec<Message> {
        let mut queue = self.queue.lock();
        let mut taken = Vec::new();
        let items = std::mem::take(&mut queue.items);
        for item in items {
            match item {
                Item::Message(message) if which(&message) => {
                    queue.messages -= 1;
                    queue.bytes -= message.payload.len();
                    taken.push(message);
                }
                item => queue.items.push_back(item),
            }
        }
        let in_hand = [&self.taken, &self.taken_answers].map(|some| some.load(Ordering::Relaxed));
        if queue.items.is_empty() && in_hand == [0, 0] {
            match queue.gate {
                // For good: handles may hold the mailbox for long.
                Gate::Closed => queue.share.give_all(),
                _ => queue.share.release(),
            }
        }
        taken
    }

    /// Forgets the callbacks that wait.
    pub(crate) fn purge_callbacks(&self) {
        let mut queue = self.queue.lock();
        queue.items.retain(|item| matches!(item, Item::Message(_)));
        queue.answers = 0;
    }

    /// Whether the component stands in a run queue or has its turn.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.queue.lock().scheduled
    }

    pub(crate) fn depth(&self) -> Depth {
        let queue = self.queue.lock();
        Depth {
            messages: queue.messages + self.taken.load(Ordering::Relaxed),
            bytes: queue.bytes + self.taken_bytes.load(Ordering::Relaxed),
            callbacks: queue.items.len() - queue.messages,
        }
    }
}

impl Queue {
    fn wake(&mut self) -> bool {
        !self.parked && !std::mem::replace(&mut self.scheduled, true)
    }

    fn pop_oldest_message(&mut self) -> Option<Message> {
        let at = self.items.iter().position(|item| matches!(item, Item::Message(_)))?;
        match self.items.remove(at) {
            Some(Item::Message(message)) => {
                self.messages -= 1;
                self.bytes -= message.payload.len();
                Some(message)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
