//! What is near a player in a crowd: told the more often the nearer it is, as far as its budget goes.

use std::ops::Range;

use super::crowds::{Crowds, groups_of, sub_cell_size, sub_cells};
use crate::publication::PublicationBuilder;
use crate::space::Position;
use crate::zone::grid::{Cell, Grid};

/// How far around a player everything may be told at once, as a share of a cell's side: 16 m with cells of 32 m. That many
/// are some thirty stretches to copy.
const FARTHEST: i64 = 2;
/// In how many steps that distance follows the budget.
const STEPS: i64 = 16;

/// All that is within some distance of a player, told whenever it moves. A cell of a crowd is cut into sub-cells, at each
/// level into some of twice the side, so what comes with it from farther away thins out with the distance.
pub(super) struct Near<'a> {
    grid: &'a Grid,
    position: Position,
    /// The levels below this one; those from it on are told anyway.
    level: u8,
    /// In centimetres, along either axis.
    distance: i64,
}

impl<'a> Near<'a> {
    /// As much around `position` as `spare` bytes tell of the crowded `cells`; `None` if that is nothing.
    pub(super) fn widest(
        grid: &'a Grid,
        crowds: &Crowds,
        cells: &[u32],
        position: Position,
        level: u8,
        spare: u32,
        out: &PublicationBuilder,
    ) -> Option<Self> {
        let step = i64::from(grid.cell_size()) / (FARTHEST * STEPS);
        let near = |steps: i64| Self { grid, position, level, distance: steps * step };
        let fits = |steps: i64| {
            let mut bytes = 0;
            near(steps).each_run(crowds, cells, |run| bytes += out.size_of(run));
            bytes <= spare
        };
        let (mut fitting, mut too_far) = (-1, STEPS + 1);
        while fitting + 1 < too_far {
            let middle = (fitting + too_far) / 2;
            if fits(middle) { fitting = middle } else { too_far = middle }
        }
        (fitting >= 0).then(|| near(fitting))
    }

    /// Calls `each` with every stretch of groups in `cells` that is near, as indices in the publication.
    pub(super) fn each_run(
        &self,
        crowds: &Crowds,
        cells: &[u32],
        mut each: impl FnMut(Range<u32>),
    ) {
        for &index in cells {
            let cell = self.grid.cell_at(index);
            for level in 0..self.level {
                let (columns, rows) = self.square(cell, level);
                if columns.is_empty() || rows.is_empty() {
                    continue;
                }
                let (first, side) = (groups_of(level).start, sub_cells(level));
                if columns.len() == side as usize {
                    let groups = first + rows.start * side..first + rows.end * side;
                    each(crowds.groups(index, groups));
                    continue;
                }
                for row in rows {
                    let start = first + row * side;
                    each(crowds.groups(index, start + columns.start..start + columns.end));
                }
            }
        }
    }

    /// Whether the group, one of the lowest level, is near.
    pub(super) fn holds(&self, cell: u32, group: u32) -> bool {
        let (columns, rows) = self.square(self.grid.cell_at(cell), 0);
        let (place, side) = (group - groups_of(0).start, sub_cells(0));
        columns.contains(&(place % side)) && rows.contains(&(place / side))
    }

    /// The columns and rows of sub-cells in `cell` that are near at a level.
    fn square(&self, cell: Cell, level: u8) -> (Range<u32>, Range<u32>) {
        let side = i64::from(self.grid.cell_size());
        let size = i64::from(sub_cell_size(self.grid, level));
        let span = |position: i32, index: u16| {
            let offset = i64::from(position) - i64::from(index) * side;
            let (low, high) = (offset - self.distance, offset + self.distance);
            if high < 0 || low >= side {
                return 0..0;
            }
            let last = sub_cells(level) - 1;
            let index = |at: i64| {
                u32::try_from(at.clamp(0, side - 1) / size).map_or(last, |at| at.min(last))
            };
            index(low)..index(high) + 1
        };
        (span(self.position.x, cell.column), span(self.position.y, cell.row))
    }
}
