//! What a client is shown of the nine cells around its anchor. Whoever has all nine is shown the same as all others with
//! that anchor, unless it waits for turns: it is put together for the first of them, and the others share it.

use std::ops::Range;

use super::crowds::groups_from;
use super::viewer::Shown;
use crate::publication::PublicationBuilder;
use crate::zone::grid::{Cell, Grid, Square};

/// The level at which everything is told in every round.
const NO_TURNS: u8 = 0;

/// By cell: the runs of this publication that are shown to the anchors in it.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// By cell; `None` where nobody has looked from yet.
    runs: Vec<Option<Range<u32>>>,
    /// The cells with runs.
    filled: Vec<u32>,
}

impl Surroundings {
    pub(super) const fn new() -> Self {
        Self { runs: Vec::new(), filled: Vec::new() }
    }

    /// A new publication begins.
    pub(super) fn clear(&mut self, grid: &Grid) {
        self.runs.resize(grid.cells() as usize, None);
        for cell in self.filled.drain(..) {
            self.runs[cell as usize] = None;
        }
    }

    /// What an anchor in `cell` is shown whose client has all nine cells and waits for no turns.
    pub(super) fn around(
        &mut self,
        cell: Cell,
        shown: &Shown<'_>,
        out: &mut PublicationBuilder,
    ) -> Range<u32> {
        let index = shown.grid.index(cell);
        debug_assert_eq!(shown.crowds.plan_of(index).level, NO_TURNS, "who waits has its own view");
        let runs = &mut self.runs[index as usize];
        if let Some(runs) = runs {
            return runs.clone();
        }
        let square = shown.grid.square_around(cell);
        let start = out.next_run();
        put_cells(shown, &square, &square, NO_TURNS, out);
        self.filled.push(index);
        runs.insert(start..out.next_run()).clone()
    }
}

/// Adds what is in `seen`: what changed where the client has the cell, as `known` tells, else a snapshot. Gives the crowded
/// ones among those that it has, of which it is told what comes at `level`.
pub(super) fn put_cells(
    shown: &Shown<'_>,
    seen: &Square,
    known: &Square,
    level: u8,
    out: &mut PublicationBuilder,
) -> CrowdedCells {
    for row in rows(shown.grid, seen, known) {
        out.add_run(shown.first + row.kept.start..shown.first + row.kept.end);
        put_snapshots(shown, &row.before, out);
        put_snapshots(shown, &row.after, out);
    }
    let crowded = CrowdedCells::among(shown, rows(shown.grid, seen, known));
    for &cell in crowded.as_slice() {
        out.add_run(shown.crowds.groups(cell, groups_from(level)));
    }
    crowded
}

fn put_snapshots(shown: &Shown<'_>, cells: &Range<u32>, out: &mut PublicationBuilder) {
    if !cells.is_empty() {
        out.add_run(shown.wanted.whole(shown.grid, cells));
    }
}

/// The cells of a row that a viewer sees: at most one stretch in the middle that it has, and new ones on either side.
pub(super) struct Row {
    pub(super) before: Range<u32>,
    pub(super) kept: Range<u32>,
    pub(super) after: Range<u32>,
}

/// The rows of `seen`, of which the client has what is in `known` too.
pub(super) fn rows<'a>(
    grid: &'a Grid,
    seen: &'a Square,
    known: &'a Square,
) -> impl Iterator<Item = Row> + use<'a> {
    let columns = &seen.columns;
    let from = known.columns.start.clamp(columns.start, columns.end);
    let to = known.columns.end.clamp(from, columns.end);
    seen.rows.clone().map(move |row| {
        let start = grid.row_start(row);
        let (west, east) = (start + columns.start, start + columns.end);
        let kept = if known.rows.contains(&row) { start + from..start + to } else { west..west };
        Row { before: west..kept.start, after: kept.end..east, kept }
    })
}

/// At most nine cells.
pub(super) struct CrowdedCells {
    cells: [u32; 9],
    count: usize,
}

impl CrowdedCells {
    /// Those of `rows` that the client has.
    fn among(shown: &Shown<'_>, rows: impl Iterator<Item = Row>) -> Self {
        let mut found = Self { cells: [0; 9], count: 0 };
        if shown.crowds.is_empty() {
            return found;
        }
        for cell in rows.flat_map(|row| row.kept) {
            if shown.crowds.is_crowded(cell) {
                found.cells[found.count] = cell;
                found.count += 1;
            }
        }
        found
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.cells[..self.count]
    }
}
