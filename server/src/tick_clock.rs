//! When the next tick is due. Ticks have a fixed length and never drift: the next one is due a period after the last
//! one was due, not after it ran.

use std::time::{Duration, Instant};

use crate::failpoints;

/// What a tick of a test in a hurry simulates besides: two minutes at 30 a second, and a bit, because 30 ticks of whole
/// milliseconds are less than a second.
const HURRY_STEPS: u32 = 2 * 60 * 31;

/// The clock of the world.
#[derive(Debug)]
pub(crate) struct TickClock {
    period: Duration,
    max_catch_up: u32,
    next: Instant,
    dropped: u64,
}

/// Ticks that are due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// How many to simulate before publishing once; at least 1.
    pub(crate) steps: u32,
    /// Periods that have passed since the last time ticks were due, those of dropped ticks included; at least 1.
    pub(crate) periods: u32,
    /// How late the first of them is.
    pub(crate) late: Duration,
}

impl TickClock {
    /// The first tick is due a `period` after `now`. When ticks are late, up to `max_catch_up` are made up for at
    /// once; the rest are dropped and counted, because a server that can't keep up would only fall further behind.
    #[must_use]
    pub(crate) fn new(now: Instant, period: Duration, max_catch_up: u32) -> Self {
        Self { period, max_catch_up: max_catch_up.max(1), next: now + period, dropped: 0 }
    }

    /// Length of a tick.
    #[must_use]
    pub(crate) const fn period(&self) -> Duration {
        self.period
    }

    /// Time until the next tick is due; zero if one is.
    #[must_use]
    pub(crate) fn until_next(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// The ticks that are due, if any. They count as taken.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Due> {
        let late = now.checked_duration_since(self.next)?;
        let behind = late.as_nanos() / self.period.as_nanos().max(1);
        let behind = u32::try_from(behind).unwrap_or(u32::MAX - 1) + 1;
        let mut steps = behind.min(self.max_catch_up);
        self.dropped += u64::from(behind - steps);
        self.next += self.period * behind;
        if failpoints::is_on("clock.hurry") {
            steps += HURRY_STEPS;
        }
        Some(Due { steps, periods: behind, late })
    }

    /// Ticks that never ran because the server was too far behind.
    #[must_use]
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(100);

    fn clock() -> (TickClock, Instant) {
        let start = Instant::now();
        (TickClock::new(start, PERIOD, 3), start)
    }

    #[test]
    fn a_tick_is_due_once_a_period_however_late_it_was_taken() {
        let (mut clock, start) = clock();
        assert_eq!(clock.take_due(start + PERIOD - Duration::from_nanos(1)), None);
        let late = Duration::from_millis(40);
        assert_eq!(clock.take_due(start + PERIOD + late), Some(Due { steps: 1, periods: 1, late }));
        assert_eq!(clock.until_next(start + PERIOD + late), PERIOD - late);
    }

    #[test]
    fn late_ticks_are_made_up_for_to_a_limit_and_the_rest_are_counted() {
        let (mut clock, start) = clock();
        let due = clock.take_due(start + PERIOD * 10).unwrap();
        assert_eq!((due.steps, due.periods, clock.dropped()), (3, 10, 7));
        assert_eq!(clock.until_next(start + PERIOD * 10), PERIOD);
    }

    #[test]
    fn a_thousand_ticks_taken_with_jitter_do_not_drift() {
        let (mut clock, start) = clock();
        let mut ticks = 0;
        for millisecond in (0..100_000).step_by(7) {
            let due = clock.take_due(start + Duration::from_millis(millisecond));
            ticks += due.map_or(0, |due| due.steps);
        }
        assert_eq!((ticks, clock.dropped()), (999, 0));
    }
}
