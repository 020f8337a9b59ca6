//! How much one client may send: a rate with a burst, kept in eight bytes per session.

/// So many units per second, with room for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Units that may come every second for ever; 0 counts as 1.
    pub per_second: u32,
    /// Units that may come at once after a pause.
    pub burst: u32,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    /// Nanoseconds that one unit takes.
    fn interval(self) -> u64 {
        SECOND / u64::from(self.per_second.max(1))
    }
}

/// One client's use of a [`Rate`]: the generic cell rate algorithm of ITU-T I.371, which is a token bucket that
/// stores nothing but the moment at which the bucket will be full again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    full_at: u64,
}

impl Meter {
    /// Takes `units` at `now` (nanoseconds). False when they are more than the rate allows; then nothing is taken.
    pub(super) fn admit(&mut self, rate: Rate, units: u64, now: u64) -> bool {
        let full_at = self.full_at.max(now) + units * rate.interval();
        let fits = full_at - now <= u64::from(rate.burst) * rate.interval();
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    fn admitted(meter: &mut Meter, tries: u32, now: u64) -> u32 {
        (0..tries).map(|_| u32::from(meter.admit(RATE, 1, now))).sum()
    }

    #[test]
    fn a_burst_passes_and_then_no_more_than_the_rate() {
        let mut meter = Meter::default();
        assert_eq!(admitted(&mut meter, 20, SECOND), 5);
        assert_eq!(admitted(&mut meter, 20, SECOND + SECOND / 10), 1);
        assert_eq!(admitted(&mut meter, 20, SECOND + SECOND / 10 * 4), 3);
    }

    #[test]
    fn a_pause_saves_up_one_burst_and_no_more() {
        let mut meter = Meter::default();
        admitted(&mut meter, 20, SECOND);
        assert_eq!(admitted(&mut meter, 20, 100 * SECOND), 5);
    }

    #[test]
    fn many_units_at_once_count_as_many() {
        let mut meter = Meter::default();
        assert!(meter.admit(RATE, 5, SECOND));
        assert!(!meter.admit(RATE, 1, SECOND));
    }
}
