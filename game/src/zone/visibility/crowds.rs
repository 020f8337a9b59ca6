//! Crowds: the cells in which more moves than a client can be sent, and how often the clients around each are told.

use std::ops::Range;

use super::turns::MAX_LEVEL;
use crate::publication::PublicationBuilder;
use crate::space::Position;
use crate::zone::grid::{Cell, Grid};

/// What somebody's motion takes in a view, in bytes, rather more than less: from this follows where there may be too much.
const MOTION_BYTES: u64 = 24;
/// However much else there is to tell, motion gets this part of the budget, so that the world doesn't stand still.
const LEAST_SHARE: u32 = 4;
/// Sub-cells along a side of a crowded cell, at the lowest level: 2 m each with cells of 32 m.
const FINEST: u32 = 16;
/// Where a level's sub-cells begin among a cell's groups. The highest level comes first, so that all from some level up
/// are one stretch of bytes.
const FIRST: [u32; MAX_LEVEL as usize + 1] = first_groups();
/// Groups of a crowded cell: its sub-cells at all levels.
pub(super) const GROUPS: u32 = FIRST[0] + FINEST * FINEST;

/// Sub-cells along a side at a level: what is told half as often is cut into squares of twice the side, up to the whole cell.
pub(super) const fn sub_cells(level: u8) -> u32 {
    let count = FINEST >> level;
    if count == 0 { 1 } else { count }
}

const fn first_groups() -> [u32; MAX_LEVEL as usize + 1] {
    let mut first = [0; MAX_LEVEL as usize + 1];
    let mut level = MAX_LEVEL;
    while level > 0 {
        first[level as usize - 1] = first[level as usize] + sub_cells(level) * sub_cells(level);
        level -= 1;
    }
    first
}

/// The groups of a level, in row order.
pub(super) const fn groups_of(level: u8) -> Range<u32> {
    let first = FIRST[level as usize];
    first..first + sub_cells(level) * sub_cells(level)
}

/// The groups of a level and all higher ones.
pub(super) const fn groups_from(level: u8) -> Range<u32> {
    0..groups_of(level).end
}

/// The side of a sub-cell at a level, in centimetres.
pub(super) fn sub_cell_size(grid: &Grid, level: u8) -> u32 {
    grid.cell_size().div_ceil(FINEST) << level
}

/// The group, at a level, of what stands at `position` in `cell`.
pub(super) fn group_at(grid: &Grid, cell: Cell, position: Position, level: u8) -> u32 {
    let (x, y) = grid.offset_in(cell, position);
    let index = |offset: u32| (offset / sub_cell_size(grid, level)).min(sub_cells(level) - 1);
    groups_of(level).start + index(y) * sub_cells(level) + index(x)
}

/// How the motion around an anchor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// What is far is told at this level; at 0 everything is told at once.
    pub(super) level: u8,
    /// Bytes left for what is near.
    pub(super) spare: u32,
}

impl Plan {
    /// There is no crowd.
    const EVERYTHING: Self = Self { level: 0, spare: u32::MAX };

    /// As a view tells it: the number of turns, 0 for no crowd.
    pub(super) fn turns(self) -> u32 {
        if self.level == 0 { 0 } else { 1 << self.level }
    }

    /// As few turns as keep `sizes`, the bytes of each level, within half of `budget`: the other half is for what is near.
    fn new(sizes: &[u32; MAX_LEVEL as usize + 1], budget: u32) -> Self {
        let mut far: u32 = sizes.iter().sum();
        let mut level = 0;
        if far > budget {
            while level < MAX_LEVEL && far > budget / 2 {
                far -= sizes[level as usize];
                level += 1;
            }
        }
        Self { level, spare: budget.saturating_sub(far) }
    }
}

/// The crowds of one publication. Where there are none it costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    /// By cell of the grid: index in the publication of its first group, [`Crowds::NOT`], or [`Crowds::YES`] until they
    /// are written.
    groups: Vec<u32>,
    /// The crowded cells, in order.
    cells: Vec<u32>,
    /// By anchor that sees more than a client can be sent, in order.
    plans: Vec<(u32, Plan)>,
}

impl Crowds {
    const NOT: u32 = u32::MAX;
    const YES: u32 = u32::MAX - 1;

    pub(super) const fn new() -> Self {
        Self { groups: Vec::new(), cells: Vec::new(), plans: Vec::new() }
    }

    /// Finds the anchors around which more stands than `budget` bytes can tell, should all of it move. What they see is
    /// crowded. `anchors` says of each cell how many have their anchor there.
    pub(super) fn find(&mut self, grid: &Grid, anchors: &[u32], budget: u32) {
        self.groups.resize(grid.cells() as usize, Self::NOT);
        for cell in self.cells.drain(..) {
            self.groups[cell as usize] = Self::NOT;
        }
        self.plans.clear();
        for (anchor, _) in (0..).zip(anchors).filter(|(_, viewers)| **viewers > 0) {
            let around = grid.square_around(grid.cell_at(anchor));
            if grid.members_in(&around) as u64 * MOTION_BYTES <= u64::from(budget) {
                continue;
            }
            self.plans.push((anchor, Plan::EVERYTHING));
            for cell in grid.cells_in(&around) {
                let groups = &mut self.groups[cell as usize];
                if *groups == Self::NOT && !grid.members_at(cell).is_empty() {
                    *groups = Self::YES;
                    self.cells.push(cell);
                }
            }
        }
        self.cells.sort_unstable();
    }

    /// True if there are no crowds.
    pub(super) const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// True if the cell's motion lies in groups.
    pub(super) fn is_crowded(&self, cell: u32) -> bool {
        self.groups[cell as usize] != Self::NOT
    }

    /// The crowded cells, in order, each with the place for the index of its first group.
    pub(super) fn cells_mut(&mut self) -> impl Iterator<Item = (u32, &mut u32)> {
        let groups = &mut self.groups;
        let mut rest = groups.as_mut_slice();
        let mut passed = 0;
        self.cells.iter().map(move |&cell| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut((cell - passed) as usize + 1);
            (rest, passed) = (tail, cell + 1);
            (cell, &mut head[head.len() - 1])
        })
    }

    /// The groups of a crowded cell, as indices in the publication.
    pub(super) fn groups(&self, cell: u32, groups: Range<u32>) -> Range<u32> {
        let first = self.groups[cell as usize];
        first + groups.start..first + groups.end
    }

    /// Decides for each anchor in how many turns its viewers are told, when all bytes are written. `first` is the index in
    /// the publication of the grid's first cell. Calls `thinned` for each cell of which somebody isn't told everything.
    pub(super) fn plan(
        &mut self,
        grid: &Grid,
        first: u32,
        budget: u32,
        out: &PublicationBuilder,
        mut thinned: impl FnMut(u32),
    ) {
        for (anchor, plan) in &mut self.plans {
            let around = grid.square_around(grid.cell_at(*anchor));
            let mut sizes = [0; MAX_LEVEL as usize + 1];
            let mut state = 0;
            for cell in grid.cells_in(&around) {
                state += out.size_of(first + cell..first + cell + 1);
                let start = self.groups[cell as usize];
                if start == Self::NOT {
                    continue;
                }
                for (level, size) in (0..).zip(&mut sizes) {
                    let groups = groups_of(level);
                    *size += out.size_of(start + groups.start..start + groups.end);
                }
            }
            *plan = Plan::new(&sizes, budget.saturating_sub(state).max(budget / LEAST_SHARE));
            if plan.level > 0 {
                grid.cells_in(&around).for_each(&mut thinned);
            }
        }
    }

    /// How those are told whose anchor is `anchor`.
    pub(super) fn plan_of(&self, anchor: u32) -> Plan {
        let found = self.plans.binary_search_by_key(&anchor, |(anchor, _)| *anchor);
        found.map_or(Plan::EVERYTHING, |index| self.plans[index].1)
    }
}
