//! Players who walk about a wide field, each with about fifty others in sight: what a server takes for each of them,
//! beside what bare sockets take for the same bytes.

use std::time::Duration;

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::floor::Mixed;
use crate::form::Form;
use crate::play::{Played, play};
use crate::plot::{Line, Plot};
use crate::report::{Figure, Report};
use crate::world::Setup;

/// Inputs a second of each player.
const INPUTS: f64 = 5.0;
/// Where the targets are set: so many players at so many ticks a second.
const JUDGED: (usize, u32) = (10_000, 10);
/// Numbers of players that are tried for the most that one core takes.
const LADDER: [usize; 4] = [12_000, 14_000, 16_000, 18_000];

/// Measure a server with players spread over a wide field.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Numbers of players [default: 1000,5000,10000,15000; quick: 50]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    players: Option<Vec<usize>>,
    /// Ticks a second [default: 10, and 20 with 10,000 players; full: 10,20; quick: 10]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    tick_rates: Option<Vec<u32>>,
    /// How long each run is watched [default: 15; quick: 2]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// What is measured together.
#[derive(Debug, Clone, Copy)]
struct Case {
    players: usize,
    tick_rate: u32,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let time = Duration::from_secs(settings.seconds.unwrap_or_else(|| form.size(2, 15)));
    let cores = Cores::choose()?;
    let mut report = Report::new("spread", form);
    let mut measured = Vec::new();
    for case in cases(settings, form) {
        let runs = case.measure(cores, time, form.runs())?;
        let floor = case.floor(&runs, time)?;
        case.report(&runs, floor, &mut report);
        measured.push((case, runs));
    }
    if form == Form::Full {
        report.push(most_clients(cores, time)?);
    }
    for plot in plots(&measured) {
        report.plot(plot);
    }
    Ok(report)
}

fn cases(settings: &Settings, form: Form) -> Vec<Case> {
    let usual = || form.size(vec![50], vec![1_000, 5_000, 10_000, 15_000]);
    let players = settings.players.clone().unwrap_or_else(usual);
    let tick_rates = settings.tick_rates.clone().unwrap_or_else(|| match form {
        Form::Full => vec![10, 20],
        Form::Usual | Form::Quick => vec![10],
    });
    let mut cases: Vec<_> = tick_rates
        .iter()
        .flat_map(|&tick_rate| players.iter().map(move |&players| Case { players, tick_rate }))
        .collect();
    if form == Form::Usual && settings.tick_rates.is_none() && players.contains(&JUDGED.0) {
        cases.push(Case { players: JUDGED.0, tick_rate: 20 });
    }
    cases
}

impl Case {
    fn measure(self, cores: Cores, time: Duration, runs: usize) -> anyhow::Result<Vec<Played>> {
        let Self { players, tick_rate } = self;
        let run = |number| {
            println!("{players} players at {tick_rate} Hz, run {number} of {runs}");
            let keys = vec![("world.tick_rate", tick_rate.to_string())];
            let setup = Setup { field: Field::wide(players), players, keys };
            play(cores, setup, Plan::walk(players, INPUTS, time), time)
        };
        (1..=runs).map(run).collect()
    }

    /// What bare sockets take for as many bytes and inputs, in microseconds for each client and tick.
    fn floor(self, runs: &[Played], time: Duration) -> anyhow::Result<f64> {
        let median = |of: &dyn Fn(&Played) -> f64| {
            let of_all = Figure::new("", "", runs.iter().map(of).collect()).median();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "some hundreds at the most"
            )]
            let rounded = of_all.round().max(1.0) as u32;
            rounded
        };
        let mixed = Mixed {
            connections: self.players,
            rate: self.tick_rate,
            bytes: usize::try_from(median(&Played::bytes_per_tick))?,
            inputs: median(&Played::packets_per_second),
            input_bytes: usize::try_from(median(&Played::packet_bytes))?,
            threads: 1,
            time,
        };
        println!("their floor: {mixed:?}");
        let floors = runs.iter().map(|_| Ok(mixed.measure()?.cpu_per_send()));
        Ok(Figure::new("", "us", floors.collect::<anyhow::Result<_>>()?).median())
    }

    fn report(self, runs: &[Played], floor: f64, report: &mut Report) {
        let Self { players, tick_rate } = self;
        let judged = (players, tick_rate) == JUDGED;
        let figure = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
            let what = format!("{players} players, {tick_rate} Hz: {what}");
            Figure::new(what, unit, runs.iter().map(of).collect())
        };
        let cpu = figure("server CPU for each client and tick", "us", &Played::cpu_us).over(floor);
        report.push(if judged { cpu.ratio_at_most(1.2).stretch(1.1) } else { cpu });
        report
            .push(figure("the same, the loop's thread alone", "us", &Played::loop_us).over(floor));
        report.push(figure("server CPU", "cores", &Played::cpu_share));
        let p99 = figure("tick, p99", "ms", &|run| run.server.stats.tick_p99_ms);
        report.push(figure("tick, p50", "ms", &|run| run.server.stats.tick_p50_ms));
        report.push(if judged { p99.at_most(65.0) } else { p99 });
        report.push(figure("tick, longest", "ms", &|run| run.server.stats.tick_max_ms));
        let dropped = figure("ticks dropped", "", &dropped);
        report.push(if judged { dropped.at_most(0.0) } else { dropped });
        for (metric, what) in [("move", "move until seen"), ("ping", "ping until pong")] {
            report.push(figure(&format!("{what}, p50"), "ms", &|run| run.bots.latency(metric).p50));
            report.push(figure(&format!("{what}, p99"), "ms", &|run| run.bots.latency(metric).p99));
            report.push(figure(&format!("{what}, p99.9"), "ms", &|run| {
                run.bots.latency(metric).p999
            }));
            report.push(figure(&format!("{what}, longest"), "ms", &|run| {
                run.bots.latency(metric).max
            }));
        }
        report.push(figure("sent to each client and tick", "bytes", &Played::bytes_per_tick));
        report.push(figure("packets of each client", "1/s", &Played::packets_per_second));
        report.push(figure("server memory for each client", "bytes", &Played::memory));
        report.push(figure("entities in sight, mean", "", &|run| run.bots.oracle.in_sight));
        report.push(figure("the swarm's own CPU", "cores", &|run| run.bots.load()));
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn dropped(run: &Played) -> f64 {
    run.server.stats.dropped_ticks as f64
}

/// The most players of [`LADDER`] with whom the server dropped no tick, from the first on.
fn most_clients(cores: Cores, time: Duration) -> anyhow::Result<Figure> {
    let mut most = 0.0;
    for players in LADDER {
        let case = Case { players, tick_rate: JUDGED.1 };
        let Some(run) = case.measure(cores, time, 1)?.pop() else { break };
        if run.server.stats.dropped_ticks > 0 {
            break;
        }
        most = f64::from(u32::try_from(players)?);
    }
    let what = format!("most players on one core at 10 Hz without a dropped tick, of {LADDER:?}");
    Ok(Figure::new(what, "", vec![most]).at_least(14_000.0).stretch(16_000.0))
}

/// What a player costs, and how long ticks take, by the number of players.
fn plots(measured: &[(Case, Vec<Played>)]) -> Vec<Plot> {
    let curve = |name, title: &str, y, of: fn(&Played) -> f64| {
        let mut tick_rates: Vec<_> = measured.iter().map(|(case, _)| case.tick_rate).collect();
        tick_rates.dedup();
        let line = |tick_rate: u32| {
            let of_rate = measured.iter().filter(|(case, _)| case.tick_rate == tick_rate);
            let points = of_rate.map(|(case, runs)| {
                let players = u32::try_from(case.players).unwrap_or(u32::MAX);
                let figure = Figure::new("", "", runs.iter().map(of).collect());
                (f64::from(players), figure.median())
            });
            Line { name: format!("{tick_rate} Hz"), points: points.collect() }
        };
        let lines: Vec<_> = tick_rates.into_iter().map(line).collect();
        Plot { name, title: title.to_owned(), x: "players", y, lines }
    };
    let plots = vec![
        curve("cpu", "Server CPU for each client and tick", "us", Played::cpu_us),
        curve("tick", "Length of a tick, p99", "ms", |run| run.server.stats.tick_p99_ms),
    ];
    // One point is no curve.
    plots.into_iter().filter(|plot| plot.lines.iter().any(|line| line.points.len() > 1)).collect()
}
