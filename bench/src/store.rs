//! The value path: operations per second, how long a confirmation takes, how many of them share a transaction and with
//! it an fsync, how fast a world with many characters starts, and what the ledger's folding costs.

mod floor;
mod load;
mod market;

use std::time::Duration;

use clap::{Args, ValueEnum as _};

use crate::form::Form;
use crate::place::{Engine, target};
use crate::report::{Figure, Report};
use market::Market;

/// What is older goes out of the ledger in the measurement of folding.
const FOLD_AFTER: Duration = Duration::from_secs(2);

/// A figure that batches are counted for.
const SHARING: &str = "the same, transactions per 1,000 operations, each one fsync";

/// Measure the value path on one or both engines.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Which engine; without it, both, and SQLite alone in the quick form
    #[arg(long)]
    store: Option<Engine>,
    /// How long each measurement takes [default: 8; quick: 1]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// How often each is repeated; the report has the median [default: 3; quick: 1]
    #[arg(long)]
    runs: Option<usize>,
    /// Characters in the world whose start is measured [default: 100,000; quick: 1,000]
    #[arg(long)]
    characters: Option<usize>,
}

/// What is measured.
struct Measurements {
    time: Duration,
    runs: usize,
    characters: usize,
    floor: f64,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let mut report = Report::new("store", form);
    let [floor, floor_p99] = floor::fdatasync_ms(target(), Duration::from_secs(2))?;
    let measurements = Measurements {
        time: Duration::from_secs(form.asked_or(settings.seconds, 1, 8)),
        runs: settings.runs.unwrap_or_else(|| form.runs()),
        characters: form.asked_or(settings.characters, 1_000, 100_000),
        floor,
    };
    report.push(Figure::new("floor: append 4 KiB and fdatasync, p50", "ms", vec![floor]));
    report.push(Figure::new("floor: the same, p99", "ms", vec![floor_p99]));
    let all = form.size(&[Engine::Sqlite][..], Engine::value_variants());
    let engines = settings.store.map_or_else(|| all.to_vec(), |one| vec![one]);
    for engine in engines {
        measure(engine, &measurements, &mut report)?;
    }
    Ok(report)
}

fn measure(engine: Engine, measurements: &Measurements, report: &mut Report) -> anyhow::Result<()> {
    let &Measurements { time, floor, characters, .. } = measurements;
    let name = engine.name();
    let runs = |of: &str, run: &mut dyn FnMut() -> anyhow::Result<Vec<f64>>| {
        println!("{name}: {of}");
        let all: anyhow::Result<Vec<Vec<f64>>> = (0..measurements.runs).map(|_| run()).collect();
        all
    };
    let column = |all: &[Vec<f64>], index: usize| all.iter().map(|run| run[index]).collect();

    let all =
        runs("one operation at a time", &mut || Ok(Market::open(engine)?.alone(time)?.to_vec()))?;
    let figure = |what: &str| format!("{name}: {what}");
    report.push(
        Figure::new(figure("one operation at a time, confirmed after, p50"), "ms", column(&all, 0))
            .over(floor),
    );
    report.push(Figure::new(figure("the same, p99"), "ms", column(&all, 1)));

    let all = runs("2,000 operations a second", &mut || {
        Ok(Market::open(engine)?.at_rate(2_000, time)?.to_vec())
    })?;
    report.push(
        Figure::new(
            figure("2,000 operations/s in 20 ticks, confirmed after, p50"),
            "ms",
            column(&all, 0),
        )
        .over(floor),
    );
    report.push(Figure::new(figure("the same, p99"), "ms", column(&all, 1)));
    report.push(Figure::new(figure(SHARING), "", column(&all, 2)));

    let all = runs("as many as go", &mut || Ok(Market::open(engine)?.flat_out(time)?.to_vec()))?;
    report.push(Figure::new(figure("as many as go"), "operations/s", column(&all, 0)));
    report.push(Figure::new(figure(SHARING), "", column(&all, 1)));

    for (retention, what) in [(Duration::ZERO, "nothing folded"), (FOLD_AFTER, "folded after 2 s")]
    {
        let all = runs(&format!("2,000 operations a second, {what}"), &mut || {
            Ok(Market::with_retention(engine, retention)?.grow(2_000, time * 2)?.to_vec())
        })?;
        let figure = |of: &str| figure(&format!("2,000 operations/s, {what}: {of}"));
        report.push(Figure::new(figure("confirmed after, p99"), "ms", column(&all, 0)));
        report.push(Figure::new(figure("entries in the ledger at the end"), "", column(&all, 1)));
        report.push(Figure::new(
            figure("the database grew, per operation"),
            "bytes",
            column(&all, 2),
        ));
    }

    println!("{name}: start with {characters} characters");
    let [open, ready, all] = load::start(engine, characters)?;
    report.push(Figure::new(figure("open a world of so many characters"), "s", vec![open]));
    report.push(Figure::new(figure("the same until the server's ready line"), "s", vec![ready]));
    report.push(Figure::new(figure("load every one of them, one after the other"), "s", vec![all]));
    Ok(())
}
