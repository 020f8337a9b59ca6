//! What our sessions add to an echo: the same frames through them, through a bare epoll, through mio and through tokio.

pub(crate) mod on_mio;
pub(crate) mod on_tokio;
pub(crate) mod ours;

use clap::Args;

use crate::floor::{self, count, us};
use crate::form::Form;
use crate::plot::{Line, Plot};
use crate::process::Spent;
use crate::report::{Figure, Report};

/// Server CPU per message, as a ratio to the floor.
const AT_MOST: f64 = 1.20;
const STRETCH: f64 = 1.08;
/// From so many connections on there is a target. With fewer, a message is so cheap that a cache line decides.
const JUDGED_FROM: usize = 1_000;

/// Measure what our sessions add to an echo.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Connections; may be given several times [default: 100, 1,000 and 10,000; quick: 50]
    #[arg(long, value_name = "COUNT")]
    connections: Vec<usize>,
}

/// Who echoes, by the name of its part.
const SERVERS: [(&str, &str); 4] = [
    ("bare epoll", "floor-echo"),
    ("our sessions", "echo-ours"),
    ("mio alone", "echo-mio"),
    ("tokio, one thread", "echo-tokio"),
];

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let mut report = Report::new("echo", form);
    let sizes = floor::sizes(&settings.connections, form);
    let mut lines = SERVERS.map(|(name, _)| Line { name: name.to_owned(), points: Vec::new() });
    for &connections in &sizes {
        let spent = race(connections, form)?;
        for (line, cpu) in lines.iter_mut().zip(push(&mut report, connections, form, &spent)) {
            line.points.push((count(connections), cpu));
        }
    }
    if sizes.len() > 1 {
        report.plot(curve(Vec::from(lines)));
    }
    report.note(
        "All connections send while the server is held, so that it finds them ready at once; the wall time has that \
         in it. Ours cuts frames, reads the envelope, checks rates and limits, and routes by the message id; the others send \
         back whatever they read.",
    );
    Ok(report)
}

/// All runs of each server, in the order of [`SERVERS`]. They take turns, so that a machine that slows down slows down
/// all of them.
fn race(connections: usize, form: Form) -> anyhow::Result<[Vec<Spent>; 4]> {
    let (message, rounds) = (ours::frame(), floor::rounds(connections, form));
    let mut spent: [Vec<Spent>; 4] = Default::default();
    for run in 1..=form.runs() {
        println!("{connections} connections, run {run}");
        for (spent, (_, part)) in spent.iter_mut().zip(SERVERS) {
            spent.push(floor::measure_echo(&[part], connections, &message, rounds)?);
        }
    }
    Ok(spent)
}

/// Reports one size; the answer is the server CPU of each, in microseconds per message.
fn push(report: &mut Report, connections: usize, form: Form, spent: &[Vec<Spent>; 4]) -> [f64; 4] {
    let messages = count(floor::rounds(connections, form) * connections);
    let figure = |index: usize, kind: &str, of: fn(&Spent) -> f64| {
        let what = format!("{}, {connections} connections: {kind} per message", SERVERS[index].0);
        let runs = spent[index].iter().map(|spent| of(spent) / messages).collect();
        Figure::new(what, "us", runs)
    };
    let cpu = |index| figure(index, "server CPU", |spent| us(spent.cpu));
    let floor = cpu(0).median();
    report.push(cpu(0));
    let ours = cpu(1).over(floor);
    let judged = connections >= JUDGED_FROM;
    report.push(if judged { ours.ratio_at_most(AT_MOST).stretch(STRETCH) } else { ours });
    report.push(cpu(2).over(floor));
    report.push(cpu(3).over(floor));
    let what = format!("ours against tokio, {connections} connections: server CPU per message");
    let below = Figure::new(what, "us", vec![cpu(1).median()]).over(cpu(3).median());
    report.push(if judged { below.ratio_at_most(1.0) } else { below });
    for index in 0..SERVERS.len() {
        report.push(figure(index, "wall time", |spent| us(spent.wall)));
    }
    [0, 1, 2, 3].map(|index| cpu(index).median())
}

/// What finding the session adds would show as a line that leaves the floor's.
fn curve(lines: Vec<Line>) -> Plot {
    Plot {
        name: "connections",
        title: "What an echo costs".to_owned(),
        x: "connections",
        y: "server CPU per message, us",
        lines,
    }
}
