//! What has happened to a swarm so far, counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bot::event::{BotError, Event};
use crate::latency::Latencies;

/// Texts of errors and findings that are kept; the rest is counted.
pub const KEPT_TEXTS: usize = 20;

/// Counts of a run. Frames and bytes are those of the protocol, without TCP's own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Bots that the server has greeted at least once.
    pub connected: u64,
    /// Bots that have logged in at least once.
    pub logged_in: u64,
    /// Logins, repeated ones and resumes included.
    pub logins: u64,
    /// Characters in the world now.
    pub online: u64,
    /// The most at any time.
    pub online_peak: u64,
    /// Connections that ended.
    pub disconnects: u64,
    /// Those of them that ended without being announced.
    pub connections_lost: u64,
    /// Goodbyes of the server by reason.
    pub goodbyes: BTreeMap<&'static str, u64>,
    /// Refusals by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Frames received.
    pub frames_in: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Turns left out because a bot was too far behind.
    pub turns_skipped: u64,
    /// Confirmed changes of ownership.
    pub confirmations: u64,
    /// Errors by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first errors in words.
    pub first_errors: Vec<String>,
    /// Cells compared with their digests.
    pub digests: u64,
    /// Views whose cells were compared.
    pub views_proved: u64,
    /// Entities in sight, added up over those views.
    pub entities_seen: u64,
    /// What the oracle found wrong.
    pub findings: u64,
    /// The first findings in words.
    pub first_findings: Vec<String>,
}

/// Counts and latencies of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// The counts.
    pub counts: Counts,
    /// The latencies.
    pub latencies: Latencies,
}

impl Counts {
    /// All errors.
    #[must_use]
    pub fn errors_total(&self) -> u64 {
        self.errors.values().sum()
    }
}

impl Tally {
    /// Counts what an event tells. What it asks for is the swarm's business.
    pub fn count(&mut self, event: &Event, account: &str) {
        let counts = &mut self.counts;
        match event {
            Event::Greeted { first } => counts.connected += u64::from(*first),
            Event::LoggedIn { first } => {
                counts.logged_in += u64::from(*first);
                counts.logins += 1;
            }
            Event::Online => {
                counts.online += 1;
                counts.online_peak = counts.online_peak.max(counts.online);
            }
            Event::Offline => counts.online = counts.online.saturating_sub(1),
            Event::Sample { metric, elapsed } => self.latencies.record(*metric, *elapsed),
            Event::TurnsSkipped(turns) => counts.turns_skipped += u64::from(*turns),
            Event::Refused(reason) => {
                *counts.refusals.entry(reason.as_str_name()).or_default() += 1
            }
            Event::Goodbye(reason) => {
                *counts.goodbyes.entry(reason.as_str_name()).or_default() += 1
            }
            Event::Disconnected { lost } => {
                counts.disconnects += 1;
                counts.connections_lost += u64::from(*lost);
            }
            Event::Proved { digests, entities } => {
                counts.digests += u64::from(*digests);
                counts.views_proved += 1;
                counts.entities_seen += u64::from(*entities);
            }
            Event::Finding(text) => {
                counts.findings += 1;
                keep(&mut counts.first_findings, || text.clone());
            }
            Event::Error(error) => self.error(error, account),
            Event::Connect { .. }
            | Event::LookUp { .. }
            | Event::Close { .. }
            | Event::Confirmed(_)
            | Event::Purse(_)
            | Event::Finished => {}
        }
    }

    fn error(&mut self, error: &BotError, account: &str) {
        *self.counts.errors.entry(error.kind()).or_default() += 1;
        keep(&mut self.counts.first_errors, || format!("{account}: {error}"));
    }
}

fn keep(texts: &mut Vec<String>, text: impl FnOnce() -> String) {
    if texts.len() < KEPT_TEXTS {
        texts.push(text());
    }
}
