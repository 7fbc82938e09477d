//! What the hand-made synchronisation stands on: the real thing, or, with `--cfg loom`, a model of
//! it whose every interleaving is tried.

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, fence};

    pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
    pub(crate) use parking_lot::Mutex;
}

#[cfg(not(loom))]
pub(crate) use real::*;

#[cfg(loom)]
mod model {
    use loom::sync::{Arc, MutexGuard, Notify};

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, fence};

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    /// Loom's own `park` forgets an `unpark` that comes while the thread waits for a lock.
    pub(crate) struct Parker(Unparker);

    #[derive(Clone)]
    pub(crate) struct Unparker(Arc<Notify>);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(Unparker(Arc::new(Notify::new())))
        }

        pub(crate) fn unparker(&self) -> &Unparker {
            &self.0
        }

        pub(crate) fn park(&self) {
            self.0.0.wait();
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;
