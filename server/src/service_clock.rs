//! The clock of deadlines: it stands still while its owner is away.
//!
//! Problem: a process that is stopped, suspended with its machine, or held up by one long step finds on its return that
//! every deadline has passed. Judged by the wall clock, all clients were silent and all logins late, although it was the
//! server that didn't listen. Solution: an owner that makes passes reports each of them here. A gap between two passes
//! counts up to [`LONGEST_PASS`]; the rest is an absence, and deadlines are measured without it.

use std::time::{Duration, Instant};

/// The longest gap between two passes of an owner that is present: the second for which an idle network sleeps, and what
/// a busy machine takes to wake it.
pub(crate) const LONGEST_PASS: Duration = Duration::from_millis(1_250);

/// Time in service: the time that passed, less all absences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceClock {
    last_pass: Instant,
    absent: Duration,
}

impl ServiceClock {
    /// A clock whose first pass begins at `now`.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { last_pass: now, absent: Duration::ZERO }
    }

    /// Begins a pass at `now`. Returns the absence before it; zero in ordinary passes.
    pub(crate) fn begin_pass(&mut self, now: Instant) -> Duration {
        let gap = now.saturating_duration_since(self.last_pass);
        let absence = gap.saturating_sub(LONGEST_PASS);
        self.last_pass += gap;
        self.absent += absence;
        absence
    }

    /// When the current pass began, in service time.
    pub(crate) fn now(&self) -> Instant {
        self.last_pass - self.absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ordinary_passes_take_the_time_that_they_take() {
        let start = Instant::now();
        let mut clock = ServiceClock::new(start);
        for second in 1..=100 {
            assert_eq!(clock.begin_pass(start + SECOND * second), Duration::ZERO);
        }
        assert_eq!(clock.now(), start + SECOND * 100);
    }

    #[test]
    fn an_absence_counts_as_one_long_pass_and_is_told_once() {
        let start = Instant::now();
        let mut clock = ServiceClock::new(start);
        assert_eq!(clock.begin_pass(start + SECOND * 40), SECOND * 40 - LONGEST_PASS);
        assert_eq!(clock.now(), start + LONGEST_PASS);
        assert_eq!(clock.begin_pass(start + SECOND * 41), Duration::ZERO);
        assert_eq!(clock.now(), start + LONGEST_PASS + SECOND);
    }

    #[test]
    fn a_time_before_the_last_pass_changes_nothing() {
        let start = Instant::now();
        let mut clock = ServiceClock::new(start + SECOND);
        assert_eq!(clock.begin_pass(start), Duration::ZERO);
        assert_eq!(clock.now(), start + SECOND);
    }
}
