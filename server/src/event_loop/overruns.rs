//! Ticks over their budget: a line of the log says what took so long, at most one a second.

use std::time::{Duration, Instant};

use tracing::warn;

use super::stopwatch::Stopwatch;
use crate::throttle::Throttle;

/// Notes the ticks that took too long.
#[derive(Debug)]
pub(super) struct Overruns {
    since: Instant,
    /// A tick has its own length: one that takes longer makes the next one late, and two in a row more so. However
    /// many steps it makes up for, it has no more.
    budget: Duration,
    log: Throttle,
}

/// A tick that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticked {
    /// Its number.
    pub(super) tick: u64,
    /// Ticks that were simulated in it.
    pub(super) steps: u32,
    /// How late it began.
    pub(super) late: Duration,
    /// From its beginning to its end.
    pub(super) took: Duration,
}

impl Overruns {
    pub(super) fn new(now: Instant, budget: Duration) -> Self {
        Self { since: now, budget, log: Throttle::default() }
    }

    /// True if it was over its budget, which is logged with what `watch` has seen.
    pub(super) fn note(&mut self, now: Instant, ticked: Ticked, watch: &Stopwatch) -> bool {
        if ticked.took <= self.budget {
            return false;
        }
        let now = now.saturating_duration_since(self.since).as_nanos();
        if let Some(held_back) = self.log.pass(u64::try_from(now).unwrap_or(u64::MAX)) {
            let Ticked { tick, steps, late, took } = ticked;
            warn!(
                tick,
                took_ms = tenths(took),
                budget_ms = tenths(self.budget),
                steps,
                late_ms = tenths(late),
                parts = %watch.longest(),
                held_back,
                "a tick over its budget"
            );
        }
        true
    }
}

/// Milliseconds with one digit behind the point.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_over_its_budget_when_it_takes_longer_than_it_is_long_however_much_it_makes_up_for()
    {
        let now = Instant::now();
        let ms = Duration::from_millis;
        let mut overruns = Overruns::new(now, ms(100));
        let watch = Stopwatch::default();
        let mut over = |steps, took| {
            let ticked = Ticked { tick: 1, steps, late: ms(0), took };
            overruns.note(now, ticked, &watch)
        };
        assert!(!over(1, ms(100)));
        assert!(over(1, ms(101)));
        assert!(!over(3, ms(99)), "three steps in the time of one");
        assert!(over(3, ms(290)));
    }
}
