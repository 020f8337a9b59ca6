//! What one client waits for an echo of our sessions: a few who ask again as soon as they are answered, and very many
//! of whom each asks once in ten seconds.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use hdrhistogram::Histogram;

use crate::accept::{BYTES_AT_MOST, BYTES_STRETCH};
use crate::cores::{Cores, Pinned};
use crate::echo::ours;
use crate::floor::count;
use crate::form::Form;
use crate::load::Connections;
use crate::process::Child;
use crate::report::{Figure, Report};

/// Connections that play ping-pong at once.
const PLAYERS: [usize; 3] = [1, 5, 10];
/// Each of the many asks once in this time.
const PAUSE: Duration = Duration::from_secs(10);
/// What an answer to one of the many may take, and how many of them must not take longer.
const SOON: Duration = Duration::from_millis(5);
const SOON_AT_LEAST: f64 = 0.99;
/// What those who say nothing may cost, all together.
const IDLE_CORES: f64 = 0.01;

/// Measure what one client waits for an echo.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Connections of which each asks once in ten seconds [default: 10,000; quick: 100]
    #[arg(long, value_name = "COUNT")]
    connections: Option<usize>,
}

/// What the many have waited.
struct Calm {
    /// From when a message was due to when its answer was there, in nanoseconds.
    waits: Histogram<u64>,
    /// Bytes of the server's memory for each connection.
    memory: f64,
    /// Cores of the server while each asks once in the pause, and while nobody says anything.
    cpu: f64,
    idle_cpu: f64,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let mut report = Report::new("pingpong", form);
    for players in PLAYERS {
        println!("{players} connections play");
        let runs = (0..form.runs()).map(|_| play(players, form.size(500, 50_000)));
        let runs = runs.collect::<anyhow::Result<Vec<f64>>>()?;
        let what = format!("ping-pong, {players} connections: messages");
        report.push(Figure::new(what, "per second", runs));
    }
    let connections = form.asked_or(settings.connections, 100, 10_000);
    let pause = form.size(PAUSE / 10, PAUSE);
    println!("{connections} connections ask once in {pause:?}");
    let runs = (0..form.runs()).map(|_| calm(connections, pause));
    push_calm(&mut report, connections, pause, &runs.collect::<anyhow::Result<Vec<Calm>>>()?);
    Ok(report)
}

/// Messages per second that come back to so many connections of which each waits for its answer before it asks again.
fn play(players: usize, rounds: usize) -> anyhow::Result<f64> {
    let cores = Cores::choose()?;
    let _pinned = Pinned::to(cores.load)?;
    let mut server = Child::part(cores.server, &["echo-ours"])?;
    let mut load = Connections::to(server.hear_after("ready")?.parse()?, players)?;
    load.dial(players)?;
    let message = ours::frame();
    // The first round finds nothing in any cache and is no measure.
    load.echo(1, &message, players)?;
    let ((), spent) = server.measure(|| load.echo(rounds, &message, players))?;
    Ok(count(rounds * players) / spent.wall.as_secs_f64())
}

/// Everybody asks once, evenly spread over the pause. Times run from when a message was due, so that one late answer
/// counts against all that had to wait behind it.
fn calm(connections: usize, pause: Duration) -> anyhow::Result<Calm> {
    let cores = Cores::choose()?;
    let _pinned = Pinned::to(cores.load)?;
    let mut server = Child::part(cores.server, &["echo-ours"])?;
    let mut load = Connections::to(server.hear_after("ready")?.parse()?, connections)?;
    let empty = server.memory()?;
    load.dial(connections)?;
    let message = ours::frame();
    let grown = server.memory()?.saturating_sub(empty);
    let grown = usize::try_from(grown).context("more memory than there is")?;
    let mut waits = Histogram::new(3)?;
    let ((), spent) = server.measure(|| {
        let (began, apart) = (Instant::now(), pause / u32::try_from(connections)?);
        for index in 0..connections {
            let due = began + apart * u32::try_from(index)?;
            sleep(due.saturating_duration_since(Instant::now()));
            load.echo_on(index, &message)?;
            waits.record(u64::try_from(due.elapsed().as_nanos())?)?;
        }
        Ok(())
    })?;
    let ((), idle) = server.measure(|| {
        sleep(pause);
        Ok(())
    })?;
    let memory = count(grown) / count(connections);
    Ok(Calm { waits, memory, cpu: spent.busy(), idle_cpu: idle.busy() })
}

fn push_calm(report: &mut Report, connections: usize, pause: Duration, runs: &[Calm]) {
    let mut push = |what: &str, unit, of: &dyn Fn(&Calm) -> f64| {
        let what = format!("{connections} connections, one echo each in {pause:?}: {what}");
        let figure = Figure::new(what, unit, runs.iter().map(of).collect());
        let judged = unit == "of 1";
        report.push(if judged { figure.at_least(SOON_AT_LEAST) } else { figure });
    };
    push(&format!("answered within {SOON:?}"), "of 1", &|run| within(&run.waits, SOON));
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        push(name, "us", &|run| us(run.waits.value_at_quantile(quantile)));
    }
    push("server CPU", "cores", &|run| run.cpu);
    let figure = |what: &str, unit, of: &dyn Fn(&Calm) -> f64| {
        let what = format!("{connections} connections of which nobody says anything: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    report.push(figure("server CPU", "cores", &|run| run.idle_cpu).at_most(IDLE_CORES));
    let memory = figure("memory per connection", "bytes", &|run| run.memory);
    report.push(memory.at_most(BYTES_AT_MOST).stretch(BYTES_STRETCH));
}

/// Which part of the waits isn't longer than `time`.
fn within(waits: &Histogram<u64>, time: Duration) -> f64 {
    let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    waits.percentile_below(time) / 100.0
}

/// Microseconds of nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn us(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}
