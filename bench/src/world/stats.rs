//! The lines in which a server tells how it is.

use std::time::Duration;

use serde::Deserialize;

/// One line: what happened since the line before. Times in milliseconds; what ends with `_s` is per second.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stats {
    message: String,
    /// How long a time the line tells of.
    pub(crate) seconds: f64,
    pub(crate) players: u64,
    pub(crate) ticks: u64,
    pub(crate) tick_p50_ms: f64,
    pub(crate) tick_p99_ms: f64,
    pub(crate) tick_max_ms: f64,
    /// What the loop's thread has had of the processor for a tick, mean.
    pub(crate) loop_busy_ms: f64,
    /// What saving has added to a tick.
    pub(crate) save_p50_ms: f64,
    pub(crate) save_p99_ms: f64,
    pub(crate) save_max_ms: f64,
    /// The same in processor time of the loop's thread.
    pub(crate) save_cpu_p99_ms: f64,
    pub(crate) save_cpu_max_ms: f64,
    /// Since the start.
    pub(crate) dropped_ticks: u64,
    pub(crate) packets_in_s: f64,
    pub(crate) bytes_in_s: f64,
    pub(crate) bytes_out_s: f64,
    /// How often motion was withheld from a session that read too slowly.
    pub(crate) slow: u64,
}

impl Stats {
    /// `None` for the other lines of a log.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let stats: Self = serde_json::from_str(line).ok()?;
        (stats.message == "stats").then_some(stats)
    }

    /// True if it tells of so long a time at least, but for what a tick's length takes off.
    pub(super) fn covers(&self, time: Duration) -> bool {
        self.seconds >= time.as_secs_f64() * 0.95
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","message":"stats","seconds":5.0,
        "sessions":2,"players":1,"ticks":50,"tick_p50_ms":0.1,"tick_p99_ms":0.2,"tick_max_ms":0.3,"loop_busy_ms":0.1,"save_p50_ms":0.01,
        "save_p99_ms":0.02,"save_max_ms":0.03,"save_cpu_p99_ms":0.01,"save_cpu_max_ms":0.02,"dropped_ticks":0,"packets_in_s":7.0,"bytes_in_s":70.0,
        "bytes_out_s":80.0,"slow":0,"target":"server::event_loop::meter"}"#;

    #[test]
    fn a_line_about_the_server_is_told_from_others() {
        let stats = Stats::of_line(LINE).unwrap();
        assert_eq!((stats.players, stats.ticks), (1, 50));
        assert!(stats.covers(Duration::from_secs(5)) && !stats.covers(Duration::from_secs(6)));
        assert!(Stats::of_line(&LINE.replace("\"stats\"", "\"total\"")).is_none());
        assert!(Stats::of_line("{\"message\":\"all saved\"}").is_none());
        assert!(Stats::of_line("not JSON").is_none());
    }
}
