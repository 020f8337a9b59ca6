//! What it takes to let a crowd in: a burst of connections that wait in the kernel's queue is accepted by our listener
//! and by a bare loop, and then everybody stays and does nothing.

pub(crate) mod bare;
pub(crate) mod ours;

use std::io::BufRead as _;

use clap::Args;

use crate::cores::{Cores, Pinned};
use crate::floor::{count, us};
use crate::form::Form;
use crate::load::Connections;
use crate::process::Child;
use crate::report::{Figure, Report};

/// Connections that wait at once: nearly the whole of the kernel's queue (4,096).
const BURST: usize = 4_000;
/// Server CPU per accept, as a ratio to the bare loop.
const AT_MOST: f64 = 1.5;
const STRETCH: f64 = 1.2;
/// Bytes of memory of a session that does nothing, beside what the kernel has.
pub(crate) const BYTES_AT_MOST: f64 = 1_024.0;
pub(crate) const BYTES_STRETCH: f64 = 300.0;

/// Measure what it takes to let a crowd in, and to keep it.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// How many come at once; the kernel lets at most 4,096 wait [default: 4,000; quick: 100]
    #[arg(long, value_name = "COUNT")]
    burst: Option<usize>,
}

/// One run of one server.
struct Let {
    /// Microseconds of server CPU for each.
    cpu: f64,
    wall: f64,
    /// Bytes of memory for each.
    memory: f64,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let burst = form.asked_or(settings.burst, 100, BURST);
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for run in 1..=form.runs() {
        println!("run {run}");
        bare.push(measure("accept-bare", burst)?);
        ours.push(measure("accept-ours", burst)?);
    }
    let mut report = Report::new("accept", form);
    let figure = |what: &str, unit, runs: &[Let], of: fn(&Let) -> f64| {
        Figure::new(format!("{what}, {burst} at once"), unit, runs.iter().map(of).collect())
    };
    let cpu =
        |who: &str, runs| figure(&format!("{who}: CPU per accept"), "us", runs, |run| run.cpu);
    let floor = cpu("bare loop", &bare).median();
    report.push(cpu("bare loop", &bare));
    let target = cpu("our listener", &ours).over(floor).ratio_at_most(AT_MOST);
    report.push(target.stretch(STRETCH));
    let wall = |who: &str, runs| {
        figure(&format!("{who}: wall time per accept"), "us", runs, |run| run.wall)
    };
    report.push(wall("bare loop", &bare));
    report.push(wall("our listener", &ours));
    let memory = |who: &str, runs| {
        figure(&format!("{who}: memory per idle session"), "bytes", runs, |run| run.memory)
    };
    report.push(memory("bare loop", &bare));
    let target = memory("our listener", &ours).at_most(BYTES_AT_MOST);
    report.push(target.stretch(BYTES_STRETCH));
    Ok(report)
}

/// Two bursts, so that memory that comes in steps has come.
fn measure(part: &str, burst: usize) -> anyhow::Result<Let> {
    const BURSTS: usize = 2;
    let cores = Cores::choose()?;
    let _pinned = Pinned::to(cores.load)?;
    let mut server = Child::part(cores.server, &[part])?;
    let mut load = Connections::to(server.hear_after("ready")?.parse()?, BURSTS * burst)?;
    let before = server.memory()?;
    let (mut cpu, mut wall) = (0.0, 0.0);
    for _ in 0..BURSTS {
        load.dial_unaccepted(burst)?;
        let began = (std::time::Instant::now(), server.cpu()?);
        server.say(&burst.to_string())?;
        server.hear_after("accepted")?;
        wall += us(began.0.elapsed());
        cpu += us(server.cpu()?.saturating_sub(began.1));
    }
    let each = count(BURSTS * burst);
    let memory = u32::try_from(server.memory()?.saturating_sub(before))?;
    server.finish()?;
    Ok(Let { cpu: cpu / each, wall: wall / each, memory: f64::from(memory) / each })
}

/// Hears how many wait, lets `accept` take in so many, says so, and so on, until nobody speaks any more.
fn obey(mut accept: impl FnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        accept(line?.trim().parse()?)?;
        println!("accepted");
    }
    Ok(())
}
