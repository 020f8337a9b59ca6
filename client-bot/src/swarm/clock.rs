//! The run's clock. It leaves out the time in which the swarm itself stood still: a process that was stopped, or a
//! machine that was, must not take its own absence for a server that is silent.

use std::time::{Duration, Instant};

/// A gap of this length between two looks at the clock is an absence. A pass of the loop takes milliseconds, and a
/// shorter gap ends no deadline of a bot, so that it stays in the latencies: an overloaded swarm doesn't look fast.
pub(super) const ABSENCE: Duration = Duration::from_secs(3);

/// Tells the time since the run began, absences left out.
pub(super) struct RunClock {
    started: Instant,
    last: Instant,
    absent: Duration,
}

impl RunClock {
    /// Begins at zero.
    pub(super) fn start(now: Instant) -> Self {
        Self { started: now, last: now, absent: Duration::ZERO }
    }

    /// The time of the run. Call it at least once in each pass of the loop, after its sleep.
    pub(super) fn now(&mut self) -> Duration {
        self.at(Instant::now())
    }

    /// All absences so far.
    pub(super) fn absent(&self) -> Duration {
        self.absent
    }

    fn at(&mut self, now: Instant) -> Duration {
        let gap = now.saturating_duration_since(self.last);
        self.last = now;
        if gap >= ABSENCE {
            self.absent += gap;
        }
        now.saturating_duration_since(self.started).saturating_sub(self.absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_which_the_swarm_stood_still_is_left_out() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut clock = RunClock::start(start);
        assert_eq!(clock.at(start + 2 * second), 2 * second);
        assert_eq!(clock.at(start + 62 * second), 2 * second, "stopped for a minute");
        assert_eq!(clock.at(start + 63 * second), 3 * second);
        assert_eq!(clock.at(start + 65 * second), 5 * second, "a slow pass counts");
        assert_eq!(clock.absent(), 60 * second);
    }
}
