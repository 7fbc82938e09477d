//! A thread's own id and priority, where the system has such a thing.

/// How much nicer than its siblings a detached thread is. At 10 it has about a tenth of their
/// weight, so it goes on, and what is short runs first.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadId {
    #[cfg(target_os = "linux")]
    tid: rustix::process::Pid,
}

impl ThreadId {
    pub(crate) fn current() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            tid: rustix::thread::gettid(),
        }
    }

    /// Lets other threads run first from now on. It can't be undone without privileges, which is
    /// why a detached thread ends after its turn.
    pub(crate) fn lower_priority(self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::setpriority_process(Some(self.tid), NICE) {
            // The thread may have ended, or may be nicer already: nothing depends on it.
            tracing::debug!(%error, "a detached thread keeps its priority");
        }
    }
}
