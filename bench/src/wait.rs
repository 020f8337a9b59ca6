//! What it brings to never sleep: the same players on a server that waits for sockets and ticks, and on one that only ever
//! looks whether there is something.

use std::time::Duration;

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::play::{Played, play};
use crate::report::{Figure, Report};
use crate::world::Setup;

/// Measure a server that never sleeps beside one that does.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Players [default: 200; quick: 50]
    #[arg(long)]
    players: Option<usize>,
    /// How long each run is watched [default: 15; quick: 2]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let players = form.asked_or(settings.players, 50, 200);
    let time = Duration::from_secs(form.asked_or(settings.seconds, 2, 15));
    let cores = Cores::choose()?;
    let runs = |wait: &str| {
        let run = |number| {
            println!("{players} players, wait = {wait}, run {number} of {}", form.runs());
            let keys = vec![("network.wait", format!("\"{wait}\""))];
            let setup = Setup { field: Field::wide(players), players, io_threads: 0, keys };
            play(cores, setup, Plan::walk(players, 5.0, time), time)
        };
        (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<Played>>>()
    };
    let (sleeping, busy) = (runs("tick")?, runs("busy")?);
    let mut report = Report::new("wait", form);
    let mut beside = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
        let figure = |runs: &[Played]| {
            let what = format!("{players} players, the loop never sleeps: {what}");
            Figure::new(what, unit, runs.iter().map(of).collect())
        };
        report.push(figure(&busy).over(figure(&sleeping).median()));
    };
    beside("ping until pong, p50", "ms", &|run| run.bots.latency("ping").p50);
    beside("ping until pong, p99", "ms", &|run| run.bots.latency("ping").p99);
    beside("move until seen, p50", "ms", &|run| run.bots.latency("move").p50);
    beside("server CPU", "cores", &Played::cpu_share);
    report.note("The floors are the same players on a loop that sleeps until a socket is ready or the next tick is due.");
    Ok(report)
}
