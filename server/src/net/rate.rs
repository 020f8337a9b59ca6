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
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    full_at: u64,
}

impl Meter {
    /// A meter whose bucket is full at `now` (nanoseconds).
    pub(super) const fn full(now: u64) -> Self {
        Self { full_at: now }
    }

    /// Takes `units` at `now`. False when they are more than the rate allows; then nothing is taken. Up to `backlog`
    /// nanoseconds before `now` fill the bucket beyond its burst, see [`Backlog`].
    pub(super) fn admit(&mut self, rate: Rate, units: u64, now: u64, backlog: u64) -> bool {
        let full_at = self.full_at.max(now.saturating_sub(backlog)) + units * rate.interval();
        let fits = full_at.saturating_sub(now) <= u64::from(rate.burst) * rate.interval();
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

/// The longest backlog that is granted, in nanoseconds: at the default rates as much as a socket's buffers hold.
const BACKLOG_MAX: u64 = 300 * SECOND;

/// What clients may have sent within their rates while nobody read: it arrives at once and is no flood. It is granted for
/// as long as it took to pile up, because one pass reads only a part of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backlog {
    granted: u64,
    until: u64,
}

impl Backlog {
    /// Grants what piled up in `time` nanoseconds before `now`, and what is left of earlier grants.
    pub(super) fn grant(&mut self, time: u64, now: u64) {
        self.granted = self.at(now).saturating_add(time).min(BACKLOG_MAX);
        self.until = now + self.granted;
    }

    /// Nanoseconds before `now` for which clients are granted their rate.
    pub(super) const fn at(&self, now: u64) -> u64 {
        if now < self.until { self.granted } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    fn admitted(meter: &mut Meter, tries: u32, now: u64) -> u32 {
        (0..tries).map(|_| u32::from(meter.admit(RATE, 1, now, 0))).sum()
    }

    #[test]
    fn a_burst_passes_and_then_no_more_than_the_rate() {
        let mut meter = Meter::full(0);
        assert_eq!(admitted(&mut meter, 20, SECOND), 5);
        assert_eq!(admitted(&mut meter, 20, SECOND + SECOND / 10), 1);
        assert_eq!(admitted(&mut meter, 20, SECOND + SECOND / 10 * 4), 3);
    }

    #[test]
    fn a_pause_saves_up_one_burst_and_no_more() {
        let mut meter = Meter::full(0);
        admitted(&mut meter, 20, SECOND);
        assert_eq!(admitted(&mut meter, 20, 100 * SECOND), 5);
    }

    #[test]
    fn many_units_at_once_count_as_many() {
        let mut meter = Meter::full(0);
        assert!(meter.admit(RATE, 5, SECOND, 0));
        assert!(!meter.admit(RATE, 1, SECOND, 0));
    }

    #[test]
    fn a_backlog_grants_the_rate_for_its_time_and_the_burst_and_no_more() {
        let mut meter = Meter::full(SECOND);
        let mut backlog = Backlog::default();
        let now = 11 * SECOND;
        backlog.grant(10 * SECOND, now);
        let mut admit = |now| meter.admit(RATE, 1, now, backlog.at(now));
        assert_eq!((0..200).filter(|_| admit(now)).count(), 105);
        assert_eq!((0..200).filter(|_| admit(now + SECOND)).count(), 10, "granted once");
    }

    #[test]
    fn a_backlog_is_granted_for_as_long_as_it_took_to_pile_up() {
        let mut backlog = Backlog::default();
        backlog.grant(10 * SECOND, 20 * SECOND);
        assert_eq!(backlog.at(29 * SECOND), 10 * SECOND);
        assert_eq!(backlog.at(30 * SECOND), 0);
        backlog.grant(10 * SECOND, 100 * SECOND);
        backlog.grant(3 * SECOND, 105 * SECOND);
        assert_eq!(backlog.at(105 * SECOND), 13 * SECOND, "the next absence came before its end");
        backlog.grant(u64::MAX, 200 * SECOND);
        assert_eq!(backlog.at(200 * SECOND), BACKLOG_MAX);
    }
}
