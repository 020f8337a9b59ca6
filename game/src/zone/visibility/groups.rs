//! The bytes of a crowded cell: motion and strikes, by level and sub-cell, each written once and copied by whom it
//! concerns.

use protocol::{MotionColumn, put_cell_state, v1};

use super::columns::{Columns, motion_of};
use super::crowds::{Crowds, GROUPS, group_at};
use super::turns::Round;
use crate::ids::EntityId;
use crate::publication::PublicationBuilder;
use crate::space::Position;
use crate::zone::entities::Entities;
use crate::zone::grid::{Cell, Grid};

/// A strike in a crowded cell: shown to who is near, and to the two whom it concerns.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrowdStrike {
    pub(super) cell: u32,
    /// Of the lowest level, so that it is shown at once or not at all.
    pub(super) group: u32,
    pub(super) strike: v1::Strike,
}

/// Writes the groups of crowded cells. Holds nothing between publications but its buffers.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// In the order in which they fell.
    strikes: Vec<CrowdStrike>,
    /// By cell and group: index in `strikes`.
    placed: Vec<(u32, u32, u32)>,
    /// By who strikes or is struck: index in `strikes`.
    concerned: Vec<(EntityId, u32)>,
    /// Who is told of in the cell at hand, by group.
    movers: Vec<(u32, EntityId)>,
    state: v1::CellState,
    motion: MotionColumn,
}

impl Groups {
    pub(super) const fn new() -> Self {
        Self {
            strikes: Vec::new(),
            placed: Vec::new(),
            concerned: Vec::new(),
            movers: Vec::new(),
            state: v1::CellState {
                column: 0,
                row: 0,
                snapshot: false,
                enters: Vec::new(),
                leaves: Vec::new(),
                vitals: Vec::new(),
                strikes: Vec::new(),
            },
            motion: MotionColumn::new(),
        }
    }

    /// A new publication: no strikes yet.
    pub(super) fn clear(&mut self) {
        self.strikes.clear();
        self.placed.clear();
        self.concerned.clear();
    }

    /// A strike in a crowded cell at whom stands at `position`.
    pub(super) fn add_strike(&mut self, grid: &Grid, position: Position, strike: v1::Strike) {
        let cell = grid.index_of(position);
        let group = group_at(grid, grid.cell_at(cell), position, 0);
        let index = u32::try_from(self.strikes.len()).unwrap_or(u32::MAX);
        let side = [strike.attacker, strike.target].map(|id| (EntityId(id), index));
        self.concerned.extend(side);
        self.placed.push((cell, group, index));
        self.strikes.push(CrowdStrike { cell, group, strike });
    }

    /// Writes the groups of all crowded cells. Only after the changes of all cells are written.
    pub(super) fn put(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        columns: &Columns,
        crowds: &mut Crowds,
        round: Round,
        out: &mut PublicationBuilder,
    ) {
        self.concerned.sort_unstable();
        // Whoever strikes itself is concerned once.
        self.concerned.dedup();
        self.placed.sort_unstable();
        let mut placed = 0;
        for (index, first) in crowds.cells_mut() {
            *first = out.next_cell();
            let cell = grid.cell_at(index);
            self.find_movers(entities, grid, columns, index, round);
            let mut next = 0;
            for group in 0..GROUPS {
                let start = out.position();
                placed = self.put_strikes((index, group), placed, cell, out);
                self.motion.begin(u32::from(cell.column), u32::from(cell.row));
                while let Some((_, id)) = self.movers.get(next).filter(|(of, _)| *of == group) {
                    if let Some(entity) = entities.get(*id) {
                        self.motion.push(&motion_of(entity, grid, cell));
                    }
                    next += 1;
                }
                if !self.motion.is_empty() {
                    self.motion.put(out.bytes());
                }
                out.end_cell(start, start);
            }
        }
    }

    fn find_movers(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        columns: &Columns,
        index: u32,
        round: Round,
    ) {
        self.movers.clear();
        let cell = grid.cell_at(index);
        for &id in grid.members_at(index) {
            if !columns.is_told(id, index, round) {
                continue;
            }
            if let Some(entity) = entities.get(id) {
                let level = round.level(id.slot());
                self.movers.push((group_at(grid, cell, entity.position(), level), id));
            }
        }
        self.movers.sort_unstable_by_key(|(group, id)| (*group, id.slot()));
    }

    /// Writes the strikes of a group, which are the next in `placed` from `next` on, and returns where they end.
    fn put_strikes(
        &mut self,
        (index, group): (u32, u32),
        next: usize,
        cell: Cell,
        out: &mut PublicationBuilder,
    ) -> usize {
        self.state.strikes.clear();
        for (_, _, strike) in self.placed[next..]
            .iter()
            .take_while(|(of_cell, of_group, _)| (*of_cell, *of_group) == (index, group))
        {
            self.state.strikes.push(self.strikes[*strike as usize].strike);
        }
        if !self.state.strikes.is_empty() {
            (self.state.column, self.state.row) = (u32::from(cell.column), u32::from(cell.row));
            put_cell_state(out.bytes(), &self.state);
        }
        next + self.state.strikes.len()
    }

    /// The strikes in crowded cells that `entity` struck or that struck it, in the order in which they fell.
    pub(super) fn strikes_of(&self, entity: EntityId) -> impl Iterator<Item = &CrowdStrike> {
        let from = self.concerned.partition_point(|(id, _)| *id < entity);
        let concerned = self.concerned[from..].iter().take_while(move |(id, _)| *id == entity);
        concerned.filter_map(|(_, index)| self.strikes.get(*index as usize))
    }
}
