//! How a run is going, for whoever watches it.

use std::time::Duration;

use crate::bot::event::Metric;
use crate::latency::Percentiles;
use crate::settings::Settings;
use crate::tally::{Counts, Tally};

/// A look at a run.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Since the run began.
    pub elapsed: Duration,
    /// How long it is to take.
    pub duration: Duration,
    /// How many bots there are.
    pub bots: usize,
    /// The time is over and the bots are leaving.
    pub leaving: bool,
    /// Counts so far.
    pub counts: Counts,
    /// Ping latency so far.
    pub ping: Percentiles,
    /// Move latency so far.
    pub moves: Percentiles,
}

impl Progress {
    pub(super) fn new(
        settings: &Settings,
        tally: &Tally,
        elapsed: Duration,
        leaving: bool,
    ) -> Self {
        Self {
            elapsed,
            duration: settings.duration,
            bots: settings.bots,
            leaving,
            counts: tally.counts.clone(),
            ping: tally.latencies.percentiles(Metric::Ping),
            moves: tally.latencies.percentiles(Metric::Move),
        }
    }
}
