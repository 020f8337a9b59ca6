//! One line of the log a second, and how many were held back: a log that nothing that goes wrong can flood.

/// Nanoseconds between two log lines of one kind.
const LOG_INTERVAL: u64 = 1_000_000_000;

/// Lets one line a second through and counts the others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Throttle {
    next: u64,
    held: u64,
}

impl Throttle {
    /// The number of lines held back since the last one, if it is time for another. `now` is in nanoseconds since any
    /// moment, always the same one.
    pub(crate) const fn pass(&mut self, now: u64) -> Option<u64> {
        if now < self.next {
            self.held += 1;
            return None;
        }
        let held = self.held;
        *self = Self { next: now + LOG_INTERVAL, held: 0 };
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_log_line_that_tells_how_many_were_held_back() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.pass(5), Some(0));
        assert_eq!([6, 7, LOG_INTERVAL].map(|now| throttle.pass(now)), [None; 3]);
        assert_eq!(throttle.pass(LOG_INTERVAL + 5), Some(3));
    }
}
