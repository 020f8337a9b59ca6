//! How the server is doing: tick times, traffic, processor and memory, in a line now and then and once at the end.

use std::time::{Duration, Instant};

use game::LoadLevel;
use hdrhistogram::Histogram;
use rustix::time::ClockId;

use super::overruns::Ticked;
use super::reasons::Reasons;
use super::stopwatch::Saving;
use crate::config::LogFormat;
use crate::net::NetStats;

/// Tick times are counted up to this, in microseconds; longer ones count as it.
const LONGEST_US: u64 = 60_000_000;

/// Counts of one stretch of time, and of the whole run.
#[derive(Debug)]
pub(super) struct Meter {
    /// For people, or for collectors, who want all of it.
    format: LogFormat,
    interval: Stretch,
    whole: Stretch,
}

#[derive(Debug)]
struct Stretch {
    since: Instant,
    cpu: Duration,
    loop_cpu: Duration,
    ticks: Histogram<u64>,
    saving: Histogram<u64>,
    saving_cpu: Histogram<u64>,
    over_budget: u64,
    /// Ticks by the step of the overload ladder.
    at_step: [u64; LoadLevel::ALL.len()],
    late: Duration,
    net: NetStats,
    dropped_ticks: u64,
    reasons: Reasons,
}

/// What a line of the log says besides times and traffic.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) sessions: usize,
    pub(super) population: usize,
    pub(super) dropped_ticks: u64,
    pub(super) held_frames: usize,
    pub(super) waiting_commits: usize,
    /// Logins that wait for their turn to enter.
    pub(super) queued: usize,
    /// Of the overload ladder.
    pub(super) step: usize,
    /// Refusals and farewells since the start.
    pub(super) reasons: Reasons,
}

impl Meter {
    pub(super) fn new(now: Instant, format: LogFormat) -> Self {
        Self {
            format,
            interval: Stretch::begin(now, &NetStats::default(), 0, Reasons::default()),
            whole: Stretch::begin(now, &NetStats::default(), 0, Reasons::default()),
        }
    }

    /// One tick, all of it: inputs, modules, publication, hand-out and flush; and what `saving` added to it.
    pub(super) fn tick(
        &mut self,
        ticked: Ticked,
        saving: Saving,
        over_budget: bool,
        level: LoadLevel,
    ) {
        for stretch in [&mut self.interval, &mut self.whole] {
            stretch.ticks.saturating_record(micros(ticked.took));
            stretch.saving.saturating_record(micros(saving.took));
            stretch.saving_cpu.saturating_record(micros(saving.cpu));
            stretch.over_budget += u64::from(over_budget);
            stretch.at_step[level.steps()] += 1;
            stretch.late = stretch.late.max(ticked.late);
        }
    }

    /// True if a line is due.
    pub(super) fn is_due(&self, now: Instant, every: Duration) -> bool {
        !every.is_zero() && now.duration_since(self.interval.since) >= every
    }

    /// Logs the stretch since the last line.
    pub(super) fn log_interval(&mut self, now: Instant, state: &Now, net: &NetStats) {
        match self.format {
            LogFormat::Text => self.interval.log_short(now, state, net),
            LogFormat::Json => self.interval.log("stats", now, state, net),
        }
        self.interval = Stretch::begin(now, net, state.dropped_ticks, state.reasons.clone());
    }

    /// Logs the whole run.
    pub(super) fn log_whole(&self, now: Instant, state: &Now, net: &NetStats) {
        self.whole.log("total", now, state, net);
    }
}

impl Stretch {
    fn begin(now: Instant, net: &NetStats, dropped_ticks: u64, reasons: Reasons) -> Self {
        #[expect(clippy::expect_used, reason = "constant bounds that the histogram accepts")]
        let ticks = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds are valid");
        Self {
            since: now,
            cpu: cpu_time(ClockId::ProcessCPUTime),
            loop_cpu: cpu_time(ClockId::ThreadCPUTime),
            saving: ticks.clone(),
            saving_cpu: ticks.clone(),
            ticks,
            over_budget: 0,
            at_step: [0; LoadLevel::ALL.len()],
            late: Duration::ZERO,
            net: net.clone(),
            dropped_ticks,
            reasons,
        }
    }

    /// Ticks at each step of the overload ladder but none, with slashes between.
    fn held_back(&self) -> String {
        let counts: Vec<String> = self.at_step.iter().skip(1).map(u64::to_string).collect();
        counts.join("/")
    }

    /// A line for people: how many there are, how long ticks take, what is used, and whatever isn't as it should be,
    /// which is left out where it is.
    fn log_short(&self, now: Instant, state: &Now, net: &NetStats) {
        let seconds = now.duration_since(self.since).as_secs_f64().max(1e-3);
        let cpu =
            cpu_time(ClockId::ProcessCPUTime).saturating_sub(self.cpu).as_secs_f64() / seconds;
        let kib_s = |after: u64, before: u64| ((after - before) as f64 / seconds / 1024.0).round();
        let reasons = state.reasons.since(&self.reasons).to_string();
        tracing::info!(
            players = state.population,
            sessions = state.sessions,
            tick_p50_ms = millis(self.ticks.value_at_quantile(0.5)),
            tick_max_ms = millis(self.ticks.max()),
            cpu = (cpu * 100.0).round() / 100.0,
            rss_mib = resident_bytes() >> 20,
            in_kib_s = kib_s(net.bytes_in, self.net.bytes_in),
            out_kib_s = kib_s(net.bytes_out, self.net.bytes_out),
            over_budget = some(self.over_budget),
            dropped_ticks = some(state.dropped_ticks - self.dropped_ticks),
            overload = some(state.step as u64),
            queued = some(state.queued as u64),
            slow = some(net.slow - self.net.slow),
            commits_waiting = some(state.waiting_commits as u64),
            reasons = (!reasons.is_empty()).then(|| display(&reasons)),
            "stats"
        );
    }

    fn log(&self, name: &str, now: Instant, state: &Now, net: &NetStats) {
        let seconds = now.duration_since(self.since).as_secs_f64().max(1e-3);
        let rate = |after: u64, before: u64| ((after - before) as f64 / seconds).round();
        let cpu =
            cpu_time(ClockId::ProcessCPUTime).saturating_sub(self.cpu).as_secs_f64() / seconds;
        let busy = cpu_time(ClockId::ThreadCPUTime).saturating_sub(self.loop_cpu).as_secs_f64();
        let busy_ms = busy * 1e3 / self.ticks.len().max(1) as f64;
        tracing::info!(
            seconds = (seconds * 1000.0).round() / 1000.0,
            sessions = state.sessions,
            players = state.population,
            ticks = self.ticks.len(),
            tick_p50_ms = millis(self.ticks.value_at_quantile(0.5)),
            tick_p99_ms = millis(self.ticks.value_at_quantile(0.99)),
            tick_max_ms = millis(self.ticks.max()),
            over_budget = self.over_budget,
            overload = state.step,
            overload_ticks = %self.held_back(),
            queued = state.queued,
            save_p50_ms = millis(self.saving.value_at_quantile(0.5)),
            save_p99_ms = millis(self.saving.value_at_quantile(0.99)),
            save_max_ms = millis(self.saving.max()),
            save_cpu_p99_ms = millis(self.saving_cpu.value_at_quantile(0.99)),
            save_cpu_max_ms = millis(self.saving_cpu.max()),
            late_max_ms = (self.late.as_secs_f64() * 1e6).round() / 1000.0,
            dropped_ticks = state.dropped_ticks,
            loop_busy_ms = (busy_ms * 1000.0).round() / 1000.0,
            cpu = (cpu * 1000.0).round() / 1000.0,
            rss_mib = resident_bytes() >> 20,
            packets_in_s = rate(net.packets_in, self.net.packets_in),
            bytes_in_s = rate(net.bytes_in, self.net.bytes_in),
            writes_s = rate(net.writes, self.net.writes),
            bytes_out_s = rate(net.bytes_out, self.net.bytes_out),
            slow = net.slow - self.net.slow,
            held = state.held_frames,
            commits_waiting = state.waiting_commits,
            reasons = %state.reasons.since(&self.reasons),
            "{name}"
        );
    }
}

/// What is no news when there is none.
fn some(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST_US)
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// Processor time of this process, all threads, or of the thread that asks, which is the loop's.
pub(super) fn cpu_time(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Memory of this process that is in RAM; 0 where the system doesn't tell.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 =
        statm.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(format: LogFormat, commits: usize) -> String {
        let now = Instant::now();
        let state = Now {
            sessions: 3,
            population: 2,
            dropped_ticks: 0,
            held_frames: 0,
            waiting_commits: commits,
            queued: 0,
            step: 0,
            reasons: Reasons::default(),
        };
        let mut meter = Meter::new(now, format);
        let paper = Paper::default();
        let own = paper.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || own.clone()).with_ansi(false);
        tracing::subscriber::with_default(lines.finish(), || {
            meter.log_interval(now + Duration::from_secs(1), &state, &NetStats::default());
        });
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn people_get_a_short_line_with_troubles_only_where_there_are_any_and_collectors_get_all() {
        let calm = line(LogFormat::Text, 0);
        assert!(calm.contains("players=2 sessions=3 ") && calm.len() < 240, "{calm}");
        for trouble in ["over_budget", "dropped", "queued", "slow", "commits", "reasons"] {
            assert!(!calm.contains(trouble), "{calm}");
        }
        assert!(line(LogFormat::Text, 7).contains("commits_waiting=7"));
        let all = line(LogFormat::Json, 0);
        assert!(all.contains("commits_waiting=0") && all.contains("save_cpu_p99_ms="), "{all}");
    }
}
