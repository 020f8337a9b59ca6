//! Players who stand about and say nothing but that they are still there: what it costs to have them.

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::pair::Size;
use crate::play::{Played, play};
use crate::report::{Figure, Report};
use crate::world::Setup;

/// Measure a server whose players all stand still: 10,000 for 20 s.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    size: Size,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let (players, time) = settings.size.or(form, 10_000, 20);
    let cores = Cores::choose()?;
    let run = |number| {
        println!("{players} players who stand, run {number} of {}", form.runs());
        let setup = Setup { field: Field::wide(players), players, io_threads: 0, keys: Vec::new() };
        // A bot of the oracle would have the server write it digests all the time.
        let plan = Plan { oracles: 0, ..Plan::walk(players, 0.0, time) };
        play(cores, setup, plan, time)
    };
    let runs = (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<Played>>>()?;
    let figure = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
        let what = format!("{players} players who stand: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    let mut report = Report::new("idle", form);
    report.push(figure("server CPU", "cores", &Played::cpu_share).at_most(0.01));
    report.push(figure("tick, p50", "ms", &|run| run.server.stats.tick_p50_ms));
    report.push(figure("packets of each client", "1/s", &Played::packets_per_second));
    report.push(figure("sent to each client", "bytes/s", &Played::bytes_per_second));
    report.push(
        figure("server memory for each client", "bytes", &Played::memory)
            .at_most(1_024.0)
            .stretch(300.0),
    );
    report.note(
        "The memory is all that a player adds to the server: session, account, character and what stands in the world.",
    );
    Ok(report)
}
