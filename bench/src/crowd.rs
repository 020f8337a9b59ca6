//! Everybody fights in one spot and sees everybody else: what each is sent, what that costs, and who is dropped.

use std::time::Duration;

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::play::{Played, play};
use crate::plot::{Line, Plot};
use crate::report::{Figure, Report};
use crate::world::Setup;

/// Where the targets are set.
const JUDGED: [usize; 2] = [2_000, 5_000];
/// A tick, in milliseconds: a move waits for one by nature.
const TICK_MS: f64 = 100.0;

/// Measure a server whose players all fight in one spot.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Numbers of players [default: 250,600,1000,2000; full: 5000 too; quick: 50]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    players: Option<Vec<usize>>,
    /// How long each run is watched [default: 15; quick: 2]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Another `network.client_budget` than the default, in bytes a second
    #[arg(long, value_name = "BYTES")]
    budget: Option<u64>,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let time = Duration::from_secs(settings.seconds.unwrap_or_else(|| form.size(2, 15)));
    let cores = Cores::choose()?;
    let sizes = settings.players.clone().unwrap_or_else(|| match form {
        Form::Quick => vec![50],
        Form::Usual => vec![250, 600, 1_000, 2_000],
        Form::Full => vec![250, 600, 1_000, 2_000, 5_000],
    });
    let mut report = Report::new("crowd", form);
    let mut measured = Vec::new();
    for players in sizes {
        let run = |number| {
            println!("{players} players in one spot, run {number} of {}", form.runs());
            let budget = settings.budget.map(|bytes| ("network.client_budget", bytes.to_string()));
            let keys = budget.into_iter().collect();
            let setup = Setup { field: Field::crowded(), players, io_threads: 0, keys };
            // They strike once a second and walk on meanwhile.
            let plan = Plan { scenario: "crowd", ..Plan::walk(players, 5.0, time) };
            play(cores, setup, plan, time)
        };
        let runs = (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<Played>>>()?;
        figures(players, &runs, budget(settings), &mut report);
        measured.push((players, runs));
    }
    if measured.len() > 1 {
        report.plot(curve(
            "egress",
            "Sent to all players in one spot",
            "MB/s",
            &measured,
            |players, run| players * run.bytes_per_second() / 1e6,
        ));
        report.plot(curve("cpu", "Server CPU", "cores", &measured, |_, run| run.cpu_share()));
    }
    Ok(report)
}

/// Bytes a second that a client may be sent.
fn budget(settings: &Settings) -> f64 {
    let default = u64::from(game::Settings::default().client_budget);
    match settings.budget.unwrap_or(default) {
        0 => f64::INFINITY,
        bytes => count(bytes),
    }
}

fn figures(players: usize, runs: &[Played], budget: f64, report: &mut Report) {
    let figure = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
        let what = format!("{players} players: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    let judged = JUDGED.contains(&players);
    let bounded = |figure: Figure, most| if judged { figure.at_most(most) } else { figure };
    report.push(figure("server CPU", "cores", &Played::cpu_share));
    report.push(figure("server CPU for each client and tick", "us", &Played::cpu_us));
    report.push(figure("sent to each client", "bytes/s", &Played::bytes_per_second));
    let most = figure("sent to the client that got the most", "bytes/s", &|run| {
        run.bots.rates.most_bytes_in.unwrap_or(f64::NAN)
    });
    report.push(bounded(most, budget));
    report.push(figure("motion withheld for a reader too slow", "times", &|run| {
        count(run.server.stats.slow)
    }));
    report.push(figure("tick, p99", "ms", &|run| run.server.stats.tick_p99_ms));
    report.push(figure("ticks dropped", "", &|run| count(run.server.stats.dropped_ticks)));
    let p99 = figure("move until seen, p99", "ms", &|run| run.bots.latency("move").p99);
    report.push(bounded(p99, 100.0 + TICK_MS));
    report.push(figure("move until seen, longest", "ms", &|run| run.bots.latency("move").max));
    let lost = figure("connections lost", "", &|run| count(run.bots.counts.connections_lost));
    report.push(bounded(lost, 0.0));
    report.push(figure("entities in sight, mean", "", &|run| run.bots.oracle.in_sight));
    report.push(figure("the swarm's own CPU", "cores", &|run| run.bots.load()));
}

fn curve(
    name: &'static str,
    title: &str,
    y: &'static str,
    measured: &[(usize, Vec<Played>)],
    of: impl Fn(f64, &Played) -> f64,
) -> Plot {
    let points = measured.iter().map(|(players, runs)| {
        let players = count(*players as u64);
        let figure = Figure::new("", "", runs.iter().map(|run| of(players, run)).collect());
        (players, figure.median())
    });
    let line = Line { name: "in one spot".to_owned(), points: points.collect() };
    Plot { name, title: title.to_owned(), x: "players", y, lines: vec![line] }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
const fn count(number: u64) -> f64 {
    number as f64
}
