//! A closure that takes the outcome of a call.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use castcall_core::RequestError;

type Outcome = Result<Bytes, RequestError>;

/// Called once, when its call ends, on the thread that ends it.
pub(crate) struct OnEnd(Box<dyn FnOnce(Outcome) + Send>);

thread_local! {
    /// What ended while a closure was running on this thread; `None` if none is.
    static WAITING: RefCell<Option<VecDeque<(OnEnd, Outcome)>>> = const { RefCell::new(None) };
}

impl OnEnd {
    pub(crate) fn new(on_end: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self(Box::new(on_end))
    }

    /// Calls it. A panic ends there: the thread may be the timer's.
    ///
    /// A closure may send, the message may push another's call out of a mailbox, and so on: what
    /// ends while one runs has its turn after it instead of deeper down the stack.
    pub(crate) fn call(self, outcome: Outcome) {
        let mut next = WAITING.with_borrow_mut(|waiting| match waiting {
            Some(waiting) => {
                waiting.push_back((self, outcome));
                None
            }
            None => {
                *waiting = Some(VecDeque::new());
                Some((self, outcome))
            }
        });
        while let Some((on_end, outcome)) = next {
            if catch_unwind(AssertUnwindSafe(|| (on_end.0)(outcome))).is_err() {
                tracing::error!("what was to be called at the end of a call panicked");
            }
            next = WAITING.with_borrow_mut(|waiting| {
                let next = waiting.as_mut().and_then(VecDeque::pop_front);
                if next.is_none() {
                    *waiting = None;
                }
                next
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn chain(length: u32, done: mpsc::Sender<Outcome>) -> OnEnd {
        OnEnd::new(move |outcome| match length {
            0 => done.send(outcome).unwrap(),
            _ => chain(length - 1, done).call(outcome),
        })
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let (sender, receiver) = mpsc::channel();
        chain(1_000_000, sender).call(Err(RequestError::Dropped));
        assert_eq!(receiver.try_recv(), Ok(Err(RequestError::Dropped)));
        assert!(WAITING.with_borrow(Option::is_none));
    }

    #[test]
    fn a_panic_harms_nobody_else() {
        let (sender, receiver) = mpsc::channel();
        OnEnd::new(move |outcome| {
            chain(0, sender).call(outcome);
            panic!("as a test");
        })
        .call(Ok(Bytes::new()));
        assert_eq!(receiver.try_recv(), Ok(Ok(Bytes::new())));
    }
}
