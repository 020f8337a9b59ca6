//! What it brings to never sleep: the same players on a server that waits for sockets and ticks, and on one that only ever
//! looks whether there is something.

use clap::Args;

use crate::form::Form;
use crate::pair::{Pair, Size};
use crate::play::Played;
use crate::report::Report;

/// Measure a server that never sleeps beside one that does: 200 players for 15 s.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    size: Size,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let what = "players, the loop never sleeps";
    let size = settings.size.or(form, 200, 15);
    let pair = Pair::play(what, size, form, "network.wait", ["busy", "tick"])?;
    let mut report = Report::new("wait", form);
    report.push(pair.beside("ping until pong, p50", "ms", |run| run.bots.latency("ping").p50));
    report.push(pair.beside("ping until pong, p99", "ms", |run| run.bots.latency("ping").p99));
    report.push(pair.beside("move until seen, p50", "ms", |run| run.bots.latency("move").p50));
    report.push(pair.beside("server CPU", "cores", Played::cpu_share));
    report.note("The floors are the same players on a loop that sleeps until a socket is ready or the next tick is due.");
    Ok(report)
}
