//! What timed saves add to the ticks of a real server with everybody connected: the same players twice, once saved as
//! by default and once hardly ever.

use std::time::Duration;

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::play::{Played, play};
use crate::report::{Figure, Report};
use crate::world::Setup;

/// Measure what timed saves add to a real server's ticks.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Players [default: 10,000; quick: 50]
    #[arg(long)]
    players: Option<usize>,
    /// How long each run is watched [default: 30; quick: 2]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let players = settings.players.unwrap_or_else(|| form.size(50, 10_000));
    let time = Duration::from_secs(settings.seconds.unwrap_or_else(|| form.size(2, 30)));
    let cores = Cores::choose()?;
    let runs = |interval: &str| {
        let run = |number| {
            println!("{players} players, saved every {interval}, run {number} of {}", form.runs());
            // The same seed, so that they are the same players on the same ways.
            let keys = vec![("store.save_interval", format!("\"{interval}\""))];
            let setup = Setup { field: Field::wide(players), players, io_threads: 0, keys };
            play(cores, setup, Plan::walk(players, 5.0, time), time)
        };
        (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<Played>>>()
    };
    // The longest interval that there is: nobody's turn comes twice.
    let (saved, unsaved) = (runs("5s")?, runs("10m")?);
    let mut report = Report::new("save-connected", form);
    let figure = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
        let figure = |runs: &[Played]| {
            let what = format!("{players} connected players, saved every 5 s: {what}");
            Figure::new(what, unit, runs.iter().map(of).collect())
        };
        let floor = figure(&unsaved).median();
        (figure(&saved), floor)
    };
    let mut beside = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
        let (figure, floor) = figure(what, unit, of);
        report.push(figure.over(floor));
    };
    beside("a tick, p50", "ms", &|run| run.server.stats.tick_p50_ms);
    beside("a tick, p99", "ms", &|run| run.server.stats.tick_p99_ms);
    beside("a tick, longest", "ms", &|run| run.server.stats.tick_max_ms);
    beside("server CPU", "cores", &Played::cpu_share);
    for (what, of) in [
        ("p50", (|run| run.server.stats.save_p50_ms) as fn(&Played) -> f64),
        ("p99", |run| run.server.stats.save_p99_ms),
        ("longest", |run| run.server.stats.save_max_ms),
        ("p99, processor time of the loop", |run| run.server.stats.save_cpu_p99_ms),
    ] {
        let (figure, _) = figure(&format!("what saving adds to a tick, {what}"), "ms", &of);
        report.push(figure);
    }
    // Some hundred ticks have no 99.99 %: the longest stands for it.
    let what = "what saving adds to a tick, longest, processor time of the loop";
    let (longest, _) = figure(what, "ms", &|run| run.server.stats.save_cpu_max_ms);
    report.push(longest.at_most(1.0));
    report.note("The floors are the same runs with a save of each player every ten minutes.");
    report.note("What is longer on the clock than in processor time, another thread had the core, such as the one that carries packets over loopback.");
    Ok(report)
}
