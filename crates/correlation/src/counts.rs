//! What became of the calls.

use std::ops::AddAssign;

/// What became of a table's calls since it was made.
///
/// `registered` is the sum of `pending`, `completed`, `timed_out`, `cancelled`, `target_gone`,
/// `owner_gone` and `withdrawn`. The parts of a table are read one after the other: under load
/// the figures are of slightly different moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingCounts {
    /// Calls that have not ended.
    pub pending: u64,
    /// Calls ever registered, withdrawn ones included.
    pub registered: u64,
    /// Calls that were answered in time.
    pub completed: u64,
    /// Calls whose deadline passed, whoever noticed it.
    pub timed_out: u64,
    /// Calls that their owner cancelled.
    pub cancelled: u64,
    /// Calls that ended with their target, or that the target could not serve.
    pub target_gone: u64,
    /// Calls that ended with their owner.
    pub owner_gone: u64,
    /// Calls that were taken back, as if never made.
    pub withdrawn: u64,
    /// Answers that nobody waited for: unknown, second or late. No calls, so in no sum.
    pub orphaned: u64,
}

impl AddAssign for PendingCounts {
    fn add_assign(&mut self, other: Self) {
        self.pending += other.pending;
        self.registered += other.registered;
        self.completed += other.completed;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.target_gone += other.target_gone;
        self.owner_gone += other.owner_gone;
        self.withdrawn += other.withdrawn;
        self.orphaned += other.orphaned;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_each_count() {
        let one = PendingCounts {
            pending: 1,
            registered: 2,
            completed: 3,
            timed_out: 4,
            cancelled: 5,
            target_gone: 6,
            owner_gone: 7,
            withdrawn: 8,
            orphaned: 9,
        };
        let mut sum = one;
        sum += one;
        let twice = PendingCounts {
            pending: 2,
            registered: 4,
            completed: 6,
            timed_out: 8,
            cancelled: 10,
            target_gone: 12,
            owner_gone: 14,
            withdrawn: 16,
            orphaned: 18,
        };
        assert_eq!(sum, twice);
    }
}
