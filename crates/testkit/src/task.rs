//! Futures that the simulation polls.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Something under way in a simulation, such as a call. Dropping it drops the future behind it,
/// which cancels a call.
pub struct Task<T>(Rc<RefCell<Slot<T>>>);

struct Slot<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    value: Option<T>,
    flag: Arc<Flag>,
}

/// Set by whoever wakes the future.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("done", &self.is_done()).finish()
    }
}

impl<T> Task<T> {
    /// Whether it has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.borrow().future.is_none()
    }

    /// What came of it: once, and `None` as long as it has not ended.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().value.take()
    }
}

/// All that is under way. Holds no task alive.
#[derive(Default)]
pub(crate) struct Tasks(Vec<Weak<dyn Polled>>);

trait Polled {
    /// Polls it if it was woken; `None` if it was not, otherwise whether it has ended.
    fn poll(&self) -> Option<bool>;
}

impl<T> Polled for RefCell<Slot<T>> {
    fn poll(&self) -> Option<bool> {
        let mut slot = self.borrow_mut();
        if !slot.flag.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        let waker = Waker::from(Arc::clone(&slot.flag));
        let future = slot.future.as_mut()?;
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            slot.future = None;
            slot.value = Some(value);
        }
        Some(slot.future.is_none())
    }
}

impl Tasks {
    /// Begins a task: polls it for the first time.
    pub(crate) fn spawn<T: 'static>(
        &mut self,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        let slot = Slot {
            future: Some(Box::pin(future)),
            value: None,
            flag: Arc::new(Flag(AtomicBool::new(true))),
        };
        let slot = Rc::new(RefCell::new(slot));
        if slot.poll() != Some(true) {
            let weak: Weak<RefCell<Slot<T>>> = Rc::downgrade(&slot);
            self.0.push(weak);
        }
        Task(slot)
    }

    /// Polls those that were woken, and says whether there were any.
    pub(crate) fn poll(&mut self) -> bool {
        let mut any = false;
        self.0.retain(|task| {
            let Some(task) = task.upgrade() else { return false };
            let polled = task.poll();
            any |= polled.is_some();
            polled != Some(true)
        });
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends when it is polled for the third time.
    async fn third_time() -> u8 {
        let mut polls = 0;
        std::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
        })
        .await
    }

    #[test]
    fn tasks_are_polled_when_woken_and_forgotten_when_dropped() {
        let mut tasks = Tasks::default();
        let (task, dropped) = (tasks.spawn(third_time()), tasks.spawn(third_time()));
        let never = tasks.spawn(std::future::pending::<()>());
        drop(dropped);
        assert!(tasks.poll() && !task.is_done());
        assert!(tasks.poll() && task.is_done());
        assert_eq!((task.take(), task.take()), (Some(3), None));
        assert!(!tasks.poll(), "nobody was woken");
        assert!(!never.is_done());
        assert_eq!(tasks.0.len(), 1);
        assert!(tasks.spawn(async {}).is_done(), "the first poll is made at once");
    }
    #[test]
    fn debug_tells_whether_it_has_ended() {
        let mut tasks = Tasks::default();
        let ended = tasks.spawn(async { 1 });
        let never = tasks.spawn(std::future::pending::<u8>());
        assert_eq!(format!("{ended:?}"), "Task { done: true }");
        assert_eq!(format!("{never:?}"), "Task { done: false }");
    }
}
