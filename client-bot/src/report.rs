//! What a run showed: as JSON for machines, as a table for people, and as figures for assertions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::bot::event::Metric;
use crate::latency::Percentiles;
use crate::settings::Settings;
use crate::tally::{Counts, Tally};
pub use assertion::{Assertion, AssertionError, Breach};

mod assertion;
mod table;

/// A finished run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What the swarm was told to do, without secrets. Times in seconds.
    pub settings: Settings,
    /// What the bots that prove what they see have proved; worth nothing if they compared no digest.
    pub oracle: OracleReport,
    /// Counts of the whole run, leaving included.
    pub counts: Counts,
    /// Bots that hadn't left by the deadline.
    pub unfinished: usize,
    /// Figures per second, from the end of the warm-up to the moment when the bots began to leave.
    pub rates: Rates,
    /// Percentiles in milliseconds by metric, counted from when each action was due; from the end of the warm-up on.
    pub latency: BTreeMap<&'static str, Percentiles>,
    /// What the swarm itself used in the same stretch.
    pub swarm: Spent,
    /// Seconds of the whole run in which the swarm's process stood still; they are in no latency and no deadline.
    pub absent_s: f64,
}

/// What the oracle did.
#[derive(Debug, Clone, Serialize)]
pub struct OracleReport {
    /// How many bots proved what they saw.
    pub bots: usize,
    /// Cells compared with their digests.
    pub digests: u64,
    /// Entities in sight of such a bot, its own among them: the mean over its views.
    pub in_sight: f64,
    /// What was wrong.
    pub findings: u64,
}

/// Figures per second.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rates {
    /// Frames received.
    pub frames_in: f64,
    /// Bytes received.
    pub bytes_in: f64,
    /// Bytes received by the bot that received the most, of those that don't prove what they see; `None` if all do.
    pub most_bytes_in: Option<f64>,
    /// Frames sent.
    pub frames_out: f64,
    /// Bytes sent.
    pub bytes_out: f64,
}

/// Time spent.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spent {
    /// On the clock, in seconds.
    pub wall_s: f64,
    /// On processors, by the whole process, in seconds.
    pub cpu_s: f64,
}

/// A stretch of a run that is measured.
#[derive(Debug)]
pub(crate) struct Stretch {
    wall: Instant,
    cpu: Duration,
    before: Counts,
    /// Bytes received by each bot.
    received: Vec<u64>,
}

/// What a stretch showed.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    pub(crate) rates: Rates,
    pub(crate) swarm: Spent,
}

impl Stretch {
    pub(crate) fn begin(counts: &Counts, received: Vec<u64>) -> Self {
        Self { wall: Instant::now(), cpu: cpu_time(), before: counts.clone(), received }
    }

    pub(crate) fn end(&self, counts: &Counts, received: &[u64]) -> Played {
        let swarm = Spent {
            wall_s: self.wall.elapsed().as_secs_f64(),
            cpu_s: cpu_time().saturating_sub(self.cpu).as_secs_f64(),
        };
        let per_second =
            |after: u64, before: u64| (after - before) as f64 / swarm.wall_s.max(f64::EPSILON);
        let each = received.iter().zip(&self.received);
        let most = each.map(|(after, before)| per_second(*after, *before)).max_by(f64::total_cmp);
        let rates = Rates {
            most_bytes_in: most,
            frames_in: per_second(counts.frames_in, self.before.frames_in),
            bytes_in: per_second(counts.bytes_in, self.before.bytes_in),
            frames_out: per_second(counts.frames_out, self.before.frames_out),
            bytes_out: per_second(counts.bytes_out, self.before.bytes_out),
        };
        Played { rates, swarm }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Report {
    pub(crate) fn new(
        settings: &Settings,
        tally: Tally,
        Played { rates, swarm }: Played,
        unfinished: usize,
    ) -> Self {
        let latency =
            Metric::ALL.map(|metric| (metric.name(), tally.latencies.percentiles(metric)));
        let counts = tally.counts;
        Self {
            settings: settings.clone(),
            oracle: OracleReport {
                bots: (0..settings.bots).filter(|number| settings.is_oracle(*number)).count(),
                digests: counts.digests,
                in_sight: counts.entities_seen as f64 / counts.views_proved.max(1) as f64,
                findings: counts.findings,
            },
            rates,
            counts,
            unfinished,
            latency: latency.into_iter().collect(),
            swarm,
            absent_s: 0.0,
        }
    }

    /// The report as indented JSON.
    ///
    /// # Errors
    /// When a value has no JSON form, which none of ours lacks.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// The report as a table for people.
    #[must_use]
    pub fn to_table(&self) -> String {
        table::render(self)
    }
}
