//! How the server is doing: tick times, traffic, processor and memory, in a line now and then and once at the end.

use std::time::{Duration, Instant};

use game::LoadLevel;
use hdrhistogram::Histogram;
use rustix::time::ClockId;

use super::overruns::Ticked;
use super::reasons::Reasons;
use super::stopwatch::Saving;
use crate::net::NetStats;

/// Tick times are counted up to this, in microseconds; longer ones count as it.
const LONGEST_US: u64 = 60_000_000;

/// Counts of one stretch of time, and of the whole run.
#[derive(Debug)]
pub(super) struct Meter {
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
    pub(super) fn new(now: Instant) -> Self {
        Self {
            interval: Stretch::begin(now, &NetStats::default(), Reasons::default()),
            whole: Stretch::begin(now, &NetStats::default(), Reasons::default()),
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
        self.interval.log("stats", now, state, net);
        self.interval = Stretch::begin(now, net, state.reasons.clone());
    }

    /// Logs the whole run.
    pub(super) fn log_whole(&self, now: Instant, state: &Now, net: &NetStats) {
        self.whole.log("total", now, state, net);
    }
}

impl Stretch {
    fn begin(now: Instant, net: &NetStats, reasons: Reasons) -> Self {
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
            reasons,
        }
    }

    /// Ticks at each step of the overload ladder but none, with slashes between.
    fn held_back(&self) -> String {
        let counts: Vec<String> = self.at_step.iter().skip(1).map(u64::to_string).collect();
        counts.join("/")
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
