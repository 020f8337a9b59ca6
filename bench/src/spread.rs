//! Players who walk about a wide field, each with about fifty others in sight: what a server takes for each of them,
//! beside what bare sockets take for the same bytes.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use clap::Args;

use crate::bots::{NotAllIn, Plan};
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
/// Where the targets are set.
const JUDGED: Case = Case { players: 10_000, tick_rate: 10, io_threads: 0 };
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
    /// Threads that do the server's reading and writing; 0 is the loop itself [default: 0, and 2 with 10,000 players;
    /// full: 0,1,2; quick: 0]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    io_threads: Option<Vec<u32>>,
    /// How long each run is watched [default: 15; quick: 2]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// What is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    players: usize,
    tick_rate: u32,
    io_threads: u32,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let time = Duration::from_secs(settings.seconds.unwrap_or_else(|| form.size(2, 15)));
    let cores = Cores::choose()?;
    let mut report = Report::new("spread", form);
    let mut measured = Vec::new();
    for case in cases(settings, form) {
        let runs = match case.measure(cores, time, form.runs()) {
            Ok(runs) => runs,
            // More than this machine can do is an answer too, and the smaller cases have theirs.
            Err(error) if error.is::<NotAllIn>() => {
                let missed = if case == JUDGED { ", and its targets are missed" } else { "" };
                report.note(format!("{case}: not measured{missed}: {error:#}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let floor = case.floor(&runs, time)?;
        case.report(&runs, floor, &mut report);
        measured.push((case, runs));
    }
    loops(&measured, &mut report);
    if form == Form::Full {
        report.push(most_clients(cores, time)?);
    }
    for plot in plots(&measured) {
        report.plot(plot);
    }
    Ok(report)
}

/// Every number of players at every rate with every number of threads; where nothing is asked for, those that a target
/// speaks of.
fn cases(settings: &Settings, form: Form) -> Vec<Case> {
    let asked = settings.tick_rates.is_some() || settings.io_threads.is_some();
    let usual = || form.size(vec![50], vec![1_000, 5_000, 10_000, 15_000]);
    let players = settings.players.clone().unwrap_or_else(usual);
    let full = form == Form::Full;
    let all = |asked: &Option<Vec<u32>>, full_form: &[u32], other: u32| match asked {
        Some(asked) => asked.clone(),
        None if full => full_form.to_vec(),
        None => vec![other],
    };
    let mut cases = Vec::new();
    for io_threads in all(&settings.io_threads, &[0, 1, 2], 0) {
        for tick_rate in all(&settings.tick_rates, &[10, 20], 10) {
            cases.extend(players.iter().map(|&players| Case { players, tick_rate, io_threads }));
        }
    }
    if form == Form::Usual && !asked && players.contains(&JUDGED.players) {
        let twice = Case { tick_rate: 20, ..JUDGED };
        cases.extend([twice, Case { io_threads: 2, ..JUDGED }, Case { io_threads: 2, ..twice }]);
    }
    cases
}

impl Case {
    fn measure(self, cores: Cores, time: Duration, runs: usize) -> anyhow::Result<Vec<Played>> {
        let run = |number| {
            println!("{self}, run {number} of {runs}");
            let mut keys = vec![("world.tick_rate", self.tick_rate.to_string())];
            if self.io_threads > 0 {
                keys.push(("network.io_threads", self.io_threads.to_string()));
            }
            let players = self.players;
            let setup =
                Setup { field: Field::wide(players), players, io_threads: self.io_threads, keys };
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
            threads: usize::try_from(self.io_threads.max(1))?,
            time,
        };
        println!("their floor: {mixed:?}");
        let floors = runs.iter().map(|_| Ok(mixed.measure()?.cpu_per_send()));
        Ok(Figure::new("", "us", floors.collect::<anyhow::Result<_>>()?).median())
    }

    fn report(self, runs: &[Played], floor: f64, report: &mut Report) {
        let judged = self == JUDGED;
        let figure = |what: &str, unit, of: &dyn Fn(&Played) -> f64| {
            let what = format!("{self}: {what}");
            Figure::new(what, unit, runs.iter().map(of).collect())
        };
        let cpu = figure("server CPU for each client and tick", "us", &Played::cpu_us).over(floor);
        // With threads of its own for sockets it is the higher rate that is judged.
        let held = judged || self == Self { tick_rate: 20, io_threads: 2, ..JUDGED };
        report.push(if held { cpu.ratio_at_most(1.2).stretch(1.1) } else { cpu });
        report.push(figure("the loop's thread alone, for each tick", "ms", &loop_ms));
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

fn loop_ms(run: &Played) -> f64 {
    run.server.stats.loop_busy_ms
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn dropped(run: &Played) -> f64 {
    run.server.stats.dropped_ticks as f64
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { players, tick_rate, io_threads } = self;
        write!(f, "{players} players, {tick_rate} Hz")?;
        if *io_threads == 0 { Ok(()) } else { write!(f, ", {io_threads} I/O threads") }
    }
}

/// Of the loop's thread, how much of its time for a tick is left when others read and write.
fn loops(measured: &[(Case, Vec<Played>)], report: &mut Report) {
    let of_case = |case: Case| {
        let (_, runs) = measured.iter().find(|(measured, _)| *measured == case)?;
        Some(runs.iter().map(loop_ms).collect::<Vec<_>>())
    };
    for (case, _) in measured.iter().filter(|(case, _)| case.io_threads > 0) {
        let alone = of_case(Case { io_threads: 0, ..*case });
        let Some((alone, beside)) = alone.zip(of_case(*case)) else { continue };
        let floor = Figure::new("", "ms", alone).median();
        let what = format!("{case}: the loop's thread for each tick, beside none");
        report.push(Figure::new(what, "ms", beside).over(floor).ratio_at_most(0.15).stretch(0.05));
    }
}

/// The most players of [`LADDER`] with whom the server dropped no tick, from the first on.
fn most_clients(cores: Cores, time: Duration) -> anyhow::Result<Figure> {
    let mut most = 0.0;
    for players in LADDER {
        let case = Case { players, ..JUDGED };
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
        let of_line = |case: &Case| (case.io_threads, case.tick_rate);
        let lines: BTreeSet<_> = measured.iter().map(|(case, _)| of_line(case)).collect();
        let line = |line: (u32, u32)| {
            let (io_threads, tick_rate) = line;
            let cases = measured.iter().filter(|(case, _)| of_line(case) == line);
            let points = cases.map(|(case, runs)| {
                let players = u32::try_from(case.players).unwrap_or(u32::MAX);
                let figure = Figure::new("", "", runs.iter().map(of).collect());
                (f64::from(players), figure.median())
            });
            let name = format!("{tick_rate} Hz, {io_threads} I/O threads");
            Line { name, points: points.collect() }
        };
        let lines: Vec<_> = lines.into_iter().map(line).collect();
        Plot { name, title: title.to_owned(), x: "players", y, lines }
    };
    let plots = vec![
        curve("cpu", "Server CPU for each client and tick", "us", Played::cpu_us),
        curve("tick", "Length of a tick, p99", "ms", |run| run.server.stats.tick_p99_ms),
    ];
    // One point is no curve.
    plots.into_iter().filter(|plot| plot.lines.iter().any(|line| line.points.len() > 1)).collect()
}
