//! The tables and the curve of the four back ends, and the ratios that should hold on any machine.

use clap::ValueEnum as _;

use super::backend::Backend;
use super::lookup::Lookup;
use super::plan::{Echo, Plan, SEARCHED};
use super::{Run, Runs};
use crate::floor::{count, us};
use crate::plot::{Line, Plot};
use crate::process::Spent;
use crate::report::{Figure, Report};

/// The last connections of poll cost so many times what its first ones do; those of epoll don't.
const POLL_GROWS: f64 = 5.0;
const EPOLL_GROWS: f64 = 2.0;
/// Poll against epoll, one connection at a time.
const ONE_AT_A_TIME: f64 = 20.0;
/// Poll against epoll, when few talk.
const FEW_ACTIVE: f64 = 4.0;
/// Level against edge, when all talk: no difference.
const LEVEL_AND_EDGE: f64 = 1.10;
/// A search through fat records against poll.
const SEARCH: f64 = 1.25;

/// Puts all of it into the report.
pub(super) fn push(report: &mut Report, plan: &Plan, runs: &Runs) {
    accepting(report, plan, runs);
    growing(report, plan, runs);
    for (index, echo) in plan.echoes.iter().enumerate() {
        echoing(report, echo, plan, runs, index);
    }
    searching(report, plan, runs);
    report.plot(curve(plan, runs));
}

/// A figure of each run of a back end.
fn of(
    runs: &Runs,
    backend: Backend,
    what: &str,
    unit: &'static str,
    f: impl Fn(&Run) -> f64,
) -> Figure {
    let runs = runs.backends[backend as usize].iter().map(f).collect();
    Figure::new(format!("{what}: {backend}"), unit, runs)
}

/// The median alone.
fn median(runs: &Runs, backend: Backend, f: impl Fn(&Run) -> f64) -> f64 {
    of(runs, backend, "", "", f).median()
}

fn accepting(report: &mut Report, plan: &Plan, runs: &Runs) {
    let what = format!("connect and accept {}, one at a time", plan.connections);
    let cpu = |run: &Run| run.tenths.iter().map(|tenth| tenth.cpu.as_secs_f64()).sum::<f64>();
    let wall = |run: &Run| run.tenths.iter().map(|tenth| tenth.wall.as_secs_f64()).sum::<f64>();
    let level = median(runs, Backend::Level, cpu);
    for &backend in Backend::value_variants() {
        let figure = of(runs, backend, &format!("{what}, server CPU"), "s", cpu).over(level);
        let judged = backend == Backend::Poll;
        report.push(if judged { figure.ratio_at_least(ONE_AT_A_TIME) } else { figure });
    }
    for &backend in Backend::value_variants() {
        report.push(of(runs, backend, &format!("{what}, wall time"), "s", wall));
    }
}

/// The last tenth of the connections beside the first one.
fn growing(report: &mut Report, plan: &Plan, runs: &Runs) {
    let each =
        |tenth: Option<&Spent>| tenth.map_or(f64::NAN, |tenth| us(tenth.cpu) / count(plan.tenth()));
    let what = format!("server CPU per connection, last {0} beside first {0}", plan.tenth());
    for &backend in Backend::value_variants() {
        let first = median(runs, backend, |run| each(run.tenths.first()));
        let last = of(runs, backend, &what, "us", |run| each(run.tenths.last())).over(first);
        report.push(match backend {
            Backend::Poll => last.ratio_at_least(POLL_GROWS),
            Backend::Level | Backend::Edge | Backend::Oneshot => last.ratio_at_most(EPOLL_GROWS),
        });
    }
}

fn echoing(report: &mut Report, echo: &Echo, plan: &Plan, runs: &Runs, index: usize) {
    let Echo { rounds, bytes, active } = *echo;
    let all = plan.connections;
    let what = format!("echo, {active} of {all} active, {rounds} rounds x {bytes} bytes");
    let cpu = |run: &Run| run.echoes[index].cpu.as_secs_f64();
    let wall = |run: &Run| run.echoes[index].wall.as_secs_f64();
    let level = median(runs, Backend::Level, cpu);
    for &backend in Backend::value_variants() {
        let figure = of(runs, backend, &format!("{what}, server CPU"), "s", cpu).over(level);
        let judged = backend == Backend::Poll && active < all;
        report.push(if judged { figure.ratio_at_least(FEW_ACTIVE) } else { figure });
    }
    for &backend in Backend::value_variants() {
        report.push(of(runs, backend, &format!("{what}, wall time"), "s", wall));
    }
    if active == all {
        let edge = median(runs, Backend::Edge, cpu);
        let slower = Figure::new(
            format!("{what}, server CPU: the slower of level and edge beside the other"),
            "s",
            vec![level.max(edge)],
        );
        report.push(slower.over(level.min(edge)).ratio_at_most(LEVEL_AND_EDGE));
    }
}

/// Level with a search beside poll without one, by message, because poll had more rounds.
fn searching(report: &mut Report, plan: &Plan, runs: &Runs) {
    let Some(all) = plan.echoes.first() else {
        return;
    };
    let messages = count(all.rounds * all.active);
    let poll = median(runs, Backend::Poll, |run| us(run.echoes[0].cpu) / messages);
    let messages = count(plan.search_rounds * plan.connections);
    for (lookup, spent) in Lookup::SEARCHES.into_iter().zip(&runs.searches) {
        let bytes = if lookup == Lookup::Search56 { "56" } else { "1,088" };
        let what = format!(
            "echo, {0} of {0} active, {SEARCHED} bytes, server CPU per message: level, a linear search through records \
             of {bytes} bytes, beside poll without a search",
            plan.connections
        );
        let runs = spent.iter().map(|spent| us(spent.cpu) / messages).collect();
        let figure = Figure::new(what, "us", runs).over(poll);
        let judged = lookup == Lookup::Search1088;
        report.push(if judged { figure.ratio_at_least(SEARCH) } else { figure });
    }
}

/// What the next connection costs, by how many there are.
fn curve(plan: &Plan, runs: &Runs) -> Plot {
    let line = |&backend: &Backend| {
        let point = |tenth: usize| {
            let cost = |run: &Run| us(run.tenths[tenth].cpu) / count(plan.tenth());
            (count((tenth + 1) * plan.tenth()), median(runs, backend, cost))
        };
        Line { name: backend.to_string(), points: (0..10).map(point).collect() }
    };
    Plot {
        name: "accept",
        title: "What the next connection costs".to_owned(),
        x: "connections",
        y: "server CPU per connection, us",
        lines: Backend::value_variants().iter().map(line).collect(),
    }
}
