//! The floor that other benches stand on: what the kernel asks for the same bytes when nothing is between it and them.
//! Sockets on edge-triggered epoll, without mio, sessions, frames or a game.

mod bare;
mod echo;
mod mixed;
mod players;

use std::time::Duration;

use clap::Args;

use crate::form::Form;
use crate::report::{Figure, Report};

pub(crate) use bare::{Bare, accept, listen};
pub(crate) use echo::{EchoServer, echo, measure as measure_echo};
pub(crate) use mixed::{Mixed, MixedServer, Played};

/// Bytes of an echoed message: a chat line.
pub(crate) const ECHOED: usize = 64;
/// Bytes to each client and tick: what somebody with some 50 neighbours is sent.
const VIEW: usize = 1_024;
/// A floor is one only if server and load kept up: so much of what was due was delivered.
const KEPT_UP: f64 = 0.95;
/// Messages echoed for one figure, so that it takes a second or so.
const MESSAGES: usize = 300_000;

/// Measure what the kernel alone asks for.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Connections; may be given several times [default: 100, 1,000 and 10,000; quick: 50]
    #[arg(long, value_name = "COUNT")]
    connections: Vec<usize>,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let mut report = Report::new("floor", form);
    for connections in sizes(&settings.connections, form) {
        println!("{connections} connections");
        let rounds = rounds(connections, form);
        let runs = (0..form.runs()).map(|_| echo(connections, &[7; ECHOED], rounds));
        let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
        let per_message = |time: Duration| us(time) / count(rounds * connections);
        let what = format!("echo of {ECHOED} bytes, {connections} connections");
        let cpu = runs.iter().map(|spent| per_message(spent.cpu)).collect();
        report.push(Figure::new(format!("{what}: server CPU per message"), "us", cpu));
        let wall = runs.iter().map(|spent| per_message(spent.wall)).collect();
        report.push(Figure::new(format!("{what}: wall time per message"), "us", wall));

        let time = form.size(Duration::from_secs(1), Duration::from_secs(5));
        for (name, inputs) in [("broadcast", 0), ("mixed, with 5 inputs/s each", 5)] {
            let mixed = Mixed { inputs, ..Mixed::at(connections, VIEW, time) };
            let runs = (0..form.runs()).map(|_| mixed.measure());
            let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
            let what = format!("{name}, {VIEW} bytes at 10 Hz, {connections} connections");
            let each = runs.iter().map(Played::cpu_per_send).collect();
            report.push(Figure::new(format!("{what}: server CPU per client and tick"), "us", each));
            let busy = runs.iter().map(Played::busy).collect();
            report.push(Figure::new(format!("{what}: server CPU"), "cores", busy));
            let sent = runs.iter().map(|played| played.delivered(&mixed)).collect();
            report.push(
                Figure::new(format!("{what}: delivered in time"), "of 1", sent).at_least(KEPT_UP),
            );
        }
    }
    Ok(report)
}

/// How many connections are measured.
pub(crate) fn sizes(asked: &[usize], form: Form) -> Vec<usize> {
    match (asked, form) {
        ([], Form::Quick) => vec![50],
        ([], Form::Usual | Form::Full) => vec![100, 1_000, 10_000],
        (asked, _) => asked.to_vec(),
    }
}

/// How often a message is echoed on each of so many connections.
pub(crate) fn rounds(connections: usize, form: Form) -> usize {
    (form.size(MESSAGES / 100, MESSAGES) / connections).max(2)
}

/// Microseconds.
pub(crate) fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) const fn count(number: usize) -> f64 {
    number as f64
}
