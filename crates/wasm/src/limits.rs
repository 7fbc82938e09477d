//! What an instance may take of the host, and who counts it.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one instance may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all its linear memories together. Default: 64 MiB.
    pub memory: usize,
    /// Elements of all its tables together. Default: 100,000.
    pub table_elements: usize,
    /// How long one entry (a handler, a callback, `init`, `shutdown`) may run. Only time that it
    /// really runs counts, to about two milliseconds, and not time that it waits for a core; what
    /// it waits for through [WASI](crate::Wasi) does, to about five. Default: one second.
    pub execution: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 << 20, table_elements: 100_000, execution: Duration::from_secs(1) }
    }
}

/// Sums up what wasmtime asks for, over all memories and tables of the store.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    memory: usize,
    table_elements: usize,
    /// By how much a memory was last allowed to grow: if it then does not, that much is not used.
    allowed: usize,
    /// Something was refused since the guest was entered.
    refused: bool,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, table_elements: 0, allowed: 0, refused: false }
    }

    /// The guest is about to be entered.
    pub(crate) fn enter(&mut self) {
        self.refused = false;
    }

    /// Something was refused: a trap that follows is the guest's answer to it.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, used: fn(&mut Self) -> &mut usize, limit: usize, by: usize) -> bool {
        let used = used(self);
        match used.checked_add(by) {
            Some(sum) if sum <= limit => {
                *used = sum;
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }
}

/// Whether growth can't come about whatever the limit: more than the module itself declares. It is
/// asked about nevertheless, and must not count.
fn is_beyond(maximum: Option<usize>, desired: usize) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.allowed = 0;
        if is_beyond(maximum, desired) {
            return Ok(false);
        }
        let (limit, by) = (self.limits.memory, desired.saturating_sub(current));
        let grows = self.grow(|limiter| &mut limiter.memory, limit, by);
        if grows {
            self.allowed = by;
        }
        Ok(grows)
    }

    /// The system had no more memory to give. Follows the question above, with nothing between.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a memory was allowed to grow, and could not");
        self.memory -= std::mem::take(&mut self.allowed);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if is_beyond(maximum, desired) {
            return Ok(false);
        }
        let limit = self.limits.table_elements;
        Ok(self.grow(|limiter| &mut limiter.table_elements, limit, desired.saturating_sub(current)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let limits = Limits { memory: 100, table_elements: 10, ..Limits::default() };
        let mut limiter = Limiter::new(limits);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap(), "a second memory");
        assert!(!limiter.has_refused());
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert!(limiter.has_refused());
        limiter.enter();
        assert!(!limiter.has_refused(), "a later trap has another cause");
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, usize::MAX, None).unwrap());
    }
    fn limiter(memory: usize, table_elements: usize) -> Limiter {
        Limiter::new(Limits { memory, table_elements, ..Limits::default() })
    }

    #[test]
    fn what_the_module_itself_forbids_is_not_counted() {
        let mut limiter = limiter(100, 10);
        assert!(!limiter.memory_growing(0, 100, Some(60)).unwrap());
        assert!(!limiter.table_growing(0, 10, Some(6)).unwrap());
        assert!(!limiter.has_refused(), "the limit had room for it");
        assert!(limiter.memory_growing(0, 60, Some(60)).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.table_growing(0, 10, Some(10)).unwrap());
    }

    #[test]
    fn what_the_system_refused_is_given_back_once() {
        let mut limiter = limiter(100, 10);
        let fails = |limiter: &mut Limiter| {
            limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        };
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        fails(&mut limiter);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        fails(&mut limiter);
        fails(&mut limiter);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        // A refusal is none of the system's.
        assert!(!limiter.memory_growing(60, 120, None).unwrap());
        fails(&mut limiter);
        assert!(!limiter.memory_growing(60, 101, None).unwrap());
        assert!(limiter.memory_growing(60, 100, None).unwrap());
    }
}
