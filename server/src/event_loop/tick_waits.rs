//! Ticks that wait because an I/O thread hands nothing out: after a second a line of the log says so, and one each second
//! until it is over.

use std::time::{Duration, Instant};

/// A wait that is worth a line of the log: a thread that only has much to do needs a tenth of it.
pub(super) const LONG_WAIT: Duration = Duration::from_secs(1);

/// How long the tick has been waiting.
#[derive(Debug, Default)]
pub(super) struct TickWaits {
    /// Since when, and when that is next to be told.
    waiting: Option<(Instant, Instant)>,
}

impl TickWaits {
    /// It waits. The whole time that it has, if that is to be told now.
    pub(super) fn go_on(&mut self, now: Instant) -> Option<Duration> {
        let (since, next) = self.waiting.get_or_insert((now, now + LONG_WAIT));
        if now < *next {
            return None;
        }
        *next = now + LONG_WAIT;
        Some(now - *since)
    }

    /// It goes on.
    pub(super) const fn end(&mut self) {
        self.waiting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wait_is_told_once_a_second_and_a_short_one_never() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut waits = TickWaits::default();
        let mut at = |time| waits.go_on(start + ms(time));
        assert_eq!(
            [0, 999, 1000, 1001, 1999].map(&mut at),
            [None, None, Some(ms(1000)), None, None]
        );
        assert_eq!(at(2500), Some(ms(2500)));
        waits.end();
        assert_eq!(waits.go_on(start + ms(2600)), None);
        assert_eq!(waits.go_on(start + ms(3600)), Some(ms(1000)));
    }
}
