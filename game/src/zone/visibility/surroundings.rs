//! What whoever has its anchor in a cell is shown of the nine cells around it, if it has them all: it is the same for all of
//! them, so that it is put together for the first and the others share it.

use std::ops::Range;

use super::Wanted;
use super::crowds::groups_from;
use super::viewer::Shown;
use crate::publication::PublicationBuilder;
use crate::zone::grid::{Cell, Grid, Square};

/// By cell: the runs of this publication that are shown to the anchors in it.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    runs: Vec<Range<u32>>,
}

impl Surroundings {
    /// Nobody has looked from there yet in this publication.
    const UNSEEN: Range<u32> = u32::MAX..u32::MAX;

    pub(super) const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    /// A new publication begins.
    pub(super) fn clear(&mut self, grid: &Grid) {
        self.runs.clear();
        self.runs.resize(grid.cells() as usize, Self::UNSEEN);
    }

    /// What an anchor in `cell` is shown.
    pub(super) fn around(
        &mut self,
        cell: Cell,
        shown: &Shown<'_>,
        out: &mut PublicationBuilder,
    ) -> Range<u32> {
        let runs = &mut self.runs[shown.grid.index(cell) as usize];
        if *runs == Self::UNSEEN {
            let start = out.next_run();
            let square = shown.grid.square_around(cell);
            rows(shown.grid, &square, &square).for_each(|row| row.put_kept(shown, out));
            let mut nine = [0; 9];
            let cells = crowded(shown, rows(shown.grid, &square, &square), &mut nine);
            put_crowds(shown, cells, 0, out);
            *runs = start..out.next_run();
        }
        runs.clone()
    }
}

/// The cells of a row that a viewer sees: at most one stretch in the middle that it has, and new ones on either side.
pub(super) struct Row {
    pub(super) before: Range<u32>,
    pub(super) kept: Range<u32>,
    pub(super) after: Range<u32>,
}

impl Row {
    /// Adds what changed in the cells that the viewer has.
    pub(super) fn put_kept(&self, shown: &Shown<'_>, out: &mut PublicationBuilder) {
        out.add_run(shown.first + self.kept.start..shown.first + self.kept.end);
    }

    /// Adds the snapshots of those that are new to it.
    pub(super) fn put_new(&self, wanted: &Wanted, out: &mut PublicationBuilder) {
        for cells in [&self.before, &self.after] {
            if !cells.is_empty() {
                let index = |cell: u32| wanted.snapshot[cell as usize];
                out.add_run(index(cells.start)..index(cells.end - 1) + 1);
            }
        }
    }
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

/// The crowded cells among those of `rows` that the client has, in `nine`.
pub(super) fn crowded<'a>(
    shown: &Shown<'_>,
    rows: impl Iterator<Item = Row>,
    nine: &'a mut [u32; 9],
) -> &'a [u32] {
    let mut count = 0;
    if !shown.crowds.is_empty() {
        for cell in rows.flat_map(|row| row.kept) {
            if shown.crowds.is_crowded(cell) {
                nine[count] = cell;
                count += 1;
            }
        }
    }
    &nine[..count]
}

/// Adds what is told of crowded cells to whoever waits for turns of `level`.
pub(super) fn put_crowds(
    shown: &Shown<'_>,
    cells: &[u32],
    level: u8,
    out: &mut PublicationBuilder,
) {
    for &cell in cells {
        out.add_run(shown.crowds.groups(cell, groups_from(level)));
    }
}
