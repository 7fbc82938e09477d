//! What the hand-made synchronisation stands on: the real thing, or, with `--cfg loom`, a model of
//! it whose every interleaving is tried.

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::AtomicUsize;

    pub(crate) use parking_lot::Mutex;
}

#[cfg(not(loom))]
pub(crate) use real::*;

#[cfg(loom)]
mod model {
    use loom::sync::MutexGuard;

    pub(crate) use loom::sync::atomic::AtomicUsize;

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;
