//! Snapshots that are too long for one view: a client gets them in parts, over as many publications as its budget takes,
//! the nearest cells first.
//!
//! A long snapshot would fill the client's output, so that it counts as slow, recovers, and is sent the same snapshot
//! again. Changes of a cell that is still to come are told as those of any other, so a part only has to add the entities that
//! stand in the cell when it is written. An entity's part follows from its slot, which it keeps: whoever else comes and goes
//! meanwhile, each is in one part at least.

use serde::{Deserialize, Serialize};

use super::Wanted;
use super::crowds::Plan;
use crate::ids::EntityId;
use crate::publication::PublicationBuilder;
use crate::zone::grid::{Cell, Grid, Square};

/// Entities of a part of a cell. A view overdraws its budget by a part at most, which is 2 KB.
pub(super) const PART: usize = 32;
/// What an entity takes in a snapshot, in bytes, rather more than less.
const ENTRY_BYTES: u64 = 48;
/// What an entity takes at the most where it is known, in bytes.
const CHANGE_BYTES: u64 = 24;
/// However much else there is to tell, snapshots get this part of the budget, so that the client sees everything in the end.
const LEAST_SHARE: u32 = 4;
/// Bytes of snapshots in a view however small the budget is: a crowd of 1,000 is complete after 80 publications.
const LEAST_BYTES: u32 = 512;
/// Bytes of snapshots in a view however large the budget is: half of the output at which a client counts as slow by default.
const MOST_BYTES: u32 = 32 << 10;

/// The bytes that may be told, without state and motion of what the client has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace<'a> {
    pub(super) grid: &'a Grid,
    /// Of a whole view.
    pub(super) budget: u32,
    /// Index in the publication of the grid's first cell.
    pub(super) first: u32,
    pub(super) out: &'a PublicationBuilder,
}

impl Pace<'_> {
    /// True if a client that is shown `seen` can be sent the snapshots of all but `known` in one view.
    pub(super) fn fits(&self, seen: &Square, known: &Square) -> bool {
        let all = self.grid.members_in(seen) as u64;
        let had = self.grid.members_in(&seen.overlap(known)) as u64;
        let bytes = (all - had) * ENTRY_BYTES + had * CHANGE_BYTES;
        bytes <= u64::from(self.budget.clamp(LEAST_BYTES, MOST_BYTES))
    }

    /// What snapshots may take of a view whose motion is told by `plan`, in bytes.
    fn share(&self, seen: &Square, plan: Plan) -> u32 {
        let rows = seen.rows.clone().map(|row| self.first + self.grid.row_start(row));
        let told = rows
            .map(|start| self.out.size_of(start + seen.columns.start..start + seen.columns.end));
        let spare = self.budget.saturating_sub(told.sum()).min(plan.spare);
        spare.max(self.budget / LEAST_SHARE).clamp(LEAST_BYTES, MOST_BYTES)
    }
}

/// A cell of which the client hasn't been told everything.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pending {
    cell: u32,
    /// Who stands in this slot or a higher one is still to be told of.
    next: usize,
}

/// What a client has still to be shown of its nine cells.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Backlog {
    pending: Vec<Pending>,
    /// Bytes that past publications have told beyond their share.
    debt: u32,
    /// Bytes that this publication may tell.
    room: u32,
    /// The parts that this publication tells: cells, and numbers of parts in them.
    #[serde(skip)]
    chosen: Vec<(u32, usize)>,
}

impl Backlog {
    /// The client is shown `seen` from now on, of which it has `known` but for what is pending.
    pub(super) fn follow(&mut self, grid: &Grid, seen: &Square, known: &Square) {
        self.pending.retain(|pending| seen.holds(grid.cell_at(pending.cell)));
        let new = grid.cells_in(seen).filter(|cell| !known.holds(grid.cell_at(*cell)));
        self.pending.extend(new.map(|cell| Pending { cell, next: 0 }));
    }

    /// Asks for as many parts as fit, those of cells near `center` first. What is left afterwards is pending.
    pub(super) fn choose(
        &mut self,
        pace: &Pace<'_>,
        (seen, center): (&Square, Cell),
        plan: Plan,
        wanted: &mut Wanted,
    ) {
        self.chosen.clear();
        let share = pace.share(seen, plan);
        self.room = share.saturating_sub(self.debt);
        self.debt = self.debt.saturating_sub(share);
        self.pending.sort_unstable_by_key(|pending| {
            let cell = pace.grid.cell_at(pending.cell);
            (cell.row.abs_diff(center.row) + cell.column.abs_diff(center.column), pending.cell)
        });
        let mut room = u64::from(self.room);
        let (grid, chosen) = (pace.grid, &mut self.chosen);
        self.pending.retain_mut(|pending| {
            let members = grid.members_at(pending.cell);
            let first = members.partition_point(|id| id.slot() < pending.next);
            let parts = members.chunks(PART).enumerate().skip(first / PART);
            for (part, members) in parts.take_while(|_| first < members.len()) {
                if room == 0 {
                    return true;
                }
                room = room.saturating_sub(members.len() as u64 * ENTRY_BYTES);
                wanted.want_part(grid, pending.cell, part);
                chosen.push((pending.cell, part));
                pending.next = members.last().map_or(0, |last| last.slot() + 1);
            }
            false
        });
    }

    /// Adds the parts that were asked for.
    pub(super) fn put(&mut self, wanted: &Wanted, out: &mut PublicationBuilder) {
        let mut told = 0_u32;
        for (cell, part) in self.chosen.drain(..) {
            let index = wanted.part(cell, part);
            told = told.saturating_add(out.size_of(index..index + 1));
            out.add_run(index..index + 1);
        }
        self.debt += told.saturating_sub(self.room);
    }

    /// True if the client hasn't been told everything of the cell.
    pub(super) fn holds(&self, cell: u32) -> bool {
        self.pending.iter().any(|pending| pending.cell == cell)
    }

    /// The cells of which the client hasn't been told everything.
    pub(super) fn cells(&self) -> impl Iterator<Item = u32> + '_ {
        self.pending.iter().map(|pending| pending.cell)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// The parts of a cell with these members, in the order of slots; one for an empty cell.
pub(super) fn parts(members: &[EntityId]) -> usize {
    members.len().div_ceil(PART).max(1)
}
