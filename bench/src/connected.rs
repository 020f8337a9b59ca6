//! What timed saves add to the ticks of a real server with everybody connected: the same players twice, once saved as
//! by default and once hardly ever.

use clap::Args;

use crate::form::Form;
use crate::pair::{Pair, Size};
use crate::play::Played;
use crate::report::Report;

/// What saving may add to a tick at most, in milliseconds.
const ADDED_MS: f64 = 1.0;

/// Measure what timed saves add to a real server's ticks: 10,000 players for 30 s.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    size: Size,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let what = "connected players, saved every 5 s";
    let size = settings.size.or(form, 10_000, 30);
    // The longest interval that there is: nobody's turn comes twice.
    let pair = Pair::play(what, size, form, "store.save_interval", ["5s", "10m"])?;
    let mut report = Report::new("save-connected", form);
    report.push(pair.beside("a tick, p50", "ms", |run| run.server.stats.tick_p50_ms));
    report.push(pair.beside("a tick, p99", "ms", |run| run.server.stats.tick_p99_ms));
    report.push(pair.beside("a tick, longest", "ms", |run| run.server.stats.tick_max_ms));
    report.push(pair.beside("server CPU", "cores", Played::cpu_share));
    let saving = |what: &str, of| pair.beside(&format!("saving in a tick, {what}"), "ms", of);
    report.push(saving("p50", |run| run.server.stats.save_p50_ms));
    report.push(saving("p99", |run| run.server.stats.save_p99_ms));
    // Some hundred ticks have no 99.99 %: the longest stands for it.
    report.push(saving("longest", |run| run.server.stats.save_max_ms).at_most(ADDED_MS));
    report.push(saving("p99, processor time", |run| run.server.stats.save_cpu_p99_ms));
    let cpu = saving("longest, processor time", |run| run.server.stats.save_cpu_max_ms);
    report.push(cpu.at_most(ADDED_MS));
    report.note("The floors are the same runs with a save of each player every ten minutes: what its saving takes is the machine's.");
    report.note("What is longer on the clock than in processor time, the loop waited for, or another thread had its core.");
    Ok(report)
}
