//! Why the server waits as it does: poll, and epoll with level, edge and oneshot triggers, serve the same 10,000
//! connections; and what it costs to search for the session that an event is about.

mod backend;
mod epoll;
mod figures;
mod lookup;
mod plan;
mod poll;
mod serve;

use clap::{Args, ValueEnum as _};

use crate::cores::{Cores, Pinned};
use crate::form::Form;
use crate::load::Connections;
use crate::process::{Child, Spent};
use crate::report::Report;
use backend::Backend;
use lookup::Lookup;
use plan::Plan;

pub(crate) use serve::ReadinessServer;

/// Measure poll and the three ways of epoll.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// How many connections [default: 10,000; quick: 200]
    #[arg(long)]
    connections: Option<usize>,
}

/// What one run of one server took.
#[derive(Debug)]
struct Run {
    /// Connecting and accepting, a tenth of all connections each.
    tenths: Vec<Spent>,
    /// The echoes of the plan.
    echoes: Vec<Spent>,
}

/// All runs, in the order of the back ends and the searches.
#[derive(Debug, Default)]
struct Runs {
    backends: [Vec<Run>; 4],
    searches: [Vec<Spent>; 2],
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let plan = Plan::new(form, settings.connections);
    println!("This takes about {} on a quiet machine.", plan.estimate);
    let mut runs = Runs::default();
    for run in 1..=form.runs() {
        for (&backend, runs) in Backend::value_variants().iter().zip(&mut runs.backends) {
            println!("run {run}: {backend}");
            runs.push(measure(backend, &plan)?);
        }
        for (lookup, runs) in Lookup::SEARCHES.into_iter().zip(&mut runs.searches) {
            println!("run {run}: {} with a linear search, {lookup}", Backend::Level);
            runs.push(search(lookup, &plan)?);
        }
    }
    let mut report = Report::new("readiness", form);
    figures::push(&mut report, &plan, &runs);
    Ok(report)
}

fn measure(backend: Backend, plan: &Plan) -> anyhow::Result<Run> {
    let (server, mut load, _pinned) = start(backend, Lookup::Slot, plan)?;
    let tenth = |_| Ok(server.measure(|| load.dial_one_by_one(plan.tenth()))?.1);
    let tenths = (0..10).map(tenth).collect::<anyhow::Result<_>>()?;
    let echo = |echo: &plan::Echo| {
        let message = vec![7; echo.bytes];
        // The first round finds nothing in any cache and is no measure.
        load.echo(1, &message, echo.active)?;
        Ok(server.measure(|| load.echo(echo.rounds, &message, echo.active))?.1)
    };
    let echoes = plan.echoes.iter().map(echo).collect::<anyhow::Result<_>>()?;
    Ok(Run { tenths, echoes })
}

fn search(lookup: Lookup, plan: &Plan) -> anyhow::Result<Spent> {
    let (server, mut load, _pinned) = start(Backend::Level, lookup, plan)?;
    load.dial(plan.connections)?;
    let message = vec![7; plan::SEARCHED];
    load.echo(1, &message, plan.connections)?;
    Ok(server.measure(|| load.echo(plan.search_rounds, &message, plan.connections))?.1)
}

fn start(
    backend: Backend,
    lookup: Lookup,
    plan: &Plan,
) -> anyhow::Result<(Child, Connections, Pinned)> {
    let cores = Cores::choose()?;
    let pinned = Pinned::to(cores.load)?;
    let part = ["readiness".to_owned(), backend.to_string(), lookup.to_string()];
    let mut server = Child::part(cores.server, &part)?;
    let load = Connections::to(server.hear_after("ready")?.parse()?, plan.connections)?;
    Ok((server, load, pinned))
}
