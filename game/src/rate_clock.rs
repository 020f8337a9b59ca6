//! The time that players' rates are measured by: ticks, and those that were dropped.
//!
//! Rates count ticks, because game code knows no other time. A server that stood still for ten seconds simulates a few
//! ticks of them and drops the rest, but its clients sent all the while, and what they sent arrives at once. So dropped
//! ticks count for rates like all others, and for a while they count beyond the burst, which is what a client may save up
//! on its own.

use serde::{Deserialize, Serialize};

/// The largest backlog that is granted, in ticks: five minutes at ten a second. More than that doesn't fit into a
/// socket's buffers.
const BACKLOG_MAX: u64 = 3_000;

/// What is known of dropped ticks.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct RateClock {
    /// Since the world began.
    dropped: u64,
    /// Those that packets on their way may still be from, until the tick in `until`.
    backlog: u64,
    until: u64,
}

/// A moment of rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateTime {
    /// Ticks so far, dropped ones included.
    pub(crate) tick: u64,
    /// Length of a tick in milliseconds.
    pub(crate) tick_ms: u32,
    /// Ticks whose packets may still be on their way.
    pub(crate) backlog: u64,
}

impl RateClock {
    /// Before `tick`, so many were dropped. What came in that time is granted for as long as it took to pile up, because
    /// it isn't read at once.
    pub(crate) fn drop_ticks(&mut self, ticks: u32, tick: u64) {
        let ticks = u64::from(ticks);
        self.backlog = (self.backlog_at(tick) + ticks).min(BACKLOG_MAX);
        self.until = tick + self.backlog;
        self.dropped += ticks;
    }

    /// The moment of `tick`.
    pub(crate) const fn at(&self, tick: u64, tick_ms: u32) -> RateTime {
        RateTime { tick: tick + self.dropped, tick_ms, backlog: self.backlog_at(tick) }
    }

    const fn backlog_at(&self, tick: u64) -> u64 {
        if tick < self.until { self.backlog } else { 0 }
    }
}
