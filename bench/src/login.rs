//! Storms at the door: everybody logs in at once, and everybody comes back at once after a crash.

use std::time::Duration;

use clap::Args;

use crate::bots::{BotReport, Bots, Plan};
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::report::{Figure, Report};
use crate::world::{Setup, World};

/// A bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a world is left alone before it crashes.
const CALM: Duration = Duration::from_secs(3);

/// Measure logins in a burst, and the way back after a crash.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Sizes of the bursts [default: 300,3000; quick: 50]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    bursts: Option<Vec<usize>>,
    /// Players who come back after a crash [default: 10,000; quick: 50]
    #[arg(long)]
    players: Option<usize>,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let mut report = Report::new("login", form);
    let cores = Cores::choose()?;
    let bursts = settings.bursts.clone();
    for bots in bursts.unwrap_or_else(|| form.size(vec![50], vec![300, 3_000])) {
        let run = |number| {
            println!("{bots} logins at once, run {number} of {}", form.runs());
            burst(cores, bots)
        };
        let runs = (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<_>>>()?;
        burst_figures(bots, &runs, &mut report);
    }
    let players = settings.players.unwrap_or_else(|| form.size(50, 10_000));
    let run = |number| {
        println!("{players} players come back, run {number} of {}", form.runs());
        come_back(cores, players)
    };
    let runs = (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<_>>>()?;
    let figure = |what: &str, unit, of: &dyn Fn(&Return) -> f64| {
        let what = format!("{players} players come back after a crash: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    report.push(figure("from the ready line until 99 % are in the world", "s", &|run| run.most));
    report.push(figure("until all are", "s", &|run| run.all));
    report.push(figure("login, p99", "ms", &|run| run.bots.latency("login").p99));
    report.push(figure("enter, p99", "ms", &|run| run.bots.latency("enter").p99));
    report.note(
        "Bots that lost their connection try again after 0.25 to 0.5 s, and after twice as long each time they fail.",
    );
    Ok(report)
}

fn world(cores: Cores, players: usize) -> anyhow::Result<World> {
    let setup = Setup { field: Field::wide(players), players, io_threads: 0, keys: Vec::new() };
    World::start(cores, setup)
}

/// All connect in the same moment.
fn burst(cores: Cores, bots: usize) -> anyhow::Result<BotReport> {
    let world = world(cores, bots)?;
    let (ramp, warm_up) = (Duration::ZERO, Duration::ZERO);
    // They leave when all are in; the time is a bound.
    let plan = Plan { oracles: 0, ramp, warm_up, ..Plan::walk(bots, 0.0, PATIENCE) };
    let swarm = Bots::send(cores.load, plan, &world)?;
    world.wait_for(bots, PATIENCE)?;
    let report = swarm.leave()?;
    report.ensure_unharmed(bots)?;
    world.stop()?;
    Ok(report)
}

fn burst_figures(bots: usize, runs: &[BotReport], report: &mut Report) {
    let figure = |what: &str, unit, of: &dyn Fn(&BotReport) -> f64| {
        let what = format!("{bots} logins at once: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    report.push(figure("answered", "", &|run| {
        f64::from(u32::try_from(run.counts.logged_in).unwrap_or(u32::MAX))
    }));
    for (metric, what) in [
        ("connect", "connected and greeted"),
        ("login", "login, from the greeting to the answer"),
        ("enter", "enter, until in the world"),
    ] {
        report.push(figure(&format!("{what}, p50"), "ms", &|run| run.latency(metric).p50));
        let p99 = figure(&format!("{what}, p99"), "ms", &|run| run.latency(metric).p99);
        report.push(if (metric, bots) == ("login", 300) { p99.at_most(20.0) } else { p99 });
        report.push(figure(&format!("{what}, longest"), "ms", &|run| run.latency(metric).max));
    }
}

/// What a return after a crash showed; times in seconds.
struct Return {
    most: f64,
    all: f64,
    bots: BotReport,
}

fn come_back(cores: Cores, players: usize) -> anyhow::Result<Return> {
    let world = world(cores, players)?;
    let arrival = Plan::walk(players, 5.0, CALM);
    // They are told to leave by a signal; the time is a bound.
    let plan = Plan { time: arrival.warm_up + CALM + PATIENCE, ..arrival };
    let swarm = Bots::send(cores.load, plan, &world)?;
    swarm.arrive(&world)?;
    std::thread::sleep(CALM);
    let world = world.crash()?;
    let most = world.wait_for(players * 99 / 100, PATIENCE)?.as_secs_f64();
    let all = most + world.wait_for(players, PATIENCE)?.as_secs_f64();
    let bots = swarm.leave()?;
    world.stop()?;
    Ok(Return { most, all, bots })
}
