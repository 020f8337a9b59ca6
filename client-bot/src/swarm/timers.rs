//! When which bot is due. Entries aren't removed: one that no longer fits its bot is skipped when its time comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// The due times of all bots, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Duration, usize)>>,
}

impl Timers {
    /// Adds an entry for bot `index`.
    pub(super) fn set(&mut self, due: Duration, index: usize) {
        self.heap.push(Reverse((due, index)));
    }

    /// The earliest entry's time.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes the earliest entry that is due by `now`.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(Duration, usize)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_their_time_and_not_before_it() {
        let mut timers = Timers::default();
        let at = Duration::from_millis;
        for (index, millis) in [30, 10, 20].into_iter().enumerate() {
            timers.set(at(millis), index);
        }
        assert_eq!(timers.next(), Some(at(10)));
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(20))).collect();
        assert_eq!(due, [(at(10), 1), (at(20), 2)]);
        assert_eq!(timers.next(), Some(at(30)));
    }
}
