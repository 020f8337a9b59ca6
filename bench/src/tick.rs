//! The game alone, without sockets and store: what each part of a tick takes for each player, beside the same work as
//! bare loops over flat arrays.

mod floors;
mod laps;
mod walkers;

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::BytesMut;
use clap::Args;
use game::zone::{Entities, EntityKind, Grid, Spawn};

use crate::clock::processor_time;
use crate::field::Field;
use crate::form::Form;
use crate::report::{Figure, Report};
use floors::Floors;
use laps::Laps;
use walkers::{STEER_EVERY, Walkers};

/// Ticks until everybody walks and every buffer is as large as it gets.
const WARM_UP: u64 = 600;
/// Our own names of parts that a tick doesn't have.
const COPY: &str = "copy";
const GRID: &str = "grid";
/// What is made of the world for those who look at it.
const SHOWING: [&str; 2] = ["visibility", "publication"];

/// Measure the game alone.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Numbers of players [default: 1000,5000,10000; quick: 200]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    players: Option<Vec<usize>>,
    /// Ticks of each run [default: 300; quick: 20]
    #[arg(long)]
    ticks: Option<u64>,
}

/// What a run showed.
struct Ran {
    /// By part: nanoseconds of the median tick.
    parts: BTreeMap<&'static str, f64>,
    /// Milliseconds of the median tick, all parts together.
    tick_ms: f64,
    /// Memory allocations of a tick, mean.
    allocations: f64,
    in_sight: f64,
    /// Bytes of a client's view, mean.
    view_bytes: f64,
}

/// Takes all measurements.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let sizes = settings.players.clone();
    let ticks = settings.ticks.unwrap_or_else(|| form.size(20, 300));
    let mut report = Report::new("tick", form);
    for players in sizes.unwrap_or_else(|| form.size(vec![200], vec![1_000, 5_000, 10_000])) {
        println!("{players} players");
        let floors = Floors::measure(players);
        let runs = (1..=form.runs() as u64).map(|seed| measure(players, seed, ticks));
        let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
        figures(players, &runs, floors, &mut report);
    }
    report.note(
        "Floors are bare loops over flat arrays with as many players: prost alone, an addition for each coordinate, a \
         counting sort, a motion written for each entity, three ranges noted and copied for each client.",
    );
    Ok(report)
}

fn measure(players: usize, seed: u64, ticks: u64) -> anyhow::Result<Ran> {
    let mut walkers = Walkers::new(players, seed)?;
    for _ in 0..WARM_UP {
        let inputs = walkers.next_inputs();
        let publication = walkers.game.tick(inputs, 1);
        walkers.game.recycle(publication);
    }
    let (mut laps, mut whole, mut view) = (Laps::new(), Vec::new(), BytesMut::new());
    let (mut allocations, mut views, mut bytes) = (0, 0, 0);
    for _ in 0..ticks {
        let inputs = walkers.next_inputs();
        let began = processor_time();
        let mut publication = None;
        let counted = allocation_counter::measure(|| {
            publication = Some(walkers.game.tick_watched(inputs, 1, &mut laps));
        });
        whole.push((processor_time() - began) / 1e6);
        laps.end();
        allocations += counted.count_total;
        let Some(publication) = publication else { continue };
        let began = processor_time();
        for delivery in &publication.deliveries {
            view.clear();
            publication.put_view(delivery, true, &mut view);
            bytes += view.len();
        }
        laps.add(COPY, processor_time() - began);
        views += publication.deliveries.len();
        walkers.game.recycle(publication);
    }
    laps.add(GRID, rebuild(&walkers, players)?);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let view_bytes = bytes as f64 / views.max(1) as f64;
    Ok(Ran {
        parts: laps.medians(),
        tick_ms: median(whole),
        allocations: count(allocations) / count(ticks),
        in_sight: walkers.mean_in_sight(),
        view_bytes,
    })
}

/// Nanoseconds in which everybody is sorted into the cells of the grid, alone.
fn rebuild(walkers: &Walkers, players: usize) -> anyhow::Result<f64> {
    const ROUNDS: usize = 101;
    let side = Field::wide(players).side_cm();
    let mut grid = Grid::new(side, side, game::Settings::default().cell_size)?;
    let mut entities = Entities::new();
    for position in walkers.positions() {
        entities.spawn(Spawn::new(EntityKind::Player, "", position))?;
    }
    let rounds = (0..ROUNDS).map(|_| {
        let began = processor_time();
        grid.rebuild(black_box(&entities));
        processor_time() - began
    });
    Ok(median(rounds.collect()))
}

fn figures(players: usize, runs: &[Ran], floors: Floors, report: &mut Report) {
    let each = count(players as u64);
    let figure = |what: &str, unit, of: &dyn Fn(&Ran) -> f64| {
        let what = format!("{players} players: {what}");
        Figure::new(what, unit, runs.iter().map(of).collect())
    };
    let part = |what: &str, names: &[&str]| {
        let of =
            |run: &Ran| names.iter().filter_map(|name| run.parts.get(name)).sum::<f64>() / each;
        figure(what, "ns", &of)
    };
    report.push(figure("a tick", "ms", &|run| run.tick_ms));
    report.push(figure("entities in sight, mean", "", &|run| run.in_sight));
    report.push(figure("a view", "bytes", &|run| run.view_bytes));
    let inputs = |run: &Ran| {
        run.parts.get("inputs").copied().unwrap_or_default() * count(STEER_EVERY) / each
    };
    let decode = figure("an input, decoded and carried out", "ns", &inputs);
    report.push(decode.over(floors.decode));
    report.push(part("movement, per entity", &["movement"]).over(floors.step));
    let others: Vec<_> = modules(runs).filter(|name| *name != "movement").collect();
    report.push(part("the other modules together, per entity", &others));
    report.push(part("the grid alone, per entity", &[GRID]).over(floors.sort));
    let showing = part("all of visibility and encoding, per client", &SHOWING);
    let floor = floors.sort + floors.encode + floors.gather;
    report.push(showing.over(floor).at_most(150.0).stretch(50.0));
    report.push(part("a view copied for its client, per client", &[COPY]).over(floors.copy));
    for (what, floor) in [
        ("floor: an entity's motion encoded", floors.encode),
        ("floor: a client's three ranges noted", floors.gather),
    ] {
        report.push(Figure::new(format!("{players} players: {what}"), "ns", vec![floor]));
    }
    report.push(figure("memory allocations, per tick", "", &|run| run.allocations).at_most(0.0));
}

/// The modules of the game: every part that is neither one of the tick's own nor one of ours.
fn modules(runs: &[Ran]) -> impl Iterator<Item = &'static str> {
    const NO_MODULES: [&str; 4] = ["inputs", "travel", "saves", "commit"];
    let names = runs.first().into_iter().flat_map(|run| run.parts.keys().copied());
    names.filter(|name| ![&NO_MODULES[..], &SHOWING, &[COPY, GRID]].concat().contains(name))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
const fn count(number: u64) -> f64 {
    number as f64
}
