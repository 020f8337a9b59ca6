//! A bot's heartbeat: pings at a fixed pace, and how long their answers take.

use std::time::Duration;

/// How often a bot pings when the server's heartbeat timeout doesn't ask for more.
pub const PING_PERIOD: Duration = Duration::from_secs(10);
/// Pings without an answer after which the server counts as gone: a minute at the usual pace.
pub const MAX_UNANSWERED: u32 = 6;

/// The pings of one connection. The nonce of a ping is the time at which it was due, in nanoseconds, so that an
/// answer tells its own latency.
#[derive(Debug)]
pub struct Pulse {
    due: Duration,
    period: Duration,
    unanswered: u32,
}

/// What [`Pulse::beat`] asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping with this nonce.
    Ping(u64),
    /// Too many pings have no answer: the server is gone.
    Silent,
}

impl Pulse {
    /// Starts the heartbeat of a connection. `offset` (0 to 1) spreads the pings of many bots over the period;
    /// `heartbeat_timeout` is the server's, zero if it named none.
    #[must_use]
    pub fn start(now: Duration, offset: f64, heartbeat_timeout: Duration) -> Self {
        let third = heartbeat_timeout / 3;
        let period = if third.is_zero() { PING_PERIOD } else { PING_PERIOD.min(third) };
        Self { due: now + period.mul_f64(offset), period, unanswered: 0 }
    }

    /// When [`beat`](Self::beat) is due.
    #[must_use]
    pub fn due(&self) -> Duration {
        self.due
    }

    /// Call when [`due`](Self::due) has come.
    pub fn beat(&mut self) -> Beat {
        if self.unanswered >= MAX_UNANSWERED {
            return Beat::Silent;
        }
        let due = self.due;
        self.due += self.period;
        self.unanswered += 1;
        Beat::Ping(u64::try_from(due.as_nanos()).unwrap_or(u64::MAX))
    }

    /// When each ping that has no answer was due, oldest first. Answers come in order, so they are the last ones sent.
    pub fn unanswered(&self) -> impl Iterator<Item = Duration> {
        (1..=self.unanswered).rev().map(|back| self.due.saturating_sub(self.period * back))
    }

    /// A pong arrived: the time since its ping was due, or `None` if it answers no ping of ours.
    pub fn answered(&mut self, nonce: u64, now: Duration) -> Option<Duration> {
        self.unanswered = self.unanswered.checked_sub(1)?;
        now.checked_sub(Duration::from_nanos(nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_keep_their_pace_and_latency_counts_from_when_they_were_due() {
        let second = Duration::from_secs(1);
        let mut pulse = Pulse::start(second, 0.5, Duration::ZERO);
        assert_eq!(pulse.due(), 6 * second);
        let Beat::Ping(nonce) = pulse.beat() else { panic!("a ping is due") };
        assert_eq!(pulse.unanswered().collect::<Vec<_>>(), [6 * second]);
        assert_eq!(pulse.due(), 16 * second, "however late the first one was sent");
        assert_eq!(pulse.answered(nonce, 8 * second), Some(2 * second));
        assert_eq!(pulse.answered(nonce, 8 * second), None, "nobody asked twice");
    }

    #[test]
    fn a_server_that_never_answers_is_gone() {
        let mut pulse = Pulse::start(Duration::ZERO, 0.0, Duration::from_secs(15));
        for _ in 0..MAX_UNANSWERED {
            assert!(matches!(pulse.beat(), Beat::Ping(_)));
        }
        assert_eq!(pulse.due(), Duration::from_secs(30), "a third of the timeout apart");
        assert_eq!(pulse.beat(), Beat::Silent);
    }
}
